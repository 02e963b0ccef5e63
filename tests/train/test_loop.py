import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import Clipping, GradientMethod, Loss
from throughtime.train import Batch, Row, make_optimizer, make_schedule, train

mse = nn.MSELoss(reduction="none")


def network(seed: int = 0) -> tt.Network:
    torch.manual_seed(seed)
    return tt.Network("elman", 1, 5, 1)


def batch(seed: int = 0, T: int = 12, B: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(T, B, 1, generator=generator)
    return Batch(x, x.roll(1, 0))


def run(model: tt.Network, epochs: int = 5, **options: Any) -> Any:
    optimizer = options.pop("optimizer", None) or make_optimizer("adam", model.parameters(), 0.01)
    method = options.pop("method", tt.BPTT())
    batches = options.pop("batches", lambda: [batch()])
    return train(model, batches, mse, method, optimizer, epochs, **options)


class Watch:
    def __init__(self, stop_at: int | None = None) -> None:
        self.rows: list[Row] = []
        self.epochs: list[Row] = []
        self.steps = 0
        self.stop_at = stop_at

    def after_update(self, row: Row, steps: int) -> None:
        self.rows.append(row)
        self.steps += steps
        if len(self.rows) == self.stop_at:
            raise KeyboardInterrupt

    def after_epoch(self, row: Row) -> None:
        self.epochs.append(row)


def test_the_loss_goes_down_and_every_update_is_recorded() -> None:
    watch = Watch()
    outcome = run(network(), 30, batches=lambda: [batch(0), batch(1)], callbacks=[watch])
    assert outcome.stopped == "finished"
    assert outcome.history[-1].loss < 0.7 * outcome.history[0].loss
    assert [row.update for row in outcome.history] == list(range(1, 61))
    assert [row.epoch for row in outcome.history] == [e for e in range(1, 31) for _ in (0, 1)]
    assert watch.rows == list(outcome.history)
    assert watch.steps == 60 * 12 * 4
    assert [row.epoch for row in watch.epochs] == list(range(1, 31))


def test_the_loop_is_the_three_lines_that_a_user_would_write() -> None:
    ours, theirs = network(), network()
    run(ours, 4, clipping=Clipping(norm=0.1))
    optimizer = make_optimizer("adam", theirs.parameters(), 0.01)
    for _ in range(4):
        for _update in tt.BPTT()(theirs, batch().inputs, batch().targets, mse):
            nn.utils.clip_grad_norm_(theirs.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_a_method_that_yields_often_steps_often() -> None:
    class EachStepAlone(GradientMethod):
        def __call__(
            self,
            model: nn.Module,
            inputs: Tensor,
            targets: Tensor,
            loss: Loss,
            state: Any = None,
            lengths: Tensor | None = None,
        ) -> Iterator[tt.Update]:
            for t in range(len(inputs)):
                for update in tt.BPTT()(model, inputs[t : t + 1], targets[t : t + 1], loss, state):
                    state = update.state
                    yield update

    outcome = run(network(), 2, method=EachStepAlone())
    assert len(outcome.history) == 2 * 12


def test_the_best_weights_are_kept_and_patience_ends_the_training() -> None:
    model = network()
    scores = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])
    seen: list[dict[str, Tensor]] = []

    def validate() -> float:
        seen.append({name: p.detach().clone() for name, p in model.named_parameters()})
        return next(scores)

    outcome = run(model, 6, validate=validate, patience=3)
    assert (outcome.stopped, outcome.best_epoch, outcome.best_validation_loss) == ("early", 2, 1.0)
    assert [row.validation_loss for row in outcome.history] == [3.0, 1.0, 2.0, 2.0, 2.0]
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, seen[1][name])
        assert not torch.equal(parameter, seen[4][name])


def test_without_validation_the_last_weights_are_kept() -> None:
    outcome = run(network(), 3)
    assert (outcome.best_epoch, outcome.best_validation_loss) == (3, None)


def test_ctrl_c_leaves_the_best_weights_so_far() -> None:
    model = network()
    scores = iter([2.0, 1.0, 3.0])
    best: dict[str, Tensor] = {}

    def validate() -> float:
        score = next(scores)
        if score == 1.0:
            best.update({name: p.detach().clone() for name, p in model.named_parameters()})
        return score

    outcome = run(model, 9, validate=validate, callbacks=[Watch(stop_at=4)])
    assert (outcome.stopped, outcome.best_epoch) == ("interrupted", 2)
    assert len(outcome.history) == 4
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, best[name])


def test_ctrl_c_in_the_first_epoch_leaves_the_weights_of_the_start() -> None:
    model = network()
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    outcome = run(model, 9, callbacks=[Watch(stop_at=1)])
    assert (outcome.stopped, outcome.best_epoch) == ("interrupted", 0)
    assert all(torch.equal(p, start[name]) for name, p in model.named_parameters())


def test_a_nan_ends_the_training_with_finite_weights() -> None:
    model = network()
    batches = iter([[batch()], [batch()], [Batch(batch().inputs * math.nan, batch().targets)]])
    outcome = run(model, 9, batches=lambda: next(batches))
    assert outcome.stopped == "failed"
    assert "the loss is nan from step 0" in outcome.failure
    # The weights after the second epoch may be what made it fail: those after the first are kept.
    expected = network()
    run(expected, 1)
    assert outcome.best_epoch == 1
    for parameter, kept in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(parameter, kept)


def test_a_validation_that_is_not_finite_ends_the_training() -> None:
    scores = iter([1.0, math.nan])
    outcome = run(network(), 9, validate=lambda: next(scores))
    assert (outcome.stopped, outcome.best_epoch) == ("failed", 1)
    assert "validation loss is nan after epoch 2" in outcome.failure


def test_the_schedule_steps_once_an_epoch() -> None:
    model = network()
    optimizer = make_optimizer("sgd", model.parameters(), 0.1)
    schedule = make_schedule("cosine", optimizer, 4)
    outcome = run(
        model, 4, optimizer=optimizer, schedule=schedule, batches=lambda: [batch(0), batch(1)]
    )
    rates = [row.learning_rate for row in outcome.history]
    expected = [0.05 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]
    assert rates == pytest.approx([rate for rate in expected for _ in (0, 1)])


def test_lengths_reach_the_loss() -> None:
    whole = batch()
    lengths = torch.tensor([12, 7, 3, 1])
    padded = Batch(whole.inputs.clone(), whole.targets.clone(), lengths)
    for row, length in enumerate(lengths):
        padded.targets[length:, row] = math.nan
    outcome = run(network(), 2, batches=lambda: [padded])
    assert outcome.stopped == "finished"


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        run(network(), 0)
    with pytest.raises(ValueError, match="there is no validation"):
        run(network(), patience=3)
    with pytest.raises(ValueError, match="no batches"):
        run(network(), batches=lambda: [])
