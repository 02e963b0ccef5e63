"""Weights that stay as they are over many calls: laid out once, their gradients summed up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from throughtime.engine.native_call import KINDS, call_arguments, gradient_shapes, pointer
from throughtime.engine.native_module import module
from throughtime.engine.native_plan import native_plan
from throughtime.engine.recurrence import Recurrence


class HeldWeights:
    """The weights of a recurrence, for calls of any length on as many rows.

    A call lays out the matrices as its products read them, and its backward pass turns the sums of
    their gradients back. For short calls of a wide layer that takes as long as the steps. Here it
    is done once. Nobody may change the weights in between.

    Args:
        recurrence: One of the calls.
    """

    def __init__(self, recurrence: Recurrence) -> None:
        self._first = recurrence
        self._packed: dict[int, Tensor] = {}  # by the number of parts of the units
        self._sums: Tensor | None = None

    def packed(self, steps: int) -> Tensor:
        """Give the matrices and biases as a call of so many steps reads them."""
        name, plan, (_, *sizes), threads = self._arguments
        sizes = [steps, *sizes]
        elements, _, parts = self._shared(sizes)
        if parts not in self._packed:
            made = self._first.x.new_empty(elements)
            weights = self._first.weights
            matrices = [
                None if t is None else t.detach().contiguous()
                for t in (weights.W, weights.U, weights.b, weights.c)
            ]
            self._function("pack")(
                name, plan, sizes, threads, [pointer(t) for t in matrices], pointer(made)
            )
            self._packed[parts] = made
        return self._packed[parts]

    @property
    def sums(self) -> Tensor:
        """Where backward passes add what is to be known of the weights."""
        if self._sums is None:
            self._sums = self._first.x.new_zeros(self._shared(self._arguments[2])[1])
        return self._sums

    def gradients(self) -> list[tuple[Tensor, Tensor]]:
        """Give the weights that require a gradient, with what was added since the last time."""
        if self._sums is None:
            return []
        _, W, U, b, c, _, *rest = gradient_shapes(self._first)
        shapes = [W, U, b, c, *rest[len(self._first.state) :]]
        found = [self._first.x.new_empty(shape) for shape in shapes]
        name, plan, sizes, threads = self._arguments
        addresses = [pointer(t) for t in found]
        self._function("add_up")(
            name, plan, sizes, threads, pointer(self.sums), addresses[:4], addresses[4:]
        )
        self._sums = None
        weights = self._first.weights
        given = (weights.W, weights.U, weights.b, weights.c, *weights.units)
        return [
            (weight, gradient)
            for weight, gradient in zip(given, found, strict=True)
            if weight is not None and weight.requires_grad
        ]

    @property
    def _arguments(self) -> tuple[Any, ...]:
        plan = native_plan(module, self._first.cell).training
        name, plan, sizes, *_ = call_arguments(self._first, plan)
        return name, plan, sizes, torch.get_num_threads()

    def _shared(self, sizes: list[int]) -> tuple[int, int, int]:
        name, plan, *_ = self._arguments
        found: tuple[int, int, int] = self._function("shared_elements")(name, plan, sizes)
        return found

    def _function(self, name: str) -> Any:
        return getattr(module, f"{name}_{KINDS[self._first.x.dtype]}")
