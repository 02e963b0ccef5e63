"""Tasks whose answers can be worked out from their inputs."""

import pytest
import torch

import throughtime as tt
from throughtime.data.tasks import (
    NOT_ASKED,
    Adding,
    CopyMemory,
    DelayedRecall,
    Evidence,
    InfluenceBalancing,
    TemporalOrder,
    asked,
)


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def surely(targets: torch.Tensor, classes: int) -> torch.Tensor:
    """Outputs that give the targets' classes, [T, B, classes]."""
    return torch.nn.functional.one_hot(targets.clamp(min=0), classes).double()


def test_the_adding_problem() -> None:
    task = Adding(T=50)
    batch = task.batch(3000, generator())
    numbers, marks = batch.inputs.unbind(-1)
    assert torch.equal(marks[:25].sum(0), torch.ones(3000))
    assert torch.equal(marks[25:].sum(0), torch.ones(3000))
    assert (marks.sum(1) > 20).all(), "some step is never marked"
    assert numbers.min() >= 0
    assert numbers.max() <= 1
    assert batch.targets[:-1].isnan().all()
    expected = torch.stack([numbers[marks[:, row] == 1, row].sum() for row in range(3000)])
    torch.testing.assert_close(batch.targets[-1, :, 0], expected)
    ones = torch.ones(50, 3000, 1)
    assert task.score(ones, batch.targets) == pytest.approx(0.167, abs=0.01)
    assert task.solved(task.score(batch.targets, batch.targets))
    assert not task.solved(task.score(batch.targets + 0.2, batch.targets))


def test_copy_memory() -> None:
    task = CopyMemory(T=7, length=3, symbols=5)
    batch = task.batch(20, generator())
    shown = batch.inputs.argmax(-1)  # [T + 2 length, B]
    assert shown.shape == (13, 20)
    assert (shown[3:9] == 5).all()
    assert (shown[9] == 6).all()
    assert (shown[10:] == 5).all()
    assert torch.equal(batch.targets[10:], shown[:3])
    assert (batch.targets[:10] == 5).all()
    right = surely(batch.targets, 6)
    assert task.score(right, batch.targets) == 0
    right[-1, :10] = right[-1, :10].roll(1, -1)
    assert task.score(right, batch.targets) == pytest.approx(10 / 60)
    right[:9] = 0  # what comes before does not count
    assert task.score(right, batch.targets) == pytest.approx(10 / 60)


def test_delayed_recall() -> None:
    task = DelayedRecall(T=30, symbols=3)
    batch = task.batch(200, generator())
    shown = batch.inputs.argmax(-1)
    assert set(shown[0].tolist()) == {0, 1, 2}
    assert set(shown[1:-1].flatten().tolist()) == {3, 4, 5}
    assert (shown[-1] == 6).all()
    assert torch.equal(batch.targets[-1], shown[0])
    assert (batch.targets[:-1] == NOT_ASKED).all()
    assert task.score(surely(batch.targets, 3), batch.targets) == 0
    assert task.score(surely(batch.targets, 3).roll(1, -1), batch.targets) == 1


@pytest.mark.parametrize(
    ("symbols", "places"), [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])]
)
def test_temporal_order(symbols: int, places: list[tuple[int, int]]) -> None:
    task = TemporalOrder(symbols=symbols)
    batch = task.batch(2000, generator())
    shown = batch.inputs.argmax(-1)  # [T, B]; a b c d X Y E B
    ends = (shown == 7).nonzero()
    assert (shown[0] == 6).all()
    assert len(ends) == 2000
    lengths = ends[:, 0] + 1
    assert (int(lengths.min()), int(lengths.max())) == (100, 110)
    for end, row in ends[:200].tolist():
        found = ((shown[:, row] == 4) | (shown[:, row] == 5)).nonzero()[:, 0].tolist()
        assert all(a <= t <= b for t, (a, b) in zip(found, places, strict=True))
        order = [int(shown[t, row]) - 4 for t in found]
        assert batch.targets[end, row] == int("".join(map(str, order)), 2)
        assert not batch.inputs[end + 1 :, row].any()
    assert int(asked(batch.targets).sum()) == 2000
    classes = batch.targets[asked(batch.targets)].bincount() / 2000
    assert len(classes) == 2**symbols
    assert float(classes.min()) > 0.6 / 2**symbols
    assert task.score(surely(batch.targets, 2**symbols), batch.targets) == 0


def test_temporal_order_has_two_or_three_symbols() -> None:
    with pytest.raises(ValueError, match=r"2 .* or 3 .*got 4"):
        TemporalOrder(symbols=4)


def test_evidence() -> None:
    task = Evidence(T=40, cues=5)
    batch = task.batch(2000, generator())
    left, right, sign = batch.inputs.sum(0).unbind(-1)
    assert torch.equal(left + right, torch.full((2000,), 5.0))
    assert not batch.inputs[20:, :, :2].any()
    assert torch.equal(sign, torch.ones(2000))
    assert torch.equal(batch.targets[-1], (right > left).long())
    assert float((right > left).double().mean()) == pytest.approx(0.5, abs=0.05)
    assert task.score(surely(batch.targets, 2), batch.targets) == 0
    with pytest.raises(ValueError, match="odd"):
        Evidence(cues=4)
    with pytest.raises(ValueError, match="probability"):
        Evidence(bias=0.3)


# The sign of a gradient that looks back on too few steps.


def test_the_influences_at_rest() -> None:
    task = InfluenceBalancing()
    model = task.network()
    outputs, s = model(task.batch(2).inputs)
    assert float(outputs[-1, 0].detach()) == pytest.approx(2 * (10 - 13) * 0.5, rel=1e-5)
    torch.testing.assert_close(s, model(torch.zeros(1, 2, 1), s)[1], rtol=1e-5, atol=1e-5)
    assert len(list(model.parameters())) == 1


def test_a_truncated_gradient_has_the_wrong_sign() -> None:
    task = InfluenceBalancing(T=400)
    batch = task.batch(1)
    model = task.network()
    _, rest = model(batch.inputs)
    signs = {}
    for k in (1, 10, 400):
        method = tt.TBPTT(k) if k < 400 else tt.BPTT()
        model.theta.grad = None
        next(method(model, batch.inputs, batch.targets, task.loss, rest))
        signs[k] = float(model.theta.grad) > 0
    assert signs == {1: False, 10: False, 400: True}


def test_only_the_whole_gradient_learns() -> None:
    """One long stream: the state goes on from call to call."""
    task = InfluenceBalancing(T=200)
    batch = task.batch(1)
    scores = {}
    for name, method in {"short": tt.TBPTT(10), "whole": tt.BPTT()}.items():
        model, state = task.network(), None
        optimizer = torch.optim.SGD(model.parameters(), lr=0.005 if name == "whole" else 0.001)
        for _ in range(40 if name == "whole" else 3):
            for update in method(model, batch.inputs, batch.targets, task.loss, state):
                optimizer.step()
                optimizer.zero_grad()
                state = update.state
        scores[name] = task.score(model(batch.inputs, state)[0], batch.targets)
    assert task.solved(scores["whole"])
    assert scores["short"] > 16  # where it started
