import pytest
import torch

from throughtime import BPTT, TBPTT, Network
from throughtime.nn.pooled import POOLINGS, PooledNetwork


def build(pooling: str, cell: str = "gru", bidirectional: bool = False) -> PooledNetwork:
    return PooledNetwork(
        cell, 3, 5, 2, pooling=pooling, bidirectional=bidirectional, dtype=torch.float64
    )


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_a_batch_answers_as_its_rows_one_by_one(
    pooling: str, cell: str, bidirectional: bool
) -> None:
    network = build(pooling, cell, bidirectional)
    rows = [torch.randn(T, 3, dtype=torch.float64) for T in (7, 2, 5)]
    x = torch.full((7, 3, 3), 1e3, dtype=torch.float64)  # what stands in the padding is not read
    for row, sequence in enumerate(rows):
        x[: len(sequence), row] = sequence
    lengths = torch.tensor([len(row) for row in rows])
    together, _ = network(x, lengths=lengths)
    for row, sequence in enumerate(rows):
        h, _ = network.recurrent(sequence)  # [T, columns]
        if pooling == "last":
            pooled = torch.cat([h[-1, :5], h[0, 5:]])
        else:
            pooled = h.mean(0) if pooling == "mean" else h.max(0).values
        expected = network.readout.weight @ pooled + network.readout.bias
        torch.testing.assert_close(together[len(sequence) - 1, row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pieces_answer_as_the_whole(pooling: str) -> None:
    network = build(pooling)
    x = torch.randn(9, 4, 3, dtype=torch.float64)
    lengths = torch.tensor([9, 3, 4, 6])
    whole, end = network(x, lengths=lengths)
    first, state = network(x[:4], lengths=lengths.clamp(max=4))
    second, state = network(x[4:], state, lengths=(lengths - 4).clamp(min=0))
    pieces = torch.cat([first, second])
    for row, length in enumerate(lengths):
        torch.testing.assert_close(pieces[:length, row], whole[:length, row], rtol=0, atol=1e-12)
    for one, other in zip(state[1:], end[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradient_methods_take_it(pooling: str) -> None:
    network = build(pooling)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    d = torch.randn(6, 4, 2, dtype=torch.float64)
    lengths = torch.tensor([6, 3, 4, 5])
    loss = torch.nn.MSELoss(reduction="none")
    gradients = []
    for method in (BPTT(reduce="sum"), TBPTT(2, 6, reduce="sum")):
        network.zero_grad()
        for _ in method(network, x, d, loss, lengths=lengths):
            pass
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    network.zero_grad()
    y, _ = network(x, lengths=lengths)
    valid = (torch.arange(6)[:, None] < lengths)[:, :, None]
    (loss(y, d) * valid).sum().backward()
    by_torch = [p.grad for p in network.parameters()]
    for one, other, truth in zip(*gradients, by_torch, strict=True):
        torch.testing.assert_close(one, truth, rtol=0, atol=1e-12)
        torch.testing.assert_close(other, truth, rtol=0, atol=1e-12)


def test_it_has_the_weights_of_a_network() -> None:
    network, pooled = Network("gru", 3, 5, 2, dtype=torch.float64), build("last")
    pooled.load_state_dict(network.state_dict())
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(pooled(x)[0], network(x)[0])


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="known are last, mean, max"):
        build("median")
