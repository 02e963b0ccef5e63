"""A forecaster about to learn series: windows of them, validation on what follows, its errors."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from throughtime.data import Dataset
from throughtime.data.drawn import DrawnRows
from throughtime.data.windows import Rows, Windows
from throughtime.estimators.fitting import fitted, seeded
from throughtime.estimators.made_on_demand import of_each
from throughtime.estimators.series_model import SeriesModel, rows_to_fit
from throughtime.train import Batch, Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback

RESIDUALS = 500
"""Errors of a network of numbers alone that are kept, from which others are drawn."""


class SeriesTraining:
    """A forecaster with the weights that it begins with, and the series that it is to learn.

    Args:
        model: What learns.
        dataset: Rows of its test periods are not looked at.
    """

    def __init__(self, model: SeriesModel, dataset: Dataset) -> None:
        self.model, self.dataset = model, dataset
        series = [member.series for member in dataset.members]
        lost = model.settings.difference  # rows at the start, before which there is no change
        self.lengths = [member.split.train.stop - lost for member in dataset.members]
        self.validated = [
            range(member.split.validation.start - lost, member.split.validation.stop - lost)
            for member in dataset.members
        ]
        self.known = of_each(series, lambda at: model.scaled(series[at])[: self.lengths[at]])

    def run(
        self,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train the network, and leave it with its best weights; see `SeriesModel.fit`."""
        model, settings = self.model, self.model.settings
        windows = Windows(self._learned(), settings.window, settings.stride)
        outcome = fitted(
            model.network,
            lambda: self.batches(windows),
            self._batch(windows, torch.tensor([0])),
            model.rows.loss,
            "mean",
            settings,
            seeded(settings.seed),
            None if settings.patience is None else self.validate,
            callbacks,
            checkpoints,
            resume,
        )
        # Whoever sends SIGTERM does not wait for another pass through the series.
        if not model.rows.output.distribution and outcome.signal != signal.SIGTERM:
            model.residuals = self.residuals()
        return outcome

    def batches(self, windows: Windows) -> Iterator[Batch]:
        """Give an epoch: the windows, or as many as are asked for, in a new order, in batches."""
        settings = self.model.settings
        order = torch.randperm(len(windows))[: settings.windows_per_epoch]
        for chosen in torch.split(order, settings.batch_size):
            yield self._batch(windows, chosen)

    def _batch(self, windows: Windows, chosen: Tensor) -> Batch:
        rows, lengths = windows.batch(chosen)  # [steps + 1, B, R]
        return Batch(self.model.rows.read(rows), self.model.rows.asked(rows), lengths)

    def validate(self) -> float:
        """Give the mean loss of the target on the validation rows, from each series' first row."""
        # One tensor for all: thousands of small ones would keep apart what could be free.
        counts = list(map(len, self.validated))
        losses = torch.empty(sum(counts), dtype=self.model.settings.torch_dtype)
        parts, rows_of = torch.split(losses, counts), self.model.rows
        for place, rows, given in self.model.run(self.known, self.lengths):
            first = self.validated[place].start - 1
            asked = rows_of.asked(rows[first:, None])
            parts[place][:] = rows_of.target_loss(given[first:, None], asked)[:, 0, 0]
        return float(losses.mean())

    def residuals(self) -> Tensor:
        """Give scaled errors on the validation rows, or on all if there are none, [R, columns].

        Their mean is taken off: a drift that is left in them would add up, step by step, beside
        what is forecast.
        """
        begins = [rows.start if rows else 1 for rows in self.validated]
        counts = [length - begin for length, begin in zip(self.lengths, begins, strict=True)]
        columns = list(self.model.rows.forecast)
        errors = torch.empty(sum(counts), len(columns), dtype=self.model.settings.torch_dtype)
        parts = torch.split(errors, counts)
        for place, rows, given in self.model.run(self.known, self.lengths):
            begin = begins[place]
            centers = self.model.rows.centers(given[begin - 1 :])  # of rows begin, begin + 1, ...
            parts[place][:] = rows[begin:, columns] - centers
        chosen = torch.linspace(0, len(errors) - 1, min(RESIDUALS, len(errors))).round().long()
        return errors[chosen] - errors.mean(0)

    def _learned(self) -> Sequence[Tensor] | Rows:
        """Give the rows that are learned from: now, or when they are drawn."""
        model, members = self.model, self.dataset.members
        stops = [rows_to_fit(member.split, model.settings).stop for member in members]
        if not self.dataset.stored:
            return [rows[:stop] for rows, stop in zip(self.known, stops, strict=True)]
        series = [member.series for member in members]
        if model.settings.transform != "none":
            for one in series:  # what cannot be transformed is found before anything is learned
                model.scaled(one)
        lost = model.settings.difference

        def drawn(place: int, rows: range) -> Tensor:
            return model.scaled(series[place].undated(range(rows.start, rows.stop + lost)))

        return DrawnRows(stops, drawn)
