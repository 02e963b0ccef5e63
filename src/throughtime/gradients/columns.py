"""The learned numbers of a layer, laid out unit by unit: the columns of an influence."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.gradients.one_step import LayerStep


class Columns:
    """Where the numbers that one unit learns stand beside each other.

    A unit has the same columns as any other: its rows of `W` and `U`, gate by gate, their biases,
    its own number of each learnable vector, and, where the start is learned, its own states before
    the first step. Weights that do not learn have none.

    Args:
        cell: The cell of the layer.
        weights: Its weights; those that require a gradient learn.
        starts: Whether the states before the first step learn.

    Attributes:
        widths: How many columns each part has, in their order.
        count: How many there are.
    """

    def __init__(self, cell: Cell, weights: Weights, starts: bool) -> None:
        self.cell = cell
        self.widths: dict[str, int] = {}
        for name, gates in (("W", "input"), ("b", "input"), ("U", "recurrent"), ("c", "recurrent")):
            tensor: Tensor | None = getattr(weights, name)
            if tensor is not None and tensor.requires_grad:
                G = len(cell.input_gates if gates == "input" else cell.recurrent_gates)
                self.widths[name] = G * (tensor.shape[1] if tensor.dim() > 1 else 1)
        for name, unit in zip(cell.units, weights.units, strict=True):
            if unit.requires_grad:
                self.widths[f"unit {name}"] = 1
        if starts:
            self.widths["start"] = len(cell.states)
        self.count = sum(self.widths.values())

    def direct(self, step: LayerStep) -> Tensor:
        """Give the derivative of each new state by its own unit's numbers, the states before held.

        Returns:
            [K, B, H, columns]: a unit's numbers enter no other unit directly.
        """
        K, _, B, H = step.by_state.shape
        parts = {
            "W": lambda: _products(step.by_input, step.x),
            "b": lambda: step.by_input.permute(0, 2, 3, 1),
            "U": lambda: _products(step.by_recurrent, step.h),
            "c": lambda: step.by_recurrent.permute(0, 2, 3, 1),
            "start": lambda: step.x.new_zeros(K, B, H, self.widths["start"]),
        }
        units = {f"unit {name}": place for place, name in enumerate(self.cell.units)}
        found = [
            step.by_unit[:, units[name], :, :, None] if name in units else parts[name]()
            for name in self.widths
        ]
        return torch.cat(found, 3) if found else step.x.new_zeros(K, B, H, 0)

    def start(self, like: Tensor) -> Tensor:
        """Give the derivative of the states before the first step, as `direct` does.

        Args:
            like: A state, [B, H].
        """
        K, (B, H) = len(self.cell.states), like.shape
        before = like.new_zeros(K, B, H, self.count)
        if "start" in self.widths:
            before[..., -K:] = torch.eye(K, dtype=like.dtype, device=like.device)[:, None, None]
        return before

    def gradients(self, weights: Weights, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each weight that learns, with its gradient.

        Args:
            weights: The weights.
            rows: The gradient of each row by the numbers of each unit, [B, H, columns].
        """
        H, whole = rows.shape[1], rows.sum(0)
        units = dict(zip(self.cell.units, weights.units, strict=True))
        parts = torch.split(whole, list(self.widths.values()), 1)
        for name, part in zip(self.widths, parts, strict=True):
            if name == "start":
                continue
            tensor = units[name[5:]] if name.startswith("unit ") else getattr(weights, name)
            if not tensor.requires_grad:  # frozen on the way
                continue
            G = tensor.shape[0] // H
            yield tensor, part.view(H, G, -1).transpose(0, 1).reshape(tensor.shape)

    def by_start(self, rows: Tensor) -> Tensor:
        """Give the gradient by the states before the first step, [K, B, H]; see `gradients`."""
        return rows[..., -len(self.cell.states) :].permute(2, 0, 1)


def _products(planes: Tensor, heard: Tensor) -> Tensor:
    """Multiply planes [K, G, B, H] by what the gates' weights multiply, [B, n].

    Returns:
        [K, B, H, G * n]
    """
    by_unit = planes.permute(0, 2, 3, 1)[..., None]  # [K, B, H, G, 1]
    return (by_unit * heard[:, None, None, :]).flatten(3)
