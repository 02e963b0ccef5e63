"""How a network is made and trained here: the same lines for every task, and for torch's layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

import throughtime as tt
from throughtime.cli.racing.contenders import torch_layers
from throughtime.data.batch import Batch
from throughtime.data.tasks import Task

STARTS: dict[str, Callable[[tt.nn.Recurrent, Task], Any]] = {
    "as torch": lambda layer, task: layer,
    "forget bias 1": lambda layer, task: tt.nn.init.forget_bias_(layer, 1.0),
    "chrono": lambda layer, task: tt.nn.init.chrono_(layer, task.T),
}
"""How the recurrent layer starts; the last spreads its memory up to the task's length."""

CLIP = 1.0
"""The norm that the gradient is clipped at."""


@dataclass(frozen=True)
class Setting:
    """What is chosen for a task.

    Attributes:
        cell: The name of the network's cell.
        rows: Sequences an update, B.
        rate: The learning rate of Adam; where it changes, its greatest.
        start: One of `STARTS`.
        most: Sequences after which the training ends, whatever has been learned.
        one_cycle: Whether the rate rises and falls again (torch's `OneCycleLR`), so that the
            training ends there and not before.
        units: Units of the one recurrent layer, H.
    """

    cell: str
    rows: int
    rate: float
    start: str
    most: int
    one_cycle: bool = False
    units: int = 16


class Training:
    """A network in training.

    Args:
        task: What it learns.
        setting: How.
        seed: Of its start and of the sequences that it learns from.
        by_torch: Run torch's own layer in place of this package's, from the same weights.

    Attributes:
        network: `(inputs, state, lengths) -> (outputs, state)`.
        generator: Where training sequences are drawn from.
        sequences: How many it has learned from.
    """

    def __init__(self, task: Task, setting: Setting, seed: int, by_torch: bool = False) -> None:
        torch.manual_seed(seed)
        network = tt.Network(setting.cell, task.input_size, setting.units, task.output_size)
        STARTS[setting.start](network.recurrent, task)
        self.network: nn.Module = OnTorch(network) if by_torch else network
        self.generator = torch.Generator().manual_seed(seed)
        self.sequences = 0
        self._method, self._loss = tt.BPTT(), task.loss
        self._optimizer = torch.optim.Adam(self.network.parameters(), setting.rate)
        self._schedule: LRScheduler | None = None
        if setting.one_cycle:
            updates = -(-setting.most // setting.rows)
            self._schedule = OneCycleLR(
                self._optimizer, setting.rate, updates, cycle_momentum=False
            )

    def learn(self, batch: Batch) -> Tensor:
        """Update the weights once.

        Returns:
            What the network had answered before: [T, B, O].
        """
        answers: list[Tensor] = []

        def loss(outputs: Tensor, targets: Tensor) -> Tensor:
            answers.append(outputs.detach())
            return self._loss(outputs, targets)

        for _ in self._method(
            self.network, batch.inputs, batch.targets, loss, lengths=batch.lengths
        ):
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self._optimizer.step()
            self._optimizer.zero_grad()
        if self._schedule is not None:
            self._schedule.step()
        self.sequences += batch.inputs.shape[1]
        return torch.cat(answers)

    @torch.no_grad()
    def answers(self, batch: Batch) -> Tensor:
        """Give what the network answers: [T, B, O]."""
        outputs, _ = self.network(batch.inputs, lengths=batch.lengths)
        return outputs  # type: ignore[no-any-return]


class OnTorch(nn.Module):
    """A network on torch's own layer: the same weights, the same numbers up to rounding.

    Lengths are not passed on: beyond them nothing is asked, and no step looks ahead.
    """

    def __init__(self, network: tt.Network) -> None:
        super().__init__()
        layer = network.recurrent
        self.recurrent = torch_layers[layer.cell.name](layer.input_size, layer.hidden_size)
        self.recurrent.load_state_dict(layer.state_dict())
        self.readout = network.readout

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run the network over time."""
        h, state = self.recurrent(x, state)
        return self.readout(h), state
