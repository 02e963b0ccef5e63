"""Engines run a cell's programs over time; `use` picks one, `explain` says which runs and why."""

from throughtime.engine.dispatch import Choice, choose, engines, explain, run, use
from throughtime.engine.keeping import keep, states_only
from throughtime.engine.native_module import release
from throughtime.engine.recurrence import Engine, Recurrence, Weights

__all__ = [
    "Choice",
    "Engine",
    "Recurrence",
    "Weights",
    "choose",
    "engines",
    "explain",
    "keep",
    "release",
    "run",
    "states_only",
    "use",
]
