"""A classifier that learns recordings: what a training run tells and keeps of the two."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.scores import print_horizon
from throughtime.cli.told import print_told

if TYPE_CHECKING:
    from torch import nn

    from throughtime.data.audio import RecordingsDataset
    from throughtime.estimators import SequenceClassifier
    from throughtime.flow import Flow
    from throughtime.flow.probe import FlowProbe
    from throughtime.train import Checkpoint, Checkpoints, Outcome
    from throughtime.train.training import Callback

HELD = "held-out recordings"
"""What the scores are of."""
VALIDATION = 0.15
"""The share of what is learned that is validated on, where there is a patience."""


def recordings_asked_for(
    source: str,
    asked: Mapping[str, Any],
    group: str | None,
    test_files: str | None,
    validation_share: float | None,
    test_share: float | None,
) -> tuple[RecordingsDataset, SequenceClassifier]:
    """Give the recordings and the classifier that the command line asks for; nothing is learned.

    Args:
        source: A folder.
        asked: Parameters of the classifier; the others suit recordings.
        group: A regular expression that finds the group of a file; groups are never parted.
        test_files: A regular expression that finds the files to test on.
        validation_share: Share of the rest to stop by; none unless patience is asked for.
        test_share: Share to test on, without `test_files`.

    Raises:
        UsageError: Options contradict each other, or a share is out of range.
        SettingsError: A parameter is out of range.
        DataError: The folder cannot be used; every fault of every file is named.
    """
    from throughtime.data.audio import load_recordings
    from throughtime.data.audio.labelled import SETTINGS
    from throughtime.estimators import SequenceClassifier

    if test_files is not None and test_share is not None:
        raise UsageError("--test-files and --test-share say two things; give one of them")
    if test_share is not None and not 0 < test_share < 1:
        raise UsageError(f"--test-share is {test_share:g}; a share above 0 and below 1 is expected")
    if validation_share is not None and not 0 <= validation_share < 1:
        raise UsageError(
            f"--validation-share is {validation_share:g}; a share from 0, below 1 is expected"
        )
    if validation_share is None:
        validation_share = VALIDATION if asked.get("patience") else 0.0
    classifier = SequenceClassifier(**{**SETTINGS, **asked, "validation": validation_share})
    classifier.settings()  # checked before any file is read
    return load_recordings(source, group, test_files, test_share, classifier.seed), classifier


class RecordingsLearner:
    """A `Learner` of recordings.

    Args:
        dataset: The recordings, some of them held out.
        classifier: How to learn them.

    Raises:
        DataError: They are too few.
    """

    def __init__(self, dataset: RecordingsDataset, classifier: SequenceClassifier) -> None:
        from throughtime.cli.machine import use_threads

        use_threads(classifier.hidden, classifier.batch_size)
        self.dataset, self.classifier = dataset, classifier
        sequences, labels = dataset.data.part(dataset.known)
        self.training = classifier.prepared(sequences, labels, dataset.known_groups)

    @property
    def epochs(self) -> int:
        """How many there are at most."""
        return self.classifier.epochs

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.training.network

    def announcement(self) -> str:
        """Say what recordings are learned, and by what network."""
        data, classifier = self.dataset.data, self.classifier
        seconds = sum(len(sequence) for sequence in data.sequences) * data.features.step
        classes = classifier.classes_.tolist()
        named = ", ".join(classes[:12]) + (", ..." if len(classes) > 12 else "")
        both = " in both directions" if classifier.bidirectional else ""
        how = "backpropagation" if classifier.method == "bptt" else classifier.method
        parameters = sum(p.numel() for p in self.network.parameters())
        return (
            f"{data.source}: {len(data)} recordings, {seconds:.0f} s at {data.features.rate} Hz, "
            f"of {len(classes)} classes ({named}); {len(self.dataset.known)} learned from, "
            f"{len(self.dataset.held)} tested on\n"
            f"{data.features.bands} log-mel bands every {data.features.step * 1000:g} ms; "
            f"{classifier.cell} of {classifier.hidden} units{both}, {classifier.layers} layer(s), "
            f"{parameters} parameters, {classifier.pooling} over the steps; "
            f"{classifier.optimizer}, {how}"
        )

    def configuration(self) -> dict[str, Any]:
        """Give the run's configuration."""
        from throughtime.estimators.saved_classifier import configuration

        return configuration(self.classifier, self.dataset)

    def probe(self) -> FlowProbe:
        """Give a callback that looks at the gradient by lag while it learns."""
        return self.training.probe()

    def fit(
        self,
        callbacks: Sequence[Callback],
        checkpoints: Checkpoints | None,
        resume: Checkpoint | None,
    ) -> Outcome:
        """Learn."""
        return self.classifier.learn(self.training, callbacks, checkpoints, resume)

    def save(self, folder: Path) -> None:
        """Write the model."""
        from throughtime.estimators.saved_classifier import save

        save(self.classifier, folder, self.dataset)

    def results(self, folder: Path) -> dict[str, Any]:
        """Write what tested recordings were told to be, and what losses hear; give the scores."""
        from throughtime.estimators.saved import write_json
        from throughtime.estimators.told import Told

        data, held = self.dataset.data, self.dataset.held
        sequences, labels = data.part(held)
        told = Told(
            tuple(self.classifier.classes_.tolist()),
            tuple(labels),
            self.classifier.predict_proba(sequences),
            self.dataset.commonest,
        )
        told.write(folder / "predictions.csv", [data.files[i] for i in held])
        with contextlib.suppress(FloatingPointError):
            write_json(folder / "credit.json", self._credit(), indent=None)
        scores = {name: {HELD: score} for name, score in told.scores().items()}
        return {**told.as_dict(), "scores": scores}

    def _credit(self) -> dict[str, Any]:
        """Give which steps the losses of some of the recordings learned from hear."""
        from throughtime.estimators.credited import MOST, Credited, as_record
        from throughtime.estimators.sequence_flow import spread

        data, known = self.dataset.data, self.dataset.known
        chosen = [known[i] for i in spread([data.labels[i] for i in known], MOST)]
        sequences, labels = data.part(chosen)
        told = self.classifier.predict(sequences).tolist()
        sizes = self.classifier.credit(sequences, labels)
        rows = zip(chosen, labels, told, sizes, sequences, strict=True)
        credited = [
            Credited(data.files[i], label, guess, heard, sequence.double().mean(1).numpy())
            for i, label, guess, heard, sequence in rows
        ]
        return as_record(credited, data.features.step, "s")

    def flow(self) -> Flow:
        """Measure how far back gradients reach, on some of what was learned."""
        return self.classifier.flow(*self.dataset.data.part(self.dataset.known))

    def walk(self) -> None:
        """Walk through no sequence: of a pooled network the last step alone says little."""

    def report(self, folder: Path) -> None:
        """Write the report."""
        from throughtime.report import write_report

        write_report(folder)

    def tell(self, metrics: dict[str, Any], place: Path) -> None:
        """Print the scores."""
        scores = {name: score[HELD] for name, score in metrics["scores"].items()}
        print_told({**metrics, "scores": scores})
        print_horizon(metrics["gradient_horizon"])
