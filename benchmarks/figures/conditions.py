"""Gradients that vanish, and single steps of a stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from figures.figure import Figure, at_least, at_most
from figures.measuring import Measuring, float32
from throughtime.cli.agreement import difference
from throughtime.cli.racing import DisagreementError, Size
from throughtime.cli.racing.contenders import TORCH, torch_layers
from throughtime.cli.racing.problem import Problem
from throughtime.cli.racing.race import TOLERANCE
from throughtime.nn.stepper import Stepper

KEPT = 0.985
"""Share of the gradient that a step lets through."""

SMALL = 1e-37
"""The gradient after the last step, of all rows but one: in some 850 of 1000 steps of `KEPT` it is
denormal, which numbers from 1e-38 to 1e-45 are. One row starts at 1; next to it the others, which
the engine may take for zero, are no difference."""


def denormals(measuring: Measuring) -> Iterator[Figure]:
    """Compare a gradient that vanishes through the denormal numbers with one that does not."""
    size = Size(32, 1000, 16, 64)
    for cell in ("lstm", "gru", "elman"):
        problems = {
            f"vanishing, {cell}": _decaying(cell, size, KEPT, SMALL),
            "lasting": _decaying(cell, size, 1.0, 1.0),
        }
        vanishing, lasting = measuring.ours(problems).values()
        what = f"{cell}: a gradient that becomes denormal beside one that lasts, {size}"
        yield at_most(what, 1.2, vanishing / lasting)


def _decaying(cell: str, size: Size, kept: float, small: float) -> Problem:
    """Draw a problem whose gradient starts at the last step and is multiplied by `kept` at each."""
    problem = float32(cell, *size)
    gates, H = problem.layer.cell.gates, size.H
    weights = dict(problem.layer.named_parameters())
    with torch.no_grad():
        for parameter in weights.values():
            parameter.zero_()
        if cell == "elman":  # h = tanh(kept h), with h near 0
            weights["weight_hh_l0"].copy_(kept * torch.eye(H))
        else:  # the gate that keeps the state is open by so much, whatever goes in
            gate = gates.index("f" if cell == "lstm" else "z")
            open_by = math.log(kept / (1 - kept)) if kept < 1 else 30.0
            weights["bias_hh_l0"][gate * H : (gate + 1) * H] = open_by
    seeds = tuple(torch.zeros_like(seed) for seed in problem.seeds)
    seeds[-1].copy_(small * problem.seeds[-1])
    seeds[-1][:, 0] = problem.seeds[-1][:, 0]
    return replace(problem, seeds=seeds)


CALLS = 200
"""Calls that are timed together: a single one is near the resolution of the clock."""

LONG = 10 * CALLS
"""Steps of the long call: what a call takes by itself is then no part of the arithmetic."""


def streaming(measuring: Measuring) -> Iterator[Figure]:
    """Compare one call a step with the arithmetic, which is a step's share of one long call."""
    for cell in ("lstm", "gru", "elman"):
        problem = float32(cell, 1, LONG, 8, 32)
        layer = problem.layer
        x = problem.x.detach()
        pieces = tuple(x[t : t + 1] for t in range(CALLS))
        theirs = torch_layers[cell](8, 32)
        theirs.load_state_dict(layer.state_dict())
        steps: dict[str, Callable[[], Any]] = {
            f"streaming {cell}": partial(_steps, layer.stepper(), tuple(x[:CALLS, 0])),
            TORCH: partial(_stream, theirs, pieces),
            "one call": partial(_whole, layer, x),
        }
        _compare(cell, steps)
        ours, torch_s, long = measuring.medians(steps).values()
        ours, torch_s, arithmetic = ours / CALLS, torch_s / CALLS, long / LONG
        detail = {"seconds_a_step": {"ours": ours, TORCH: torch_s, "one long call": arithmetic}}
        what = f"{cell}, one row, one step a call, 32 units"
        above = ours - arithmetic
        yield at_most(f"{what}: above the arithmetic", 5e-6, above, unit="us", detail=detail)
        yield at_least(f"{what}: against torch.nn", 1, torch_s / ours)


@torch.inference_mode()
def _steps(stepper: Stepper, rows: tuple[Tensor, ...]) -> Tensor:
    stepper.reset()
    for row in rows:
        y = stepper(row)
    return y.reshape(1, 1, -1)


@torch.inference_mode()
def _stream(layer: torch.nn.Module, pieces: tuple[Tensor, ...]) -> Tensor:
    state = None
    for piece in pieces:
        y, state = layer(piece, state)
    return y  # type: ignore[no-any-return]


@torch.inference_mode()
def _whole(layer: torch.nn.Module, x: Tensor) -> Tensor:
    return layer(x)[0][CALLS - 1 : CALLS]  # type: ignore[no-any-return]


def _compare(cell: str, steps: dict[str, Callable[[], Any]]) -> None:
    right = {"the last output": steps[TORCH]()}
    for name, step in steps.items():
        found = difference({"the last output": step()}, right)
        if not found.relative <= TOLERANCE[torch.float32]:
            raise DisagreementError(
                f"{cell}, step by step: {found.name} of {name} differs from that of {TORCH} by "
                f"{found.relative:.1e}; wrong results are not timed"
            )
