"""Directions in the space of a network's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Direction:
    """A way to move all weights together.

    Attributes:
        name: For the axis.
        by_weight: What a move by 1 adds to each parameter, by name; the others stay.
        origin: The coordinate of the network as it is.
    """

    name: str
    by_weight: dict[str, Tensor]
    origin: float = 0.0


def one_weight(model: nn.Module, parameter: str, index: Sequence[int] = ()) -> Direction:
    """Give the direction of a single weight; its coordinate is the weight itself.

    Args:
        model: Has the parameter.
        parameter: Its name, as in `model.named_parameters()`.
        index: The place of the weight in it.

    Raises:
        ValueError: There is no such parameter or place.
    """
    known = dict(model.named_parameters())
    if parameter not in known:
        raise ValueError(f"unknown parameter {parameter!r}; known are {', '.join(known)}")
    weight = known[parameter].detach()
    place = tuple(index)
    if len(place) != weight.dim() or any(
        not 0 <= i < size for i, size in zip(place, weight.shape, strict=True)
    ):
        raise ValueError(
            f"{parameter} is {list(weight.shape)}; a place in it has {weight.dim()} numbers below "
            f"these, got {list(place)}"
        )
    move = torch.zeros_like(weight)
    move[place] = 1.0
    shown = f"{parameter}[{', '.join(map(str, place))}]" if place else parameter
    return Direction(shown, {parameter: move}, float(weight[place]))


def random_directions(model: nn.Module, seed: int = 0) -> tuple[Direction, Direction]:
    """Draw two directions, normalised filter by filter (Li, Xu, Taylor, Studer & Goldstein 2018).

    In each, what a unit receives (a row of a matrix) is as long as that row of the weights, and a
    vector of biases as long as these: a move by 1 changes every unit as much as it is large. So
    slices of networks whose units could be scaled up and down without a change of what they
    compute are comparable.

    Args:
        model: Whose weights are moved.
        seed: Of the draw.
    """
    draws = torch.Generator().manual_seed(seed)
    return (
        Direction("first random direction", _drawn(model, draws)),
        Direction("second random direction", _drawn(model, draws)),
    )


def _drawn(model: nn.Module, draws: torch.Generator) -> dict[str, Tensor]:
    found = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        weight = parameter.detach()
        noise = torch.randn(weight.shape, dtype=torch.float64, generator=draws)
        over = tuple(range(1, weight.dim())) if weight.dim() > 1 else tuple(range(weight.dim()))
        size = torch.linalg.vector_norm(weight.cpu().double(), dim=over, keepdim=True)
        length = torch.linalg.vector_norm(noise, dim=over, keepdim=True)
        found[name] = (noise * size / length).to(weight)
    return found
