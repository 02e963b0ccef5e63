"""A recurrent network that forecasts series one step ahead, and from there goes on by itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from throughtime.data import DataError, Dataset, Member, Scaling, ScalingBySeries, Series, Split
from throughtime.data.faults import quoted
from throughtime.data.future import following
from throughtime.estimators.made_on_demand import of_each, room_for_each
from throughtime.estimators.series_rows import SeriesRows
from throughtime.estimators.settings import Settings
from throughtime.estimators.side_by_side import run_side_by_side
from throughtime.nn import Network
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback


class SeriesModel:
    """Forecasts the target of a series from all rows before, its own and the covariates'.

    The network reads row t and predicts the target of row t + 1; what else it reads and says,
    `SeriesRows` tells. Values are scaled by the rows trained on. One network learns and forecasts
    all series of a data set.

    Args:
        columns: The target's name, then the covariates'.
        scaling: Of these columns, for any series or for each by its name.
        settings: How the network is built and trained.

    Attributes:
        residuals: Of a network that gives numbers alone, scaled errors of the columns that it
            forecasts on rows it has not learned from, if some were held out, their mean taken off:
            [R, columns]. None before it is trained, and where the network itself says how values
            are distributed.

    Raises:
        SettingsError: What is to be known in the future is no covariate.
    """

    def __init__(
        self, columns: Sequence[str], scaling: Scaling | ScalingBySeries, settings: Settings
    ) -> None:
        self.columns = tuple(columns)
        self.scaling = scaling
        self.settings = settings
        self.rows = SeriesRows(columns, settings)
        self.residuals: Tensor | None = None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # the network's weights depend on the seed alone
            self.network = network_for(self.columns, settings).to(settings.device)

    @classmethod
    def for_dataset(cls, dataset: Dataset, settings: Settings) -> SeriesModel:
        """Make an untrained forecaster for a data set, scaled by the rows that it will fit."""
        rows = SeriesRows(dataset.columns, settings)
        scaling: Scaling | ScalingBySeries
        try:
            members = (
                (m.series.name, rows.changes(m.series.values), fitted_on)
                for m, fitted_on in ((m, _enough(m, settings)) for m in dataset.members)
            )
            if dataset.series_column is None:
                ((_, values, fitted_on),) = members
                scaling = rows.scaling(values, fitted_on)
            else:
                scaling = ScalingBySeries.fit(members, rows.scaled_transform, rows.output.counts)
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
        from throughtime.estimators.series_training import SeriesTraining

        return SeriesTraining(self, dataset).run(callbacks, checkpoints, resume)

    def predict(self, series: Series) -> tuple[Tensor, float]:
        """Forecast each row from those before it, and the row after the last.

        Args:
            series: Must have this forecaster's columns; others are left out.

        Returns:
            The forecast of each row in units of the target, NaN for the first and for those before
            which nothing can be differenced, float64, [T]; and the forecast of the next row, NaN
            where it hangs on covariates of that row.

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
        lost = self.settings.difference
        forecasts, following = room_for_each(series), [torch.nan] * len(series)
        made = of_each(
            series, lambda at: torch.cat([self.scaled(series[at]), self.ahead(series[at], 1)])
        )
        lengths = [len(one) - lost + 1 for one in series]
        for place, _, given in self.run(made, lengths):
            one = series[place]
            scaled = self.rows.centers(given)[:, 0].double().cpu()  # of rows lost + 1, ...
            levels = self.rows.levels(one)[1 : 1 + len(scaled)] if lost else scaled
            ahead = self.rows.restored(scaled, levels, self.scaling.for_series(one.name))
            forecasts[place][lost + 1 :] = ahead[:-1]
            if not self.rows.known:
                following[place] = float(ahead[-1])
        return list(zip(forecasts, following, strict=True))

    def ahead(self, series: Series, count: int, known: Tensor | None = None) -> Tensor:
        """Give the rows that follow a series, as far as they are known.

        Args:
            series: Of this forecaster's columns.
            count: How many, H.
            known: The covariates known in the future, in the order of the columns, [H, K]; zeros
                are read, scaled, where they are not given.

        Returns:
            Rows as `scaled` gives them, with zeros for what is not known. [H, R]

        Raises:
            DataError: The calendar needs dates that the series does not have.
        """
        scaling = self.scaling.for_series(series.name)
        scaled = torch.zeros(count, len(self.columns), dtype=torch.float64)
        places = [self.columns.index(name) for name in self.rows.known]
        if known is not None and places:
            center, scale = (
                torch.tensor(part, dtype=torch.float64)[places]
                for part in (scaling.center, scaling.scale)
            )
            coming, lost = known.double(), self.settings.difference
            if lost:
                before = self.rows.chosen(series)[-lost:, places].double()
                coming = coming - torch.cat([before, coming])[:count]
            scaled[:, places] = (coming - center) / scale
        parts = [scaled]
        if self.rows.calendar.cycles:
            clock, _ = following(series.clock, series.times, count)
            dated = None if series.clock is None else clock
            parts.append(self.rows.dated(dated, series.source))
        if self.rows.output.counts:
            parts.append(scaled.new_full((count, 1), scaling.scale[0]))
        return torch.cat(parts, 1).to(self._like)

    @cached_property
    def _like(self) -> Tensor:
        """A tensor of the dtype and on the device that the network computes with."""
        return torch.empty(0, dtype=self.settings.torch_dtype, device=self.settings.device)

    def for_series(self, name: str) -> SeriesModel:
        """Give a forecaster of one of the series: the same network, with that series' scaling.

        Raises:
            DataError: The series was not among several trained on.
        """
        one = copy.copy(self)
        one.scaling = self.scaling.for_series(name)
        return one

    def of_target(self) -> Network:
        """Give the network with the scaled forecast of the target as its only output."""
        one = copy.deepcopy(self.network)
        linear = one.readout
        linear.weight = nn.Parameter(linear.weight.detach()[:1].clone())
        linear.bias = nn.Parameter(linear.bias.detach()[:1].clone())
        linear.out_features = 1
        one.output_activation = self.rows.output.activation
        return one

    def scaled(self, series: Series) -> Tensor:
        """Give the rows of a series, scaled, where the network is; see `SeriesRows`.

        Returns:
            [T - difference, R]

        Raises:
            DataError: A column is missing, or the series was not among several trained on.
        """
        return self.rows.made(series, self.scaling.for_series(series.name), self._like)

    def run(
        self, rows: Sequence[Tensor], lengths: Sequence[int]
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Run the network through each series from its first row; see `run_side_by_side`.

        Args:
            rows: Of each series, [T, R].
            lengths: How many each has, T.

        Yields:
            The place of a series, its rows, and what the network says of all but the first of them,
            [T - 1, O].
        """
        return run_side_by_side(self.network, rows, lengths, self.rows.read)


def network_for(columns: Sequence[str], settings: Settings, device: str | None = None) -> Network:
    """Make the network of a forecaster, with weights as they are drawn."""
    rows = SeriesRows(columns, settings)
    return Network(
        settings.cell,
        input_size=len(rows.inputs),
        hidden_size=settings.hidden,
        output_size=rows.output_size,
        num_layers=settings.layers,
        dtype=settings.torch_dtype,
        device=device,
    )


def rows_to_fit(split: Split, settings: Settings) -> range:
    """Give the rows that weights and scaling are fitted on, counted from the first change."""
    rows = split.train if settings.patience is None else split.fit
    return range(rows.start, rows.stop - settings.difference)


def _enough(member: Member, settings: Settings) -> range:
    """Give the rows of a series to fit on.

    Raises:
        DataError: There are fewer than two.
    """
    rows = rows_to_fit(member.split, settings)
    if len(rows) < 2:
        learned = rows.stop + settings.difference
        raise DataError(
            f"{quoted(member.series.name)} has {learned} rows to learn from, and of these "
            f"{max(0, rows.stop)} with a change over {settings.difference} rows; at least 2 are "
            "needed.\nTo mend: give longer series, or a smaller difference."
        )
    return rows
