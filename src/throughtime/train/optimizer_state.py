"""The state of torch's optimisers, restored to the bit."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def restore(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Load a `state_dict`, every number in the type that it was saved in.

    `load_state_dict` casts floating-point state to the type of its parameter. Some of it has a type
    of its own: ASGD's step size in single precision beside parameters in double.

    Args:
        optimizer: One of the same kind, over parameters of the same shapes.
        saved: What its `state_dict` gave.

    Raises:
        ValueError: It is the state of another optimiser, or over other parameters.
    """
    groups, own = saved["param_groups"], optimizer.state_dict()["param_groups"]
    if [sorted(group) for group in groups] != [sorted(group) for group in own]:
        raise ValueError(f"the checkpoint's optimiser is another than {type(optimizer).__name__}")
    optimizer.load_state_dict(saved)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    numbers = [number for group in groups for number in group["params"]]
    for number, parameter in zip(numbers, parameters, strict=True):
        loaded = optimizer.state.get(parameter, {})
        for name, value in saved["state"].get(number, {}).items():
            if isinstance(value, Tensor) and loaded[name].dtype != value.dtype:
                loaded[name] = value.to(loaded[name].device, copy=True)
