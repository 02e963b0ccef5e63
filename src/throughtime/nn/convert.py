"""Torch's recurrent layers inside a model replaced by ours, and back, in place."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from throughtime.nn.as_torch import GRU, LSTM, RNN, OnOurEngines

Model = TypeVar("Model", bound=nn.Module)

_OURS: dict[type[nn.RNNBase], type[nn.RNNBase]] = {
    torch.nn.RNN: RNN,
    torch.nn.GRU: GRU,
    torch.nn.LSTM: LSTM,
}


def convert_(module: Model, back: bool = False) -> Model:
    """Let every `torch.nn.RNN`, `GRU` and `LSTM` inside a model run on this package's engines.

    The layers stay the objects that they are, with their weights, hooks, parametrisations, and all
    references to them (an optimiser's, a data-parallel wrapper's); only their class changes.
    A subclass that inherits torch's forward call keeps its name, its methods and `isinstance`. One
    whose forward call is its own is left alone, with a warning that names it; so are layers inside
    TorchScript modules, without one. TorchScript does not take converted models: convert back
    before `torch.jit.script` or `torch.jit.trace`.

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
    left = []
    for name, layer in module.named_modules():
        kind = type(layer)
        # torch has made a class for a parametrised layer alone, with a property for each weight.
        plain = kind.__bases__[0] if is_parametrized(layer) else kind
        other = _torchs(plain) if back else _ours(plain, layer)
        if other is None:
            if isinstance(layer, OnOurEngines) if back else _is_torchs(plain):
                left.append(f"{name or 'the module'} ({plain.__name__})")
        elif plain is kind:
            layer.__class__ = other
        else:
            own = {k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")}
            layer.__class__ = type(kind.__name__, (other,), own)
    if left:
        reason = "derived from this package's layers" if back else "whose forward call is their own"
        warnings.warn(f"layers {reason} are left as they are: {', '.join(left)}", stacklevel=2)
    return module


class _Mixed:
    """Marks the classes made of a user's subclass of a layer of torch's and our layer."""

    plain: type[nn.Module]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # The class stands in no module, where pickle would look for it.
        return _new, (self.plain,), self.__getstate__()


def _new(plain: type[nn.Module]) -> nn.Module:
    made = _mixed(plain)
    return made.__new__(made)


_made: dict[type, type[nn.Module]] = {}


def _mixed(plain: type[nn.Module]) -> type[nn.Module]:
    """Give a subclass of torch's layer our forward call, and nothing else of its own."""
    if plain in _made:
        return _made[plain]
    names: dict[str, Any] = {
        "plain": plain,
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
    }
    names["__doc__"] = plain.__doc__
    _made[plain] = type(plain.__name__, (_Mixed, plain, _OURS[_base(plain)]), names)
    return _made[plain]


def _base(kind: type[nn.Module]) -> type[nn.RNNBase]:
    return next(base for base in kind.__mro__ if base in _OURS)


def _is_torchs(kind: type) -> bool:
    """Whether a class is, or is derived from, one of torch's layers, and not from ours."""
    return issubclass(kind, tuple(_OURS)) and not issubclass(kind, OnOurEngines)


def _ours(kind: type[nn.Module], layer: nn.Module) -> type[nn.Module] | None:
    """Give the class that runs a layer on our engines; None where there is none."""
    if kind in _OURS:
        return _OURS[kind]
    if not _is_torchs(kind):
        return None
    base = _base(kind)
    if kind.forward is not base.forward or _clashes(kind, base, layer):
        return None
    return _mixed(kind)


def _clashes(kind: type[nn.Module], base: type[nn.RNNBase], layer: nn.Module) -> bool:
    """Whether a subclass uses a name for itself that our layers use too."""
    added = [c for c in _OURS[base].__mro__ if c not in base.__mro__]
    ours = {name for c in added for name in vars(c) if not name.startswith("__")}
    ours -= {"forward", *base.__constants__}  # what torch's layers call the same, as they mean it
    own: list[Any] = [vars(c) for c in kind.__mro__[: kind.__mro__.index(base)]]
    own += [vars(layer), layer._parameters, layer._buffers, layer._modules]
    return any(ours & {*names} for names in own)


def _torchs(kind: type) -> type[nn.Module] | None:
    """Give the class of torch's that a class of ours was made of; None where there is none."""
    if issubclass(kind, _Mixed):
        return kind.plain
    return next((torchs for torchs, ours in _OURS.items() if kind is ours), None)
