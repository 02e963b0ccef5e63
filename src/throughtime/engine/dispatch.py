"""Which engine runs a recurrence: the first in order that can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor

from throughtime.engine.native import native
from throughtime.engine.recurrence import Engine, Recurrence
from throughtime.engine.reference import reference

engines: dict[str, Engine] = {"native": native, "reference": reference}

_chosen: ContextVar[str] = ContextVar("engine", default="auto")


@contextmanager
def use(name: str) -> Iterator[None]:
    """Run everything inside on one engine: `with engine.use("reference"): ...`.

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


def choose(recurrence: Recurrence) -> Choice:
    """Find the engine for a call.

    Raises:
        RuntimeError: The engine that was asked for cannot run the call; its reason is given.
    """
    asked = _chosen.get()
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
    return engines[choose(recurrence).engine].run(recurrence)
