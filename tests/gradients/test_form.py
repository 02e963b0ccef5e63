"""The form of model that gradient methods take."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from throughtime.gradients.form import forward


def test_lengths_are_passed_only_where_given() -> None:
    seen = []

    class Model(nn.Module):
        def forward(self, x: Tensor, state: Any, **named: Any) -> tuple[Tensor, Any]:
            seen.append(named)
            return x, state

    lengths = torch.tensor([1])
    forward(Model(), torch.zeros(1, 1), None, None)
    forward(Model(), torch.zeros(1, 1), None, lengths)
    assert seen[0] == {}
    assert seen[1]["lengths"] is lengths


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (torch.zeros(1), "Tensor"),
        ((torch.zeros(1), 1, 2), "a tuple of 3"),
        ((1, 2), "a tuple of 2"),
        (None, "NoneType"),
    ],
)
def test_a_model_of_another_form_is_refused(result: Any, shown: str) -> None:
    class Model(nn.Module):
        def forward(self, x: Tensor, state: Any) -> Any:
            return result

    with pytest.raises(TypeError, match=f"Model gave {shown}"):
        forward(Model(), torch.zeros(1, 1), None, None)
