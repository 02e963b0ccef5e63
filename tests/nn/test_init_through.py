"""Starts of weights that are parametrised, and of the layers that replace torch's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

import throughtime as tt
from throughtime.nn import Recurrent
from throughtime.nn.init import chrono_, forget_bias_, identity_, orthogonal_, spectral_radius_

Start = Callable[[Any], Any]

starts: list[Any] = [
    pytest.param(identity_, id="identity_"),
    pytest.param(orthogonal_, id="orthogonal_"),
    pytest.param(lambda layer: spectral_radius_(layer, 0.9), id="spectral_radius_"),
    pytest.param(forget_bias_, id="forget_bias_"),
    pytest.param(lambda layer: chrono_(layer, 10), id="chrono_"),
]
of_the_matrix = starts[:3]
of_the_bias = starts[3:]


class Halved(nn.Module):
    """Weights that are half of what is learned."""

    def forward(self, original: torch.Tensor) -> torch.Tensor:
        return original / 2

    def right_inverse(self, value: torch.Tensor) -> torch.Tensor:
        return 2 * value


class OneWay(nn.Module):
    """Weights from which there is no way back."""

    def forward(self, original: torch.Tensor) -> torch.Tensor:
        return original.tanh()


def equal_starts(start: Start, plain: Any, other: Any, relative: float = 0.0) -> None:
    other.load_state_dict(plain.state_dict(), strict=False)
    for layer in (plain, other):
        torch.manual_seed(3)
        assert start(layer) is layer
    for name, _ in plain.named_parameters():
        torch.testing.assert_close(
            getattr(other, name), getattr(plain, name), rtol=relative, atol=relative
        )


@pytest.mark.parametrize("start", starts)
def test_parametrised_weights_are_written_through(start: Start) -> None:
    plain, computed = Recurrent("lstm", 3, 4, num_layers=2), Recurrent("lstm", 3, 4, num_layers=2)
    computed.load_state_dict(plain.state_dict())
    for name in ("weight_hh_l0", "bias_ih_l1", "bias_hh_l0"):
        parametrize.register_parametrization(computed, name, Halved())
    equal_starts(start, plain, computed)
    assert torch.equal(computed.parametrizations.bias_ih_l1.original, 2 * plain.bias_ih_l1)


@pytest.mark.parametrize("start", of_the_matrix)
def test_weight_norm_is_written_through(start: Start) -> None:
    plain, computed = Recurrent("gru", 3, 4), Recurrent("gru", 3, 4)
    computed.load_state_dict(plain.state_dict())
    parametrizations.weight_norm(computed, "weight_hh_l0")
    equal_starts(start, plain, computed, 1e-6)


@pytest.mark.parametrize("start", starts)
def test_a_parametrisation_without_a_way_back_is_named_and_nothing_changes(start: Start) -> None:
    layer = Recurrent("lstm", 3, 4, num_layers=2)
    wanted = [name for name, _ in layer.named_parameters() if "_l1" in name]
    for name in wanted:
        parametrize.register_parametrization(layer, name, OneWay())
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with pytest.raises(ValueError, match=r"_l1 cannot be set: .* by OneWay, .*register the param"):
        start(layer)
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_parametrisation_that_changes_the_numbers_is_named() -> None:
    layer = Recurrent("elman", 3, 4)
    parametrizations.spectral_norm(layer, "weight_hh_l0")
    with pytest.raises(ValueError, match="by _SpectralNorm, which turns it into other numbers"):
        identity_(layer, 0.5)
    identity_(layer, 1.0)  # whose spectral norm is 1
    torch.testing.assert_close(layer.weight_hh_l0, torch.eye(4), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weights_computed_by_a_hook_are_refused() -> None:
    layer = nn.utils.weight_norm(Recurrent("elman", 3, 4), "weight_hh_l0")
    with pytest.raises(ValueError, match=r"weight_hh_l0 cannot be set: it is no parameter"):
        identity_(layer)


@pytest.mark.parametrize("start", starts)
def test_the_layers_that_replace_torchs_are_started_alike(start: Start) -> None:
    deep: dict[str, Any] = {"num_layers": 2, "bidirectional": True}
    equal_starts(start, Recurrent("lstm", 3, 4, **deep), tt.nn.LSTM(3, 4, **deep))
    equal_starts(start, Recurrent("gru", 3, 4, **deep), tt.nn.GRU(3, 4, **deep))


@pytest.mark.parametrize("start", of_the_matrix)
def test_plain_layers_that_replace_torchs(start: Start) -> None:
    equal_starts(start, Recurrent("elman", 3, 4), tt.nn.RNN(3, 4))
    plain = Recurrent("elman_relu", 3, 4, bias=False)
    equal_starts(start, plain, tt.nn.RNN(3, 4, nonlinearity="relu", bias=False))


def test_weights_of_a_layer_are_asked_for_alike() -> None:
    ours, other = Recurrent("lstm", 3, 4, bidirectional=True), tt.nn.LSTM(3, 4, bidirectional=True)
    other.load_state_dict(ours.state_dict())
    for reverse in (False, True):
        one, two = ours.weights(0, reverse), other.weights(0, reverse)
        assert all(torch.equal(getattr(one, n), getattr(two, n)) for n in ("W", "U", "b", "c"))
        assert one.P is two.P is None
    assert tt.nn.LSTM(3, 4, proj_size=2).weights(0).P.shape == (2, 4)


@pytest.mark.parametrize("start", of_the_matrix)
def test_projected_states_have_no_square_weights(start: Start) -> None:
    with pytest.raises(ValueError, match="4 x 2, not square: the layer projects its state"):
        start(tt.nn.LSTM(3, 4, proj_size=2))


@pytest.mark.parametrize("start", of_the_bias)
def test_projected_states_have_biases(start: Start) -> None:
    assert start(tt.nn.LSTM(3, 4, proj_size=2)).bias_ih_l0[4:8].all()


@pytest.mark.parametrize("start", starts)
def test_a_layer_of_torchs_is_refused_with_the_mend(start: Start) -> None:
    with pytest.raises(TypeError, match=r"got LSTM; throughtime\.nn\.convert_ makes one"):
        start(nn.LSTM(3, 4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_orthogonal_weights_of_half_precision(dtype: torch.dtype) -> None:
    weight = orthogonal_(Recurrent("elman", 2, 8, dtype=dtype)).weight_hh_l0.float()
    torch.testing.assert_close(weight @ weight.T, torch.eye(8), rtol=0, atol=0.03)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), None, "1", True])
def test_factors_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="gain must be a finite number, got"):
        orthogonal_(Recurrent("elman", 2, 3), wrong)
    with pytest.raises(ValueError, match="scale must be a finite number, got"):
        identity_(Recurrent("elman", 2, 3), wrong)


@pytest.mark.parametrize("number", [np.float32(1.5), np.float64(1.5), np.int64(3)])
def test_numbers_of_numpys_are_numbers(number: Any) -> None:
    layer = forget_bias_(Recurrent("lstm", 2, 3), number)
    assert layer.bias_ih_l0[3:6].tolist() == [float(number)] * 3
    spectral_radius_(layer, number)
