"""A training that was stopped comes to the same bits as one that was not; about ten seconds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.data import Stream
from throughtime.gradients import Clipping, registry
from throughtime.named import named
from throughtime.storage import StorageError
from throughtime.train import (
    Batch,
    CheckpointFile,
    History,
    Outcome,
    Row,
    make_optimizer,
    make_schedule,
    optimizers,
    read_checkpoint,
    schedules,
    train,
)

mse = nn.MSELoss(reduction="none")
# Windows as long as these short sequences say that they are the whole.
pytestmark = pytest.mark.filterwarnings("ignore:.*full backpropagation through time")


def shuffled() -> Iterator[Batch]:
    """Three batches in an order that is drawn when the epoch begins."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(9, 6, 1, generator=generator)
    for chosen in torch.randperm(6).split(2):
        yield Batch(x[:, chosen], x[:, chosen].roll(1, 0))


def drawn() -> Iterator[Batch]:
    """Batches that are drawn as they are asked for."""
    for _ in range(3):
        x = torch.randn(9, 2, 1)
        yield Batch(x, x.roll(1, 0))


class Stop:
    """Stops the training after an update, as Ctrl-C does."""

    def __init__(self, at: int) -> None:
        self.at = at

    def after_update(self, row: Row, steps: int) -> None:
        if row.update == self.at:
            raise KeyboardInterrupt

    def after_epoch(self, row: Row) -> None:
        pass


class Setting:
    """Makes everything of a training, the same each time."""

    def __init__(
        self,
        cell: str = "gru",
        method: str = "bptt",
        optimizer: str = "adam",
        schedule: str = "constant",
        batches: Any = shuffled,
        epochs: int = 4,
        validated: bool = True,
        dropout: float = 0.0,
        dtype: torch.dtype = torch.float32,
        patience: int | None = None,
    ) -> None:
        torch.manual_seed(3)
        self.batches, self.epochs, self.patience = batches, epochs, patience
        self.model = tt.Network(
            cell, 1, 3, 1, num_layers=2 if dropout else 1, dropout=dropout, dtype=dtype
        )
        self.method = named(method, registry, "method", seed=5)
        self.optimizer = make_optimizer(optimizer, self.model.parameters(), 0.02)
        self.schedule = make_schedule(schedule, self.optimizer, epochs)
        self.validated, self.dtype = validated, dtype

    def all_batches(self) -> Iterable[Batch]:
        found = self.batches()
        if self.dtype is torch.float32:
            return found
        return (Batch(b.inputs.to(self.dtype), b.targets.to(self.dtype)) for b in found)

    @torch.no_grad()
    def validate(self) -> float:
        self.model.eval()
        x = torch.linspace(-1, 1, 12).reshape(6, 2, 1).to(self.dtype)
        return float((self.model(x)[0] - x.roll(1, 0)).square().mean())

    def train(self, **more: Any) -> Outcome:
        torch.manual_seed(9 if "resume" in more else 8)  # a checkpoint has numbers of its own
        return train(
            self.model, self.all_batches, mse, self.method, self.optimizer, self.epochs,
            schedule=self.schedule, clipping=Clipping(norm=0.5),
            validate=self.validate if self.validated else None, patience=self.patience, **more,
        )  # fmt: skip


def without_seconds(history: History) -> list[tuple[object, ...]]:
    return [
        (r.update, r.epoch, r.loss, r.gradient_norm, r.clipped, r.learning_rate, r.validation_loss)
        for r in history
    ]


def stopped_and_resumed(path: Path, at: Sequence[int], **setting: Any) -> tuple[Setting, Outcome]:
    """Stop after some updates, each time in a fresh process as far as objects go."""
    resume: dict[str, Any] = {}
    for update in at:
        made = Setting(**setting)
        outcome = made.train(
            checkpoints=CheckpointFile(path, every=0), callbacks=[Stop(update)], **resume
        )
        assert outcome.stopped == "interrupted"
        resume = {"resume": read_checkpoint(path)[0]}
    made = Setting(**setting)
    return made, made.train(checkpoints=CheckpointFile(path), **resume)


def assert_goes_on(tmp_path: Path, at: Sequence[int] = (5,), **setting: Any) -> None:
    whole = Setting(**setting)
    expected = whole.train()
    path = tmp_path / "checkpoint.safetensors"
    made, outcome = stopped_and_resumed(path, at, **setting)
    assert without_seconds(outcome.history) == without_seconds(expected.history)
    assert outcome.stopped == expected.stopped == ("early" if whole.patience else "finished")
    for (name, a), b in zip(
        whole.model.state_dict().items(), made.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name
    for field in ("best_epoch", "best_validation_loss"):
        assert getattr(outcome, field) == getattr(expected, field)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# Stop raises in the middle of a batch: the checkpoint is the one before it. Updates 1, 4, 7 are
# the first of an epoch, and go on from its start; the others from its middle.
@pytest.mark.parametrize("update", range(1, 13))
def test_every_place_of_a_training(update: int, tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (update,))


def test_stopped_again_and_again(tmp_path: Path) -> None:
    assert_goes_on(tmp_path, range(2, 13, 2))


@pytest.mark.parametrize("cell", ["elman", "lstm_peephole", "slstm"])
def test_cells(cell: str, tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (5, 9), cell=cell)


@pytest.mark.parametrize(
    "method",
    [
        "tbptt:3:6", "adaptive:0.2:2:8:measure=2", "random:4:every=2", "uoro:k1=3", "rtrl:4",
        "es:8", "checkpointed:slots=2", "snap:1",
    ],
)  # fmt: skip
def test_methods(method: str, tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (5, 9), method=method)


@pytest.mark.parametrize("optimizer", optimizers)
def test_optimisers(optimizer: str, tmp_path: Path) -> None:
    assert_goes_on(tmp_path, optimizer=optimizer, dtype=torch.float64)


@pytest.mark.parametrize("schedule", schedules)
@pytest.mark.parametrize("update", [5, 7])
def test_schedules(schedule: str, update: int, tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (update,), schedule=schedule)


def test_dropout_and_batches_that_are_drawn_as_they_are_asked_for(tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (2, 6, 9), dropout=0.5, batches=drawn)


def test_without_validation(tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (5, 7), validated=False)


def test_patience_is_counted_on(tmp_path: Path) -> None:
    assert_goes_on(tmp_path, (5, 8), epochs=200, patience=1)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("readable_once", [False, True])
def test_streams(shuffle: bool, readable_once: bool, tmp_path: Path) -> None:
    if shuffle and readable_once:
        pytest.skip("what is read from its start is not shuffled")
    generator = torch.Generator().manual_seed(2)
    sequences = [
        (x, x.roll(1, 0))
        for x in (torch.randn(n, 1, generator=generator) for n in (13, 8, 21, 5, 9))
    ]
    streams: dict[int, Stream] = {}

    class Streamed(Setting):
        def all_batches(self) -> Iterable[Batch]:
            source: Any = (lambda: iter(sequences)) if readable_once else sequences
            return streams.setdefault(
                id(self), Stream(source, rows=2, k1=4, chunk=8, shuffle=shuffle, seed=1)
            )

    def fresh() -> Setting:
        made = Streamed(method="tbptt:4:8", cell="lstm", epochs=3)
        streams.pop(id(made), None)
        return made

    whole = fresh()
    expected = whole.train()
    for at in (2, 9, len(expected.history) - 1):
        path = tmp_path / f"{at}.safetensors"
        assert (
            fresh().train(checkpoints=CheckpointFile(path, every=0), callbacks=[Stop(at)]).stopped
            == "interrupted"
        )
        made = fresh()
        outcome = made.train(resume=read_checkpoint(path)[0])
        assert without_seconds(outcome.history) == without_seconds(expected.history)
        for a, b in zip(whole.model.parameters(), made.model.parameters(), strict=True):
            assert torch.equal(a, b)


def test_more_epochs_than_were_planned(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Setting(epochs=2).train(checkpoints=CheckpointFile(path))
    made = Setting(epochs=5)
    outcome = made.train(resume=read_checkpoint(path)[0])
    whole = Setting(epochs=5)
    assert without_seconds(whole.train().history) == without_seconds(outcome.history)
    assert all(map(torch.equal, whole.model.parameters(), made.model.parameters()))


def test_a_training_that_has_ended_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    first = Setting()
    expected = first.train(checkpoints=CheckpointFile(path))
    made = Setting()
    outcome = made.train(checkpoints=CheckpointFile(path), resume=read_checkpoint(path)[0])
    assert without_seconds(outcome.history) == without_seconds(expected.history)
    assert all(map(torch.equal, first.model.parameters(), made.model.parameters()))


def test_what_is_lost_is_found(tmp_path: Path) -> None:
    """The control: each part of a checkpoint, left as it is at the start, makes a difference."""
    setting: dict[str, Any] = {
        "dropout": 0.5, "batches": drawn, "method": "random:4:every=2", "schedule": "cosine",
        "validated": False,
    }  # fmt: skip
    path = tmp_path / "c.safetensors"
    Setting(**setting).train(checkpoints=CheckpointFile(path, every=0), callbacks=[Stop(8)])
    later, _ = read_checkpoint(path)
    Setting(**setting).train(checkpoints=CheckpointFile(path, every=0), callbacks=[Stop(1)])
    start, _ = read_checkpoint(path)

    def weights_from(checkpoint: Any) -> Tensor:
        made = Setting(**setting)
        made.train(resume=checkpoint)
        return nn.utils.parameters_to_vector(made.model.parameters())

    expected = weights_from(later)
    assert torch.equal(weights_from(later), expected)
    for part in ("model", "optimizer", "schedule", "method", "random", "place", "epoch"):
        assert not torch.equal(
            weights_from(replace(later, **{part: getattr(start, part)})), expected
        )


def test_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Setting(epochs=1).train(checkpoints=CheckpointFile(path))
    found, _ = read_checkpoint(path)
    for other in (
        {"cell": "lstm"}, {"optimizer": "sgd"}, {"schedule": "cosine"}, {"method": "uoro"},
        {"dropout": 0.5},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="is one of another training"):
            Setting(**other).train(resume=found)  # type: ignore[arg-type]
    Setting().train(checkpoints=CheckpointFile(path, every=0), callbacks=[Stop(3)])
    with pytest.raises(ValueError, match="the epoch has 1 batches, and 2 were learned from"):
        Setting(batches=lambda: [next(shuffled())]).train(resume=read_checkpoint(path)[0])


def test_what_has_no_form_in_a_file_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("cmaes")
    made = Setting(method="es:8:optimizer=cma", optimizer="sgd")
    with pytest.raises(ValueError, match="train without checkpoints"):
        made.train(checkpoints=CheckpointFile(tmp_path / "c.safetensors"))
    assert list(tmp_path.iterdir()) == []


def test_no_checkpoint_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not there"):
        read_checkpoint(tmp_path / "none")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(StorageError, match="cannot be used"):
        read_checkpoint(tmp_path / "other")
