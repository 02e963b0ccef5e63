"""A language model that learns a text: what a training run tells and keeps of the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.scores import print_horizon

if TYPE_CHECKING:
    from throughtime.data.text import TextDataset
    from throughtime.estimators import LanguageModel
    from throughtime.flow import Flow
    from throughtime.flow.probe import FlowProbe
    from throughtime.flow.walk import Walk
    from throughtime.nn import Network
    from throughtime.train import Checkpoint, Checkpoints, Outcome
    from throughtime.train.training import Callback

HELD = "held-out text"
"""What the scores are of."""
_NARROW = 64
"""Units below which a second thread costs more than it gains."""


def text_asked_for(
    source: str,
    asked: dict[str, Any],
    encoding: str | None,
    pattern: str | None,
    validation_share: float | None,
    test_share: float | None,
) -> tuple[TextDataset, LanguageModel]:
    """Give the text and the model that the command line asks for; nothing is learned yet.

    Args:
        source: A file, a folder, or "-".
        asked: Parameters of the language model.
        encoding: Of the characters; None for UTF-8.
        pattern: Which files of a folder; None for the default.
        validation_share: Share of the whole text on which the epoch is chosen; None for a tenth of
            what is learned.
        test_share: Share of the text, its last, that is held out; None for the default.

    Raises:
        UsageError: A share is out of range, or bytes are given an encoding.
        SettingsError: A parameter is out of range.
        DataError: The text cannot be read, or is too short.
    """
    from throughtime.data.text import HELD_OUT, load_text
    from throughtime.estimators import LanguageModel

    test = HELD_OUT if test_share is None else test_share
    model = LanguageModel(**asked, **_validation(validation_share, test, asked))
    model.check()
    if model.vocabulary == "bytes":
        if encoding is not None:
            raise UsageError("bytes have no encoding; leave out --encoding")
    else:
        encoding = encoding or "utf-8"
    return load_text(source, encoding, pattern, test), model


def _validation(share: float | None, test: float, asked: dict[str, Any]) -> dict[str, Any]:
    """Give the share of what is learned that a share of the whole text is."""
    if not 0 < test < 1:
        raise UsageError(f"--test-share is {test}; a share above 0 and below 1 is expected")
    if asked.get("patience", 1) is None:  # 0 was given: all is learned from, for all epochs
        if share:
            raise UsageError("--patience 0 learns from all; leave out --validation-share")
        return {"validation": 0.0}
    if share is None:
        return {}
    if not 0 <= share < 1 - test:
        raise UsageError(
            f"--validation-share is {share} and --test-share {test}; shares from 0 are expected "
            "that together leave something to learn from"
        )
    return {"validation": share / (1 - test)}


class TextLearner:
    """A `Learner` of a text.

    Args:
        dataset: The text, its last part held out.
        model: How to learn it.

    Raises:
        DataError: The text is too short, or not what the vocabulary takes.
    """

    def __init__(self, dataset: TextDataset, model: LanguageModel) -> None:
        from throughtime.cli.machine import use_threads

        if model.hidden < _NARROW:
            use_threads(model.hidden, model.batch_size)
        self.dataset, self.model = dataset, model
        self.training = model.prepared(dataset.known)

    @property
    def epochs(self) -> int:
        """How many there are at most."""
        return self.model.epochs

    @property
    def network(self) -> Network:
        """What is trained."""
        return self.training.network

    def announcement(self) -> str:
        """Say what of the text is learned, and by what network."""
        model, text = self.model, self.dataset.text
        symbols = "bytes" if isinstance(text.content, bytes) else "characters"
        parameters = sum(p.numel() for p in self.network.parameters())
        how = "backpropagation" if model.method == "bptt" else model.method
        return (
            f"{text.source}: {len(text):,} {symbols}; "
            f"learned from the first {len(self.dataset.known):,}, scored on the rest\n"
            f"{model.cell} of {model.hidden} units, {model.layers} layer(s), {parameters} "
            f"parameters; {model.optimizer}, {how} through {model.window} steps"
        )

    def configuration(self) -> dict[str, Any]:
        """Give the run's configuration."""
        from throughtime.estimators.saved_language_model import configuration

        training = self.training
        return configuration(self.model, training.vocabulary, training.opening, self.dataset)

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
        return self.model.learn(self.training, callbacks, checkpoints, resume)

    def save(self, folder: Path) -> None:
        """Write the model."""
        from throughtime.estimators.saved_language_model import save

        save(self.model, folder, self.dataset)

    def results(self, folder: Path) -> dict[str, Any]:
        """Give the scores of what was held out."""
        from throughtime.estimators.compressed import xz_bits

        score = self.model.evaluate(self.dataset.held).as_dict()
        xz = xz_bits(self.dataset.held, self.dataset.known) / max(score["characters"], 1)
        counts = {name: score.pop(name) for name in ("symbols", "characters", "unknown")}
        return {
            "scores": {
                "model": {HELD: score},
                "xz": {HELD: {"bits_per_character": xz}},
            },
            "held_out": counts,
        }

    def flow(self) -> Flow:
        """Measure how far back gradients reach, on the last of what was learned."""
        return self.model.flow(self.dataset.known)

    def walk(self) -> Walk | None:
        """Walk through the last of what was learned; None where there are too many symbols."""
        return self.model.walk(self.dataset.known)

    def report(self, folder: Path) -> None:
        """Write the report."""
        from throughtime.report import write_report

        write_report(folder)

    def tell(self, metrics: dict[str, Any], place: Path) -> None:
        """Print the score, and how to go on."""
        score, xz = (metrics["scores"][name][HELD] for name in ("model", "xz"))
        print(
            f"held out, {metrics['held_out']['characters']:,} characters: "
            f"{score['bits_per_character']:.3f} bits a character "
            f"(xz: {xz['bits_per_character']:.3f}), perplexity {score['perplexity']:.2f}"
        )
        print_horizon(metrics["gradient_horizon"])
        print(f"to write on: throughtime generate {place} --length 500")
