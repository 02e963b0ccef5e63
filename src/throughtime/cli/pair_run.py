"""A regressor that learns one recording from another: what a training run tells and keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.scores import print_horizon

if TYPE_CHECKING:
    from torch import nn

    from throughtime.data.audio import RecordingPair
    from throughtime.estimators import SequenceRegressor
    from throughtime.flow import Flow
    from throughtime.flow.probe import FlowProbe
    from throughtime.flow.walk import Walk
    from throughtime.train import Checkpoint, Checkpoints, Outcome
    from throughtime.train.training import Callback

HELD = "held-out samples"
"""What the scores are of."""
LEVEL = "input at its best level"
"""What the network is compared with."""
PLAYED = "predictions.wav"
"""What stands in a run folder: the held-out output as the network plays it."""
DRAWN = "played.json"
"""What is drawn of it: excerpts, and power by frequency."""


def pair_asked_for(
    source: str,
    target: str | None,
    asked: Mapping[str, Any],
    validation_share: float | None,
    test_share: float | None,
) -> tuple[RecordingPair, float, SequenceRegressor]:
    """Give the recordings and the regressor that the command line asks for; nothing is learned.

    Args:
        source: The input, a WAV or FLAC file.
        target: The output, another.
        asked: Parameters of the regressor; the others suit recordings.
        validation_share: Share of what is learned, its last, to stop by; none unless patience is
            asked for.
        test_share: Share, the last, to test on.

    Returns:
        The recordings; the share to test on; the regressor.

    Raises:
        UsageError: There is no target, or a share is out of range.
        SettingsError: A parameter is out of range.
        DataError: The recordings cannot be used; all that is wrong is named.
    """
    from throughtime.cli.recordings_run import VALIDATION
    from throughtime.data.audio import read_pair
    from throughtime.data.audio.pair import HELD_OUT, SETTINGS
    from throughtime.estimators import SequenceRegressor

    if target is None:
        raise UsageError(f"name with --target the recording that is to be made of {source}")
    if test_share is not None and not 0 < test_share < 1:
        raise UsageError(f"--test-share is {test_share:g}; a share above 0 and below 1 is expected")
    if validation_share is not None and not 0 <= validation_share < 1:
        raise UsageError(
            f"--validation-share is {validation_share:g}; a share from 0, below 1 is expected"
        )
    if validation_share is None:
        validation_share = VALIDATION if asked.get("patience") else 0.0
    regressor = SequenceRegressor(**{**SETTINGS, **asked, "validation": validation_share})
    regressor.check()  # before any file is read
    return read_pair(source, target), HELD_OUT if test_share is None else test_share, regressor


def scores_of(
    regressor: SequenceRegressor, pair: RecordingPair, level: float | None = None
) -> tuple[dict[str, Any], Any]:
    """Score a regressor on recordings.

    Args:
        regressor: One that has learned.
        pair: The recordings.
        level: The factor that the input is compared with; the one that is best on these if None.

    Returns:
        Scores by what answers; and what the regressor plays, [T].
    """
    import torch

    from throughtime.estimators.regression_scores import best_level, error_to_signal

    played = regressor.predict([pair.dry])[0]
    level = best_level(pair.dry, pair.wet) if level is None else level
    scores = {}
    for name, answers in (("model", torch.from_numpy(played)), (LEVEL, level * pair.dry.double())):
        scores[name] = {
            "error_to_signal": error_to_signal(pair.wet, answers),
            "mae": float((answers - pair.wet).abs().mean()),
            "count": len(pair.wet),
        }
    return scores, played


def told(scores: Mapping[str, Mapping[str, Any]], seconds: float) -> str:
    """Say what scores are, for people."""
    model, level = (scores[name]["error_to_signal"] for name in ("model", LEVEL))
    return f"error-to-signal ratio on {seconds:.3g} s: {model:.3%} ({level:.3%} for the {LEVEL})"


class PairLearner:
    """A `Learner` of two recordings.

    Args:
        pair: What went in and what came out.
        test: The share of it, the last, that is held out.
        regressor: How to learn it.

    Raises:
        DataError: It is too short, or silent where it is parted.
        SettingsError: A parameter is out of range.
    """

    def __init__(self, pair: RecordingPair, test: float, regressor: SequenceRegressor) -> None:
        from throughtime.cli.machine import use_threads

        use_threads(regressor.hidden, regressor.batch_size)
        self.pair, self.test, self.regressor = pair, test, regressor
        self.known, self.held = pair.parted(test)
        self.training = regressor.prepared([self.known.dry], [self.known.wet])

    @property
    def epochs(self) -> int:
        """How many there are at most."""
        return self.regressor.epochs

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.training.network

    def announcement(self) -> str:
        """Say what recordings are learned, and by what network."""
        pair, regressor = self.pair, self.regressor
        how = "backpropagation" if regressor.method == "bptt" else regressor.method
        parameters = sum(p.numel() for p in self.network.parameters())
        rows = "whole" if regressor.window is None else f"in windows of {regressor.window} samples"
        return (
            f"{pair.source}: {pair.seconds:.3g} s at {pair.rate} Hz; {self.known.seconds:.3g} s "
            f"learned from, the last {self.held.seconds:.3g} s tested on\n"
            f"{regressor.cell} of {regressor.hidden} units, {regressor.layers} layer(s), "
            f"{parameters} parameters; {rows} after a warm-up of {regressor.warm_up}; "
            f"{regressor.optimizer}, {how}"
        )

    def configuration(self) -> dict[str, Any]:
        """Give the run's configuration."""
        from throughtime.estimators.saved_regressor import configuration

        return configuration(self.regressor, self.pair, self.test)

    def probe(self) -> FlowProbe | None:
        """Give a callback that looks at the gradient by lag while it learns."""
        return self.training.probe()

    def fit(
        self,
        callbacks: Sequence[Callback],
        checkpoints: Checkpoints | None,
        resume: Checkpoint | None,
    ) -> Outcome:
        """Learn."""
        return self.regressor.learn(self.training, callbacks, checkpoints, resume)

    def save(self, folder: Path) -> None:
        """Write the model."""
        from throughtime.estimators.saved_regressor import save

        save(self.regressor, folder, self.pair, self.test)

    def results(self, folder: Path) -> dict[str, Any]:
        """Write the held-out output as it is played, and what is drawn of it; give scores."""
        from throughtime.data.audio import as_wav
        from throughtime.estimators.played import played_as_recorded
        from throughtime.estimators.regression_scores import best_level
        from throughtime.estimators.saved import write_json
        from throughtime.storage import write_whole

        level = best_level(self.known.dry, self.known.wet)
        scores, played = scores_of(self.regressor, self.held, level)
        write_whole(folder / PLAYED, as_wav(played, self.pair.rate))
        drawn = played_as_recorded(self.held.wet, played, self.pair.rate, len(self.known.wet))
        write_json(folder / DRAWN, drawn, indent=None)
        return {"scores": {name: {HELD: score} for name, score in scores.items()}}

    def flow(self) -> Flow:
        """Measure how far back gradients reach, on excerpts of what was learned."""
        return self.regressor.flow([self.known.dry], [self.known.wet])

    def walk(self) -> Walk:
        """Walk through the last samples of what was learned."""
        return self.regressor.walk([self.known.dry], [self.known.wet])

    def report(self, folder: Path) -> None:
        """Write the report."""
        from throughtime.report import write_report

        write_report(folder)

    def tell(self, metrics: dict[str, Any], place: Path) -> None:
        """Print the scores, and how far gradients reach."""
        scores = {name: score[HELD] for name, score in metrics["scores"].items()}
        print(f"{told(scores, self.held.seconds)}; listen to it: {place / PLAYED}")
        if "gradient_horizon" in metrics:
            print_horizon(metrics["gradient_horizon"])
