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


def independent(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    (h,) = S
    (weight,) = units
    return [torch.relu(a + weight * h)]


def minimal_gated(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    (h,) = S
    a_f, a_n = a.chunk(2)
    u_f, u_n = u.chunk(2)
    f = torch.sigmoid(a_f + u_f)
    return [(1 - f) * h + f * torch.tanh(a_n + f * u_n)]


def light_gru(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    (h,) = S
    z, n = (a + u).chunk(2)
    return [torch.sigmoid(z) * h + (1 - torch.sigmoid(z)) * torch.relu(n)]


def lstm_coupled(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    _, c = S
    i, g, o = (a + u).chunk(3)
    c = (1 - torch.sigmoid(i)) * c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def lstm_no_input_gate(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    f, g, o = (a + u).chunk(3)
    c = torch.sigmoid(f) * c + torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def lstm_no_forget_gate(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    i, g, o = (a + u).chunk(3)
    c = c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def lstm_no_output_gate(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    i, f, g = (a + u).chunk(3)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.tanh(c), c]


def lstm_no_input_activation(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    i, f, g, o = (a + u).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
    return [torch.sigmoid(o) * torch.tanh(c), c]


def lstm_no_output_activation(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    i, f, g, o = (a + u).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * c, c]


def slstm(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    _, c, n, m = S
    i, f, z, o = (a + u).chunk(4)
    kept = torch.nn.functional.logsigmoid(f) + m
    new_m = torch.where(n == 0, i, torch.maximum(kept, i))
    f = torch.exp(torch.where(n == 0, 0.0, kept - new_m))
    i = torch.exp(i - new_m)
    new_c = f * c + i * torch.tanh(z)
    new_n = f * n + i
    return [torch.sigmoid(o) * new_c / new_n, new_c, new_n, new_m]


def simple_recurrent_unit(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    v_f, v_r = units
    g, f, r, p = a.chunk(4)
    f, r = torch.sigmoid(f + v_f * c), torch.sigmoid(r + v_r * c)
    c = f * c + (1 - f) * g
    return [r * c + (1 - r) * p, c]


def quasi_recurrent(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, c = S
    z, f, o = a.chunk(3)
    c = torch.sigmoid(f) * c + (1 - torch.sigmoid(f)) * torch.tanh(z)
    return [torch.sigmoid(o) * c, c]


def noisy_leaky(a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]) -> list[Tensor]:
    _, v = S
    drive, noise = a.chunk(2)
    v = 0.8 * v + 0.2 * (drive + u) + 0.4**0.5 * 0.15 * noise
    return [torch.relu(v), v]


def continuous_time(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, v = S
    (slowness,) = units
    tau = 1 + torch.exp(slowness)  # in steps
    v = v + (-v + a + u) / tau
    return [torch.tanh(v), v]


def structural_context(
    a: Tensor, u: Tensor, S: list[Tensor], units: tuple[Tensor, ...]
) -> list[Tensor]:
    _, s = S
    (p,) = units
    context, drive = a.chunk(2)
    s = 0.05 * context + 0.95 * s
    return [torch.sigmoid(p * s + drive + u), s]


steps: dict[str, Step] = {
    "elman": elman,
    "elman_relu": elman_relu,
    "gru": gru,
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "leaky": leaky,
    "independent": independent,
    "minimal_gated": minimal_gated,
    "light_gru": light_gru,
    "lstm_coupled": lstm_coupled,
    "lstm_no_input_gate": lstm_no_input_gate,
    "lstm_no_forget_gate": lstm_no_forget_gate,
    "lstm_no_output_gate": lstm_no_output_gate,
    "lstm_no_input_activation": lstm_no_input_activation,
    "lstm_no_output_activation": lstm_no_output_activation,
    "slstm": slstm,
    "simple_recurrent_unit": simple_recurrent_unit,
    "quasi_recurrent": quasi_recurrent,
    "noisy_leaky": noisy_leaky,
    "continuous_time": continuous_time,
    "structural_context": structural_context,
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
        a = affine(weights.W, x[t], weights.b)
        u = affine(weights.U, S[0], weights.c)
        S = step(a, u, S, weights.units)
        outputs[t] = S[0]
    return torch.stack(outputs) if outputs else x.new_zeros(0, len(S[0])), S


def affine(weight: Tensor | None, vector: Tensor, bias: Tensor | None) -> Tensor:
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
