"""How the biases of the gates that keep the memory start."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.nn.init import chrono_, forget_bias_, keeping_gate

keeping_cells = [name for name, cell in tt.cells.registry.items() if keeping_gate(cell)]


def test_which_gate_keeps() -> None:
    assert {name: keeping_gate(cell) for name, cell in tt.cells.registry.items()} == {
        "elman": None,
        "elman_relu": None,
        "independent": None,
        "gru": ("z", 1.0),
        "minimal_gated": ("f", -1.0),
        "light_gru": ("z", 1.0),
        "lstm": ("f", 1.0),
        "lstm_peephole": ("f", 1.0),
        "lstm_coupled": ("i", -1.0),
        "lstm_no_input_gate": ("f", 1.0),
        "lstm_no_forget_gate": None,
        "lstm_no_output_gate": ("f", 1.0),
        "lstm_no_input_activation": ("f", 1.0),
        "lstm_no_output_activation": ("f", 1.0),
        "slstm": ("f", 1.0),
        "simple_recurrent_unit": ("f", 1.0),
        "quasi_recurrent": ("f", 1.0),
        "leaky": None,
        "noisy_leaky": None,
        "continuous_time": None,
        "structural_context": None,
    }


def test_the_equations_decide_which_gate_keeps_not_its_name() -> None:
    @tt.cell(gates="q z", state="h")
    def renewed(wx, uh, h):
        z, q = tt.sigmoid(wx.z + uh.z), tt.sigmoid(uh.q)
        return q * h + (1 - q) * tt.tanh(z * wx.z)

    assert keeping_gate(renewed) == ("q", 1.0)
    layer = forget_bias_(tt.nn.Recurrent(renewed, 1, 2), 3.0)
    assert layer.bias_hh_l0[:2].tolist() == [3.0, 3.0], "q has no input product"


def biases(layer: tt.nn.Recurrent, gate: str) -> list[tuple[Tensor, Tensor]]:
    """Give the gate's bias of the input product and of the recurrent one, zeros if it has none."""
    found = []
    for number in range(layer.num_layers):
        for reverse in (False, True) if layer.bidirectional else (False,):
            weights = layer.weights(number, reverse)
            own = []
            for bias, gates in (
                (weights.b, layer.cell.input_gates),
                (weights.c, layer.cell.recurrent_gates),
            ):
                if bias is not None and gate in gates:
                    own.append(bias.detach().chunk(len(gates))[gates.index(gate)])
                else:
                    own.append(torch.zeros(layer.hidden_size))
            found.append((own[0], own[1]))
    return found


def changed(layer: tt.nn.Recurrent, start: Callable[[tt.nn.Recurrent], object]) -> set[str]:
    """Name the gates whose biases a start changes; it may change nothing else."""
    before = {gate: biases(layer, gate) for gate in layer.cell.gates}
    before = {gate: [(b.clone(), c.clone()) for b, c in pairs] for gate, pairs in before.items()}
    others = {n: p.detach().clone() for n, p in layer.named_parameters() if "bias" not in n}
    assert start(layer) is layer
    for name, parameter in layer.named_parameters():
        assert parameter.requires_grad
        assert name not in others or torch.equal(parameter, others[name])
    return {
        gate
        for gate, pairs in before.items()
        for old, new in zip(pairs, biases(layer, gate), strict=True)
        if not all(torch.equal(o, n) for o, n in zip(old, new, strict=True))
    }


@pytest.mark.parametrize("cell", keeping_cells)
def test_the_forget_bias_is_set_once_in_each_layer_and_direction(cell: str) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True)
    gate, sign = keeping_gate(layer.cell)
    assert changed(layer, lambda own: forget_bias_(own, 1.5)) == {gate}
    for b, c in biases(layer, gate):
        assert b.tolist() == [1.5 * sign] * 3
        assert not c.any(), "two biases add"


@pytest.mark.parametrize("cell", keeping_cells)
def test_a_large_forget_bias_carries_the_memory_on_and_a_small_one_drops_it(cell: str) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, dtype=torch.float64)
    memory = -1 if len(layer.cell.states) < 3 else 1  # h, or c
    state = [torch.ones(1, 2, 3, dtype=torch.float64) for _ in layer.cell.states]
    moved = list(state)
    moved[memory] = 2 * state[memory]
    for value, share in ((50.0, 1.0), (-50.0, 0.0)):
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()
        forget_bias_(layer, value)
        after = []
        for own in (state, moved):
            with torch.no_grad():
                _, new = layer(torch.zeros(1, 2, 2).double(), own if len(own) > 1 else own[0])
            after.append(new[memory] if len(own) > 1 else new)
        assert_close(after[1] - after[0], share * torch.ones_like(after[0]), cell, 1e-12)


def test_the_forget_bias_by_hand() -> None:
    layer = forget_bias_(tt.nn.Recurrent("lstm", 1, 2))
    torch_layer = torch.nn.LSTM(1, 2)
    torch_layer.load_state_dict(layer.state_dict())
    assert (torch_layer.bias_ih_l0 + torch_layer.bias_hh_l0)[2:4].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "1", False])
def test_a_forget_bias_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="value must be a finite number, got"):
        forget_bias_(tt.nn.Recurrent("lstm", 1, 1), value)


@pytest.mark.parametrize("cell", keeping_cells)
def test_chrono_spans_the_time_scales(cell: str) -> None:
    """Tallec & Ollivier (2018): b_f is log(U(1, T - 1)), and b_i is -b_f."""
    layer = tt.nn.Recurrent(cell, 2, 500, num_layers=2)
    gate, sign = keeping_gate(layer.cell)
    separate = {"i"} & set(layer.cell.gates)
    assert changed(layer, lambda own: chrono_(own, 100)) == {gate} | separate
    for number, (b, c) in enumerate(biases(layer, gate)):
        span = (sign * b.double()).exp()
        assert not c.any()
        assert 1 - 1e-5 <= float(span.min()) < 3
        assert 97 < float(span.max()) <= 99 + 1e-3
        assert float(span.mean()) == pytest.approx(50, abs=5)  # its standard error is 1.3
        if gate != "i" and separate:
            input_bias, other = biases(layer, "i")[number]
            assert torch.equal(input_bias, -b)
            assert not other.any()


def test_a_chrono_lstm_forgets_within_its_spans() -> None:
    """With no input the cell state decays by u / (1 + u) a step, u the span of the unit."""
    layer = chrono_(tt.nn.Recurrent("lstm", 1, 4, dtype=torch.float64), 10)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.bias_hh_l0.zero_()
        layer.bias_ih_l0[8:12].zero_()  # the candidate is zero
    c = torch.ones(1, 1, 4, dtype=torch.float64)
    _, (_, after) = layer(torch.zeros(1, 1, 1).double(), (torch.zeros_like(c), c))
    u = layer.bias_ih_l0[4:8].detach().exp()
    torch.testing.assert_close(after[0, 0], u / (1 + u), rtol=1e-12, atol=0)
    assert (1 / (1 - after) <= 10 + 1e-9).all(), "no span is longer than the longest"


@pytest.mark.parametrize("longest", [2, 0, -5, float("nan"), float("inf"), "100"])
def test_a_longest_span_that_is_none_is_refused(longest: Any) -> None:
    with pytest.raises(ValueError, match=r"longest must be .*, got"):
        chrono_(tt.nn.Recurrent("lstm", 1, 1), longest)


def test_both_draw_the_same_twice() -> None:
    layers = []
    for _ in range(2):
        torch.manual_seed(7)
        layers.append(chrono_(tt.nn.Recurrent("gru", 1, 5), 50))
    assert torch.equal(layers[0].bias_ih_l0, layers[1].bias_ih_l0)


gate_starts = pytest.mark.parametrize(
    "start", [forget_bias_, lambda layer: chrono_(layer, 10)], ids=["forget_bias_", "chrono_"]
)


@gate_starts
@pytest.mark.parametrize("cell", sorted(tt.cells.registry.keys() - set(keeping_cells)))
def test_a_cell_without_a_gate_that_keeps_is_refused(
    cell: str, start: Callable[[tt.nn.Recurrent], object]
) -> None:
    with pytest.raises(ValueError, match=rf"cell '{cell}' has no gate that keeps .*; gates are"):
        start(tt.nn.Recurrent(cell, 1, 1))


@gate_starts
def test_a_layer_without_biases_is_refused(start: Callable[[tt.nn.Recurrent], object]) -> None:
    with pytest.raises(ValueError, match="no biases to start; make it with bias=True"):
        start(tt.nn.Recurrent("lstm", 1, 1, bias=False))
