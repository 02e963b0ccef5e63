"""A recurrent network that forecasts a series one step ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from throughtime.data import DataError, Dataset, Scaling, Series
from throughtime.estimators.settings import Settings
from throughtime.flow import Flow, flow
from throughtime.gradients import BPTT
from throughtime.nn import Network
from throughtime.train import Batch, Clipping, Outcome, make_optimizer, make_schedule, train
from throughtime.train.loop import Callback

_loss = nn.MSELoss(reduction="none")


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
            self.network = Network(
                settings.cell,
                input_size=len(self.columns),
                hidden_size=settings.hidden,
                output_size=1,
                num_layers=settings.layers,
                dtype=settings.torch_dtype,
            ).to(settings.device)

    @classmethod
    def for_dataset(cls, dataset: Dataset, settings: Settings) -> Forecaster:
        """Make an untrained forecaster for a data set, scaled by its rows to fit on."""
        scaling = Scaling.fit(dataset.series.values, dataset.split.fit)
        return cls(dataset.series.columns, scaling, settings)

    def fit(self, dataset: Dataset, callbacks: Sequence[Callback] = ()) -> Outcome:
        """Train on the rows to fit on, and keep the weights that validate best.

        Training sequences are windows of the rows to fit on, all of them one batch, differentiated
        by full backpropagation through time. Validation runs through the series from its first
        row, and counts the errors on the validation rows.

        Args:
            dataset: Rows of its test periods are not looked at.
            callbacks: Told of each update and epoch.

        Returns:
            What the training came to.

        Raises:
            DataError: There are too few rows for a window.
        """
        settings, split = self.settings, dataset.split
        learned = self._scaled(dataset.series)[: split.train.stop]
        batch = self._windows(learned[split.fit.start : split.fit.stop])
        optimizer = make_optimizer(
            settings.optimizer,
            self.network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
        )

        def validate() -> float:
            error = self._run(learned)[:-1] - learned[1:, 0]  # of rows 1, 2, ...
            rows = split.validation
            return float(error[rows.start - 1 : rows.stop - 1].square().mean())

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return train(
                self.network,
                lambda: [batch],
                _loss,
                BPTT(),
                optimizer,
                epochs=settings.epochs,
                schedule=make_schedule(settings.schedule, optimizer, settings.epochs),
                clipping=Clipping(norm=settings.clip),
                validate=validate,
                patience=settings.patience,
                callbacks=callbacks,
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
        ahead = self.scaling.invert_target(self._run(self._scaled(series)).double().cpu())
        first = torch.full((1,), torch.nan, dtype=torch.float64)
        return torch.cat([first, ahead[:-1]]), float(ahead[-1])

    def flow(self, dataset: Dataset) -> Flow:
        """Measure how far back the gradient reaches, on the training rows."""
        values = self._scaled(dataset.series)[: dataset.split.train.stop]
        return flow(self.network, values[:-1, None], values[1:, None, :1], _loss)

    def _scaled(self, series: Series) -> Tensor:
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

    def _windows(self, values: Tensor) -> Batch:
        """Cut rows [T, C] into one batch of windows, the last one ending with the last row."""
        length = min(self.settings.window, len(values) - 1)
        starts = list(_starts(len(values) - 1 - length, self.settings.stride))
        windows = [values[start : start + length + 1] for start in starts]
        stacked = torch.stack(windows, 1)  # [length + 1, B, C]
        return Batch(stacked[:-1], stacked[1:, :, :1])


def _starts(last: int, stride: int) -> Iterator[int]:
    """Give starts that are a stride apart and end at the last one that fits."""
    yield from range(last % stride, last + 1, stride)
