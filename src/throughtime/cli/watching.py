"""What else watches a training: TensorBoard and MLflow, where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from throughtime.cli.errors import UsageError

if TYPE_CHECKING:
    from throughtime.flow.probe import FlowProbe
    from throughtime.report.mlflow import MLflow
    from throughtime.train.training import Callback

Watcher = TypeVar("Watcher")

_STATUS = {"interrupted": "KILLED", "failed": "FAILED"}
"""MLflow's words for how a training ended; any other end is none of these."""


@dataclass
class Watching:
    """Those who watch a training, besides the probe; a context, in which they do.

    Attributes:
        tensorboard: Where TensorBoard finds scalars and pictures; None for no TensorBoard.
        experiment: MLflow's, where the run is kept; None for no MLflow.
    """

    tensorboard: Path | None = None
    experiment: str | None = None
    _mlflow: MLflow | None = field(default=None, init=False)

    def callbacks(
        self, name: str, configuration: Mapping[str, Any], probe: FlowProbe | None
    ) -> list[Callback]:
        """Let them begin, the probe first.

        Args:
            name: The run's.
            configuration: The run's.
            probe: Looks at the gradient by lag; None if nothing does.

        Raises:
            UsageError: One is not installed, or cannot write.
        """
        found: list[Callback] = [] if probe is None else [probe]
        if self.tensorboard is not None:
            folder = self.tensorboard
            found.append(_begun(lambda: _tensorboard(folder, probe)))
        if self.experiment is not None:
            experiment = self.experiment
            self._mlflow = _begun(lambda: _mlflow(experiment, name, configuration, probe))
            found.append(self._mlflow)
        return found

    def end(self, stopped: str, folder: Path) -> None:
        """Let them end with what a training has left.

        Args:
            stopped: How it ended, as the run's metrics have it.
            folder: The run's.
        """
        if self._mlflow is not None:
            self._mlflow.end(_STATUS.get(stopped, "FINISHED"), folder)
            self._mlflow = None

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._mlflow is not None:
            self._mlflow.end("FAILED" if isinstance(error, Exception) else "KILLED")


def _begun(begin: Callable[[], Watcher]) -> Watcher:
    try:
        return begin()
    except (ImportError, OSError) as error:
        raise UsageError(str(error)) from None


def _tensorboard(folder: Path, probe: FlowProbe | None) -> Any:
    from throughtime.report.tensorboard import TensorBoard

    return TensorBoard(folder, probe)


def _mlflow(
    experiment: str, name: str, configuration: Mapping[str, Any], probe: FlowProbe | None
) -> MLflow:
    from throughtime.report.mlflow import MLflow

    parts = (configuration.get(part) for part in ("network", "training"))
    settings = {k: v for part in parts if isinstance(part, Mapping) for k, v in part.items()}
    return MLflow(experiment, name, settings, probe)
