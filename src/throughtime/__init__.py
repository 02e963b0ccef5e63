"""Throughtime trains recurrent networks through time.

Names are imported when they are first used, so that the command line can answer before torch is
loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughtime import cells, data, engine, export, nn
    from throughtime.equations import (
        Cell,
        CellError,
        abs,
        cell,
        exp,
        layer_norm,
        log,
        maximum,
        mean,
        minimum,
        relu,
        sigmoid,
        softplus,
        sqrt,
        tanh,
        where,
    )
    from throughtime.estimators import (
        Forecaster,
        LanguageModel,
        SequenceClassifier,
        SequenceRegressor,
    )
    from throughtime.estimators.stored import load, save
    from throughtime.flow import Flow, flow
    from throughtime.flow.itemise import itemise
    from throughtime.flow.itemised import Itemised
    from throughtime.gradients import (
        BPTT,
        RFLO,
        RTRL,
        TBPTT,
        UORO,
        AdaptiveTBPTT,
        CheckpointedBPTT,
        Clipping,
        EProp,
        EvolutionStrategy,
        GradientMethod,
        RandomTBPTT,
        SnAp,
        Update,
    )
    from throughtime.nn import Network

__version__ = "0.1.0"

_ROOMS = ("cells", "data", "engine", "export", "flow", "nn")  # `flow` can be called
_HOMES = {
    "throughtime.equations": (
        "Cell", "CellError", "abs", "cell", "exp", "layer_norm", "log", "maximum", "mean",
        "minimum", "relu", "sigmoid", "softplus", "sqrt", "tanh", "where",
    ),
    "throughtime.estimators": (
        "Forecaster", "LanguageModel", "SequenceClassifier", "SequenceRegressor",
    ),
    "throughtime.estimators.stored": ("load", "save"),
    "throughtime.flow": ("Flow",),
    "throughtime.flow.itemise": ("itemise",),
    "throughtime.flow.itemised": ("Itemised",),
    "throughtime.gradients": (
        "BPTT", "RFLO", "RTRL", "TBPTT", "UORO", "AdaptiveTBPTT", "CheckpointedBPTT", "Clipping",
        "EProp", "EvolutionStrategy", "GradientMethod", "RandomTBPTT", "SnAp", "Update",
    ),
    "throughtime.nn": ("Network",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BPTT",
    "RFLO",
    "RTRL",
    "TBPTT",
    "UORO",
    "AdaptiveTBPTT",
    "Cell",
    "CellError",
    "CheckpointedBPTT",
    "Clipping",
    "EProp",
    "EvolutionStrategy",
    "Flow",
    "Forecaster",
    "GradientMethod",
    "Itemised",
    "LanguageModel",
    "Network",
    "RandomTBPTT",
    "SequenceClassifier",
    "SequenceRegressor",
    "SnAp",
    "Update",
    "abs",
    "cell",
    "cells",
    "data",
    "engine",
    "exp",
    "export",
    "flow",
    "itemise",
    "layer_norm",
    "load",
    "log",
    "maximum",
    "mean",
    "minimum",
    "nn",
    "relu",
    "save",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "where",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"throughtime.{name}")
    if name in _HOME_OF:
        found = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'throughtime' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
