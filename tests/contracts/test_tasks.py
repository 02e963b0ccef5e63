"""What every registered task must hold."""

from typing import Any

import pytest
import torch
from torch import Tensor

import throughtime as tt
from throughtime.data import Batch
from throughtime.data.tasks import Task, asked, registry

each_task = pytest.mark.parametrize("name", registry)


def drawn(task: Task, rows: int, seed: int = 0) -> Batch:
    return task.batch(rows, torch.Generator().manual_seed(seed))


def answering(task: Task, batch: Batch, value: float = 0.3) -> Tensor:
    """Outputs that are the same at every step."""
    T, B = batch.inputs.shape[:2]
    return torch.full((T, B, task.output_size), value).requires_grad_()


def check_task(task: Task, name: str) -> None:
    """Hold a task to the contract."""
    batch, again, other = drawn(task, 5), drawn(task, 5), drawn(task, 5, seed=1)
    inputs, targets = batch.inputs, batch.targets
    T, B = inputs.shape[:2]
    assert (B, inputs.shape[2]) == (5, task.input_size)
    assert inputs.dtype == torch.get_default_dtype()
    assert inputs.isfinite().all()
    if targets.is_floating_point():
        assert targets.shape == (T, B, task.output_size)
        assert targets.dtype == torch.get_default_dtype()
    else:
        assert targets.shape == (T, B)
        assert int(targets.max()) < task.output_size

    for mine, theirs in zip(vars(batch).values(), vars(again).values(), strict=True):
        if mine is None:
            assert theirs is None
        else:
            assert torch.equal(mine.nan_to_num(7), theirs.nan_to_num(7)), "the seed does not rule"
    if name != "influence_balancing":  # nothing in it is drawn
        assert not torch.equal(inputs, other.inputs), "the seed changes nothing"

    # The loss of any gradient method is the mean over what is asked for.
    valid = torch.ones(T, B, dtype=torch.bool)
    if batch.lengths is not None:
        valid = torch.arange(T)[:, None] < batch.lengths
    where = asked(targets)
    if targets.is_floating_point():
        where = where & valid[..., None]
        expected = (0.3 - targets[where]).square().mean()
    else:
        assert int((where & valid).sum()) > 0
        expected = torch.tensor(float(task.output_size)).log()  # all classes are equally likely
    outputs = answering(task, batch)
    losses = task.loss(outputs, targets)
    total = losses[valid].mean()
    torch.testing.assert_close(total, expected)
    total.backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all(), "what is not asked for reaches the gradient"

    score = task.score(outputs, targets, batch.lengths)
    assert score >= 0
    assert task.solved(task.mark)
    assert not task.solved(task.mark + 1e-6)
    assert task.name == name
    assert task.measure


@each_task
def test_every_task_holds_the_contract(name: str) -> None:
    check_task(registry[name](), name)


@each_task
def test_a_constant_answer_scores_what_is_said(name: str) -> None:
    task = registry[name]()
    batch = drawn(task, 4000 if task.input_size < 8 and task.constant != 1 else 500)
    answer = answering(task, batch, 1.0).detach()  # 1 is the best answer to the adding problem
    if task.constant == 1:
        answer *= 0  # 0 is that to chaotic series, and no order of symbols
    score = task.score(answer, batch.targets, batch.lengths)
    if task.constant is None:
        assert task.solved(score)
    else:
        assert not task.solved(task.constant)
        assert score == pytest.approx(task.constant, abs=0.01 if task.constant < 0.5 else 0.06)


@each_task
@pytest.mark.parametrize("T", [0, -1, 2.5, True, "8"])
def test_a_length_is_a_number_of_steps(name: str, T: Any) -> None:
    with pytest.raises(ValueError, match="T is a whole number"):
        registry[name](T=T)  # type: ignore[call-arg]


@each_task
def test_every_task_trains(name: str) -> None:
    """The gradient method's loss is the mean over what is asked for, and the training lowers it."""
    task = registry[name]()
    batch = drawn(task, 4)
    model = tt.Network("gru", task.input_size, 6, task.output_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(6):
        for update in tt.BPTT()(
            model, batch.inputs, batch.targets, task.loss, lengths=batch.lengths
        ):
            optimizer.step()
            optimizer.zero_grad()
            losses.append(update.loss)
    assert losses[-1] < losses[0]


# Negative controls.


class Unseeded(registry["adding"]):  # type: ignore[misc]
    """Wrong: its numbers come from elsewhere."""

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        return super().batch(rows)


class Unweighted(registry["adding"]):  # type: ignore[misc]
    """Wrong: the mean divides by the steps at which nothing is asked."""

    @property
    def loss(self) -> Any:
        return tt.data.tasks.Masked(torch.nn.MSELoss(reduction="none"))


class Unmasked(registry["adding"]):  # type: ignore[misc]
    """Wrong: NaN where nothing is asked reaches the loss."""

    @property
    def loss(self) -> Any:
        return torch.nn.MSELoss(reduction="none")


@pytest.mark.parametrize("wrong", [Unseeded, Unweighted, Unmasked])
def test_the_contract_fails_on_a_wrong_task(wrong: type[Task]) -> None:
    with pytest.raises(AssertionError):
        check_task(wrong(), "adding")
