from typing import Any

import pytest
import torch
from torch import nn

import throughtime as tt
from throughtime.gradients import Clipping


def model_with_gradient(*gradients: float) -> nn.Module:
    model = nn.Linear(len(gradients), 1, bias=False)
    model.weight.grad = torch.tensor([gradients])
    return model


def test_the_norm_is_that_before_clipping() -> None:
    model = model_with_gradient(3.0, 4.0)
    assert Clipping(norm=1.0).apply(model) == (5.0, True)
    torch.testing.assert_close(model.weight.grad, torch.tensor([[0.6, 0.8]]))


def test_each_component_is_limited_before_the_norm() -> None:
    model = model_with_gradient(0.3, -40.0)
    norm, clipped = Clipping(norm=1.0, value=0.4).apply(model)
    assert clipped
    assert norm == pytest.approx(40.001125)
    torch.testing.assert_close(model.weight.grad, torch.tensor([[0.3, -0.4]]))  # of norm 0.5


def test_a_small_gradient_is_left_alone() -> None:
    model = model_with_gradient(0.3, 0.4)
    assert Clipping(norm=1.0, value=1.0).apply(model) == (pytest.approx(0.5), False)
    torch.testing.assert_close(model.weight.grad, torch.tensor([[0.3, 0.4]]))


def test_without_limits_the_norm_is_still_measured() -> None:
    assert Clipping().apply(model_with_gradient(30.0, 40.0)) == (50.0, False)


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_names_its_parameter(fault: float) -> None:
    model = model_with_gradient(fault, 1.0)
    with pytest.raises(FloatingPointError, match=r"not finite \(weight\)"):
        Clipping(norm=1.0).apply(model)
    assert model.weight.grad is not None
    assert model.weight.grad[0, 1] == 1.0


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), "1", True])
def test_a_limit_must_be_positive(limit: Any) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Clipping(norm=limit)
    with pytest.raises(ValueError, match="must be positive"):
        Clipping(value=limit)


class Multiplied(nn.Module):
    """A scalar that is multiplied by 10 at every step, and stays 0."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(10.0))

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        h = x.new_zeros(x.shape[1], 1) if state is None else state
        outputs = []
        for step in x:
            h = self.weight * h + step
            outputs.append(h)
        return torch.stack(outputs), h


@pytest.mark.parametrize(
    "method",
    [
        tt.BPTT(),
        tt.BPTT(clip=Clipping(norm=1.0)),
        tt.TBPTT(30, 60),
        tt.AdaptiveTBPTT(k1=10, most=60),
        tt.CheckpointedBPTT(slots=5),
    ],
    ids=repr,
)
def test_a_gradient_that_is_not_finite_is_refused_without_clipping_too(method: tt.BPTT) -> None:
    """The loss is finite: zero times what overflows on the way back is no number."""
    x = torch.zeros(60, 1, 1)
    with pytest.raises(FloatingPointError, match=r"not finite \(weight\)"):
        list(method(Multiplied(), x, x + 1, nn.MSELoss(reduction="none")))


@pytest.mark.parametrize("method", [tt.BPTT, tt.TBPTT, tt.RandomTBPTT, tt.CheckpointedBPTT])
def test_what_is_no_clipping_is_refused(method: type[tt.BPTT]) -> None:
    with pytest.raises(ValueError, match=r"Clipping\(norm=1.0\), or None; got 1.0"):
        method(clip=1.0)  # type: ignore[arg-type]
