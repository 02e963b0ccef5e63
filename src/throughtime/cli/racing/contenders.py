"""Who races: this package, torch's own layer or a plain loop in torch, and JAX if it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from throughtime.cli.racing.jax_scan import jax_steps, prepare
from throughtime.cli.racing.problem import Problem
from throughtime.engine.textbook import unroll

OURS, TORCH, LOOP, JAX = "throughtime", "torch.nn", "torch loop", "jax.lax.scan"
AGAIN = " again"

torch_layers: dict[str, Callable[..., torch.nn.Module]] = {
    "elman": torch.nn.RNN,
    "gru": torch.nn.GRU,
    "lstm": torch.nn.LSTM,
}
"""The cells that torch has too, by name."""


@dataclass(frozen=True)
class Contender:
    """Somebody who solves a problem.

    Attributes:
        name: What it is called.
        train: Runs forward and backward; gives the results, then the gradients by all that goes in.
        infer: Runs forward; gives the results.
        tensors: Turns what these give into tensors; not timed.
    """

    name: str
    train: Callable[[], Any]
    infer: Callable[[], Any]
    tensors: Callable[[Any], Sequence[Tensor]] = lambda given: given


Call = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...]]]


def line_up(problem: Problem, with_jax: bool) -> list[Contender]:
    """Give all who race over a problem: ours, the yardstick, JAX, and the yardstick again.

    The yardstick is torch's layer where torch has the cell, else a loop over its equations.
    """
    name = problem.layer.cell.name
    field = [ours(problem)]
    if name in torch_layers:
        field.append(_torch(problem, TORCH))
        if with_jax and name in jax_steps:
            field.append(Contender(JAX, *prepare(problem)))
        return [*field, _torch(problem, TORCH + AGAIN)]
    loop = _loop(problem)
    again = in_torch(LOOP + AGAIN, problem, loop)
    return [*field, in_torch(LOOP, problem, loop), again]


def in_torch(
    name: str, problem: Problem, call: Call, module: torch.nn.Module | None = None
) -> Contender:
    """Give who solves a problem by a call that autograd differentiates.

    Args:
        name: What it is called.
        problem: What is solved.
        call: Inputs and states to outputs and final states, shaped as those of the problem.
        module: Whose parameters it uses; the problem's own layer if None.
    """
    parameters = dict((problem.layer if module is None else module).named_parameters())
    wanted = [parameters.get(name, tensor) for name, tensor in problem.wanted.items()]

    def train() -> tuple[Tensor, ...]:
        outputs, final = call(problem.x, problem.state)
        results = (outputs, *final)
        # A cell may use no more than some of what goes in; the rest has a gradient of zero.
        gradients = torch.autograd.grad(
            results, wanted, problem.seeds, allow_unused=True, materialize_grads=True
        )
        return *results, *gradients

    @torch.no_grad()
    def infer() -> tuple[Tensor, ...]:
        outputs, final = call(problem.x, problem.state)
        return outputs, *final

    return Contender(name, train, infer)


def _several(state: Any) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def _one_or_several(state: tuple[Tensor, ...]) -> Any:
    return state if len(state) > 1 else state[0]


def ours(problem: Problem) -> Contender:
    """Give this package's own entry."""

    def call(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        outputs, final = problem.layer(x, _one_or_several(state), problem.lengths)
        return outputs, _several(final)

    return in_torch(OURS, problem, call)


def _torch(problem: Problem, name: str) -> Contender:
    _, T, I, H = problem.size  # noqa: E741
    module = torch_layers[problem.layer.cell.name](I, H, dtype=problem.x.dtype)
    module.load_state_dict(problem.layer.state_dict())
    lengths = problem.lengths

    def call(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        # Padded sequences go in and come out, here as in ours; torch has to pack them in between.
        given: Any = x
        if lengths is not None:
            given = pack_padded_sequence(x, lengths, enforce_sorted=False)
        outputs, final = module(given, _one_or_several(state))
        if lengths is not None:
            outputs, _ = pad_packed_sequence(outputs, total_length=T)
        return outputs, _several(final)

    return in_torch(name, problem, call, module)


def _loop(problem: Problem) -> Call:
    """Give the equations in a Python loop, differentiated by torch's autograd."""

    def call(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        unrolled = unroll(problem.recurrence, keep=False)
        return unrolled.outputs, tuple(final[None] for final in unrolled.final)

    return call
