"""Measures of gradient flow; the room itself can be called: `throughtime.flow(model, ...)`."""

import sys
from types import ModuleType
from typing import Any

from throughtime.flow.reach import Flow, LayerFlow, NoFlowError, flow

__all__ = ["Flow", "LayerFlow", "NoFlowError", "flow"]


class _Room(ModuleType):
    # The package and its main function have one name; importing anything from the room makes the
    # package an attribute of `throughtime`, and `throughtime.flow(...)` must go on working.
    def __call__(self, *arguments: Any, **options: Any) -> Flow:
        return flow(*arguments, **options)


sys.modules[__name__].__class__ = _Room
