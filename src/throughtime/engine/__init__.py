"""Engines run a cell's programs over time; `use` picks one, `explain` says which runs and why."""

from throughtime.engine.dispatch import Choice, choose, engines, explain, run, use
from throughtime.engine.keeping import keep, states_only
from throughtime.engine.native_again import roll_back_again
from throughtime.engine.native_held import HeldWeights
from throughtime.engine.native_joined import roll_back_joined
from throughtime.engine.native_module import release
from throughtime.engine.recurrence import Engine, Recurrence, Weights
from throughtime.engine.textbook import any_nan
from throughtime.engine.trail import Passed, joinable, recorded

__all__ = [
    "Choice",
    "Engine",
    "HeldWeights",
    "Passed",
    "Recurrence",
    "Weights",
    "any_nan",
    "choose",
    "engines",
    "explain",
    "joinable",
    "keep",
    "recorded",
    "release",
    "roll_back_again",
    "roll_back_joined",
    "run",
    "states_only",
    "use",
]
