"""Models to export, and what they compute themselves."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import throughtime as tt
from tests.engine.test_unusual_cells import unusual
from throughtime.equations import Cell
from throughtime.equations.operations import operations
from throughtime.export.models import describe
from throughtime.nn.network import activations

T, B, I, H, O = 7, 3, 2, 5, 3  # noqa: E741


@tt.cell(gates="a", state="h")
def normalised(wx, uh, h):
    return tt.tanh(tt.layer_norm(wx.a + uh.a))


@tt.cell(gates="a b", state="h c e", units="u")
def contrived(wx, uh, h, c, e, *, u):
    """A mean of a mean, a mean of weights alone, states that change places, one that is a mean."""
    m = tt.mean(wx.a + u)
    far = h > m
    n = tt.mean(tt.where(far, tt.exp(uh.b) - m, m * tt.mean(u)))
    new = tt.where(far, n, tt.sqrt(1 + n * n) - tt.mean(h)) + tt.tanh(wx.b)
    return c, tt.mean(tt.tanh(u)), new


@tt.cell(gates="a", state="h c")
def silent(wx, uh, h, c):
    """No gate at all."""
    return tt.tanh(c) - h, c * 0.5 + 1.0


@tt.cell(gates="r z n", state="h")
def called_otherwise(wx, uh, h):
    """The equations of gru."""
    r = tt.sigmoid(wx.r + uh.r)
    z = tt.sigmoid(wx.z + uh.z)
    n = tt.tanh(wx.n + r * uh.n)
    return n + z * (h - n)


FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1),
    "power": lambda a, b: (a * a + 0.1) ** b,
    "negate": lambda a, b: -a,
    "sigmoid": lambda a, b: tt.sigmoid(20 * a),
    "tanh": lambda a, b: tt.tanh(a),
    "relu": lambda a, b: tt.relu(a),
    "softplus": lambda a, b: tt.softplus(20 * a),
    "exp": lambda a, b: tt.exp(a),
    "log": lambda a, b: tt.log(a * a + 0.1),
    "sqrt": lambda a, b: tt.sqrt(a * a + 0.1),
    "abs": lambda a, b: tt.abs(a),
    "maximum": lambda a, b: tt.maximum(a, b),
    "minimum": lambda a, b: tt.minimum(a, b),
    "less": lambda a, b: tt.where(a < b, a, -1.5),
    "less_equal": lambda a, b: tt.where(a <= b, a, 2.0),
    "greater": lambda a, b: tt.where(a > b, a, 2.0),
    "greater_equal": lambda a, b: tt.where(a >= b, a, 2.0),
    "equal": lambda a, b: tt.where(tt.relu(a) == 0, b, 2.0),
    "not_equal": lambda a, b: tt.where(tt.relu(a) != 0, b, 2.0),
    "where": lambda a, b: tt.where(a > 0, b, a),
    "mean": lambda a, b: tt.mean(a) - b,
}
"""Each operation of equations in use."""
assert FORMS.keys() == operations.keys()


def one_operation(name: str) -> Cell:
    """Make a cell of one operation, bounded by tanh."""

    @tt.cell(gates="a b", state="h")
    def cell(wx, uh, h):
        return tt.tanh(FORMS[name](wx.a, wx.b + uh.b))

    return cell


FORWARD: dict[str, Callable[[], Any]] = (
    {
        f"network of {name}": lambda name=name: tt.Network(name, I, H, O, num_layers=2)
        for name in tt.cells.registry
    }
    | {
        f"output {name}": lambda name=name: tt.Network("elman", I, H, O, name, bias=False)
        for name in activations
    }
    | {
        f"operation {name}": lambda name=name: tt.nn.Recurrent(one_operation(name), I, H)
        for name in operations
    }
    | {f"unusual {cell.name}": lambda cell=cell: tt.nn.Recurrent(cell, I, H, 2) for cell in unusual}
    | {
        "layer norm": lambda: tt.nn.Recurrent(normalised, I, H, 2),
        "contrived": lambda: tt.nn.Recurrent(contrived, I, H, 2),
        "silent": lambda: tt.nn.Recurrent(silent, I, H),
        "called otherwise": lambda: tt.nn.Recurrent(called_otherwise, I, H),
        "zoneout": lambda: tt.nn.Recurrent("lstm", I, H, 2, zoneout=(0.1, 0.3)),
        "double": lambda: tt.nn.Recurrent("lstm", I, H, dtype=torch.float64),
        "one unit": lambda: tt.nn.Recurrent("lstm_peephole", 1, 1),
        "dropout": lambda: tt.nn.Recurrent("gru", I, H, 2, dropout=0.5, recurrent_dropout=0.5),
        "RNN": lambda: tt.nn.RNN(I, H, 2, nonlinearity="relu"),
        "GRU": lambda: tt.nn.GRU(I, H, batch_first=True),
        "LSTM": lambda: tt.nn.LSTM(I, H, 2, bias=False),
        "projected": lambda: tt.nn.LSTM(I, H, 2, proj_size=3),
    }
)
"""Models that run forward in time."""


def states(model: Any, rows: int) -> list[Tensor]:
    """Draw states before the first step, float32 [layers * directions, B, ·] each."""
    described = describe(model)
    places = len(described.layers) * described.directions
    return [torch.rand(places, rows, width) for width in described.widths]


@torch.no_grad()
def computed(
    model: Any, x: Tensor, before: list[Tensor], lengths: Tensor | None = None
) -> list[Tensor]:
    """Give the outputs and the states after the last step, as the model computes them.

    Args:
        model: A layer or network.
        x: Inputs [T, B, I], in its own layout if it has `batch_first`.
        before: The states.
        lengths: Valid steps of each row.
    """
    dtype = next((parameter.dtype for parameter in model.parameters()), torch.float32)
    given = tuple(state.to(dtype) for state in before)
    rest = () if lengths is None else (lengths,)
    y, after = model.eval()(x.to(dtype), given if len(given) > 1 else given[0], *rest)
    return [y, *(after if isinstance(after, tuple) else (after,))]
