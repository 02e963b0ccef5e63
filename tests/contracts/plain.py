"""What tests compare with: recurrences written out plainly in torch, one row and step at a time.

Nothing here knows the engines or the derived adjoints; autograd differentiates it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from throughtime.engine import Recurrence, Weights
from throughtime.equations import Cell, evaluate
from throughtime.nn import Recurrent

# One step of one row: pre-activations W x + b and U h + c of all gates, states, units -> states.
Step = Callable[[Tensor, Tensor, list[Tensor], tuple[Tensor, ...]], list[Tensor]]


def elman(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    return [torch.tanh(a + u)]


def elman_relu(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    return [torch.relu(a + u)]


def gru(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    (h,) = S
    a_r, a_z, a_n = a.chunk(3)
    u_r, u_z, u_n = u.chunk(3)
    r = torch.sigmoid(a_r + u_r)
    z = torch.sigmoid(a_z + u_z)
    n = torch.tanh(a_n + r * u_n)
    return [(1 - z) * n + z * h]


def lstm(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    _, c = S
    i, f, g, o = (a + u).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def lstm_peephole(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    _, c = S
    p_i, p_f, p_o = units
    i, f, g, o = (a + u).chunk(4)
    new = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
    return [torch.sigmoid(o + p_o * new) * torch.tanh(new), new]


def leaky(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    (h,) = S
    return [0.9 * h + 0.1 * torch.tanh(a + u)]


steps: dict[str, Step] = {
    "elman": elman,
    "elman_relu": elman_relu,
    "gru": gru,
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "leaky": leaky,
}


def step_of(cell: Cell) -> Step:
    """Give the cell's step as written by hand, or else its equations, evaluated and recorded."""
    return steps.get(cell.name) or _evaluated(cell)


def _evaluated(cell: Cell) -> Step:
    def step(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
        values = dict(zip(cell.states, S, strict=True)) | dict(zip(cell.units, units, strict=True))
        if cell.input_gates:
            planes = a.chunk(len(cell.input_gates))
            values |= {f"wx.{g}": p for g, p in zip(cell.input_gates, planes, strict=True)}
        if cell.recurrent_gates:
            planes = u.chunk(len(cell.recurrent_gates))
            values |= {f"uh.{g}": p for g, p in zip(cell.recurrent_gates, planes, strict=True)}
        new = evaluate(cell.step, values)
        return [new[f"next.{state}"].expand_as(S[0]) for state in cell.states]

    return step


def run_row(
    step: Step, x: Tensor, S: list[Tensor], weights: Weights, length: int, reverse: bool
) -> tuple[Tensor, list[Tensor]]:
    """Run one row, x being [T, I] and states [H]."""
    outputs = [torch.zeros_like(S[0]) for _ in range(len(x))]
    for t in range(length - 1, -1, -1) if reverse else range(length):
        a = _affine(weights.W, x[t], weights.b)
        u = _affine(weights.U, S[0], weights.c)
        S = step(a, u, S, weights.units)
        outputs[t] = S[0]
    return torch.stack(outputs) if outputs else x.new_zeros(0, len(S[0])), S


def _affine(weight: Tensor | None, vector: Tensor, bias: Tensor | None) -> Tensor:
    if weight is None:
        return vector.new_zeros(0)
    return weight @ vector if bias is None else weight @ vector + bias


def run(recurrence: Recurrence, step: Step | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrence row by row; results as `throughtime.engine.Engine.run` gives them."""
    step = step or step_of(recurrence.cell)
    T, B = recurrence.x.shape[:2]
    lengths = [T] * B if recurrence.lengths is None else recurrence.lengths.tolist()
    rows = [
        run_row(
            step,
            recurrence.x[:, row],
            [s[row] for s in recurrence.state],
            recurrence.weights,
            lengths[row],
            recurrence.reverse,
        )
        for row in range(B)
    ]
    if not rows:
        return recurrence.x.new_zeros(T, 0, recurrence.state[0].shape[1]), recurrence.state
    final = [torch.stack(states) for states in zip(*(final for _, final in rows), strict=True)]
    return torch.stack([outputs for outputs, _ in rows], 1), tuple(final)


def run_layer(
    layer: Recurrent, x: Tensor, state: Sequence[Tensor], lengths: Tensor | None = None
) -> tuple[Tensor, list[Tensor]]:
    """Run all layers and directions of a layer, time-major and without dropout."""
    after: list[tuple[Tensor, ...]] = []
    for number in range(layer.num_layers):
        outputs = []
        for reverse in (False, True) if layer.bidirectional else (False,):
            own = tuple(s[len(after)] for s in state)
            weights = layer.weights(number, reverse)
            output, final = run(Recurrence(layer.cell, x, own, weights, lengths, reverse))
            outputs.append(output)
            after.append(final)
        x = torch.cat(outputs, 2)
    return x, [torch.stack(states) for states in zip(*after, strict=True)]
