"""The factors that dropout multiplies by, and where they are held over all steps of a pass."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import throughtime as tt
from throughtime.gradients import CheckpointedBPTT
from throughtime.nn.dropping import kept
from throughtime.nn.embedded import EmbeddedNetwork


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97, 1.0])
def test_the_share_that_is_asked_for_is_dropped(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = kept((301, 7, 41), share, torch.empty(1, dtype=dtype))
    assert (found.shape, found.dtype) == ((301, 7, 41), dtype)
    left = found[found != 0]
    assert set(left.unique().tolist()) <= {torch.tensor(1 / (1 - share or 1), dtype=dtype).item()}
    deviation = (share * (1 - share) / found.numel()) ** 0.5
    assert abs(1 - len(left) / found.numel() - share) <= 4 * deviation + 2**-17


def test_places_next_to_each_other_are_drawn_apart() -> None:
    # Four of them come of one random number.
    torch.manual_seed(0)
    found = kept((100_000, 4), 0.3, torch.empty(1)).ne(0).double()
    correlation = torch.corrcoef(found.t())
    assert correlation.sub(torch.eye(4)).abs().max() < 0.015


def test_they_follow_torchs_generator() -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append((kept((5, 3), 0.5, torch.empty(1)), torch.rand(())))
    assert torch.equal(draws[0][0], draws[1][0])
    assert draws[0][1] == draws[1][1]
    assert not torch.equal(draws[0][0], kept((5, 3), 0.5, torch.empty(1)))


def test_a_transform_draws_them_by_torchs_own_dropout() -> None:
    def drawn(x: torch.Tensor) -> torch.Tensor:
        return x * kept(x.shape, 0.5, x)

    x = torch.ones(50, 40)
    found = torch.func.vmap(drawn, randomness="different")(x)
    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert len(found.unique(dim=0)) > 1


def network(**more: object) -> tt.Network:
    torch.manual_seed(0)
    made = tt.Network("elman", 2, 8, 8, dtype=torch.float64, **more)
    with torch.no_grad():  # what the readout sees is what comes out
        made.readout.weight.copy_(torch.eye(8))
        made.readout.bias.zero_()
    return made


def factors(made: tt.Network, *arguments: torch.Tensor) -> torch.Tensor:
    """Give what the readout saw as a multiple of what it sees outside of training."""
    seen, _ = made.train()(*arguments)
    whole, _ = made.eval()(*arguments)
    return seen / whole


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_readout_misses_the_same_units_at_every_step(batch_first: bool) -> None:
    made = network(readout_dropout=0.5, batch_first=batch_first)
    x = torch.randn(6, 30, 2, dtype=torch.float64)
    found = factors(made, x.transpose(0, 1).contiguous() if batch_first else x)
    found = found.transpose(0, 1) if batch_first else found
    torch.testing.assert_close(found, found[:1].expand(6, 30, 8), rtol=0, atol=1e-12)
    assert {0.0, 2.0} == {round(value, 9) for value in found.flatten().tolist()}
    assert len(found[0].round().unique(dim=0)) > 5  # each row has its own


@pytest.mark.parametrize("batch_first", [False, True])
def test_of_one_sequence_too(batch_first: bool) -> None:
    made = network(readout_dropout=0.5, batch_first=batch_first)
    found = factors(made, torch.randn(6, 2, dtype=torch.float64))
    torch.testing.assert_close(found, found[:1].expand(6, 8), rtol=0, atol=1e-12)


def test_of_packed_sequences_others_at_every_step() -> None:
    made = network(readout_dropout=0.5)
    x = pack_padded_sequence(torch.randn(6, 30, 2, dtype=torch.float64), torch.full((30,), 6))
    seen, _ = made.train()(x)
    whole, _ = made.eval()(x)
    found = (seen.data / whole.data).view(6, 30, 8)
    assert {0.0, 2.0} == {round(value, 9) for value in found.flatten().tolist()}
    assert not torch.equal(found[0].round(), found[1].round())


def test_an_embedded_network_drops_alike() -> None:
    torch.manual_seed(0)
    made = EmbeddedNetwork("gru", 5, 3, 8, 8, readout_dropout=0.5, dtype=torch.float64)
    with torch.no_grad():
        made.readout.weight.copy_(torch.eye(8))
        made.readout.bias.zero_()
    found = factors(made, torch.randint(5, (6, 4)))
    torch.testing.assert_close(found, found[:1].expand(6, 4, 8), rtol=0, atol=1e-9)


def test_torch_fx_traces_a_network_that_drops() -> None:
    made = network(readout_dropout=0.5)
    traced = torch.fx.symbolic_trace(made)
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    found = traced(x)[0] / made.eval()(x)[0]
    assert {0.0, 2.0} == {round(value, 9) for value in found.flatten().tolist()}


def test_pieces_that_the_engine_rolls_back_are_none_of_a_network_that_drops() -> None:
    # All is dropped without a draw: nothing but the share says that something is.
    torch.manual_seed(0)
    made = tt.Network("gru", 2, 8, 1, readout_dropout=1.0)
    x, d = torch.randn(30, 3, 2), torch.randn(30, 3, 1)
    list(CheckpointedBPTT(memory="12kB")(made, x, d, nn.MSELoss(reduction="none")))
    assert made.recurrent.weight_hh_l0.grad.eq(0).all()


def test_a_network_says_what_it_drops() -> None:
    assert "readout_dropout=0.5" in repr(network(readout_dropout=0.5)).split()
    assert "readout_dropout" not in repr(network())
