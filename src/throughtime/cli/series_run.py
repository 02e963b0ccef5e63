"""A forecaster that learns series: what a training run tells and keeps of the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.scores import print_scores

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import Settings
    from throughtime.flow import Flow
    from throughtime.flow.probe import FlowProbe
    from throughtime.flow.walk import Walk
    from throughtime.nn import Network
    from throughtime.train import Checkpoint, Checkpoints, Outcome
    from throughtime.train.training import Callback


class SeriesLearner:
    """A `Learner` of a series.

    Args:
        dataset: What to learn; its validation rows are empty if they are to be fitted too.
        settings: How to learn it.
    """

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        from throughtime.estimators import SeriesModel

        self.dataset, self.settings = dataset, settings
        self.forecaster = SeriesModel.for_dataset(dataset, settings)

    @property
    def epochs(self) -> int:
        """How many there are at most."""
        return self.settings.epochs

    @property
    def network(self) -> Network:
        """What is trained."""
        return self.forecaster.network

    def announcement(self) -> str:
        """Say which rows are fitted on, and by what network."""
        dataset, settings = self.dataset, self.settings
        parameters = sum(p.numel() for p in self.network.parameters())
        window = min(settings.window, len(dataset.split.fit) - 1)
        how = "backpropagation" if settings.method == "bptt" else settings.method
        return (
            f"{dataset.name}: {_rows(dataset)}, tested on what comes after\n"
            f"{settings.cell} of {settings.hidden} units, {settings.layers} layer(s), {parameters} "
            f"parameters; {settings.optimizer}, {how} through {window} steps{_reads(settings)}"
        )

    def configuration(self) -> dict[str, Any]:
        """Give the run's configuration."""
        from throughtime import __version__
        from throughtime.estimators.saved_forecaster import configuration

        return configuration(self.forecaster, self.dataset, __version__)

    def probe(self) -> FlowProbe:
        """Give a callback that looks at the gradient by lag while it learns."""
        from throughtime.estimators.series_flow import probe_of

        return probe_of(self.forecaster, self.dataset)

    def fit(
        self,
        callbacks: Sequence[Callback],
        checkpoints: Checkpoints | None,
        resume: Checkpoint | None,
    ) -> Outcome:
        """Learn."""
        return self.forecaster.fit(self.dataset, callbacks, checkpoints, resume)

    def save(self, folder: Path) -> None:
        """Write the model."""
        from throughtime import __version__
        from throughtime.estimators import save

        save(self.forecaster, self.dataset, folder, __version__)

    def results(self, folder: Path) -> dict[str, Any]:
        """Write the forecasts; give the scores."""
        from throughtime.estimators import compare

        members = self.dataset.members
        predicted = self.forecaster.predict_many([member.series for member in members])
        comparison = compare(self.dataset, [forecasts for forecasts, _ in predicted])
        comparison.write(folder / "predictions.csv")
        return {
            "scores": comparison.scores(),
            "reference_variance": self.dataset.variance,
            "variance_source": self.dataset.variance_source,
            **({} if self.dataset.series_column is None else {"series": len(members)}),
        }

    def flow(self) -> Flow:
        """Measure how far back gradients reach, on the last training rows."""
        from throughtime.estimators.series_flow import flow_of

        return flow_of(self.forecaster, self.dataset)

    def walk(self) -> Walk:
        """Walk through the last training rows."""
        from throughtime.estimators.series_flow import walk_of

        return walk_of(self.forecaster, self.dataset)

    def report(self, folder: Path) -> None:
        """Draw the forecast, and write the report."""
        from throughtime.report import write_forecast, write_report

        write_forecast(folder)
        write_report(folder)

    def tell(self, metrics: dict[str, Any], place: Path) -> None:
        """Print the scores."""
        print_scores(metrics)


def _rows(dataset: Dataset) -> str:
    """Say which rows are fitted and validated on."""
    if dataset.series_column is not None:
        rows = sum(len(member.series) for member in dataset.members)
        validated = ", validated on the next" if dataset.split.validation else ""
        count = len(dataset.members)
        return f"{count} series of {rows} rows together; fitted on the first of each{validated}"
    split, times = dataset.split, dataset.series.times
    validated = f", validated to {times[split.validation.stop - 1]}" if split.validation else ""
    first, last = times[split.fit.start], times[split.fit.stop - 1]
    return f"{len(times)} rows; fitted on {first} to {last}{validated}"


def _reads(settings: Settings) -> str:
    """Say what was decided by the rows, or asked for, of what the network reads."""
    said = []
    if settings.difference:
        rows = "row" if settings.difference == 1 else "rows"
        said.append(f"changes over {settings.difference} {rows}, not values (--difference)")
    if settings.calendar != "none":
        said.append(f"the place in the {settings.calendar.replace(',', ', ')} (--calendar)")
    return f"\nread are {' and '.join(said)}" if said else ""
