from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.flow.walk import Walk, walk
from throughtime.nn import Network

from .plainly import as_state, start_of, unrolled

SQUARED = nn.MSELoss(reduction="none")
T = 6


def network_of(cell: str, layers: int = 1) -> tuple[Network, Tensor, Tensor, list[Tensor]]:
    torch.manual_seed(0)
    network = Network(cell, 2, 3, 1, num_layers=layers, dtype=torch.float64)
    x, d = torch.randn(T, 1, 2, dtype=torch.float64), torch.randn(T, 1, 1, dtype=torch.float64)
    return network, x, d, start_of(network, 1)


def walked(cell: str, layers: int = 1, **options: Any) -> tuple[Walk, Any]:
    network, x, d, start = network_of(cell, layers)
    return walk(network, x, d, SQUARED, as_state(start), **options), (network, x, d, start)


def close(found: object, expected: Tensor) -> None:
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), expected.detach(), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(("cell", "layers"), [("elman", 1), ("gru", 2), ("lstm", 2)])
def test_values_and_gradients_are_those_of_a_plain_loop(cell: str, layers: int) -> None:
    found, (network, x, d, start) = walked(cell, layers)
    plainly = unrolled(network, x, d, start, row=0, length=T)
    close(found.losses, torch.stack(plainly.errors))
    for layer in range(layers):
        states = [torch.cat(plainly.states[layer, t]).norm() for t in range(T)]
        close(found.states[layer], torch.stack(states))
        by_state = [plainly.gradient(T - 1, layer, t).norm() for t in range(T)]
        close(found.by_state[layer], torch.stack(by_state))


@pytest.mark.parametrize("cell", ["gru", "lstm_peephole"])
def test_each_loss_hears_the_inputs_that_autograd_says(cell: str) -> None:
    found, (network, x, d, start) = walked(cell)
    x = x.clone().requires_grad_()
    errors = unrolled(network, x, d, start, row=0, length=T).errors
    for s, error in enumerate(errors):
        (gradient,) = torch.autograd.grad(error, x, retain_graph=True)
        close(found.by_input[s][: s + 1], gradient[: s + 1, 0].norm(dim=1))
        assert found.by_input[s][s + 1 :] == [None] * (T - 1 - s)


def test_windows_hold_the_terms_of_truncated_backpropagation() -> None:
    found, (network, x, d, start) = walked("gru")
    full = None
    for k2 in range(T, 0, -1):
        error = unrolled(network, x, d, start, row=0, length=T, cut=T - k2).errors[-1]
        names = [name for name, _ in network.named_parameters()]
        gradients = dict(
            zip(names, torch.autograd.grad(error, list(network.parameters())), strict=True)
        )
        full = full or gradients
        assert [weight.name for weight in found.weights] == names
        for weight in found.weights:
            whole, within = full[weight.name], gradients[weight.name]
            assert weight.norm[k2 - 1] == pytest.approx(float(within.norm()), abs=1e-10)
            left = float((whole - within).norm() / whole.norm())
            assert weight.left[k2 - 1] == pytest.approx(left, abs=1e-10)
    # The negative control: truncation discards something here.
    assert all(w.left[0] > 1e-3 for w in found.weights if "readout" not in w.name)  # type: ignore[operator]


def test_the_unit_is_the_one_that_receives_most() -> None:
    found, (network, x, d, start) = walked("lstm", layers=2)
    unit = found.unit
    assert unit is not None
    assert unit.layer == 1
    plainly = unrolled(network, x, d, start, row=0, length=T)
    by_h = torch.stack([plainly.gradient(T - 1, 1, t)[:3] for t in range(T)])  # [T, H]
    assert unit.unit == int(by_h.abs().mean(0).argmax())
    close(unit.gradient["h"], by_h[:, unit.unit])
    weights = network.recurrent.weights(1)
    H, gates = 3, network.recurrent.cell.input_gates
    below = torch.stack([plainly.states[0, t][0] for t in range(T)])
    for place, gate in enumerate(gates):
        row = place * H + unit.unit
        assert weights.W is not None
        assert weights.b is not None
        close(unit.inputs[gate], below @ weights.W[row] + weights.b[row])


def test_of_a_long_row_the_last_steps_are_walked() -> None:
    torch.manual_seed(0)
    network = Network("gru", 1, 2, 1)
    x, d = torch.randn(70, 1, 1), torch.randn(70, 1, 1)
    found = walk(network, x, d, SQUARED)
    assert found.labels == [str(step) for step in range(6, 70)]
    with torch.no_grad():
        outputs, _ = network.double()(x.double())
    close(found.outputs, outputs[6:, 0])


def test_a_cell_whose_units_hear_each_other_has_no_unit_alone() -> None:
    @tt.cell(gates="a", state="h")
    def normed(wx, uh, h):  # type: ignore[no-untyped-def]
        return tt.tanh(tt.layer_norm(wx.a + uh.a))

    network = Network(normed, 1, 3, 1)
    found = walk(network, torch.randn(4, 1, 1), torch.randn(4, 1, 1), SQUARED)
    assert found.unit is None


def test_faults_are_named() -> None:
    network, x, d, _ = network_of("gru")
    with pytest.raises(ValueError, match=r"one row, \[T, 1, I\]; got \[6, 2, 2\]"):
        walk(network, x.expand(T, 2, 2), d.expand(T, 2, 1), SQUARED)
    with pytest.raises(ValueError, match="6 steps need as many labels, got 2 and 2"):
        walk(network, x, d, SQUARED, labels=["a", "b"])
    with pytest.raises(TypeError, match=r"needs a throughtime\.Network"):
        walk(nn.Linear(2, 1), x, d, SQUARED)  # type: ignore[arg-type]
