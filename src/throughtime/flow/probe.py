"""How far gradients reach while a network learns: cheap looks along the training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from throughtime.flow.backward_by_lag import backward_by_lag
from throughtime.flow.by_lag import ByLag, ByLagCollector
from throughtime.flow.figures import evenly, numbers
from throughtime.flow.networks import unrolled_networks
from throughtime.flow.step_adjoint import StepAdjoint
from throughtime.flow.unrolled import NoFlowError, Readout, UnrolledNetwork
from throughtime.gradients.method import Loss
from throughtime.nn.shapes import whole_number

_LOOKS, _LAGS = 60, 64
"""What is recorded at most."""


class Updated(Protocol):
    """What a training loop tells of an update."""

    @property
    def update(self) -> int:
        """Counted from 1."""

    @property
    def epoch(self) -> int:
        """Counted from 1."""


@dataclass(frozen=True)
class Look:
    """The gradient by lag at one moment of a training.

    Attributes:
        update: After which.
        epoch: In which.
        layers: From the input up; none where there was no gradient, or one that is no number.
    """

    update: int
    epoch: int
    layers: tuple[ByLag, ...]

    def as_dict(self, fraction: float) -> dict[str, Any]:
        """Give plain figures, at evenly chosen lags."""
        found = []
        for layer in self.layers:
            chosen = evenly(len(layer.lag), _LAGS)
            found.append(
                {
                    "lag": [layer.lag[place] for place in chosen],
                    "median": numbers([layer.median[place] for place in chosen]),
                    "horizon": layer.horizon(fraction),
                }
            )
        return {"update": self.update, "epoch": self.epoch, "layers": found}


class FlowProbe:
    """A callback of the training loop that looks at the gradient by lag now and then.

    Looks take at most a stated share of the time: the next one waits until it and those before are
    no more than that. Only the first, after the first update, does not wait: in a training that is
    shorter than 1 / share of it, it is more. They change nothing: the same weights come out of the
    training.

    Args:
        model: What is trained; as for `throughtime.flow`, like all up to `readout`.
        inputs: [T, B, I]; a few rows are enough.
        targets: [T, B, ...]
        loss: Elementwise.
        state: What the network carries before the first step.
        lengths: Valid steps of each row, [B].
        readout: What the outputs of a layer are read by; a `Network` has its own.
        every: Updates between looks; None for as many as the share of the time allows.
        share: Of the time since the probe was made that its looks may take.
        samples: Losses that are followed back in a look.

    Attributes:
        looks: The first after the first update.
        seconds: What they took.

    Raises:
        ValueError: `every` is no whole number from 1, or the share is not between 0 and 1.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | Sequence[int] | None = None,
        readout: Readout | None = None,
        every: int | None = None,
        share: float = 0.04,
        samples: int = 8,
    ) -> None:
        self.every = None if every is None else whole_number("every", every, 1)
        if not 0 < share < 1:
            raise ValueError(f"share is a part of the time, between 0 and 1; got {share!r}")
        self.share, self.looks, self.seconds = share, list[Look](), 0.0
        self._asked = (model, inputs, targets, loss, state, lengths, readout, samples)
        self._cost, self._made = 0.0, time.perf_counter()

    def after_update(self, row: Updated, steps: int) -> None:
        """Look, if it is time to."""
        began = time.perf_counter()
        if self.every is not None:
            due = row.update % self.every == 0
        else:
            due = self.seconds + self._cost <= (began - self._made) * self.share
        if not due and self.looks:
            return
        try:
            layers = by_lag(*self._asked)
        except NoFlowError:
            layers = ()
        self.looks.append(Look(row.update, row.epoch, layers))
        self._cost = time.perf_counter() - began  # what the next one is taken to cost
        self.seconds += self._cost

    def after_epoch(self, row: Updated) -> None:
        """Do nothing."""

    def as_list(self, fraction: float = 0.01) -> list[dict[str, Any]]:
        """Give plain figures of evenly chosen looks, for JSON."""
        return [self.looks[place].as_dict(fraction) for place in evenly(len(self.looks), _LOOKS)]


def by_lag(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any = None,
    lengths: Tensor | Sequence[int] | None = None,
    readout: Readout | None = None,
    samples: int = 8,
) -> tuple[ByLag, ...]:
    """Measure the gradient by lag alone: what `throughtime.flow` gives of it, at a small cost.

    Losses are followed back over the lags that are counted, and no further: an overflow beyond
    them is not noticed. Arguments and errors as for `throughtime.flow`.

    Returns:
        One for each layer, from the input up.
    """
    networks = unrolled_networks(model, inputs, targets, loss, state, lengths, readout, samples)
    return tuple(layer for network in networks for layer in _by_lag(network))


def _by_lag(network: UnrolledNetwork) -> Iterator[ByLag]:
    adjoints = tuple(
        StepAdjoint.of(recurrence, run.trajectory)
        for recurrence, run in zip(network.recurrences, network.runs, strict=True)
    )
    collectors = [ByLagCollector(place, network.losses) for place in range(len(adjoints))]
    for lag in backward_by_lag(network, adjoints):
        for collector in collectors:
            if lag.finite:
                collector.note(lag)
            else:
                collector.overflow(lag)
        if lag.lag == collectors[0].last:
            break
    for collector in collectors:
        yield collector.result()
