"""Measures of gradient flow; the room itself can be called: `throughtime.flow(model, ...)`."""

import sys
from types import ModuleType
from typing import Any

from throughtime.flow.advice import Advice
from throughtime.flow.by_lag import ByLag
from throughtime.flow.discarded import Discarded, Truncation
from throughtime.flow.gates import Gate
from throughtime.flow.jacobian import Jacobian
from throughtime.flow.lyapunov import LyapunovSpectrum
from throughtime.flow.measure import flow
from throughtime.flow.paths import Paths
from throughtime.flow.result import Flow, LayerFlow
from throughtime.flow.triangle import Triangle
from throughtime.flow.unrolled import NoFlowError
from throughtime.flow.verdict import Verdict

__all__ = [
    "Advice",
    "ByLag",
    "Discarded",
    "Flow",
    "Gate",
    "Jacobian",
    "LayerFlow",
    "LyapunovSpectrum",
    "NoFlowError",
    "Paths",
    "Triangle",
    "Truncation",
    "Verdict",
    "flow",
]


class _Room(ModuleType):
    # The package and its main function have one name; importing anything from the room makes the
    # package an attribute of `throughtime`, and `throughtime.flow(...)` must go on working.
    def __call__(self, *arguments: Any, **options: Any) -> Flow:
        return flow(*arguments, **options)


sys.modules[__name__].__class__ = _Room
