"""The cell language: equations over scalars, traced into programs and differentiated."""

from throughtime.equations.cell import Cell, cell
from throughtime.equations.differentiate import Adjoint, differentiate
from throughtime.equations.errors import CellError
from throughtime.equations.evaluate import evaluate, evaluator
from throughtime.equations.functions import (
    abs,
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
from throughtime.equations.program import Instruction, Program
from throughtime.equations.trace import trace

__all__ = [
    "Adjoint",
    "Cell",
    "CellError",
    "Instruction",
    "Program",
    "abs",
    "cell",
    "differentiate",
    "evaluate",
    "evaluator",
    "exp",
    "layer_norm",
    "log",
    "maximum",
    "mean",
    "minimum",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "trace",
    "where",
]
