"""What layers are to do when one of torch's tracers runs them instead of numbers."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from throughtime.engine.reference import followed, transformed


class Untraced(nn.Module):
    """A module that TorchScript refuses, and that `torch.fx` takes as one operation."""

    def __prepare_scriptable__(self) -> NoReturn:  # what torch.jit.script calls first
        self._refuse_torchscript()

    def _refuse_tracing(self) -> None:
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            self._refuse_torchscript()

    def _refuse_torchscript(self) -> NoReturn:
        raise RuntimeError(
            f"{type(self).__name__} cannot be turned into TorchScript, whose compiler reads "
            "source and whose tracer keeps the steps of one length; use torch.export, or turn "
            "RNN, GRU and LSTM into torch's own first: throughtime.nn.convert_(model, back=True)"
        )

    def _as_node(self, input: Any, *others: Any) -> Any:
        """Give the symbol of a call on a symbol of `torch.fx`."""
        tracer: Any = input.tracer
        if tracer.root is self:
            raise RuntimeError(
                f"{type(self).__name__} is one operation to torch.fx; trace a module that holds it"
            )
        return tracer.create_proxy("call_module", tracer.path_of_module(self), (input, *others), {})


def is_symbol(value: object) -> bool:
    """Whether `torch.fx` passes a symbol for a tensor."""
    return isinstance(value, Proxy)


def has_numbers(tensor: Tensor) -> bool:
    """Whether a tensor holds numbers to be looked at: no compiler or transform is at work."""
    if tensor.is_meta or followed() or transformed():
        return False
    return type(tensor) is Tensor or not _dispatches(tensor)


def _dispatches(tensor: Tensor) -> bool:
    """Whether a tensor brings its own operations: a fake one has no numbers."""
    return torch._C._dispatch_keys(tensor).has(torch._C.DispatchKey.Python)
