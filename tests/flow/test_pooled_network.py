"""One pooled loss a sequence, followed from where it enters; under two seconds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import throughtime as tt
from tests.contracts import plain
from throughtime.data.tasks.asked import NOT_ASKED, Masked
from throughtime.flow.probe import by_lag
from throughtime.nn.pooled import POOLINGS, PooledNetwork

T, LENGTHS = 7, [7, 5]


def entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")


LOSS = Masked(entropy)


def problem(
    pooling: str, both: bool, layers: int = 2, cell: str = "gru"
) -> tuple[PooledNetwork, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    model = PooledNetwork(
        cell, 2, 3, 4, pooling=pooling, num_layers=layers, bidirectional=both, dropout=0.5,
        dtype=torch.float64,
    )  # fmt: skip
    x = torch.randn(T, 2, 2, dtype=torch.float64)
    x[5:, 1] = torch.nan  # nothing beyond a row's end is looked at
    d = torch.full((T, 2), NOT_ASKED)
    d[6, 0], d[4, 1] = 2, 1
    return model, x, d, torch.tensor(LENGTHS)


def followed(model: PooledNetwork, x: Tensor, target: int) -> dict[tuple[int, bool], Tensor]:
    """Give |delta[s, t]| of one row by layer and direction, on a plainly written loop.

    Steps of the backward direction are counted from the row's end.
    """
    layer, steps = model.recurrent, len(x)
    step = plain.step_of(layer.cell)
    ways = (False, True) if layer.bidirectional else (False,)
    below, states, heard = list(x), {}, {}
    for number in range(layer.num_layers):
        for back in ways:
            weights = layer.weights(number, back)
            before = [x.new_zeros(layer.hidden_size) for _ in layer.cell.states]
            read = below[::-1] if back else below
            for t in range(steps):
                a = plain.affine(weights.W, read[t], weights.b)
                new = step(a, plain.affine(weights.U, before[0], weights.c), before, weights.units)
                before = states[number, back, t] = [s.view_as(s) for s in new]
                heard[number, back, t] = before[0].view_as(before[0])  # read by what is above
        below = [
            torch.cat([heard[number, back, steps - 1 - t if back else t] for back in ways])
            for t in range(steps)
        ]
    h = torch.stack(below)
    if model.pooling == "last":
        H = layer.hidden_size
        pooled = torch.cat([h[-1, :H], h[0, H:]])
    else:
        pooled = h.mean(0) if model.pooling == "mean" else h.max(0).values
    error = cross_entropy(model.readout(pooled), torch.tensor(target))
    found = {}
    top = layer.num_layers - 1
    for number in range(layer.num_layers):
        for back in ways:
            own = number if layer.bidirectional else top  # where the loss enters what is followed
            table = torch.full((steps, steps), torch.nan, dtype=torch.float64)
            for s in range(steps):
                at = heard[own, back, s]
                (entering,) = torch.autograd.grad(
                    error, at, retain_graph=True, allow_unused=True, materialize_grads=True
                )
                for t in range(s + 1):
                    parts = torch.autograd.grad(
                        at, states[number, back, t], entering, retain_graph=True,
                        allow_unused=True, materialize_grads=True,
                    )  # fmt: skip
                    table[s, t] = torch.cat(parts).norm()
            found[number, back] = table
    return found


@pytest.mark.parametrize("both", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_enters_goes_back_as_on_a_plain_loop(pooling: str, both: bool) -> None:
    model, x, d, lengths = problem(pooling, both, cell="lstm" if pooling == "max" else "gru")
    flow = tt.flow(model, x, d, LOSS, lengths=lengths)
    rows = [followed(model, x[:n, b], int(d[n - 1, b])) for b, n in enumerate(LENGTHS)]
    assert [layer.name for layer in flow.layers] == (
        [f"layer {n}, {way} direction" for n in (0, 1) for way in ("forward", "backward")]
        if both
        else ["layer 0", "layer 1"]
    )
    for layer, (key, whole) in zip(flow.layers, rows[0].items(), strict=True):
        other = torch.full_like(whole, torch.nan)
        other[:5, :5] = rows[1][key]
        pair = torch.stack([whole, other])
        entered = pair.diagonal(dim1=1, dim2=2).nan_to_num() > 0  # [rows, s], of the top layer
        if not both:
            top = torch.stack([rows[0][1, False], torch.full_like(whole, torch.nan)])
            top[1, :5, :5] = rows[1][1, False]
            entered = top.diagonal(dim1=1, dim2=2).nan_to_num() > 0
        expected = pair.where(entered[:, :, None], torch.nan).nanmean(0)[
            list(layer.triangle.losses)
        ]
        torch.testing.assert_close(
            layer.triangle.mean, expected, rtol=1e-10, atol=1e-14, equal_nan=True
        )


def test_a_mean_enters_at_every_step_and_the_last_state_at_the_last() -> None:
    found = {
        pooling: tt.flow(*problem(pooling, False)[:3], LOSS, lengths=problem(pooling, False)[3])
        for pooling in ("mean", "last")
    }
    assert found["mean"].losses == tuple(range(T))
    assert found["last"].losses == (4, 6)
    assert found["last"].truncation is not None
    # A window cuts what is pooled as well, which the recurrence does not tell.
    assert found["mean"].truncation is None
    with pytest.raises(ValueError, match="cuts what is pooled"):
        found["mean"].discarded(3)
    assert found["mean"].as_dict()["pooling"] == "mean"


def test_truncation_of_the_last_state_is_what_tbptt_leaves_out() -> None:
    model, x, d, _ = problem("last", False, layers=1)
    model.eval()
    x, d = x[:, :1], d[:, :1]
    flow = tt.flow(model, x, d, LOSS)
    whole, cut = (_gradient(model, x, d, k2) for k2 in (T, 3))
    assert flow.discarded(3).share == pytest.approx(
        float((whole - cut).norm() / whole.norm()), rel=1e-9
    )
    assert flow.discarded(3).share > 0.01


def _gradient(model: PooledNetwork, x: Tensor, d: Tensor, k2: int) -> Tensor:
    model.zero_grad()
    with torch.no_grad():
        _, state = model(x[: T - k2]) if k2 < T else (None, None)
    outputs, _ = model(x[T - k2 :], state)
    LOSS(outputs, d[T - k2 :]).sum().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_a_look_of_the_probe_is_what_flow_measures() -> None:
    model, x, d, lengths = problem("mean", True)
    whole = tt.flow(model, x, d, LOSS, lengths=lengths)
    looked = by_lag(model, x, d, LOSS, lengths=lengths, samples=256)
    assert [look.median for look in looked] == [layer.median for layer in whole.layers]
    assert model.training  # left as it was


def test_a_state_is_refused() -> None:
    model, x, d, lengths = problem("mean", False)
    with pytest.raises(ValueError, match="leave out `state`"):
        tt.flow(model, x, d, LOSS, state=torch.zeros(1), lengths=lengths)
