"""Which engine runs a recurrence: the first in order that can."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.engine.native import native
from throughtime.engine.recurrence import Engine, Recurrence
from throughtime.engine.reference import reference
from throughtime.engine.trail import Trail, trail

engines: dict[str, Engine] = {"native": native, "reference": reference}

_chosen: ContextVar[str] = ContextVar("engine", default="auto")


@contextmanager
def use(name: str) -> Iterator[None]:
    """Run everything inside on one engine: `with engine.use("reference"): ...`.

    What `torch.compile` or `torch.export` has taken in keeps the engine that was in use then.

    Args:
        name: An engine's name, or "auto" for the first that can.

    Raises:
        ValueError: No engine has that name.
    """
    if name != "auto" and name not in engines:
        raise ValueError(f"unknown engine {name!r}; known are auto, {', '.join(engines)}")
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


@dataclass(frozen=True)
class Choice:
    """Which engine runs a call, and why those tried before it do not.

    Attributes:
        engine: The name of the engine.
        declined: The reason of each engine that was tried and cannot, by name.
    """

    engine: str
    declined: dict[str, str]


def _asked() -> str:
    return _chosen.get()


# What torch.compiler.assume_constant_result sets, which would load the compiler, for seconds. A
# compiled function keeps the engine that was in use when it was compiled.
_asked._dynamo_marked_constant = True  # type: ignore[attr-defined]


def choose(recurrence: Recurrence) -> Choice:
    """Find the engine for a call.

    Raises:
        RuntimeError: The engine that was asked for cannot run the call; its reason is given.
    """
    asked = _asked()
    declined: dict[str, str] = {}
    for name in engines if asked == "auto" else (asked,):
        reason = engines[name].why_not(recurrence)
        if reason is None:
            return Choice(name, declined)
        declined[name] = reason
    reasons = "; ".join(f"{name}: {reason}" for name, reason in declined.items())
    raise RuntimeError(f"no engine can run this call ({reasons}); use engine.use('auto')")


def run(recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrence on the engine chosen for it; see `Engine.run`."""
    choice = choose(recurrence)
    noted = None if torch.compiler.is_compiling() else _noted.get()
    if noted is not None:
        noted.append((recurrence, choice))
    on = None if torch.compiler.is_compiling() else trail.get()
    if on is not None:
        return _run_on(on, recurrence, choice)
    return engines[choice.engine].run(recurrence)


def _run_on(on: Trail, recurrence: Recurrence, choice: Choice) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrence and note it; see `Trail`."""
    if engines[choice.engine] is native:
        held = on.held_for(recurrence)
        outputs, final, tape, stored = native.keep(recurrence, on.taped, held, on.every)
        on.note(recurrence, tape, held, stored)
        return outputs, final
    on.note(recurrence, None)
    return engines[choice.engine].run(recurrence)


_noted: ContextVar[list[tuple[Recurrence, Choice]] | None] = ContextVar("noted", default=None)


def _uncompiled() -> AbstractContextManager[None]:
    """Run modules that torch.compile has wrapped as they were written."""
    if "torch._dynamo" not in sys.modules:  # then nothing is compiled, and loading it takes seconds
        return nullcontext()
    return torch.compiler.set_stance("force_eager")  # type: ignore[no-any-return]


def explain(module: nn.Module, *inputs: Any, **options: Any) -> str:
    """Say which engine runs each recurrence of a call, and why those tried before it do not.

    The call is made once, without gradients.

    Args:
        module: A layer of `throughtime.nn`, or any module with such layers inside.
        inputs: What it is called with.
        options: What it is called with by name.

    Returns:
        A line for each layer and direction, and one for each engine that declined.
    """
    noted: list[tuple[Recurrence, Choice]] = []
    token = _noted.set(noted)
    training = module.training
    try:
        with torch.no_grad(), _uncompiled():
            module.eval()(*inputs, **options)
    finally:
        _noted.reset(token)
        module.train(training)
    lines = []
    for number, (recurrence, choice) in enumerate(noted):
        T, B, width = recurrence.x.shape
        direction = ", reverse" if recurrence.reverse else ""
        lines.append(
            f"{number}: {recurrence.cell.name}{direction}, T={T} B={B} I={width} H={recurrence.H}, "
            f"{recurrence.x.dtype}: {choice.engine}"
        )
        lines += [f"   not {name}: {reason}" for name, reason in choice.declined.items()]
    return "\n".join(lines) or "no recurrence of this package runs in this call"
