"""A recurrent network that forecasts series one step ahead."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from throughtime.data import DataError, Dataset, Scaling, ScalingBySeries, Series, Split
from throughtime.data.drawn import DrawnRows
from throughtime.data.windows import Rows, Windows
from throughtime.estimators.fitting import fitted, seeded
from throughtime.estimators.series_rows import of_each, room_for_each
from throughtime.estimators.settings import Settings
from throughtime.estimators.side_by_side import run_side_by_side
from throughtime.flow import Flow, flow
from throughtime.flow.probe import FlowProbe
from throughtime.flow.walk import Walk, walk
from throughtime.nn import Network
from throughtime.train import Batch, Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback

_loss = nn.MSELoss(reduction="none")

FLOW_STEPS = 300
"""Steps on which gradient flow is measured: what it needs of memory grows with them."""
PROBE_STEPS = 72
"""Steps on which it is looked at while a network is trained."""


class SeriesModel:
    """Forecasts the target of a series from all rows before, its own and the covariates'.

    The network reads row t and predicts the target of row t + 1. Values are scaled by the rows
    trained on. One network learns and forecasts all series of a data set.

    Args:
        columns: The target's name, then the covariates'.
        scaling: Of these columns, for any series or for each by its name.
        settings: How the network is built and trained.
    """

    def __init__(
        self, columns: Sequence[str], scaling: Scaling | ScalingBySeries, settings: Settings
    ) -> None:
        self.columns = tuple(columns)
        self.scaling = scaling
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # the network's weights depend on the seed alone
            self.network = network_for(self.columns, settings).to(settings.device)

    @classmethod
    def for_dataset(cls, dataset: Dataset, settings: Settings) -> SeriesModel:
        """Make an untrained forecaster for a data set, scaled by the rows that it will fit."""
        members = [(m.series, rows_to_fit(m.split, settings)) for m in dataset.members]
        scaling: Scaling | ScalingBySeries
        try:
            if dataset.series_column is None:
                ((series, rows),) = members
                scaling = Scaling.fit(series.values, rows, settings.transform)
            else:
                scaling = ScalingBySeries.fit(
                    ((series.name, series.values, rows) for series, rows in members),
                    settings.transform,
                )
        except DataError as error:
            raise DataError(f"{dataset.series.source}: {error}") from None
        return cls(dataset.columns, scaling, settings)

    def fit(
        self,
        dataset: Dataset,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train on windows of the series, by the settings' gradient method.

        No window reaches from one series into another, and windows of all series are mixed. With
        patience, the rows to fit on are learned from and the weights are kept with which the
        network, run through each series from its first row, errs least on the validation rows.
        Without, fit and validation rows are learned from alike, and the last weights are kept.

        Args:
            dataset: Rows of its test periods are not looked at.
            callbacks: Told of each update and epoch.
            checkpoints: Keeps what is needed to go on with the training; see `throughtime.train`.
            resume: Where to go on from: a checkpoint of a forecaster with these settings, fitted
                on these data.

        Returns:
            What the training came to.

        Raises:
            SettingsError: The gradient method does not take the network.
            StorageError: A checkpoint cannot be written; or the one to go on from is one of
                another training.
        """
        settings, splits = self.settings, [member.split for member in dataset.members]
        series = [member.series for member in dataset.members]
        known = of_each(series, lambda at: self.scaled(series[at])[: splits[at].train.stop])
        windows = Windows(self._learned(dataset, known), settings.window, settings.stride)

        def validate() -> float:
            # One tensor for all: thousands of small ones would keep apart what could be free.
            errors = torch.empty(
                sum(len(split.validation) for split in splits), dtype=settings.torch_dtype
            )
            parts = torch.split(errors, [len(split.validation) for split in splits])
            lengths = [split.train.stop for split in splits]
            for place, values, outputs in run_side_by_side(self.network, known, lengths):
                rows = splits[place].validation
                targets = values[rows.start : rows.stop, 0]
                parts[place][:] = outputs[rows.start - 1 : rows.stop - 1, 0] - targets
            return float(errors.square().mean())

        return fitted(
            self.network,
            lambda: self._batches(windows),
            _batch(windows, torch.tensor([0])),
            _loss,
            "mean",
            settings,
            seeded(settings.seed),
            None if settings.patience is None else validate,
            callbacks,
            checkpoints,
            resume,
        )

    def predict(self, series: Series) -> tuple[Tensor, float]:
        """Forecast each row from those before it, and the row after the last.

        Args:
            series: Must have this forecaster's columns; others are left out.

        Returns:
            The forecast of each row in units of the target, NaN for the first, float64, [T]; and
            the forecast of the next row.

        Raises:
            DataError: A column is missing.
        """
        return self.predict_many([series])[0]

    def predict_many(self, series: Sequence[Series]) -> list[tuple[Tensor, float]]:
        """Forecast the rows of several series, and the row after the last of each.

        Args:
            series: As for `predict`, each called as it was in training if there were several.

        Returns:
            For each what `predict` gives.

        Raises:
            DataError: A column is missing; or a series was not among several trained on.
        """
        if series:
            self.scaling.check([one.name for one in series], series[0].source)
        forecasts, following = room_for_each(series), [torch.nan] * len(series)
        scaled, lengths = (
            of_each(series, lambda at: self.scaled(series[at])),
            list(map(len, series)),
        )
        for place, _, outputs in run_side_by_side(self.network, scaled, lengths):
            scaling = self.scaling.for_series(series[place].name)
            ahead = scaling.invert_target(outputs[:, 0].double().cpu())  # [T]
            forecasts[place][1:], following[place] = ahead[:-1], float(ahead[-1])
        return list(zip(forecasts, following, strict=True))

    def for_series(self, name: str) -> SeriesModel:
        """Give a forecaster of one of the series: the same network, with that series' scaling.

        Raises:
            DataError: The series was not among several trained on.
        """
        one = copy.copy(self)
        one.scaling = self.scaling.for_series(name)
        return one

    def flow(self, dataset: Dataset) -> Flow:
        """Measure how far back the gradient reaches, on the last training rows.

        Of several series the longest is looked at; so it is by `probe` and `walk`.

        Raises:
            NoFlowError: There is no gradient, or it is not finite.
        """
        before, inputs, targets = self._measured(dataset)
        state = None
        if len(before):
            with torch.no_grad():
                _, state = self.network(before)
        return flow(self.network, inputs, targets, _loss, state)

    def probe(self, dataset: Dataset) -> FlowProbe:
        """Give a callback that looks at the gradient by lag while this forecaster is trained.

        It looks at the last rows of those that `flow` measures, from the network's own start: a
        look has to be cheap, and its cost grows with the steps.
        """
        _, inputs, targets = self._measured(dataset)
        return FlowProbe(self.network, inputs[-PROBE_STEPS:], targets[-PROBE_STEPS:], _loss)

    def _measured(self, dataset: Dataset) -> tuple[Tensor, Tensor, Tensor]:
        """Give the rows that flow is measured on, as inputs and targets, and those before them."""
        values = self.scaled(dataset.series)[: dataset.split.train.stop]
        start = max(0, len(values) - 1 - FLOW_STEPS)
        return values[:start, None], values[start:-1, None], values[start + 1 :, None, :1]

    def walk(self, dataset: Dataset) -> Walk:
        """Walk through the last training rows, as many as a window has and a page can show.

        Raises:
            FloatingPointError: A loss or a state is not finite.
            NoFlowError: There is no gradient.
        """
        before, inputs, targets = self._measured(dataset)
        steps = min(self.settings.window, len(inputs))
        before = torch.cat([before, inputs[:-steps]])
        state = None
        if len(before):
            with torch.no_grad():
                _, state = self.network(before)
        times, stop = dataset.series.times, dataset.split.train.stop
        return walk(
            self.network,
            inputs[-steps:],
            targets[-steps:],
            _loss,
            state,
            labels=times[stop - steps : stop],
            input_labels=times[stop - 1 - steps : stop - 1],
        )

    def scaled(self, series: Series) -> Tensor:
        """Give this forecaster's columns [T, C], scaled, where the network is."""
        values = series.values[:, self._places(series)]
        scaled = self.scaling.for_series(series.name).apply(values)
        return scaled.to(self.settings.device, self.settings.torch_dtype)

    def _places(self, series: Series) -> list[int]:
        """Say where this forecaster's columns stand among those of a series."""
        missing = [name for name in self.columns if name not in series.columns]
        if missing:
            raise DataError(
                f"{series.source} lacks the column(s) {', '.join(missing)} that the model was "
                f"trained with; it has {', '.join(series.columns)}"
            )
        return [series.columns.index(name) for name in self.columns]

    def _learned(self, dataset: Dataset, known: Sequence[Tensor]) -> Sequence[Tensor] | Rows:
        """Give the rows that are learned from, scaled: now, or when they are drawn."""
        learned = [rows_to_fit(member.split, self.settings) for member in dataset.members]
        if not dataset.stored:
            return [
                values[rows.start : rows.stop] for values, rows in zip(known, learned, strict=True)
            ]
        series = [member.series for member in dataset.members]
        if self.settings.transform != "none":
            for one in series:  # what cannot be transformed is found before anything is learned
                self.scaled(one)
        return DrawnRows(
            [one.values[rows.start : rows.stop] for one, rows in zip(series, learned, strict=True)],
            self._places(series[0]),
            [self.scaling.for_series(one.name) for one in series],
            self.settings.torch_dtype,
            self.settings.device,
        )

    def _batches(self, windows: Windows) -> Iterator[Batch]:
        """Give an epoch: the windows, or as many as are asked for, in a new order, in batches."""
        order = torch.randperm(len(windows))[: self.settings.windows_per_epoch]
        for chosen in torch.split(order, self.settings.batch_size):
            yield _batch(windows, chosen)


def _batch(windows: Windows, chosen: Tensor) -> Batch:
    rows, lengths = windows.batch(chosen)  # [steps + 1, B, C]
    return Batch(rows[:-1], rows[1:, :, :1], lengths)


def network_for(columns: Sequence[str], settings: Settings, device: str | None = None) -> Network:
    """Make the network of a forecaster, with weights as they are drawn."""
    return Network(
        settings.cell,
        input_size=len(columns),
        hidden_size=settings.hidden,
        output_size=1,
        num_layers=settings.layers,
        dtype=settings.torch_dtype,
        device=device,
    )


def rows_to_fit(split: Split, settings: Settings) -> range:
    """Give the rows that weights and scaling are fitted on."""
    return split.train if settings.patience is None else split.fit
