"""The rows of a series as a forecaster reads and forecasts them: scaled, differenced, dated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from throughtime.data import DataError, Scaling, Series
from throughtime.data.calendar import Calendar
from throughtime.data.clock import Clock
from throughtime.data.faults import listed, quoted
from throughtime.data.scaling import transformed, transforms
from throughtime.estimators.outputs import Output
from throughtime.estimators.outputs import registry as outputs
from throughtime.estimators.settings import Settings, SettingsError


class SeriesRows:
    """Which columns a network reads and forecasts, and how they are made of a series.

    A row holds the columns of the series, then the calendar's, then, where the output is of counts,
    what a count is divided by. From row t the network reads what is known then, and of row t + 1
    what is known before it has come; it forecasts the target of row t + 1 and, so that it can go on
    from its own forecasts, all covariates of it that are not known (`Settings.joint`).

    Args:
        columns: The target's name, then the covariates'.
        settings: How the target is transformed and differenced, what is known, what is said of it.

    Attributes:
        known: Covariates that are known in the future.
        unsaid: Covariates that are neither known nor forecast.

    Raises:
        SettingsError: What is to be known is no covariate.
    """

    def __init__(self, columns: Sequence[str], settings: Settings) -> None:
        self.columns = tuple(columns)
        self.calendar = Calendar.named(settings.calendar)
        self.transform, self.difference = settings.transform, settings.difference
        self.output: Output = outputs[settings.output]
        strange = [name for name in settings.known if name not in self.columns[1:]]
        if strange:
            raise SettingsError(
                f"known in the future are to be {listed(map(quoted, strange))}, which "
                f"{'are no covariates' if len(strange) > 1 else 'is no covariate'}; these are: "
                f"{listed(self.columns[1:]) or 'none'}"
            )
        self.known = tuple(name for name in self.columns if name in settings.known)
        self.unsaid = tuple(
            name for name in self.columns[1:] if not settings.joint and name not in self.known
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what the network reads, in its order."""
        return (*self.columns, *self.calendar.columns)

    @property
    def forecast(self) -> tuple[int, ...]:
        """The places of the columns that the network forecasts: the target first."""
        left = {*self.known, *self.unsaid}
        return tuple(i for i, name in enumerate(self.columns) if name not in left)

    @property
    def ahead(self) -> Tensor:
        """Which inputs are read of the row that is forecast, [I]."""
        known = [name in self.known for name in self.columns]  # whatever a column is called
        return torch.tensor([*known, *[True] * len(self.calendar.columns)])

    @cached_property
    def others(self) -> Output:
        """What the network says of covariates that it forecasts."""
        return outputs["gaussian" if self.output.distribution else "point"]

    @property
    def output_size(self) -> int:
        """Numbers that the network gives at a step: of the target, then of each covariate."""
        return self.output.parameters + (len(self.forecast) - 1) * self.others.parameters

    def chosen(self, series: Series) -> Tensor:
        """Give the columns by their names, [T, C]; others are left out.

        Raises:
            DataError: Some are missing.
        """
        missing = [name for name in self.columns if name not in series.columns]
        if missing:
            raise DataError(
                f"{series.source} lacks the column(s) {', '.join(missing)} that the model was "
                f"trained with; it has {', '.join(series.columns)}"
            )
        return series.values[:, [series.columns.index(name) for name in self.columns]]

    def changes(self, values: Tensor) -> Tensor:
        """Give columns [T, C] as their changes since `difference` rows before.

        The covariates' too: what changes the target, and is not there for good, is their change.

        Returns:
            [T - difference, C]; as they are where nothing is differenced.

        Raises:
            DataError: There are too few rows, or the transform does not take a value.
        """
        steps = self.difference
        if not steps:
            return values
        if len(values) <= steps:
            raise DataError(
                f"a series of {len(values)} rows has no change over {steps}.\n"
                "To mend: give longer series, or a smaller difference."
            )
        levels = transformed(values, self.transform)
        return levels[steps:] - levels[:-steps]

    def scaling(self, values: Tensor, rows: range) -> Scaling:
        """Fit the scaling of changes [T', C] on some rows of theirs."""
        if self.output.counts:
            return Scaling.of_counts(values, rows)
        return Scaling.fit(values, rows, self.scaled_transform)

    @property
    def scaled_transform(self) -> str:
        """What scaling does to the target first: nothing to what is transformed and differenced."""
        return "none" if self.difference else self.transform

    def made(self, series: Series, scaling: Scaling, like: Tensor) -> Tensor:
        """Give the rows of a series, [T - difference, R].

        Args:
            series: Of these columns.
            scaling: Of this series.
            like: Says dtype and device.

        Raises:
            DataError: A column or a time that is needed is not there.
        """
        scaled = scaling.apply(self.changes(self.chosen(series)))
        parts = [scaled]
        if self.calendar.cycles:
            parts.append(self.dated(series.clock, series.source)[self.difference :])
        if self.output.counts:
            parts.append(scaled.new_full((len(scaled), 1), scaling.scale[0]))
        return torch.cat(parts, 1).to(like)

    def dated(self, clock: Clock | None, source: str) -> Tensor:
        """Give the calendar's features of times, [T, F]."""
        return self.calendar.features(clock, source)

    def read(self, rows: Tensor) -> Tensor:
        """Give what the network reads of rows [T + 1, ..., R] to forecast all but the first.

        Returns:
            [T, ..., I]
        """
        read = rows[:-1, ..., : len(self.inputs)]
        if not (self.known or self.calendar.cycles):
            return read
        ahead = self.ahead.to(rows.device)
        return torch.where(ahead, rows[1:, ..., : len(self.inputs)], read)

    def asked(self, rows: Tensor) -> Tensor:
        """Give what the network is asked of rows [T + 1, B, R], for `loss`.

        Returns:
            [T, B, 1] where it answers with one number, else [T, B, forecast columns + size, 1]: of
            another rank than the outputs, whose shape it has not.
        """
        places = [*self.forecast, *([len(self.inputs)] if self.output.counts else [])]
        asked = rows[1:, ..., places]
        return asked if self.output_size == 1 else asked[..., None]

    def loss(self, given: Tensor, asked: Tensor) -> Tensor:
        """Give the loss of the target plus the mean of those of the covariates.

        Args:
            given: By the network. [T, B, O]
            asked: As `asked` gives it.

        Returns:
            [T, B, 1]
        """
        of_target, of_others = self._losses(given, asked)
        return of_target if of_others is None else of_target + of_others.mean(-1, keepdim=True)

    def target_loss(self, given: Tensor, asked: Tensor) -> Tensor:
        """Give the loss of the target alone, [T, B, 1]."""
        return self._losses(given, asked)[0]

    def _losses(self, given: Tensor, asked: Tensor) -> tuple[Tensor, Tensor | None]:
        values = asked if self.output_size == 1 else asked[..., 0]  # [T, B, K]
        size = values[..., -1] if self.output.counts else None
        of_target, of_others = self.parted(given)
        own = self.output.loss(of_target, values[..., 0], size)[..., None]
        count = len(self.forecast)
        return own, self.others.loss(of_others, values[..., 1:count]) if count > 1 else None

    def centers(self, given: Tensor) -> Tensor:
        """Give the scaled forecast of each column that is forecast, [..., O] to [..., K]."""
        of_target, of_others = self.parted(given)
        return torch.cat(
            [self.output.center(of_target)[..., None], self.others.center(of_others)], -1
        )

    def parted(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Part what the network gives in that of the target and that of the covariates.

        Returns:
            [..., P] and [..., covariates that are forecast, P']
        """
        own = self.output.parameters
        shape = (*given.shape[:-1], len(self.forecast) - 1, self.others.parameters)
        return given[..., :own], given[..., own:].reshape(shape)

    def restored(self, scaled: Tensor, before: Tensor, scaling: Scaling) -> Tensor:
        """Bring forecasts of the target back to its units.

        Args:
            scaled: As the network gives it, float64, any shape.
            before: The target `difference` rows before each, transformed; ignored where nothing is
                differenced.
            scaling: Of the series.
        """
        if not self.difference:
            return scaling.invert_target(scaled)
        return self.units(before + scaling.invert_target(scaled))

    def units(self, levels: Tensor) -> Tensor:
        """Bring transformed targets back to the units of the data."""
        return transforms[self.transform].inverse(levels)

    def levels(self, series: Series) -> Tensor:
        """Give the target, transformed, from which changes are counted; float64, [T]."""
        return transformed(self.chosen(series)[:, :1], self.transform)[:, 0].double()
