"""Throughtime trains recurrent networks through time."""

from throughtime import cells, engine, nn
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
from throughtime.flow import Flow, flow
from throughtime.gradients import BPTT, GradientMethod, Update
from throughtime.nn import Network

__version__ = "0.1.0"

__all__ = [
    "BPTT",
    "Cell",
    "CellError",
    "Flow",
    "GradientMethod",
    "Network",
    "Update",
    "abs",
    "cell",
    "cells",
    "engine",
    "exp",
    "flow",
    "layer_norm",
    "log",
    "maximum",
    "mean",
    "minimum",
    "nn",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "where",
]
