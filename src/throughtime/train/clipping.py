"""Gradient clipping by value and by norm, and the norm before either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Clipping:
    """What is done to a complete gradient before the optimiser sees it.

    Each component is limited first (Mikolov 2012), then the norm over all parameters together
    (Pascanu, Mikolov & Bengio 2013).

    Attributes:
        norm: The largest norm let through; None for no limit.
        value: The largest modulus of a component let through; None for no limit.
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        for name, limit in (("norm", self.norm), ("value", self.value)):
            if limit is not None and not limit > 0:
                raise ValueError(f"the clipping {name} must be positive or None, got {limit!r}")

    def apply(self, model: nn.Module) -> tuple[float, bool]:
        """Clip the gradients of a model in place.

        Returns:
            The norm before clipping, and whether clipping changed anything.

        Raises:
            FloatingPointError: A gradient is not finite; the parameter is named.
        """
        gradients = {
            name: parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }
        norm = float(torch.nn.utils.get_total_norm(gradients.values()))
        if not norm < float("inf"):
            _refuse(gradients.items())
        clipped = False
        if self.value is not None:
            clipped = any(
                float(g.abs().max()) > self.value for g in gradients.values() if g.numel()
            )
            torch.nn.utils.clip_grad_value_(model.parameters(), self.value)
        if self.norm is not None:
            left = torch.nn.utils.clip_grad_norm_(model.parameters(), self.norm)
            clipped = clipped or float(left) > self.norm
        return norm, clipped


def _refuse(gradients: Iterable[tuple[str, Tensor]]) -> None:
    faults = [name for name, gradient in gradients if not torch.isfinite(gradient).all()]
    where = ", ".join(faults) if faults else "their norm overflows"
    raise FloatingPointError(
        f"the gradient is not finite ({where}); no weight was changed by it; lower the learning "
        "rate or clip the gradient"
    )
