"""The same layers in JAX: `lax.scan` under `jit`, the inputs' product taken out of the loop."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from throughtime.cli.racing.problem import Problem


def installed() -> bool:
    """Whether JAX can be raced against."""
    return importlib.util.find_spec("jax") is not None


def use_threads(threads: int) -> None:
    """Ask JAX for a number of threads; it listens only before its first use in a process."""
    os.environ["NPROC"] = str(threads)


def _elman(jax: Any, a: Any, u: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    return (jax.numpy.tanh(a + u),)


def _gru(jax: Any, a: Any, u: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    (h,) = state
    a_r, a_z, a_n = jax.numpy.split(a, 3, axis=1)
    u_r, u_z, u_n = jax.numpy.split(u, 3, axis=1)
    r, z = jax.nn.sigmoid(a_r + u_r), jax.nn.sigmoid(a_z + u_z)
    n = jax.numpy.tanh(a_n + r * u_n)
    return ((1 - z) * n + z * h,)


def _lstm(jax: Any, a: Any, u: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    i, f, g, o = jax.numpy.split(a + u, 4, axis=1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
    return jax.nn.sigmoid(o) * jax.numpy.tanh(c), c


jax_steps: dict[str, Callable[..., tuple[Any, ...]]] = {
    "elman": _elman,
    "gru": _gru,
    "lstm": _lstm,
}
"""A step of each cell: products of the inputs and of the state, and the states, to the new ones."""


def prepare(
    problem: Problem,
) -> tuple[Callable[[], Any], Callable[[], Any], Callable[[Any], list[Tensor]]]:
    """Set up a problem in JAX.

    Returns:
        A training step, an inference step, and what turns their results into tensors.

    Raises:
        ImportError: JAX is not installed.
    """
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", problem.x.dtype == torch.float64)

    def array(tensor: Tensor) -> Any:
        return jax.device_put(tensor.detach().numpy())

    run = _scan(jax, problem)

    def forward_and_back(given: Any, seeds: Any) -> Any:
        results, pull_back = jax.vjp(run, *given)
        return results, *pull_back(seeds)

    weights = {name: array(p) for name, p in problem.layer.named_parameters()}
    given = (array(problem.x), tuple(array(s[0]) for s in problem.state), weights)
    seed, *final = problem.seeds
    seeds = (array(seed), tuple(array(s[0]) for s in final))
    compiled, compiled_training = jax.jit(run), jax.jit(forward_and_back)

    def tensors(raw: Any) -> list[Tensor]:
        """Put results, gradients of inputs and states, and of weights in the problem's order."""
        (outputs, final), *gradients = raw if len(raw) == 4 else (raw,)
        found = [outputs, *(s[None] for s in final)]
        if gradients:
            d_x, d_state, d_weights = gradients
            found += [d_x, *(s[None] for s in d_state), *(d_weights[name] for name in weights)]
        return [torch.tensor(importlib.import_module("numpy").array(one)) for one in found]

    return (
        lambda: jax.block_until_ready(compiled_training(given, seeds)),
        lambda: jax.block_until_ready(compiled(*given)),
        tensors,
    )


def _scan(jax: Any, problem: Problem) -> Callable[[Any, Any, Any], Any]:
    step = jax_steps[problem.layer.cell.name]
    T = problem.size.T
    valid = None
    if problem.lengths is not None:
        valid = jax.device_put(
            (torch.arange(T)[:, None] < problem.lengths)[..., None].numpy()  # [T, B, 1]
        )

    def run(x: Any, state: tuple[Any, ...], weights: dict[str, Any]) -> Any:
        a = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]  # [T, B, G H]

        def one(state: tuple[Any, ...], at: Any) -> Any:
            a_t, valid_t = at
            u = state[0] @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]  # [B, G H]
            new = step(jax, a_t, u, state)
            if valid_t is None:
                return new, new[0]
            kept = tuple(
                jax.numpy.where(valid_t, after, before)
                for after, before in zip(new, state, strict=True)
            )
            return kept, jax.numpy.where(valid_t, new[0], 0)

        final, outputs = jax.lax.scan(one, state, (a, valid))
        return outputs, final

    return run
