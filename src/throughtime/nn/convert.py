"""Torch's recurrent layers inside a model replaced by ours, and back, in place."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from throughtime.nn.as_torch import GRU, LSTM, RNN

Model = TypeVar("Model", bound=nn.Module)

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    torch.nn.RNN: RNN,
    torch.nn.GRU: GRU,
    torch.nn.LSTM: LSTM,
}


def convert_(module: Model, back: bool = False) -> Model:
    """Let every `torch.nn.RNN`, `GRU` and `LSTM` inside a model run on this package's engines.

    The layers stay the objects that they are, with their weights, hooks, parametrisations, and all
    references to them (an optimiser's, a data-parallel wrapper's); only their class changes.
    Subclasses of torch's layers, whose forward call is not torch's, are left alone.

    Args:
        module: The model, or a recurrent layer itself; changed in place.
        back: Undo it: turn this package's layers into torch's.

    Returns:
        The module.

    Raises:
        TypeError: It is no module.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"a torch.nn.Module is expected, got {type(module).__name__}")
    other = {ours: torchs for torchs, ours in _OURS.items()} if back else _OURS
    for layer in module.modules():
        kind = type(layer)
        if kind in other:
            layer.__class__ = other[kind]
        elif is_parametrized(layer) and kind.__bases__[0] in other:
            # torch has made a class for this layer alone, with a property for each weight.
            own = {k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")}
            layer.__class__ = type(kind.__name__, (other[kind.__bases__[0]],), own)
    return module
