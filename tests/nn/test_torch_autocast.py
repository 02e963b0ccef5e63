"""Autocast on the CPU: results in the dtypes in which torch's layers give them."""

from itertools import product
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from tests.contracts.closeness import assert_close
from tests.nn.test_as_torch import each_kind, flat, state_for, twins

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

f32, f64, bf16 = torch.float32, torch.float64, torch.bfloat16


@each_kind
@pytest.mark.parametrize("ragged", [False, True], ids=["one length", "packed"])
@pytest.mark.parametrize("bidirectional", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_dtypes_and_numbers(kind: str, ragged: bool, bidirectional: bool) -> None:
    compared = 0
    for of_x, of_weights, of_state in product(
        (f32, bf16, f64), (f32, bf16, f64), (None, f32, bf16)
    ):
        layers = twins(kind, 3, 5, num_layers=2, bidirectional=bidirectional, dtype=of_weights)
        x: Any = torch.randn(4, 2, 3).to(of_x)
        hx = None if of_state is None else state_for(layers[0], 2, dtype=of_state)
        given = pack_padded_sequence(x, [4, 2]) if ragged else x
        found: list[Any] = []
        for layer in layers:
            try:
                with torch.autocast("cpu", dtype=bf16):
                    results = flat(layer(given, hx))
            except RuntimeError as fault:
                found.append(type(fault))
                continue
            torch.stack([r.sum().double() for r in results]).sum().backward()
            assert all(p.grad.dtype == of_weights for p in layer.parameters())
            found.append(results)
        what = f"{of_x}, {of_weights}, {of_state}"
        if not isinstance(found[1], list):  # float64 among narrower ones: torch casts none
            assert found[0] is found[1], what
            continue
        compared += 1
        # Eight bits, rounded at every step: here ours keeps states narrow where torch's are wide.
        relative = 1e-12 if found[1][0].dtype == f64 else 3e-2
        for mine, other in zip(*found, strict=True):
            assert_close(mine, other, what, relative)
    assert compared >= 10


@each_kind
def test_an_empty_batch(kind: str) -> None:
    mine, other = twins(kind, 3, 5)
    with torch.autocast("cpu", dtype=bf16):
        found, expected = flat(mine(torch.zeros(4, 0, 3))), flat(other(torch.zeros(4, 0, 3)))
    assert [(r.dtype, r.shape) for r in found] == [(r.dtype, r.shape) for r in expected]


@each_kind
def test_half_precision_as_torchs_packed_sequences(kind: str) -> None:
    """Of one length torch's LSTM needs hardware for it; ours runs anywhere."""
    mine, other = twins(kind, 3, 5, num_layers=2)
    x = torch.randn(4, 2, 3)
    with torch.autocast("cpu", dtype=torch.float16):
        found = flat(mine(pack_padded_sequence(x, [4, 2])))
        expected = flat(other(pack_padded_sequence(x, [4, 2])))
        for one, two in zip(found, expected, strict=True):
            assert_close(one, two, relative=5e-3)  # eleven bits, rounded at every step
        assert all(torch.isfinite(result).all() for result in flat(mine(x)))


@each_kind
def test_training_with_autocast(kind: str) -> None:
    """Gradients follow those without autocast, as far as eight bits go."""
    mine, _ = twins(kind, 3, 5, num_layers=2)
    x = torch.randn(6, 4, 3)
    grads = []
    for narrow in (False, True):
        mine.zero_grad()
        with torch.autocast("cpu", dtype=bf16, enabled=narrow):
            y = flat(mine(x))[0]
        y.float().square().sum().backward()
        grads.append(torch.cat([p.grad.flatten() for p in mine.parameters()]))
    assert_close(grads[1], grads[0], relative=5e-2)  # eight bits
    assert not torch.equal(*grads), "autocast did nothing"
