"""The grid over which torch compares its CPU and GPU layers (`_test_RNN_cpu_vs_cudnn`), on ours."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from tests.nn.test_as_torch import flat, kinds, state_for, twins

T, B, I, H, LAYERS = 7, 6, 10, 6, 2  # noqa: E741  # the letters of the literature
LENGTHS = [7, 5, 5, 2, 1, 1]

flags = ("bias", "bidirectional", "batch_first", "contiguous", "ragged", "lengths_as_tensor")
grid = [dict(zip(flags, values, strict=True)) for values in product((True, False), repeat=6)]


def named(case: dict[str, bool]) -> Any:
    """Give a case its name; the quick tests hold all choices of any three flags, not of all six."""
    values = list(case.values())
    marks = [pytest.mark.thorough] if sum(values[:4]) % 2 or sum(values[2:]) % 2 else []
    return pytest.param(case, marks=marks, id="-".join(f for f in flags if case[f]) or "-")


# torch's tolerance for single precision, absolute; ours for double.
tolerances = {torch.float32: 5e-5, torch.float64: 1e-10}

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def laid_out(tensor: Tensor, contiguous: bool) -> Tensor:
    """Give the numbers with other numbers between them in memory."""
    if contiguous:
        return tensor.contiguous()
    strided = torch.stack([torch.zeros_like(tensor), tensor], -1).select(-1, 1)
    assert not strided.is_contiguous()
    return strided


@pytest.mark.parametrize("dtype", tolerances, ids=str)
@pytest.mark.parametrize("case", list(map(named, grid)))
@pytest.mark.parametrize("kind", kinds)
def test_results_and_all_gradients(kind: str, case: dict[str, bool], dtype: torch.dtype) -> None:
    options = {name: case[name] for name in ("bias", "bidirectional", "batch_first")}
    layers = twins(kind, I, H, num_layers=LAYERS, dtype=dtype, **options)
    x = torch.randn(*((B, T) if case["batch_first"] else (T, B)), I, dtype=dtype)
    state = flat(state_for(layers[0], B, dtype=dtype))
    found: list[list[Tensor]] = []
    for layer in layers:
        leaf = laid_out(x, case["contiguous"]).detach().requires_grad_()
        own = [laid_out(s, case["contiguous"]).detach().requires_grad_() for s in state]
        given: Any = leaf
        if case["ragged"]:
            lengths = torch.tensor(LENGTHS) if case["lengths_as_tensor"] else LENGTHS
            given = pack_padded_sequence(leaf, lengths, batch_first=case["batch_first"])
        results = flat(layer(given, tuple(own) if len(own) > 1 else own[0]))
        generator = torch.Generator().manual_seed(1)
        cotangents = [
            laid_out(torch.randn(r.shape, generator=generator, dtype=dtype), case["contiguous"])
            for r in results
        ]
        leaves = [leaf, *own, *layer.parameters()]
        found.append([*results, *torch.autograd.grad(results, leaves, cotangents)])
    for number, (mine, other) in enumerate(zip(*found, strict=True)):
        torch.testing.assert_close(
            mine, other, rtol=0.0, atol=tolerances[dtype], msg=lambda m, n=number: f"{n}: {m}"
        )
        if number < 1 + len(state):
            assert mine.stride() == other.stride(), f"result {number} is laid out otherwise"
