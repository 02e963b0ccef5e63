"""Recurrences and layers of random shapes and numbers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from throughtime.engine import Recurrence, Weights
from throughtime.equations import Cell
from throughtime.nn import Recurrent


def recurrence(
    cell: Cell,
    T: int,
    B: int,
    I: int,  # noqa: E741  # the inputs of the literature
    H: int,
    lengths: list[int] | None = None,
    reverse: bool = False,
    bias: bool = True,
    seed: int = 0,
    scale: float = 0.7,
) -> Recurrence:
    """Draw a recurrence in double precision, everything in it normally distributed."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    rows, recurrent_rows = H * len(cell.input_gates), H * len(cell.recurrent_gates)
    weights = Weights(
        W=draw(rows, I) if rows else None,
        U=draw(recurrent_rows, H) if recurrent_rows else None,
        b=draw(rows) if rows and bias else None,
        c=draw(recurrent_rows) if recurrent_rows and bias else None,
        units=tuple(draw(H) for _ in cell.units),
    )
    return Recurrence(
        cell,
        x=draw(T, B, I),
        state=tuple(draw(B, H) for _ in cell.states),
        weights=weights,
        lengths=None if lengths is None else torch.tensor(lengths, dtype=torch.int64),
        reverse=reverse,
    )


def tensors(recurrence: Recurrence) -> dict[str, Tensor]:
    """Give all that a recurrence can be differentiated by, by name."""
    weights = recurrence.weights
    named = {"x": recurrence.x, "W": weights.W, "U": weights.U, "b": weights.b, "c": weights.c}
    found = {name: tensor for name, tensor in named.items() if tensor is not None}
    cell = recurrence.cell
    found |= {f"state {s}": t for s, t in zip(cell.states, recurrence.state, strict=True)}
    return found | {f"unit {u}": t for u, t in zip(cell.units, weights.units, strict=True)}


def with_tensors(original: Recurrence, change: Callable[[str, Tensor], Tensor]) -> Recurrence:
    """Give the recurrence with each tensor replaced by what `change(name, tensor)` gives."""
    new = {name: change(name, tensor) for name, tensor in tensors(original).items()}
    cell = original.cell
    return replace(
        original,
        x=new["x"],
        state=tuple(new[f"state {state}"] for state in cell.states),
        weights=Weights(
            *(new.get(name) for name in ("W", "U", "b", "c")),
            tuple(new[f"unit {unit}"] for unit in cell.units),
        ),
    )


def leaves(original: Recurrence) -> Recurrence:
    """Give the recurrence with tensors of its own that require gradients."""
    return with_tensors(original, lambda _, tensor: tensor.detach().clone().requires_grad_())


@st.composite
def recurrences(draw: Any, cell: Cell) -> Recurrence:
    """Draw recurrences of T <= 12 steps and B <= 5 rows, ragged or not, in either direction.

    Sizes of zero have tests of their own; drawn here they would crowd out all else.
    """
    T = draw(st.integers(1, 12))
    B = draw(st.integers(1, 5))
    return recurrence(
        cell,
        T=T,
        B=B,
        I=draw(st.integers(1, 3)),
        H=draw(st.integers(1, 4)),
        lengths=draw(ragged(T, B)),
        reverse=draw(st.booleans()),
        bias=draw(st.booleans()),
        seed=draw(st.integers(0, 2**31)),
    )


def ragged(T: int, B: int) -> st.SearchStrategy[list[int] | None]:
    """Draw lengths, 0 and T among them, or none."""
    return st.none() | st.lists(st.integers(0, T) | st.sampled_from([0, T]), min_size=B, max_size=B)


@st.composite
def layers(draw: Any, cell: Cell) -> tuple[Recurrent, Tensor, list[Tensor], Tensor | None]:
    """Draw layers in double precision with inputs, states and lengths."""
    T, B = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    I, H = draw(st.integers(1, 3)), draw(st.integers(1, 3))  # noqa: E741
    torch.manual_seed(draw(st.integers(0, 2**31)))
    layer = Recurrent(
        cell,
        I,
        H,
        num_layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()),
        bias=draw(st.booleans()),
        dtype=torch.float64,
    )
    places = layer.num_layers * (2 if layer.bidirectional else 1)
    x = torch.randn(T, B, I, dtype=torch.float64)
    state = [torch.randn(places, B, H, dtype=torch.float64) for _ in cell.states]
    lengths = draw(ragged(T, B))
    return layer, x, state, None if lengths is None else torch.tensor(lengths, dtype=torch.int64)
