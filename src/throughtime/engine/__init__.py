"""Engines run a cell's programs over time; `use` picks one, `choose` says which would run."""

from throughtime.engine.dispatch import Choice, choose, engines, run, use
from throughtime.engine.recurrence import Engine, Recurrence, Weights

__all__ = ["Choice", "Engine", "Recurrence", "Weights", "choose", "engines", "run", "use"]
