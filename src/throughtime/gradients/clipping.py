"""Gradient clipping: by value and by norm, and of what flows back through the states."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from throughtime.gradients.method import is_number


@dataclass(frozen=True)
class Clipping:
    """What is done to a gradient before the optimiser sees it.

    While a gradient is computed, what flows back through the states is limited at every time step,
    component by component (Graves 2013). When it is complete, each of its components is limited
    (Mikolov 2012), then its norm over all parameters together (Pascanu, Mikolov & Bengio 2013).

    Attributes:
        norm: The largest norm let through; None for no limit.
        value: The largest modulus of a component let through; None for no limit.
        state: The largest modulus of a component of dE/dS_t let through; None for no limit. Methods
            of the BPTT family do this, at the cost of a call of the model for every step.
    """

    norm: float | None = None
    value: float | None = None
    state: float | None = None

    def __post_init__(self) -> None:
        for name in ("norm", "value", "state"):
            limit = getattr(self, name)
            if limit is not None and (not is_number(limit) or not limit > 0):
                raise ValueError(f"the clipping {name} must be positive or None, got {limit!r}")

    def apply(self, model: nn.Module) -> tuple[float, bool]:
        """Clip the complete gradients of a model in place.

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

    def limit(self, flowing: Sequence[Tensor | None]) -> tuple[list[Tensor | None], bool]:
        """Limit what flows back through the states; say whether that changed anything."""
        if self.state is None:
            return list(flowing), False
        bound = self.state
        acted = any(g is not None and g.numel() and float(g.abs().max()) > bound for g in flowing)
        return [None if g is None else g.clamp(-bound, bound) for g in flowing], bool(acted)


def check_finite(model: nn.Module) -> None:
    """Refuse complete gradients of a model that are not finite.

    Raises:
        FloatingPointError: The parameter is named.
    """
    named = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    # A sum that is finite has finite terms, and is quickly had.
    if all(math.isfinite(float(gradient.sum())) for _, gradient in named):
        return
    if not all(bool(torch.isfinite(gradient).all()) for _, gradient in named):
        _refuse(named)


def _refuse(gradients: Iterable[tuple[str, Tensor]]) -> None:
    faults = [name for name, gradient in gradients if not torch.isfinite(gradient).all()]
    where = ", ".join(faults) if faults else "their norm overflows"
    raise FloatingPointError(
        f"the gradient is not finite ({where}); no weight was changed by it; lower the learning "
        "rate or clip the gradient"
    )
