"""Backpropagation through time over the whole sequence, within a stated memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.checkpointing import (
    Plan,
    Recomputation,
    Revolve,
    Sizes,
    Twice,
    TwicePlan,
    actions,
    in_bytes,
    in_words,
    least_budget,
    measured,
    planned,
    planned_twice,
    runs_twice,
    twice_each,
)
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.form import causal
from throughtime.gradients.held import HeldChain, chain_of_held_weights
from throughtime.gradients.method import Loss, Update
from throughtime.gradients.objective import Reduction
from throughtime.gradients.piece import Piece
from throughtime.gradients.tbptt import steps
from throughtime.gradients.through_time import ThroughTime


class CheckpointedBPTT(ThroughTime):
    """Full backpropagation through time with less memory (Gruslys et al. 2016).

    The gradient is that of `BPTT`, exactly. The sequence is run in segments of some steps. Of
    some segments what BPTT keeps of all of them is stored, of others the carried state, of others
    nothing; these are run again, from the state stored last, when the gradient comes to them. What
    is stored where is the best there is: no other choice takes fewer forward steps (Griewank &
    Walther 2000 for states alone; Gruslys et al. 2016 for both). A `Network` that the native engine
    runs takes every step twice where that is quicker, inside the engine.

    Args:
        memory: Bytes to keep for the way back, a number or "64MB", "1.5GiB": the carried states,
            the internals of segments, their outputs and losses. Weights, inputs, targets,
            gradients and the engine's working room are beside it. What fits is measured on a few
            steps of the sequence. If left out: twice the least at which no step is run more than
            twice, which grows as the square root of the length.
        slots: In place of `memory`: carried states to hold at once, the first among them.
        segment: Steps of a segment. If left out: the quickest that fits into `memory`; 1 with
            `slots`, which is the textbook's and slow, a call of the model for every step.
        reduce: "mean" averages the loss over all valid elements, "sum" adds them up.
        clip: See `ThroughTime`.

    Raises:
        ValueError: An argument is not as above; both `memory` and `slots` are given.

    Random numbers are the same whenever a segment is run, and a run leaves torch's generators as
    one pass forward does. Dropout inside the recurrent product, which draws one mask a call, has a
    mask for every segment. A module that changes itself when it is called, as batch normalisation
    does, is changed by every run.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(10, 2, 1), torch.ones(10, 2, 1)
        >>> loss = torch.nn.MSELoss(reduction="none")
        >>> for update in CheckpointedBPTT(slots=3)(model, x, d, loss):
        ...     print(update.info["forward_steps"])
        25.0
    """

    def __init__(
        self,
        memory: int | str | None = None,
        *,
        slots: int | None = None,
        segment: int | None = None,
        reduce: Reduction = "mean",
        clip: Clipping | None = None,
    ) -> None:
        super().__init__(reduce, clip)
        if memory is not None and slots is not None:
            raise ValueError(
                f"memory={memory!r} and slots={slots!r} are two ways to say the same; give one"
            )
        if slots is not None and (not isinstance(slots, int) or slots is True or slots < 1):
            raise ValueError(
                "slots is a whole number of carried states, at least 1 for that before the first "
                f"step; got {slots!r}"
            )
        self.memory, self.slots = memory, slots
        self.budget = None if memory is None else in_bytes(memory)
        self.segment = None if segment is None else steps("segment", segment)

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
        """Yield once, with the gradient of the whole sequence; see `GradientMethod`.

        `Update.info` has "forward_steps", those that were run; "optimum", those that the plan takes
        as predicted; "segment", the steps of one; "slots", the room for carried states, the first
        among them, which internals share; and unless `slots` was given "bytes", those that the plan
        keeps at most as predicted, and "budget".

        Raises:
            ValueError: As for `GradientMethod`; the memory is too little, and the least that will
                do is named; or the model is bidirectional: it cannot be run in segments.
        """
        causal(model, repr(self))
        chain = chain_of_held_weights(Chain(model, inputs, targets, loss, state, lengths, reset))
        each = 1 if self.step_by_step else None
        plan, info = self._plan(chain, each)
        limited = 0

        def passing(flowing: list[Tensor | None], piece: Piece) -> list[Tensor | None]:
            nonlocal limited
            assert self.clip is not None
            flowing, acted = self.clip.limit(flowing)
            limited += acted
            return flowing

        changed = passing if self.step_by_step else None
        run: Twice | Recomputation
        if isinstance(plan, TwicePlan):
            assert isinstance(chain, HeldChain)
            run = Twice(chain, plan, self.reduce)
            run.run()
        else:
            run = Recomputation(chain, plan.segment, each, self.reduce, changed)
            run.follow(actions(plan.placement))
        info |= {
            "forward_steps": float(run.forward_steps),
            "optimum": float(plan.steps(chain.T)),
            "segment": float(plan.segment),
            "slots": float(plan.slots(chain.T)),
        }
        info |= self.clipped(model, limited)
        yield Update(run.loss, chain.state, range(len(inputs)), info)

    def _plan(self, chain: Chain, each: int | None) -> tuple[Plan | TwicePlan, dict[str, float]]:
        """Choose segments and what is stored of them; say what that takes."""
        if self.slots is not None:
            segment = min(self.segment or 1, chain.T)
            return Plan(segment, Revolve(ceil(chain.T / segment), self.slots - 1), 0, 0.0), {}
        footprint = measured(chain, each)
        sizes = Sizes(
            chain.T,
            chain.inputs.shape[1],
            footprint,
            tuple(chain.resets),
            self.segment,
            each,
            isinstance(chain, HeldChain),
        )
        budget = 2 * twice_each(sizes) if self.budget is None else self.budget
        plan = planned(sizes, budget)
        if plan is None:
            least, twice = least_budget(sizes), twice_each(sizes)
            raise ValueError(
                f"memory={self.memory!r} is too little to differentiate this model on a batch of "
                f"{sizes.rows} rows: the least that will do is {least} ({in_words(least)}); with "
                f"{twice} ({in_words(twice)}) no step needs to be run forward more than twice"
            )
        chosen: Plan | TwicePlan = plan
        if isinstance(chain, HeldChain) and each is None and self.segment is None:
            again = None
            if runs_twice(chain):
                again = planned_twice(sizes, budget, chain.h, chain.layers)
            if again is not None and again.time < plan.time:
                chosen = again
        return chosen, {"bytes": float(chosen.bytes), "budget": float(budget)}

    def __repr__(self) -> str:
        given = {"memory": self.memory, "slots": self.slots, "segment": self.segment}
        return self._shown(*(f"{name}={value!r}" for name, value in given.items() if value))
