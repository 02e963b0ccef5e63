"""A training kept by MLflow: its settings, its figures along the way, and what it left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughtime.flow.probe import FlowProbe, Look
    from throughtime.train.history import Row

_AT_ONCE = 1000
"""Figures that MLflow takes in one call."""


class MLflow:
    """A callback of the training loop that writes a run of MLflow.

    Where to is MLflow's affair: MLFLOW_TRACKING_URI, else its own default. By update: the loss, the
    norm of the gradient, whether it was clipped, the learning rate; by epoch the validation loss;
    with a probe, for each of its looks, the horizon of each layer in steps (where a gradient has
    fallen to 1 %; the lags looked at, where it has not).

    Args:
        experiment: The experiment's name; it is made if there is none.
        name: The run's.
        settings: What the model is and how it is trained, plain values.
        probe: Looks at the gradient along the training; called before this one.

    Raises:
        ImportError: MLflow is not installed.
        OSError: MLflow cannot write where it is told to.
    """

    def __init__(
        self,
        experiment: str,
        name: str,
        settings: Mapping[str, Any],
        probe: FlowProbe | None = None,
    ) -> None:
        try:
            tracking: Any = import_module("mlflow.tracking")
            self._entities: Any = import_module("mlflow.entities")
            self._refused: Any = import_module("mlflow.exceptions").MlflowException
        except ImportError as error:
            raise ImportError(
                'MLflow is not installed; pip install "throughtime[mlflow]"'
            ) from error
        self._probe, self._seen = probe, 0
        self._waiting: list[Any] = []
        try:
            self._client = tracking.MlflowClient()
            known = self._client.get_experiment_by_name(experiment)
            place = known.experiment_id if known else self._client.create_experiment(experiment)
            self._run = self._client.create_run(place, run_name=name).info.run_id
            told = [self._entities.Param(key, str(value)) for key, value in settings.items()]
            self._client.log_batch(self._run, params=told)
        except self._refused as error:
            raise OSError(f"MLflow cannot be written to: {error}") from None

    def after_update(self, row: Row, steps: int) -> None:
        """Note an update's figures, and a look that the probe has taken since."""
        for name in ("loss", "gradient_norm", "clipped", "learning_rate"):
            self._note(name, getattr(row, name), row.update)
        looks = self._probe.looks if self._probe is not None else []
        for look in looks[self._seen :]:
            self._look(look)
        self._seen = len(looks)

    def after_epoch(self, row: Row) -> None:
        """Note the validation loss, and write all that is not written yet."""
        if row.validation_loss is not None:
            self._note("validation_loss", row.validation_loss, row.update)
        self._write()

    def end(self, status: str, folder: Path | None = None) -> None:
        """End the run.

        Args:
            status: MLflow's: "FINISHED", "KILLED" or "FAILED".
            folder: What the training has left, kept as the run's artifacts.
        """
        self._write()
        if folder is not None:
            self._client.log_artifacts(self._run, str(folder))
        self._client.set_terminated(self._run, status)

    def _look(self, look: Look) -> None:
        for place, layer in enumerate(look.layers):
            horizon = layer.horizon()
            steps = layer.lag[-1] if horizon is None and layer.lag else horizon
            if steps is not None:
                self._note(f"horizon/layer_{place}", steps, look.update)

    def _note(self, name: str, value: float, update: int) -> None:
        now = int(time.time() * 1000)
        self._waiting.append(self._entities.Metric(name, float(value), now, update))
        if len(self._waiting) == _AT_ONCE:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self._client.log_batch(self._run, metrics=self._waiting)
            self._waiting = []
