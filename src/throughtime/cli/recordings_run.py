"""Recordings to tell apart: a training from its folder to its run folder, and what it told."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.outcome import end_as_it_did, end_without_model, training_figures
from throughtime.cli.told import print_told

if TYPE_CHECKING:
    from throughtime.data.audio import LabelledSequences
    from throughtime.estimators import SequenceClassifier
    from throughtime.estimators.told import Told
    from throughtime.train import Outcome

TEST = 0.2
VALIDATION = 0.15


def train_classifier(
    source: str,
    asked: Mapping[str, Any],
    group: str | None,
    test_files: str | None,
    test_share: float | None,
    validation_share: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train a classifier on a folder of labelled recordings; record all of it, print the scores.

    Args:
        source: The folder.
        asked: Parameters of `SequenceClassifier` that were asked for; the others suit recordings.
        group: A regular expression that finds the group of a file; groups are never parted.
        test_files: A regular expression that finds the files to test on.
        test_share: Share to test on otherwise.
        validation_share: Share of the rest to stop by; none unless patience is asked for.
        out: The run folder; its default place if None.
        as_json: Whether to print JSON.

    Raises:
        DataError: The folder cannot be used; every fault of every file is named.
        UsageError: Options contradict each other, or the training failed.
        SystemExit: With status 130 after Ctrl-C, with 143 after SIGTERM.
    """
    from rich.console import Console

    from throughtime.cli.machine import use_threads
    from throughtime.estimators.saved_sequences import write
    from throughtime.train import Progress
    from throughtime.train.run_folder import RunFolder, uninterrupted
    from throughtime.train.stopping import terminable

    data, classifier, learned, tested, groups = _prepared(
        source, asked, group, test_files, test_share, validation_share
    )
    console = Console(stderr=True)
    sequences, labels = data.part(learned)
    own = [groups[i] for i in learned] if groups is not None else None
    use_threads(classifier.hidden, classifier.batch_size)
    with terminable(), RunFolder(data.name, out) as folder:
        console.print(
            _described(data, classifier, learned, tested),
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
        with (
            Progress(classifier.epochs, console) as progress,
            contextlib.suppress(FloatingPointError),
        ):
            classifier.fit(sequences, labels, groups=own, callbacks=[progress])
        outcome = classifier.outcome_
        if outcome.best_epoch == 0:
            end_without_model(outcome)
        with uninterrupted():
            write(
                classifier, folder.path, name=data.name, source=data.source,
                features=data.features.as_dict(),
                commonest=Counter(labels).most_common(1)[0][0],
                recordings={"learned": len(learned), "tested": len(tested)},
            )  # fmt: skip
            outcome.history.write(folder.path / "history.csv")
            metrics = _record(folder.path, classifier, data, tested, labels)
            folder.keep()
    _conclude(folder.final, metrics, outcome, as_json)


def _prepared(
    source: str,
    asked: Mapping[str, Any],
    group: str | None,
    test_files: str | None,
    test_share: float | None,
    validation_share: float | None,
) -> tuple[LabelledSequences, SequenceClassifier, list[int], list[int], list[str] | None]:
    """Check what was asked for, read the folder, and choose what is tested on.

    Returns:
        The sequences; the classifier; which of them it learns from, and which it is tested on; the
        group of each, if there are groups.
    """
    from throughtime.data.audio import read_labelled
    from throughtime.data.groups import held_out
    from throughtime.estimators import SequenceClassifier

    if test_files is not None and test_share is not None:
        raise UsageError("--test-files and --test-share say two things; give one of them")
    for name, value in (("--test-share", test_share), ("--validation-share", validation_share)):
        if value is not None and not 0 < value < 1:
            raise UsageError(f"{name} must lie between 0 and 1, got {value:g}")
    if validation_share is None:
        validation_share = VALIDATION if asked.get("patience") else 0.0
    SequenceClassifier(**asked).settings()  # checked before any file is read
    data = read_labelled(source)
    classifier = SequenceClassifier(**{**data.settings, **asked, "validation": validation_share})
    groups = data.groups(group) if group is not None else None
    if test_files is not None:
        tested = data.matching(test_files)
        learned = sorted(set(range(len(data))) - set(tested))
        _check_parts(data, learned, tested, groups)
    else:
        share = TEST if test_share is None else test_share
        learned, tested = held_out(data.labels, groups, share, classifier.seed)
    return data, classifier, learned, tested, groups


def _check_parts(
    data: LabelledSequences, learned: list[int], tested: list[int], groups: list[str] | None
) -> None:
    """Refuse files to test on whose labels are not learned, or whose groups are."""
    unknown = sorted({data.labels[i] for i in tested} - {data.labels[i] for i in learned})
    if unknown:
        raise UsageError(
            f"all files of label(s) {', '.join(unknown)} would be tested on and none learned from; "
            "give --test-files an expression that leaves some"
        )
    if groups is not None:
        both = sorted({groups[i] for i in learned} & {groups[i] for i in tested})
        if both:
            raise UsageError(
                f"group(s) {', '.join(both[:5])} would be learned from and tested on; leave "
                "--group out, or give --test-files whole groups"
            )


def _described(
    data: LabelledSequences, classifier: SequenceClassifier, learned: list[int], tested: list[int]
) -> str:
    seconds = sum(len(sequence) for sequence in data.sequences) * data.features.step
    classes = sorted(set(data.labels))
    named = ", ".join(classes[:12]) + (", ..." if len(classes) > 12 else "")
    both = " in both directions" if classifier.bidirectional else ""
    return (
        f"{data.name}: {len(data)} recordings, {seconds:.0f} s at {data.features.rate} Hz, of "
        f"{len(classes)} classes ({named}); {len(learned)} learned from, {len(tested)} tested on\n"
        f"{data.features.bands} log-mel bands every {data.features.step * 1000:g} ms; "
        f"{classifier.cell} of {classifier.hidden} units{both}, {classifier.layers} layer(s), "
        f"{classifier.pooling} over the steps; {classifier.optimizer}, {classifier.method}"
    )


def _record(
    folder: Path,
    classifier: SequenceClassifier,
    data: LabelledSequences,
    tested: list[int],
    learned: list[str],
) -> dict[str, Any]:
    """Test the classifier, and write what it told."""
    from throughtime.estimators.saved import write_json
    from throughtime.estimators.told import Told

    sequences, labels = data.part(tested)
    commonest = Counter(learned).most_common(1)[0][0]
    classes = tuple(classifier.classes_.tolist())
    told = Told(classes, tuple(labels), classifier.predict_proba(sequences), commonest)
    outcome = classifier.outcome_
    metrics = {
        **_figures(told),
        "training": training_figures(outcome, classifier.network_),
    }
    write_json(folder / "metrics.json", metrics)
    told.write(folder / "predictions.csv", [data.files[i] for i in tested])
    return metrics


def _figures(told: Told) -> dict[str, Any]:
    return {
        "scores": told.scores(),
        "confusion": {"classes": list(told.classes), "counts": told.confusion()},
    }


def _conclude(place: Path, metrics: dict[str, Any], outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"run": str(place), **metrics}, allow_nan=False))
    else:
        print_told(metrics)
        print(f"everything about this run: {place}")
    end_as_it_did(outcome, place)


def evaluate_classifier(run: Path, folder: Path, as_json: bool) -> None:
    """Test a trained classifier on another folder of labelled recordings; print the scores.

    Raises:
        SavedError: The run cannot be loaded.
        DataError: The folder cannot be used with it.
    """
    from throughtime.data.audio import read_labelled
    from throughtime.estimators.told import Told

    classifier, features, config = loaded_classifier(run)
    classes = classifier.classes_.tolist()
    data = read_labelled(folder, features, known=classes)
    probabilities = classifier.predict_proba(list(data.sequences))
    figures = _figures(Told(tuple(classes), data.labels, probabilities, config.get("commonest")))
    if as_json:
        print(json.dumps({"run": str(run), "source": data.source, **figures}, allow_nan=False))
    else:
        print_told(figures)


def predict_classes(run: Path, files: list[Path], out: Path | None, as_json: bool) -> None:
    """Tell the class of recordings.

    Raises:
        SavedError: The run cannot be loaded.
        DataError: Files cannot be used; every fault of every file is named.
        UsageError: The result cannot be written.
    """
    from throughtime.data.audio import read_recordings
    from throughtime.data.faults import refuse
    from throughtime.estimators.told import write_told

    classifier, features, _ = loaded_classifier(run)
    sequences, _, faults = read_recordings(files, features)
    if faults:
        refuse("the recordings", faults)
    probabilities = classifier.predict_proba(sequences)
    classes = classifier.classes_.tolist()
    if out is not None:
        try:
            write_told(out, [str(file) for file in files], classes, probabilities)
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror or error}; name another with --out"
            ) from error
    likeliest = probabilities.argmax(1).tolist()
    if as_json:
        told = [
            {"file": str(file), "predicted": classes[best],
             "probabilities": dict(zip(map(str, classes), row, strict=True))}
            for file, best, row in zip(files, likeliest, probabilities.tolist(), strict=True)
        ]  # fmt: skip
        print(json.dumps({"predictions": told}, allow_nan=False))
        return
    for file, best, row in zip(files, likeliest, probabilities, strict=True):
        print(f"{file}: {classes[best]} ({row[best]:.1%})")


def loaded_classifier(run: Path) -> tuple[SequenceClassifier, Any, dict[str, Any]]:
    """Load a classifier of recordings, with the features that it takes.

    Raises:
        SavedError: The run cannot be loaded, or is of something else.
    """
    from throughtime.data import DataError
    from throughtime.data.audio import LogMel
    from throughtime.estimators import SavedError, SequenceClassifier
    from throughtime.estimators.saved_sequences import read

    estimator, config = read(run)
    try:
        features = LogMel.from_dict(config.get("features"))
    except DataError as error:
        raise SavedError(f"{run} is of no recordings: {error}") from None
    if not isinstance(estimator, SequenceClassifier) or features.bands != estimator.n_features_in_:
        raise SavedError(f"{run} does not hold a classifier of {features.bands} mel bands")
    return estimator, features, config
