"""The elementwise operations that a cell's equations are made of, and their meaning in torch."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Operation:
    """An elementwise operation.

    Attributes:
        arity: How many arguments it takes.
        evaluate: The operation on tensors that broadcast.
        truth: Whether its result is true or false, which only `where` can take.
        commutative: Whether its two arguments may change places.
        row: Whether it looks at all units of a row at once, the last dimension of its argument; all
            others are elementwise.
    """

    arity: int
    evaluate: Callable[..., Any]
    truth: bool = False
    commutative: bool = False
    row: bool = False


def _softplus(x: Tensor) -> Tensor:
    # Not torch's softplus: that one jumps to the identity at 20, by 2e-9.
    return torch.logaddexp(x, torch.zeros_like(x))


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True)


operations: dict[str, Operation] = {
    "add": Operation(2, operator.add, commutative=True),
    "subtract": Operation(2, operator.sub),
    "multiply": Operation(2, operator.mul, commutative=True),
    "divide": Operation(2, operator.truediv),
    "power": Operation(2, torch.pow),
    "negate": Operation(1, torch.neg),
    "sigmoid": Operation(1, torch.sigmoid),
    "tanh": Operation(1, torch.tanh),
    "relu": Operation(1, torch.relu),
    "softplus": Operation(1, _softplus),
    "exp": Operation(1, torch.exp),
    "log": Operation(1, torch.log),
    "sqrt": Operation(1, torch.sqrt),
    "abs": Operation(1, torch.abs),
    "maximum": Operation(2, torch.maximum, commutative=True),
    "minimum": Operation(2, torch.minimum, commutative=True),
    "less": Operation(2, torch.lt, truth=True),
    "less_equal": Operation(2, torch.le, truth=True),
    "greater": Operation(2, torch.gt, truth=True),
    "greater_equal": Operation(2, torch.ge, truth=True),
    "equal": Operation(2, torch.eq, truth=True, commutative=True),
    "not_equal": Operation(2, torch.ne, truth=True, commutative=True),
    "where": Operation(3, torch.where),
    "mean": Operation(1, _mean, row=True),
}


def fold(operation: str, values: Sequence[float]) -> float:
    """Evaluate an operation on constants, in double precision."""
    arguments = [torch.tensor(value, dtype=torch.float64) for value in values]
    return float(operations[operation].evaluate(*arguments))
