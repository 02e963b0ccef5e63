"""The error surface: what would be lost around a network, and gradient descent on it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.flow.directions import Direction, random_directions
from throughtime.gradients import BPTT, Clipping, Loss
from throughtime.gradients.candidates import Candidates
from throughtime.gradients.method import check_sequences

Range = tuple[float, float]


@dataclass(frozen=True)
class Descent:
    """Where gradient descent went in the plane of a surface.

    Attributes:
        label: How it was done.
        x: The first coordinate, from the start on.
        y: The second.
        loss: At each place; the last is infinite if the descent ended there.
        norm: Of the gradient in the plane at each place, before clipping; NaN at the last place.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    loss: tuple[float, ...]
    norm: tuple[float, ...]

    def longest_step(self) -> float:
        """Give the length of the longest step."""
        return max((math.hypot(b - a, d - c) for a, b, c, d in _pairs(self.x, self.y)), default=0.0)


@dataclass(frozen=True)
class Surface:
    """The loss over a plane through a network's weights.

    Attributes:
        names: Of the two directions.
        x: Coordinates along the first.
        y: Along the second.
        loss: `loss[j][i]` is that at `x[i]`, `y[j]`; infinite where it is not finite.
    """

    names: tuple[str, str]
    x: tuple[float, ...]
    y: tuple[float, ...]
    loss: tuple[tuple[float, ...], ...]

    def steepest(self) -> tuple[float, float, float]:
        """Give the place between two neighbours where the loss changes most, and its slope there.

        Returns:
            The two coordinates, and the difference of the losses by that of the coordinates.
        """
        found = (self.x[0], self.y[0], 0.0)
        for j, row in enumerate(self.loss):
            for i, here in enumerate(row):
                for a, b, to in self._after(i, j):
                    slope = abs(to - here) / math.hypot(a - self.x[i], b - self.y[j])
                    if math.isfinite(slope) and slope > found[2]:
                        found = ((a + self.x[i]) / 2, (b + self.y[j]) / 2, slope)
        return found

    def _after(self, i: int, j: int) -> list[tuple[float, float, float]]:
        found = []
        if i + 1 < len(self.x):
            found.append((self.x[i + 1], self.y[j], self.loss[j][i + 1]))
        if j + 1 < len(self.y):
            found.append((self.x[i], self.y[j + 1], self.loss[j + 1][i]))
        return found

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures for JSON; None stands for an infinite loss."""
        x, y, slope = self.steepest()
        return {
            "names": list(self.names),
            "x": list(self.x),
            "y": list(self.y),
            "loss": [[v if math.isfinite(v) else None for v in row] for row in self.loss],
            "steepest": {"x": x, "y": y, "slope": slope},
        }


class Plane:
    """A plane through the weights of a network, and what is lost on it.

    The model is left as it is.

    Args:
        model: `(inputs, state) -> (outputs, state)`; any module.
        inputs: [T, B, ...]
        targets: [T, B, ...]
        loss: Elementwise; averaged over the valid steps.
        directions: Two of `one_weight`, `random_directions`, or your own; random ones if None.
        state: What the network carries before the first step.
        lengths: Valid steps of each row, [B].

    Raises:
        ValueError: Shapes do not fit, or a direction moves what the model does not have.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("elman", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.randn(10, 3, 1), torch.randn(10, 3, 1)
        >>> plane = Plane(model, x, d, torch.nn.MSELoss(reduction="none"))
        >>> surface = plane.surface(points=5)
        >>> len(surface.loss), len(surface.loss[0])
        (5, 5)
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        directions: tuple[Direction, Direction] | None = None,
        state: Any = None,
        lengths: Tensor | None = None,
    ) -> None:
        self.lengths = check_sequences(inputs, targets, lengths)
        self.directions = random_directions(model) if directions is None else directions
        weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        for direction in self.directions:
            for name, move in direction.by_weight.items():
                if name not in weights or weights[name].shape != move.shape:
                    raise ValueError(
                        f"{direction.name} moves {name} by {list(move.shape)}; the model learns "
                        + ", ".join(f"{n} {list(p.shape)}" for n, p in weights.items())
                    )
        self.model, self.state = model, state
        self.inputs, self.targets, self.loss = inputs, targets, loss
        self._names = list(weights)
        self._candidates = Candidates(
            model, inputs, targets, loss, state, self.lengths, None, "mean", finite=False
        )

    def loss_at(self, x: float, y: float) -> float:
        """Give the loss at a place; infinity where it is not finite."""
        with torch.no_grad():
            return self._candidates.loss_at(self._weights(x, y))

    def gradient_at(self, x: float, y: float) -> tuple[float, float]:
        """Give the gradient of the loss by the two coordinates.

        Raises:
            FloatingPointError: The loss, or the gradient, is not finite there.
        """
        model = copy.deepcopy(self.model)
        for parameter, weight in zip(
            (p for p in model.parameters() if p.requires_grad), self._weights(x, y), strict=False
        ):
            parameter.data.copy_(weight)
            parameter.grad = None
        for _ in BPTT()(
            model, self.inputs, self.targets, self.loss, self.state, lengths=self.lengths
        ):
            pass
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        a, b = (
            sum(
                float((gradients[name] * move).sum())
                for name, move in direction.by_weight.items()
                if name in gradients
            )
            for direction in self.directions
        )
        if not (math.isfinite(a) and math.isfinite(b)):
            raise FloatingPointError(f"the gradient is not finite at ({x:g}, {y:g})")
        return a, b

    def surface(self, x: Range | None = None, y: Range | None = None, points: int = 41) -> Surface:
        """Compute the loss on a grid.

        Args:
            x: From where to where along the first direction; 1 to both sides if None.
            y: Along the second.
            points: Places along each.

        Raises:
            ValueError: A range is empty, or there are fewer than 2 points.
        """
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise ValueError(f"points is a whole number, at least 2; got {points!r}")
        across, along = (
            self._coordinates(given, direction, points)
            for given, direction in zip((x, y), self.directions, strict=True)
        )
        losses = tuple(tuple(self.loss_at(a, b) for a in across) for b in along)
        first, second = self.directions
        return Surface((first.name, second.name), across, along, losses)

    def descend(
        self,
        rate: float,
        steps: int,
        start: tuple[float, float] | None = None,
        clipping: Clipping | None = None,
        label: str = "",
    ) -> Descent:
        """Follow gradient descent in the plane.

        It ends early where the loss is no longer finite.

        Args:
            rate: The learning rate.
            steps: How many.
            start: Where from; where the network is, if None.
            clipping: Its `norm` and `value` are applied to the gradient in the plane.
            label: For the picture; made from the clipping if empty.
        """
        clipping = clipping or Clipping()
        here = start or (self.directions[0].origin, self.directions[1].origin)
        place = nn.Parameter(torch.tensor(here, dtype=torch.float64))
        holder = nn.ParameterDict({"place": place})
        path, losses, norms = [here], [self.loss_at(*here)], []
        for _ in range(steps):
            try:
                place.grad = torch.tensor(self.gradient_at(*path[-1]), dtype=torch.float64)
            except FloatingPointError:
                break
            norm, _ = clipping.apply(holder)
            norms.append(norm)
            place.data -= rate * place.grad
            x, y = place.tolist()
            path.append((x, y))
            losses.append(self.loss_at(x, y))
            if not math.isfinite(losses[-1]):
                break
        norms += [math.nan] * (len(path) - len(norms))
        limit = clipping.norm if clipping.norm is not None else clipping.value
        said = label or ("not clipped" if limit is None else f"clipped at {limit:g}")
        return Descent(
            said, tuple(p[0] for p in path), tuple(p[1] for p in path), tuple(losses), tuple(norms)
        )

    def _weights(self, x: float, y: float) -> list[Tensor]:
        moved = [point.clone() for point in self._candidates.points]
        for coordinate, direction in zip((x, y), self.directions, strict=True):
            for name, move in direction.by_weight.items():
                moved[self._names.index(name)] += (coordinate - direction.origin) * move
        return moved

    def _coordinates(
        self, given: Range | None, direction: Direction, points: int
    ) -> tuple[float, ...]:
        low, high = given or (direction.origin - 1, direction.origin + 1)
        if not -math.inf < low < high < math.inf:
            raise ValueError(
                f"a range goes from a number to a greater one; got {low!r} to {high!r} along "
                f"{direction.name}"
            )
        return tuple(low + (high - low) * i / (points - 1) for i in range(points))


def _pairs(x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float, float, float]]:
    return [(x[i], x[i + 1], y[i], y[i + 1]) for i in range(len(x) - 1)]
