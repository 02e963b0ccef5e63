"""Which models have a step that online methods can differentiate by the cell's equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import nn

from throughtime.gradients.form import causal, time_major
from throughtime.nn import Network, Recurrent
from throughtime.nn.as_torch import OnOurEngines


def layer_of(model: nn.Module, method: str) -> Recurrent:
    """Give the recurrent layers of a model whose step can be differentiated by its cell's programs.

    Args:
        model: A `Network`, or a layer of `throughtime.nn`; time-major and of one direction.
        method: How the method calls itself, for messages.

    Raises:
        TypeError: It is of another kind, or its forward call is not the one of its class here.
        ValueError: It looks ahead, is batch-first, or drops units at random; its cell looks at all
            units of a row.
    """
    time_major(model)
    causal(model, method)
    layer = model.recurrent if isinstance(model, Network) else model
    ours: dict[type, Callable[..., Any]] = {
        Network: Network.forward,
        Recurrent: Recurrent.forward,
        OnOurEngines: OnOurEngines.forward,
    }
    for module in (model, layer):
        kind = next((kind for kind in ours if isinstance(module, kind)), None)
        if kind is None or type(module).forward is not ours[kind]:
            own = "" if kind is None else ", whose forward call is its own"
            raise TypeError(
                f"{method} differentiates single steps by the cell's equations, which it finds in "
                f"a throughtime.Network or a layer of throughtime.nn (Recurrent, RNN, GRU, LSTM); "
                f"got {type(module).__name__}{own}; throughtime.nn.convert_ turns torch's layers "
                "into such layers, and BPTT and TBPTT take any module"
            )
    layer = cast(Recurrent, layer)  # torch's classes on our engines have all that is used of it
    if layer.cell.row_operation is not None:
        raise ValueError(
            f"{method} needs a cell whose units hear each other through U alone, and cell "
            f"{layer.cell.name!r} takes the {layer.cell.row_operation} over all units; use BPTT or "
            "TBPTT"
        )
    if getattr(layer, "proj_size", 0):
        raise ValueError(f"{method} knows no projected states; make the layer with proj_size=0")
    dropping = {
        "dropout": layer.dropout if layer.num_layers > 1 else 0.0,
        "recurrent_dropout": getattr(layer, "recurrent_dropout", 0.0),
        "weight_dropout": getattr(layer, "weight_dropout", 0.0),
    }
    if isinstance(model, Network):
        dropping["readout_dropout"] = model.readout_dropout
    for name, share in dropping.items():
        of = model if name == "readout_dropout" else layer
        if of.training and share:
            raise ValueError(
                f"{method} runs no dropout, and the {'network' if of is model else 'layer'} has "
                f"{name}={share}; set it to 0, call model.eval(), or use BPTT or TBPTT"
            )
    if any(getattr(layer, "zoneout", ())):
        raise ValueError(
            f"{method} runs no zoneout, and the layer has zoneout={layer.zoneout}; set it to 0, or "
            "use BPTT or TBPTT"
        )
    return layer
