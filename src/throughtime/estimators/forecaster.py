"""A recurrent network that forecasts a series one step ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from throughtime.data import DataError, Dataset, Scaling, Series
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.flow import Flow, flow
from throughtime.flow.probe import FlowProbe
from throughtime.flow.walk import Walk, walk
from throughtime.gradients import Clipping
from throughtime.nn import Network
from throughtime.train import (
    Batch,
    Checkpoint,
    Checkpoints,
    Outcome,
    make_optimizer,
    make_schedule,
    train,
)
from throughtime.train.rehearsal import rehearse
from throughtime.train.training import Callback

_loss = nn.MSELoss(reduction="none")

FLOW_STEPS = 300
"""Steps on which gradient flow is measured: what it needs of memory grows with them."""
PROBE_STEPS = 72
"""Steps on which it is looked at while a network is trained."""


class Forecaster:
    """Forecasts the target of a series from all rows before, its own and the covariates'.

    The network reads row t and predicts the target of row t + 1. Values are scaled by the rows
    trained on.

    Args:
        columns: The target's name, then the covariates'.
        scaling: Of these columns.
        settings: How the network is built and trained.
    """

    def __init__(self, columns: Sequence[str], scaling: Scaling, settings: Settings) -> None:
        self.columns = tuple(columns)
        self.scaling = scaling
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # the network's weights depend on the seed alone
            self.network = network_for(self.columns, settings).to(settings.device)

    @classmethod
    def for_dataset(cls, dataset: Dataset, settings: Settings) -> Forecaster:
        """Make an untrained forecaster for a data set, scaled by the rows that it will fit."""
        rows = rows_to_fit(dataset, settings)
        try:
            scaling = Scaling.fit(dataset.series.values, rows, settings.transform)
        except DataError as error:
            raise DataError(f"{dataset.series.source}: {error}") from None
        return cls(dataset.series.columns, scaling, settings)

    def fit(
        self,
        dataset: Dataset,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train on windows of the series, by the settings' gradient method.

        With patience, the rows to fit on are learned from and the weights are kept with which the
        network, run through the series from its first row, errs least on the validation rows.
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
        settings, split = self.settings, dataset.split
        known = self.scaled(dataset.series)[: split.train.stop]
        rows = rows_to_fit(dataset, settings)
        windows = self._windows(known[rows.start : rows.stop])
        optimizer = make_optimizer(
            settings.optimizer,
            self.network.parameters(),
            settings.learning_rate,
            **({"weight_decay": settings.weight_decay} if settings.weight_decay else {}),
        )

        method = settings.gradient_method()
        try:
            first = Batch(windows[:-1, :1], windows[1:, :1, :1])
            rehearse(self.network, first, _loss, method)
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"method {settings.method!r} does not take this network: {error}"
            ) from None

        def validate() -> float:
            error = self._run(known)[:-1] - known[1:, 0]  # of rows 1, 2, ...
            validated = error[split.validation.start - 1 : split.validation.stop - 1]
            return float(validated.square().mean())

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return train(
                self.network,
                lambda: self._batches(windows),
                _loss,
                method,
                optimizer,
                epochs=settings.epochs,
                schedule=make_schedule(settings.schedule, optimizer, settings.epochs),
                clipping=Clipping(norm=settings.clip),
                validate=None if settings.patience is None else validate,
                patience=settings.patience,
                callbacks=callbacks,
                checkpoints=checkpoints,
                resume=resume,
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
        ahead = self.scaling.invert_target(self._run(self.scaled(series)).double().cpu())
        first = torch.full((1,), torch.nan, dtype=torch.float64)
        return torch.cat([first, ahead[:-1]]), float(ahead[-1])

    def flow(self, dataset: Dataset) -> Flow:
        """Measure how far back the gradient reaches, on the last of the training rows.

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
        missing = [name for name in self.columns if name not in series.columns]
        if missing:
            raise DataError(
                f"{series.source} lacks the column(s) {', '.join(missing)} that the model was "
                f"trained with; it has {', '.join(series.columns)}"
            )
        places = [series.columns.index(name) for name in self.columns]
        scaled = self.scaling.apply(series.values[:, places])
        return scaled.to(self.settings.device, self.settings.torch_dtype)

    @torch.no_grad()
    def _run(self, values: Tensor) -> Tensor:
        """Give the scaled forecast [T] that follows each row [T, C]."""
        self.network.eval()
        outputs, _ = self.network(values[:, None])
        result: Tensor = outputs[:, 0, 0]
        return result

    def _windows(self, values: Tensor) -> Tensor:
        """Cut rows [T, C] into windows [length + 1, N, C], a stride apart, the last at the end."""
        length = min(self.settings.window, len(values) - 1)
        last = len(values) - 1 - length
        starts = range(last % self.settings.stride, last + 1, self.settings.stride)
        return torch.stack([values[start : start + length + 1] for start in starts], 1)

    def _batches(self, windows: Tensor) -> Iterator[Batch]:
        """Give an epoch: the windows in a new order, in batches."""
        order = torch.randperm(windows.shape[1])
        for chosen in torch.split(order, self.settings.batch_size):
            batch = windows[:, chosen]  # [length + 1, B, C]
            yield Batch(batch[:-1], batch[1:, :, :1])


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


def rows_to_fit(dataset: Dataset, settings: Settings) -> range:
    """Give the rows that weights and scaling are fitted on."""
    return dataset.split.train if settings.patience is None else dataset.split.fit
