"""A model as an export sees it: cell, weights, readout and scaling, whatever class it came as."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from throughtime.data import Scaling, ScalingBySeries
from throughtime.data.faults import listed
from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.estimators import SeriesModel
from throughtime.export.errors import ExportError
from throughtime.nn import GRU, LSTM, RNN, Network, Recurrent
from throughtime.nn.network import activations
from throughtime.nn.one_step import Readout

Model = Recurrent | Network | RNN | GRU | LSTM | SeriesModel
"""What can be exported."""


@dataclass(frozen=True)
class Described:
    """A model in evaluation mode, its weights in float32 on the CPU.

    Attributes:
        cell: The cell.
        layers: The weights by layer, then by direction.
        input_size: Inputs a step, I.
        hidden_size: Units, H.
        batch_first: Whether input and output are [B, T, ·] instead of [T, B, ·].
        taken: Of each state, the share of its new value that is taken at a step, the rest being the
            old one: the expectation of zoneout. None for all.
        readout: What the last layer's outputs go through; None for a layer without a readout.
        scaling: Of the inputs' columns and, inverted, of the output; None for none.
        columns: The inputs by name, where they have names.
    """

    cell: Cell
    layers: tuple[tuple[Weights, ...], ...]
    input_size: int
    hidden_size: int
    batch_first: bool
    taken: tuple[float, ...] | None = None
    readout: Readout | None = None
    scaling: Scaling | None = None
    columns: tuple[str, ...] = ()

    @property
    def directions(self) -> int:
        """How many directions each layer runs in."""
        return len(self.layers[0])

    @property
    def widths(self) -> tuple[int, ...]:
        """The columns of each state: H, or those of the projection for the first."""
        P = self.layers[0][0].P
        first = self.hidden_size if P is None else len(P)
        return (first, *[self.hidden_size] * (len(self.cell.states) - 1))

    @property
    def output_size(self) -> int:
        """The columns of the output."""
        if self.readout is not None and self.readout.V is not None:
            return len(self.readout.V)
        return self.directions * self.widths[0]


def describe(model: Model) -> Described:
    """Look at a model.

    Args:
        model: A layer of any cell, a network, or a forecaster.

    Raises:
        ExportError: It is none of these; or it has a forward call, or a readout, of its own, whose
            operations nothing is known of; or it has no inputs.
    """
    if isinstance(model, SeriesModel):
        if isinstance(model.scaling, ScalingBySeries):
            raise ExportError(
                "the forecaster has learned several series, each of a scale of its own; name the "
                f"one to export (series): {listed(model.scaling.of, shown=10)}"
            )
        if model.settings.difference:
            raise ExportError(
                "the forecaster has learned changes, and what it forecasts is counted from rows "
                "before; export one that was trained without difference"
            )
        inside, rows = describe(model.of_target()), model.rows
        calendar = len(rows.calendar.columns)
        center, scale = (0.0,) * calendar, (1.0,) * calendar  # these come as the network reads them
        return replace(
            inside,
            scaling=replace(
                model.scaling,
                center=model.scaling.center + center,
                scale=model.scaling.scale + scale,
            ),
            columns=rows.inputs,
        )
    if isinstance(model, Network):
        _refuse_own_forward(model, Network)
        inside = describe(model.recurrent)
        readout = model.as_readout()
        if readout.activation not in activations:
            raise ExportError(
                f"{type(model).__name__} has a readout of its own, whose operations are not known "
                "here; export model.recurrent, and do the reading where the model runs"
            )
        return replace(inside, readout=_detached(readout))
    if not isinstance(model, Recurrent | RNN | GRU | LSTM):
        raise ExportError(
            f"{type(model).__name__} cannot be exported; a Recurrent, RNN, GRU, LSTM or Network of "
            "throughtime.nn is expected, or a SeriesModel (tt.nn.convert_ makes ours of torch's "
            "layers; export the layers of a larger model one by one)"
        )
    _refuse_own_forward(model, Recurrent, RNN, GRU, LSTM)
    if model.input_size == 0:
        raise ExportError("a layer without inputs cannot be exported; give it a column of zeros")
    zoneout = getattr(model, "zoneout", ())
    return Described(
        cell=model.cell,
        layers=tuple(
            tuple(
                _weights(model.weights(layer, reverse))
                for reverse in ((False, True) if model.bidirectional else (False,))
            )
            for layer in range(model.num_layers)
        ),
        input_size=model.input_size,
        hidden_size=model.hidden_size,
        batch_first=model.batch_first,
        taken=tuple(1 - p for p in zoneout) if any(zoneout) else None,
    )


def refuse_directions(described: Described, form: str) -> None:
    """Refuse a model that reads a sequence from its end too.

    Raises:
        ExportError: It does.
    """
    if described.directions > 1:
        raise ExportError(
            f"{form} goes forward in time, one step a call, and with bidirectional=True a layer "
            "reads a sequence from its end too; export it as ONNX for whole sequences"
        )


def _refuse_own_forward(model: nn.Module, *known: type[nn.Module]) -> None:
    if all(type(model).forward is not kind.forward for kind in known):
        raise ExportError(
            f"{type(model).__name__} has a forward call of its own, whose operations are not known "
            "here; export the layers that it calls, one by one"
        )


def _weights(weights: Weights) -> Weights:
    matrices: dict[str, Tensor | None] = {
        name: _single(getattr(weights, name)) for name in ("W", "U", "b", "c", "P")
    }
    return Weights(**matrices, units=tuple(_float32(unit) for unit in weights.units))


def _detached(readout: Readout) -> Readout:
    return replace(readout, V=_single(readout.V), v=_single(readout.v))


def _single(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else _float32(tensor)


def _float32(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32).resolve_neg().contiguous()
