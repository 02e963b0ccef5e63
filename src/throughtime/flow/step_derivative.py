"""The derivative of each step of a network's states, layer on layer, by the cell's adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import Trajectory
from throughtime.engine.textbook.steps import valid_steps
from throughtime.flow.step_adjoint import StepAdjoint


@dataclass(frozen=True)
class Back:
    """What M derivatives by the states after a step become. N numbers are the state of a row.

    Attributes:
        before: By the states before the step, [M, B, N].
        layers: For each layer what its weights take part in.
    """

    before: Tensor
    layers: tuple[Products, ...]

    def by_weight(self, layer: int, letter: str) -> Tensor:
        """Give the derivatives by a weight as this step uses it, [M, B, as W].

        Args:
            layer: Counted from 0.
            letter: "W", "U", "b", "c" as in `Weights`, or the name of a unit vector behind "unit ".
        """
        own = self.layers[layer]
        match letter:
            case "W":
                return own.by_input[..., None] * own.x[:, None]
            case "U":
                return own.by_recurrent[..., None] * own.h[:, None]
            case "b":
                return own.by_input
            case "c":
                return own.by_recurrent
        return own.by_unit[letter.removeprefix("unit ")]


@dataclass(frozen=True)
class Products:
    """The products of one layer at one step: derivatives by them, and what was multiplied.

    Attributes:
        by_input: By `W x + b`, [M, B, Gx * H].
        by_recurrent: By `U h + c`, [M, B, Gh * H].
        by_unit: By each learnable vector, [M, B, H].
        x: [B, I]
        h: The first state before the step, [B, H].
    """

    by_input: Tensor
    by_recurrent: Tensor
    by_unit: dict[str, Tensor]
    x: Tensor
    h: Tensor


class StepDerivative:
    """The steps of stacked layers, each to be gone back through with any derivatives.

    A row's state is one list of N numbers: layer by layer, state by state, unit by unit.

    Args:
        runs: The layers as they were run, from the input up.
        trajectories: What their unrolling kept.
    """

    def __init__(self, runs: Sequence[Recurrence], trajectories: Sequence[Trajectory]) -> None:
        self.runs, first = runs, runs[0]
        self.cell = first.cell
        self.valid = valid_steps(first)
        self.sizes = (len(runs), len(self.cell.states), first.H)
        self.adjoints = [
            StepAdjoint.of(run, trajectory)
            for run, trajectory in zip(runs, trajectories, strict=True)
        ]

    def back(self, k: int, derivatives: Tensor) -> Back:
        """Go back through step k, without the steps after it.

        Args:
            k: The step.
            derivatives: By all states after it, [M, B, N].
        """
        M, B, _ = derivatives.shape
        rows = self.valid[k]
        after = derivatives.view(M, B, *self.sizes)
        # Rows that have ended stand still: what reaches them goes by.
        past = torch.zeros_like(after)
        if rows is not None:
            still = rows.view(1, B, 1, 1, 1)
            after, past = torch.where(still, after, 0.0), torch.where(still, 0.0, after)
        before: list[Tensor] = []
        layers: list[Products] = []
        from_above: Tensor | None = None
        for place in reversed(range(len(self.runs))):
            received = list(after[:, :, place].unbind(2))  # [M, B, H] each
            if from_above is not None:
                received[0] = received[0] + from_above
            states, products = self._layer(place, k, received)
            W = self.runs[place].weights.W
            from_above = None if W is None else products.by_input @ W  # [M, B, H of the one below]
            before.insert(0, states)
            layers.insert(0, products)
        whole = torch.stack(before, 2) + past  # [M, B, layers, K, H]
        return Back(whole.flatten(2), tuple(layers))

    def _layer(self, place: int, k: int, received: Sequence[Tensor]) -> tuple[Tensor, Products]:
        """Go back through a step of one layer.

        Args:
            place: The layer.
            k: The step.
            received: The derivatives by its states after the step, [M, B, H] each.

        Returns:
            The derivatives by its states before, [M, B, K, H], and by its products.
        """
        adjoint, like = self.adjoints[place], received[0]
        back = adjoint(slice(k, k + 1), [plane[:, None].double() for plane in received])

        def plane(of_one_step: Tensor) -> Tensor:
            return of_one_step[:, 0].to(like)  # of [M, 1, B, ...]

        products = Products(
            plane(back.by_input),
            plane(back.by_recurrent),
            dict(zip(self.cell.units, map(plane, back.by_unit), strict=True)),
            x=adjoint.x[k].to(like),
            h=adjoint.states[0][k].to(like),
        )
        return torch.stack([plane(state) for state in back.by_state()], 2), products
