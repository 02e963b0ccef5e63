"""What flows back through single steps of an unrolled layer, for many steps and losses at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from throughtime.engine import Weights
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import Trajectory
from throughtime.engine.textbook.steps import clean
from throughtime.engine.textbook.unroll import kept_names
from throughtime.equations import Cell, Program, evaluator
from throughtime.equations.graph import Graph

AT_ONCE = 1_000_000
"""Numbers a plane that a program is evaluated on at once; it has some dozens of planes."""

Steps = slice | Tensor
"""Which steps: a slice of them, or their numbers, int64 [n]."""


@dataclass(frozen=True)
class FlowingBack:
    """A gradient that has gone back through one step.

    Attributes:
        carried: What reaches the states before the step elementwise, the recurrent product being
            held: [..., B, H] each.
        by_input: By `W x + b`, [..., B, Gx * H].
        by_recurrent: By `U h + c`, [..., B, Gh * H].
        by_unit: By each learnable vector, at every row: [..., B, H] each, in cell order.
        U: The recurrent weights; None where there are none.
    """

    carried: tuple[Tensor, ...]
    by_input: Tensor
    by_recurrent: Tensor
    by_unit: tuple[Tensor, ...]
    U: Tensor | None

    def by_state(self) -> tuple[Tensor, ...]:
        """Give all that reaches the states before the step, by either way: [..., B, H] each."""
        if self.U is None:
            return self.carried
        return (self.carried[0] + self.by_recurrent @ self.U, *self.carried[1:])


@dataclass(frozen=True)
class StepAdjoint:
    """The adjoint of each step of an unrolled layer, from its cell's program.

    It is evaluated in double precision, whatever the network's type: in single precision a gradient
    that falls by a third a step is lost after 200 steps.

    Attributes:
        cell: The cell.
        weights: The layer's weights.
        x: Inputs, zero in the padding, [T, B, I].
        states: The states before each step, [T, B, H] each.
        kept: What else the adjoint reads, by name, [T, B, H] each.
        taken: The share of its new value that each state takes at a step (zoneout in evaluation).
    """

    cell: Cell
    weights: Weights
    x: Tensor
    states: tuple[Tensor, ...]
    kept: Mapping[str, Tensor]
    taken: tuple[float, ...]

    @staticmethod
    def of(recurrence: Recurrence, trajectory: Trajectory) -> StepAdjoint:
        """Give the adjoint of an unrolled recurrence whose rows run forward in time."""
        lengths, T = recurrence.lengths, len(recurrence.x)
        planes = [*trajectory.states, *trajectory.kept]
        if lengths is not None and int(lengths.min()) < T:
            # What is kept in the padding may be NaN, and zero times NaN is NaN: the longest row's
            # first step stands there, where every gradient is zero.
            valid = torch.arange(T)[:, None, None] < lengths[None, :, None]  # [T, B, 1]
            row = int(lengths.argmax())
            valid = valid.to(recurrence.x.device)
            planes = [torch.where(valid, plane, plane[0, row]) for plane in planes]
        # A comparison that is kept has no precision.
        planes = [plane if plane.dtype == torch.bool else plane.double() for plane in planes]
        K, taken = len(trajectory.states), recurrence.taken
        weights = recurrence.weights
        return StepAdjoint(
            cell=recurrence.cell,
            weights=Weights(
                W=None if weights.W is None else weights.W.double(),
                U=None if weights.U is None else weights.U.double(),
                b=weights.b,
                c=weights.c,
                units=tuple(unit.double() for unit in weights.units),
            ),
            x=clean(recurrence.x, lengths).double(),
            states=tuple(planes[:K]),
            kept=dict(zip(kept_names(recurrence.cell), planes[K:], strict=True)),
            taken=(1.0,) * K if taken is None else tuple(float(share.mean()) for share in taken),
        )

    def on_rows(self, rows: Sequence[int], steps: int) -> StepAdjoint:
        """Give the same on some rows and on the first steps."""

        def part(plane: Tensor) -> Tensor:
            return plane[:steps, list(rows)]

        return replace(
            self,
            x=part(self.x),
            states=tuple(map(part, self.states)),
            kept={name: part(plane) for name, plane in self.kept.items()},
        )

    def __call__(self, steps: Steps, received: Sequence[Tensor]) -> FlowingBack:
        """Send gradients back through steps.

        Args:
            steps: Which.
            received: The gradient by the states after each of them, [..., n, B, H] each.
        """
        found, shape = self._evaluated(self.cell.adjoint.backward, steps, received)
        zero = received[0].new_zeros(())

        def planes(names: Sequence[str]) -> tuple[Tensor, ...]:
            return tuple(found.get(f"d.{name}", zero).expand(shape) for name in names)

        def beside(names: Sequence[str]) -> Tensor:
            laid = planes(names)
            return torch.cat(laid, -1) if laid else zero.expand(*shape[:-1], 0)

        inputs = [f"wx.{gate}" for gate in self.cell.input_gates]
        recurrent = [f"uh.{gate}" for gate in self.cell.recurrent_gates]
        by_input = beside(inputs)
        # Gates that add their two products, as most do, have one derivative by both.
        one = len(inputs) == len(recurrent) and all(
            found[f"d.{a}"] is found[f"d.{b}"] for a, b in zip(inputs, recurrent, strict=True)
        )
        return FlowingBack(
            carried=self._with_what_is_kept(planes(self.cell.states), received),
            by_input=by_input,
            by_recurrent=by_input if one else beside(recurrent),
            by_unit=planes(self.cell.units),
            U=self.weights.U,
        )

    def carried(self, steps: Steps, received: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Send gradients back elementwise alone: `FlowingBack.carried`."""
        found, shape = self._evaluated(_by_states(self.cell), steps, received)
        zero = received[0].new_zeros(())
        planes = [found.get(f"d.{name}", zero).expand(shape) for name in self.cell.states]
        return self._with_what_is_kept(planes, received)

    def _evaluated(
        self, program: Program, steps: Steps, received: Sequence[Tensor]
    ) -> tuple[dict[str, Tensor], tuple[int, ...]]:
        """Evaluate a program of the adjoint; give what it finds, and the shape that this has."""
        *leading, n, B, H = received[0].shape
        each = max(1, AT_ONCE // max(1, B * H))
        if not leading and n > each:
            return self._piece_by_piece(program, steps, received, each)
        adjoint = evaluator(program, received[0].dtype, received[0].device)
        values = dict(zip(self.cell.units, self.weights.units, strict=True))
        before = dict(zip(self.cell.states, self.states, strict=True))
        values |= {name: plane[steps] for name, plane in (before | {**self.kept}).items()}
        for name, share, gradient in zip(self.cell.states, self.taken, received, strict=True):
            values[f"d.next.{name}"] = gradient if share == 1.0 else share * gradient
        like, rows = received[0].shape, values[self.cell.states[0]].shape
        shape = (*like[: -len(rows)], *rows)  # [..., n, B, H]
        return dict(zip(program.outputs, adjoint(values), strict=True)), shape

    def _piece_by_piece(
        self, program: Program, steps: Steps, received: Sequence[Tensor], each: int
    ) -> tuple[dict[str, Tensor], tuple[int, ...]]:
        """Evaluate a program on so many losses a time: memory holds its values for one piece."""
        pieces = []
        for first in range(0, len(received[0]), each):
            part = [gradient[first : first + each] for gradient in received]
            pieces.append(self._evaluated(program, _part(steps, first, len(part[0])), part)[0])
        joined: dict[int, Tensor] = {}
        for name, plane in pieces[0].items():
            if id(plane) not in joined:  # what is one result stays one
                whole = plane if plane.dim() == 0 else torch.cat([piece[name] for piece in pieces])
                joined[id(plane)] = whole
        found = {name: joined[id(plane)] for name, plane in pieces[0].items()}
        return found, tuple(received[0].shape)

    def _with_what_is_kept(
        self, carried: Sequence[Tensor], received: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Add what passes a step by: the share of the old state that zoneout keeps."""
        return tuple(
            plane if share == 1.0 else plane + (1.0 - share) * gradient
            for plane, share, gradient in zip(carried, self.taken, received, strict=True)
        )


def _part(steps: Steps, first: int, count: int) -> Steps:
    """Give some of the steps, consecutive ones."""
    if isinstance(steps, Tensor):
        return steps[first : first + count]
    stride = steps.step or 1
    start = steps.start + first * stride
    return slice(start, start + (count - 1) * stride + 1, stride)


@cache
def _by_states(cell: Cell) -> Program:
    """Give the part of a cell's adjoint that leads to the states before the step."""
    whole, graph = cell.adjoint.backward, Graph()
    registers = graph.embed(whole)
    names = [name for name in whole.outputs if name[2:] in cell.states]
    return graph.program(whole.inputs, names, [registers[whole.result(name)] for name in names])
