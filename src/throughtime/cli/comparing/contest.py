"""What was asked to be compared, checked before anything is trained."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from torch import nn

from throughtime.cells import find
from throughtime.cli.errors import UsageError
from throughtime.data.tasks import Task
from throughtime.data.tasks import registry as tasks
from throughtime.named import NamedError, named
from throughtime.nn import Network
from throughtime.train import optimizers
from throughtime.train.comparison import Budget, Contender, Setting, memory_of
from throughtime.train.rehearsal import rehearse

_SECONDS = 10.0


@dataclass(frozen=True)
class Contest:
    """A comparison that was asked for.

    Attributes:
        task: What is learned.
        text: The task as it was asked for.
        network: The network in words.
        setting: What is the same for all.
        contenders: The methods.
        seeds: Of weights, sequences and methods.
        budget: What each may spend on each seed.
        points: How often each is looked at.
        hidden: Units a layer.
    """

    task: Task
    text: str
    network: str
    setting: Setting
    contenders: tuple[Contender, ...]
    seeds: range
    budget: Budget
    points: int
    hidden: int

    def rehearse(self) -> dict[str, int | None]:
        """Let each method make one update of a short sequence, and measure its memory.

        Returns:
            Bytes by method.

        Raises:
            UsageError: A method does not take the network or the task.
        """
        batch = self.setting.training(0)()
        for contender in self.contenders:
            try:
                rehearse(self.setting.made(0), batch, self.setting.task.loss, contender.method(0))
            except (TypeError, ValueError) as error:
                raise UsageError(
                    f"method {contender.name!r} does not take {self.network} on the task "
                    f"{self.task.name!r}: {error}"
                ) from None
        return {one.name: memory_of(one, self.setting) for one in self.contenders}


def contest_of(
    *,
    task: str,
    methods: str,
    cell: str,
    hidden: int,
    layers: int,
    budget: dict[str, Any],
    seeds: int,
    rows: int,
    optimizer: str,
    learning_rate: float,
    clip: float,
    test_rows: int,
    points: int,
) -> Contest:
    """Check what was asked for.

    Raises:
        UsageError: Something is unknown or out of range; the message says what is expected.
        CellError: No cell has that name.
    """
    try:
        wanted = named(task, tasks, "task")
        contenders = tuple(Contender(name.strip()) for name in methods.split(",") if name.strip())
    except NamedError as error:
        raise UsageError(str(error)) from None
    if not contenders:
        raise UsageError("--methods names none; give names such as bptt,tbptt:10:50,rtrl")
    names = [contender.name for contender in contenders]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageError(f"--methods has {twice[0]!r} twice; name each once")
    for option, number in (
        ("--hidden", hidden), ("--layers", layers), ("--seeds", seeds), ("--rows", rows),
        ("--test-rows", test_rows), ("--points", points),
    ):  # fmt: skip
        if number < 1:
            raise UsageError(f"{option} is {number}; a whole number from 1 is expected")
    if optimizer not in optimizers:
        raise UsageError(f"unknown optimizer {optimizer!r}; known are {', '.join(optimizers)}")
    if not 0 < learning_rate < float("inf"):
        raise UsageError(f"--learning-rate is {learning_rate}; a positive number is expected")
    if not 0 <= clip < float("inf"):
        raise UsageError(f"--clip is {clip}; a positive number is expected, or 0 for no limit")
    own = wanted.network()
    if own is not None:
        words = f"the task's own network, {_parameters(own)}"
        make: Any = lambda: copy.deepcopy(own)  # noqa: E731
    else:
        known = find(cell)
        make = _Maker(known.name, wanted.input_size, hidden, wanted.output_size, layers)
        words = (
            f"{known.name} of {_counted(hidden, 'unit')}, {_counted(layers, 'layer')}, "
            f"{_parameters(make())}"
        )
    return Contest(
        task=wanted,
        text=task,
        network=words,
        setting=Setting(
            wanted, make, rows, test_rows, optimizer, learning_rate, clip if clip else None
        ),
        contenders=contenders,
        seeds=range(seeds),
        budget=_budget(budget),
        points=points,
        hidden=hidden,
    )


def _parameters(network: nn.Module) -> str:
    return _counted(sum(p.numel() for p in network.parameters()), "parameter")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True)
class _Maker:
    cell: str
    inputs: int
    hidden: int
    outputs: int
    layers: int

    def __call__(self) -> nn.Module:
        return Network(self.cell, self.inputs, self.hidden, self.outputs, num_layers=self.layers)


def _budget(asked: dict[str, Any]) -> Budget:
    given = {unit: amount for unit, amount in asked.items() if amount is not None}
    if len(given) > 1:
        options = " and ".join(f"--{unit}" for unit in given)
        raise UsageError(f"{options} are two budgets; give one of them")
    ((unit, amount),) = given.items() if given else (("seconds", _SECONDS),)
    try:
        return Budget(amount, unit)  # type: ignore[arg-type]
    except ValueError as error:
        raise UsageError(f"--{unit}: {error}") from None
