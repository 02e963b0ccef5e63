"""Recurrent layers under a readout."""

from typing import Any

import pytest
import torch

import throughtime as tt
from throughtime.nn import activations


@pytest.mark.parametrize("cell", tt.cells.registry)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_are_the_readout_of_the_last_layer(cell: str, bidirectional: bool) -> None:
    network = tt.Network(cell, 2, 3, 4, num_layers=2, bidirectional=bidirectional)
    x, lengths = torch.randn(5, 2, 2), torch.tensor([5, 3])
    y, after = network(x, None, lengths)
    h, expected_after = network.recurrent(x, None, lengths)
    readout = network.readout
    assert torch.equal(y, h @ readout.weight.T + readout.bias)
    assert torch.equal(y, network.read(h))
    assert all(torch.equal(a, b) for a, b in zip(after, expected_after, strict=True))
    assert y.shape == (5, 2, 4)


expected = {
    "identity": lambda y: y,
    "sigmoid": lambda y: 1 / (1 + torch.exp(-y)),
    "tanh": lambda y: (torch.exp(2 * y) - 1) / (torch.exp(2 * y) + 1),
    "softplus": lambda y: torch.log(1 + torch.exp(y)),
    "exp": lambda y: torch.e**y,
    "softmax": lambda y: torch.exp(y) / torch.exp(y).sum(2, keepdim=True),
    "log_softmax": lambda y: y - torch.log(torch.exp(y).sum(2, keepdim=True)),
}


@pytest.mark.parametrize("name", activations)
def test_activations_are_what_they_are_called(name: str) -> None:
    network = tt.Network("gru", 2, 3, 4, output_activation=name, dtype=torch.float64)
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    y, _ = network(x)
    torch.testing.assert_close(
        y, expected[name](network.readout(network.recurrent(x)[0])), rtol=1e-12, atol=1e-14
    )
    y.sum().backward()


@pytest.mark.parametrize("shape", [(5, 2), (1, 5, 2), (5, 1, 2)])
def test_shapes_follow_the_recurrent_layers(shape: tuple[int, ...]) -> None:
    for batch_first in (False, True):
        network = tt.Network("lstm", 2, 3, 4, batch_first=batch_first)
        assert network.batch_first is batch_first
        y, _ = network(torch.zeros(shape))
        assert y.shape == (*shape[:-1], 4)


def test_without_biases_there_are_none() -> None:
    network = tt.Network("gru", 2, 3, 4, bias=False)
    assert not any("bias" in name for name, _ in network.named_parameters())
    assert not network(torch.zeros(5, 2, 2))[0].any()


def test_a_state_is_carried() -> None:
    network = tt.Network("lstm", 2, 3, 1, num_layers=2, dtype=torch.float64)
    x = torch.randn(6, 2, 2, dtype=torch.float64)
    whole, _ = network(x)
    first, state = network(x[:2])
    second, _ = network(x[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output_size": 0}, "output_size must be an integer of at least 1, got 0"),
        ({"output_size": 1.0}, r"output_size must be an integer of at least 1, got 1\.0"),
        ({"output_size": True}, "output_size must be an integer of at least 1, got True"),
        ({"hidden_size": 0}, "hidden_size must be an integer of at least 1, got 0"),
        ({"output_activation": "relu6"}, "unknown output activation 'relu6'; known are identity, "),
        ({"cell": "grue"}, "unknown cell 'grue'; known are elman"),
    ],
)
def test_arguments_at_fault_are_refused(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "cell": "gru",
        "input_size": 2,
        "hidden_size": 3,
        "output_size": 1,
    }
    with pytest.raises(ValueError, match=message):
        tt.Network(**(arguments | changes))


def test_arguments_reach_the_layers() -> None:
    with pytest.warns(UserWarning, match="dropout acts between layers"):
        tt.Network("gru", 2, 3, 1, dropout=0.5)
    network = tt.Network("gru", 2, 3, 1, num_layers=2, dropout=0.5, dtype=torch.float64)
    assert network.recurrent.dropout == 0.5
    assert all(p.dtype == torch.float64 for p in network.parameters())
