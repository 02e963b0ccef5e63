"""What online methods share: the sequence is run once, and no step is ever gone back to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.gradients.chain import rows_anew
from throughtime.gradients.columns import Columns
from throughtime.gradients.influence import Traces
from throughtime.gradients.method import GradientMethod, Loss, Update, check_sequences
from throughtime.gradients.objective import (
    Reduction,
    Tally,
    check_reduction,
    check_slope,
    elementwise,
)
from throughtime.gradients.one_step import OneStep
from throughtime.gradients.tbptt import steps as whole_steps


@dataclass
class Errors:
    """What the losses of some steps add up to.

    Attributes:
        loss: Their sum.
        count: Over how many valid elements.
        rows: For each layer, the gradient by the numbers of each unit, [B, H, columns].
        outer: The gradient by what is learned outside of the recurrent layers.
    """

    loss: float = 0.0
    count: int = 0
    rows: list[Tensor] = field(default_factory=list)
    outer: list[Tensor] = field(default_factory=list)

    def add(self, rows: list[Tensor], outer: list[Tensor]) -> None:
        """Add the gradients of a step."""
        self.rows = [a + b for a, b in zip(self.rows, rows, strict=True)] if self.rows else rows
        self.outer = (
            [a + b for a, b in zip(self.outer, outer, strict=True)] if self.outer else outer
        )


class Online(GradientMethod):
    """A method that carries along, forward in time, how the weights have acted on the states.

    Memory does not grow with the sequence, and there is an update whenever one is wanted. Where the
    optimiser steps in between, what is carried goes on from what it is, as Williams & Zipser (1989)
    have it: it then mixes derivatives at weights that were a little different, and is exact only in
    the limit of small steps. A new call starts without any: as with every method, the state that
    is passed in is where the past ends.

    The network is run by its cell's equations, one step a time, and not by its forward call: hooks
    of that call do not see it.

    Args:
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The steps are no whole number from 1; the reduction is unknown.
    """

    any_module = False

    def __init__(self, k1: int = 1, reduce: Reduction = "mean") -> None:
        check_reduction(reduce)
        self.k1 = whole_steps("k1", k1)
        self.reduce: Reduction = reduce

    @abstractmethod
    def traces(self, run: OneStep, columns: list[Columns]) -> Traces:
        """Give what is carried along, at the start of a sequence.

        Raises:
            ValueError: The method is not defined for the network's cell.
        """

    def read(self, run: OneStep, h: Tensor) -> tuple[Tensor, Tensor]:
        """Give the network's outputs for outputs h of the last layer; and what to differentiate by.

        Args:
            run: The network.
            h: [1, B, H]
        """
        return run.read(h), h

    def signal(self, run: OneStep, error: Tensor) -> Tensor:
        """Give the learning signal, [B, H], from the derivative by what `read` says."""
        return error

    def __call__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> Iterator[Update]:
        """Yield after every `k1` steps; see `GradientMethod`.

        `Update.info` has "carried", how many numbers are carried along for all rows together.

        Args:
            model: A `Network`, or a layer of `throughtime.nn`, of one direction.
            inputs: [T, B, I]
            targets: [T, B, ...]
            loss: Elementwise. It is called with one step at a time, [1, B, ...].
            state: What the network carries before the first step.
            lengths: Valid steps of each row, [B].
            reset: Rows that start anew, from a state of zeros that nothing has acted on, [T, B].

        Raises:
            TypeError: The model is another module.
            ValueError: As for `GradientMethod`; or the model is bidirectional, batch-first, has
                dropout or zoneout, or a cell that the method is not defined for.
            FloatingPointError: A loss, or what is carried, is not finite; step and row are named,
                and no gradient has been touched since the last update.
        """
        lengths = check_sequences(inputs, targets, lengths)
        resets = rows_anew(reset, inputs)
        run = OneStep(model, inputs, state, lengths, repr(self))
        starts = any(start.requires_grad for start in run.starts)
        with torch.enable_grad():
            columns = [Columns(run.cell, weights, starts) for weights in run.weights()]
        traces = self.traces(run, columns)
        _check_loss(run, targets, loss)
        # Beyond the longest row there is nothing to learn from.
        T = len(inputs) if lengths is None else int(lengths.max())
        for begin in range(0, T, self.k1):
            steps, errors = range(begin, min(begin + self.k1, T)), Errors()
            for t in steps:
                if t in resets:
                    run.restart(resets[t])
                    traces.restart(resets[t])
                self._step(run, traces, t, targets, loss, errors)
            share = 1 / errors.count if self.reduce == "mean" else 1.0
            _hand_over(run, columns, errors, share)
            last = len(inputs) if steps.stop == T else steps.stop
            yield Update(
                errors.loss * share, run.state, range(begin, last), {"carried": float(traces.size)}
            )

    def _step(
        self, run: OneStep, traces: Traces, t: int, targets: Tensor, loss: Loss, errors: Errors
    ) -> None:
        """Run a step, and add what its losses are and where they come from."""
        with torch.no_grad():
            traces.advance(run.step(t))
        lengths = None if run.lengths is None else (run.lengths - t).clamp(0, 1)
        with torch.enable_grad():
            h = run.output[None].requires_grad_()
            outputs, through = self.read(run, h)
            losses = elementwise(loss, outputs, targets[t : t + 1], lengths)
            tally = Tally()
            total = tally.add(losses, lengths, t)
            tally.check(losses.dtype)
            wanted = [through, *run.outer]
            if not total.requires_grad:  # a loss that does not look at the outputs
                total = total + 0 * through.sum()
            error, *outer = torch.autograd.grad(
                total, wanted, allow_unused=True, materialize_grads=True
            )
        check_slope(error, t)
        with torch.no_grad():
            rows = traces.gradients(self.signal(run, error[0]))
        for gradient in rows:
            _refuse_infinite(gradient, t, repr(self))
        errors.loss += tally.total
        errors.count += tally.count
        errors.add(rows, outer)

    def __repr__(self) -> str:
        return self._shown(f"k1={self.k1}", f"reduce={self.reduce!r}")

    def _shown(self, *arguments: str) -> str:
        return f"{type(self).__name__}({', '.join(arguments)})"


def _check_loss(run: OneStep, targets: Tensor, loss: Loss) -> None:
    """Refuse a loss, or targets, that do not fit the whole sequence.

    Some broadcast over several steps only, and would go unseen where they are taken one by one.
    """
    with torch.no_grad():
        outputs = run.read(run.output[None])
        elementwise(loss, outputs.expand(len(targets), *outputs.shape[1:]), targets, run.lengths)


def _refuse_infinite(gradient: Tensor, t: int, method: str) -> None:
    if bool(torch.isfinite(gradient.sum())) or bool(torch.isfinite(gradient).all()):
        return
    row = int((~torch.isfinite(gradient)).nonzero()[0][0])
    raise FloatingPointError(
        f"what {method} carries along is not finite at step {t} (row {row}): the influence of the "
        "weights on the state has grown beyond all numbers; no gradient was computed from it; "
        "lower the learning rate, clip the gradient, or scale the recurrent weights down "
        "(throughtime.nn.init.spectral_radius_)"
    )


def _hand_over(run: OneStep, columns: list[Columns], errors: Errors, share: float) -> None:
    """Add complete gradients to `.grad`."""
    tensors, gradients = list(run.outer), [share * gradient for gradient in errors.outer]
    with torch.enable_grad():
        # Weights that are computed from others hand their gradient on to those.
        for own, weights, rows in zip(columns, run.weights(), errors.rows, strict=True):
            for tensor, gradient in own.gradients(weights, rows):
                tensors.append(tensor)
                gradients.append(share * gradient)
    if any("start" in own.widths for own in columns):
        by_layer = [own.by_start(rows) for own, rows in zip(columns, errors.rows, strict=True)]
        by_state = torch.stack(by_layer, 1).unbind(0)  # [layers, B, H] each
        for start, gradient in zip(run.starts, by_state, strict=True):
            if start.requires_grad:
                tensors.append(start)
                gradients.append(share * gradient)
    if tensors:
        torch.autograd.backward(tensors, gradients)
