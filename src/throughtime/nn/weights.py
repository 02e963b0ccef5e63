"""The weights of a layer and direction, found by their names; and new values set by them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from throughtime.engine import Weights, release
from throughtime.equations import Cell


def suffix(layer: int, reverse: bool) -> str:
    """Give how the names of a layer and direction end, as in `torch.nn`: `_l0`, `_l1_reverse`."""
    return f"_l{layer}" + ("_reverse" if reverse else "")


class NamedWeights:
    """A module whose parameters have the names that those of `torch.nn` have."""

    proj_size: int = 0
    _parameters: dict[str, nn.Parameter | None]

    @property
    def cell(self) -> Cell:
        """The cell whose equations the layer runs."""
        raise NotImplementedError

    def __del__(self) -> None:
        release()

    def weights(self, layer: int, reverse: bool = False) -> Weights:
        """Give the weights of one layer and direction.

        Args:
            layer: Counted from 0, the one next to the input.
            reverse: Whether the direction is the one from the last step to the first.
        """
        end = suffix(layer, reverse)

        def get(name: str) -> Tensor | None:
            # A module's own way takes a microsecond for a name that is there and 3 for one that is
            # not; weights that are computed from others are found by it alone.
            found: Tensor | None = self._parameters.get(name + end)
            return getattr(self, name + end, None) if found is None else found

        return Weights(
            W=get("weight_ih"),
            U=get("weight_hh"),
            b=get("bias_ih"),
            c=get("bias_hh"),
            units=tuple(getattr(self, unit + end) for unit in self.cell.units),
            P=get("weight_hr") if self.proj_size else None,
        )


@torch.no_grad()
def assign(layer: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Set weights by name, through their parametrisations; all of them or none.

    Raises:
        ValueError: A weight is computed from others in a way that cannot give the value.
    """
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    for name, value in values.items():
        fault = _refusal(layer, name, value)
        if fault:
            for other, tensor in layer.state_dict().items():
                tensor.copy_(before[other])
            raise ValueError(f"{name} cannot be set: {fault}; nothing was changed")


def _refusal(layer: nn.Module, name: str, value: Tensor) -> str:
    """Set one weight, or say why that cannot be."""
    if not is_parametrized(layer, name):
        weight = getattr(layer, name)
        if not isinstance(weight, nn.Parameter):
            return (
                "it is no parameter but computed from others before each call (by the old "
                "weight_norm or spectral_norm, say); start the layer first and add that after"
            )
        weight.copy_(value)
        return ""
    steps = layer.parametrizations[name]  # type: ignore[index]
    kinds = ", ".join(type(step).__name__ for step in steps)
    first = f"it is parametrised by {kinds}"
    mend = "start the layer first and register the parametrisation after"
    try:
        setattr(layer, name, value)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        return f"{first}, which has no way back from it ({error}); {mend}"
    found = getattr(layer, name)
    close = 1e-2 if value.element_size() < 4 else 1e-4  # way there and back, rounded
    if not torch.allclose(found, value, rtol=close, atol=close * float(value.abs().max())):
        return f"{first}, which turns it into other numbers; {mend}"
    return ""
