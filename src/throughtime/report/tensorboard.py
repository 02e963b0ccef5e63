"""A training watched by TensorBoard: its scalars, and how far its gradients reach."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from throughtime.flow.probe import FlowProbe, Look
    from throughtime.train.history import Row


class TensorBoard:
    """A callback of the training loop that writes what TensorBoard shows.

    Scalars by update: the loss, the norm of the gradient, whether it was clipped, the learning
    rate; by epoch the validation loss. With a probe, for each of its looks: the horizon of each
    layer in steps (where a gradient has fallen to 1 %; the lags looked at, where it has not), and a
    picture of the gradient by lag.

    Args:
        folder: Where TensorBoard looks for it: `tensorboard --logdir FOLDER`.
        probe: Looks at the gradient along the training; called before this one.

    Raises:
        ImportError: TensorBoard is not installed.
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path, probe: FlowProbe | None = None) -> None:
        try:
            writers: Any = import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise ImportError(
                'TensorBoard is not installed; pip install "throughtime[tensorboard]"'
            ) from error
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = writers.SummaryWriter(str(folder))
        self._probe, self._seen = probe, 0

    def after_update(self, row: Row, steps: int) -> None:
        """Write an update's scalars, and a look that the probe has taken since."""
        for name in ("loss", "gradient_norm", "learning_rate"):
            self._writer.add_scalar(name, getattr(row, name), row.update)
        self._writer.add_scalar("clipped", float(row.clipped), row.update)
        looks = self._probe.looks if self._probe is not None else []
        for look in looks[self._seen :]:
            self._look(look)
        self._seen = len(looks)

    def after_epoch(self, row: Row) -> None:
        """Write the validation loss, and all that is not written yet."""
        if row.validation_loss is not None:
            self._writer.add_scalar("validation_loss", row.validation_loss, row.update)
        self._writer.flush()

    def _look(self, look: Look) -> None:
        for place, layer in enumerate(look.layers):
            horizon = layer.horizon()
            steps = layer.lag[-1] if horizon is None and layer.lag else horizon
            if steps is not None:
                self._writer.add_scalar(f"horizon/layer {place}", steps, look.update)
        if look.layers:
            self._writer.add_figure("gradient by lag", _picture(look), look.update)


def _picture(look: Look) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    for place, layer in enumerate(look.layers):
        ax.plot(layer.lag, layer.median, label=f"layer {place}")
    if any(norm > 0 for layer in look.layers for norm in layer.median):
        ax.set_yscale("log")
    ax.axhline(0.01, color="#5d6269", lw=0.8, ls=":")
    ax.set_xlabel("lag in steps")
    ax.set_ylabel("gradient norm relative to lag 0")
    ax.legend()
    return figure
