"""What is the same for all methods that are compared, and who they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Optimizer

from throughtime.data.batch import Batch
from throughtime.data.tasks import Task
from throughtime.gradients import Clipping, GradientMethod, registry
from throughtime.named import NamedError, named
from throughtime.train.optimizers import make_optimizer

_TEST_SEED = 2**31  # of the held-out sequences; training seeds lie below


@dataclass(frozen=True)
class Setting:
    """What is the same for all methods.

    Attributes:
        task: Draws the sequences.
        network: Makes the network with the weights that it starts with; the same for a seed.
        rows: Sequences in a batch.
        test_rows: Held-out sequences.
        optimizer: The name of one of torch's.
        learning_rate: Of methods that do not bring their own.
        clip: The largest norm of a complete gradient let through; None for no limit.
    """

    task: Task
    network: Callable[[], nn.Module]
    rows: int
    test_rows: int
    optimizer: str
    learning_rate: float
    clip: float | None

    def made(self, seed: int) -> nn.Module:
        """Give the network as it is before training, the same for all methods."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network()

    def training(self, seed: int) -> Callable[[], Batch]:
        """Give what draws batches for training, the same ones in the same order for a seed."""
        generator = torch.Generator().manual_seed(seed)
        return lambda: self.task.batch(self.rows, generator)

    def held_out(self, rows: int) -> Batch:
        """Draw sequences that are never trained on, the same for all seeds."""
        return self.task.batch(rows, torch.Generator().manual_seed(_TEST_SEED))


@dataclass(frozen=True)
class Contender:
    """A gradient method as it was asked for.

    Attributes:
        name: A line such as "tbptt:10:50"; "es:64@0.03" brings its own learning rate, 0.03. One
            that proposes weights, as "es:64:optimizer=cma" does, takes none.

    Raises:
        NamedError: The method is unknown, or its arguments or learning rate do not fit.
    """

    name: str

    def __post_init__(self) -> None:
        method, rate = self.method(0), self.learning_rate
        if rate is not None and not 0 < rate < float("inf"):
            raise NamedError(f"method {self.name!r}: the learning rate must be positive")
        if rate is not None and method.whole_step:
            raise NamedError(
                f"method {self.name!r}: it proposes the next weights itself, and what it proposes "
                "has to be stepped to whole; leave out the learning rate after @"
            )

    def method(self, seed: int) -> GradientMethod:
        """Make the method; one that draws numbers at random draws them from the seed."""
        return named(self.name.partition("@")[0], registry, "gradient method", seed=seed)

    @property
    def learning_rate(self) -> float | None:
        """Its own learning rate; None for the one of all."""
        _, at, rate = self.name.partition("@")
        if not at:
            return None
        try:
            return float(rate)
        except ValueError:
            raise NamedError(
                f"method {self.name!r}: a learning rate is expected after @, got {rate!r}"
            ) from None

    def optimizer(
        self, method: GradientMethod, setting: Setting, model: nn.Module
    ) -> tuple[Optimizer, Clipping]:
        """Give what steps the weights, and what is done to gradients before.

        Raises:
            ValueError: The optimiser is unknown.
        """
        if method.whole_step:
            return torch.optim.SGD(model.parameters(), lr=1.0), Clipping()
        rate = self.learning_rate or setting.learning_rate
        optimizer = make_optimizer(setting.optimizer, model.parameters(), rate)
        return optimizer, Clipping(norm=setting.clip)
