"""All that a training needs to go on as if it had never stopped, and its file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from throughtime.storage import (
    StorageError,
    put_together,
    read_sealed,
    taken_apart,
    write_sealed,
)
from throughtime.train.history import History

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands between two batches.

    Attributes:
        epoch: Counted from 1.
        complete: Whether the epoch has been validated and the schedule has stepped.
        place: Among the epoch's batches, see `Feed`.
        carried: What the network carries, in a stream.
        chunk: The number of the last chunk of a stream.
        model: Its `state_dict`.
        optimizer: Its `state_dict`.
        schedule: Its `state_dict`; None without one.
        method: The gradient method's `state_dict`.
        random: Torch's generators, by device.
        history: The rows so far.
        best: The weights that are the best so far.
        before: Those that were it before; None where a validation vouches for the best.
        best_epoch: Whose weights are the best; 0 for those at the start.
        best_validation_loss: None without a validation.
        seconds: Spent on training so far.
    """

    epoch: int
    complete: bool
    place: dict[str, Any]
    carried: Any
    chunk: int | None
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any] | None
    method: dict[str, Any]
    random: dict[str, Tensor]
    history: History
    best: dict[str, Tensor]
    before: dict[str, Tensor] | None
    best_epoch: int
    best_validation_loss: float | None
    seconds: float


class Checkpoints(Protocol):
    """What a training loop offers its checkpoints to."""

    def due(self, improved: bool) -> bool:
        """Whether one is wanted now; `improved` where there is a new best since the last."""
        ...

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep one; signals wait meanwhile."""
        ...


class Pace:
    """When to write: at intervals, and in between where it costs little.

    Args:
        every: Seconds between writings, from the end of one.
        share: Of the time that writing may take where it is not yet due.
    """

    def __init__(self, every: float, share: float = 0.02) -> None:
        self.every, self.share = every, share
        self._began = self._ended = -float("inf")
        self._cost = 0.0

    def due(self) -> bool:
        """Whether the interval is over."""
        return time.perf_counter() - self._ended >= self.every

    def cheap(self) -> bool:
        """Whether what the last writing cost is within the share of the time since."""
        return time.perf_counter() - self._ended >= self._cost / self.share

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._ended = time.perf_counter()
        self._cost = self._ended - self._began


class CheckpointFile:
    """Keeps the latest checkpoint of a training in a file.

    Args:
        path: A safetensors file; it is replaced as a whole each time, see `storage.write_whole`.
        every: Seconds between checkpoints. At a new best there is one before, so long as writing
            takes a fiftieth of the time at most.
        about: What else is to be known of the training; plain values.
    """

    def __init__(
        self, path: Path | str, every: float = 60.0, about: Mapping[str, Any] | None = None
    ) -> None:
        self.path, self.about, self._pace = Path(path), dict(about or {}), Pace(every)

    def due(self, improved: bool) -> bool:
        """See `Checkpoints`."""
        return self._pace.due() or (improved and self._pace.cheap())

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the file.

        Raises:
            StorageError: It cannot be written, or something in the training has no form in a file.
        """
        with self._pace:
            write_checkpoint(self.path, checkpoint, self.about)


def write_checkpoint(path: Path, checkpoint: Checkpoint, about: Mapping[str, Any]) -> None:
    """Write a checkpoint and what is to be known of it, as safetensors and JSON in one file.

    Raises:
        StorageError: It cannot be written, or something in it has no form in a file.
    """
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    content["history"] = checkpoint.history.columns()
    plain, tensors = taken_apart({"format": FORMAT, "about": dict(about), "content": content})
    write_sealed(path, tensors, plain)


def read_checkpoint(path: Path | str) -> tuple[Checkpoint, dict[str, Any]]:
    """Read a checkpoint, and what was to be known of it.

    Raises:
        StorageError: There is none, it is damaged, or of a format that this version does not know.
    """
    path = Path(path)
    file = read_sealed(path)
    try:
        found = put_together(file.plain, file.tensors)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise StorageError(
                f"it is no checkpoint of format {FORMAT}, which this version reads; use the "
                "version of throughtime that wrote it"
            )
        content = dict(found["content"])
        content["history"] = History.from_columns(content["history"])
        checkpoint = Checkpoint(**content)
        check_types(checkpoint)
        if not isinstance(found["about"], dict):
            raise TypeError("about")
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise StorageError(f"{path} cannot be used: {error}") from None
    return checkpoint, found["about"]


def check_types(checkpoint: Checkpoint) -> None:
    """Refuse what could not be told from a checkpoint until it does harm.

    Raises:
        TypeError: Something is not what it has to be.
    """
    counts = (checkpoint.epoch, checkpoint.best_epoch)
    if not all(type(count) is int and 0 <= count < 2**53 for count in counts):
        raise TypeError("its epochs are no whole numbers")
    if type(checkpoint.complete) is not bool or type(checkpoint.seconds) not in (float, int):
        raise TypeError("it has no time, or does not say whether its epoch is complete")
    for tensors in (checkpoint.model, checkpoint.best, checkpoint.before, checkpoint.random):
        if tensors is None and tensors is checkpoint.before:
            continue
        if not isinstance(tensors, dict) or not all(
            isinstance(tensor, Tensor) for tensor in tensors.values()
        ):
            raise TypeError("its weights or generators are no tensors")
    nested = (checkpoint.optimizer, checkpoint.method, checkpoint.place, checkpoint.schedule or {})
    if not all(isinstance(part, dict) for part in nested):
        raise TypeError("its optimiser, method, schedule or place are no dictionaries")


@torch.no_grad()
def weights(model: nn.Module) -> dict[str, Tensor]:
    """Copy a model's weights and buffers.

    Raises:
        StorageError: Its `state_dict` has more than tensors.
    """
    found = {}
    for name, tensor in model.state_dict().items():
        if not isinstance(tensor, Tensor):
            raise StorageError(f"{name} of the model's state_dict is a {type(tensor).__name__}")
        found[name] = tensor.detach().clone()
    return found


def generators(model: nn.Module) -> dict[str, Tensor]:
    """Give the states of torch's generators on the CPU and where the model is."""
    found = {"cpu": torch.get_rng_state()}
    for device in {parameter.device for parameter in model.parameters()}:
        if device.type == "cuda":
            found[str(device)] = torch.cuda.get_rng_state(device)
    return found


def set_generators(states: Mapping[str, Tensor]) -> None:
    """Let torch's generators go on from their states."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state, device)
