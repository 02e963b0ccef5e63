"""The gradient of one step's loss, taken apart: factors and terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from throughtime.flow.step_derivative import StepDerivative


@dataclass(frozen=True)
class Place:
    """What one of the N numbers of a row's state is.

    Attributes:
        layer: Counted from 0, the one next to the input.
        state: Its name in the cell.
        unit: Counted from 0.
    """

    layer: int
    state: str
    unit: int


@dataclass(frozen=True)
class Itemised:
    """The gradient of the loss at one step, term by term. N numbers are a row's state.

    Steps are counted from 0; step -1 is the state before the first.

    Attributes:
        step: Whose loss it is, s.
        loss: E_s, summed over rows and outputs.
        outputs: Y_s, [B, O].
        by_output: dE_s/dY_s, [B, O]; zero for rows that have ended.
        output_by_state: dY_s/dS_s, [B, O, N]; the readout hears the first state of the last layer.
        places: What each of the N numbers is.
        states: S_k for k = -1, 0, ..., s: [s + 2, B, N].
        by_state: dE_s/dS_k for k = -1, 0, ..., s, all of it that goes through S_k: [s + 2, B, N].
        names: The weights, as `named_parameters` of the network has them.
    """

    step: int
    loss: float
    outputs: Tensor
    by_output: Tensor
    output_by_state: Tensor
    places: tuple[Place, ...]
    states: Tensor
    by_state: Tensor
    names: tuple[str, ...]
    _steps: StepDerivative = field(repr=False)
    _recurrent: dict[str, tuple[int, str]] = field(repr=False)
    _readout: dict[str, Tensor] = field(repr=False)

    def transition(self, k: int) -> Tensor:
        """Give dS_k/dS_{k-1}, [B, N, N]: each number after step k by each one before it.

        Raises:
            ValueError: The step is not one of 0, ..., s.
        """
        self._check(k, 0)
        return self._steps.back(k, self._ones()).before.transpose(0, 1)

    def state_by_state(self, k: int) -> Tensor:
        """Give dS_s/dS_k, [B, N, N], the product of the transitions after step k.

        Raises:
            ValueError: The step is not one of -1, 0, ..., s.
        """
        self._check(k, -1)
        found = self._ones()
        for t in range(self.step, k, -1):
            found = self._steps.back(t, found).before
        return found.transpose(0, 1)

    def explicit(self, name: str, k: int) -> Tensor:
        """Give the explicit part of dS_k/dW, the states before step k held: [B, N, as W].

        Raises:
            ValueError: The step is not one of 0, ..., s; no recurrent weight has that name.
        """
        self._check(k, 0)
        weight = self._weight(name)
        return self._steps.back(k, self._ones()).by_weight(*weight).transpose(0, 1)

    def state_by_weight(self, name: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield dS_k/dW for k = 0, ..., s as its explicit and its implicit part, [B, N, as W] each.

        Raises:
            ValueError: No recurrent weight has that name.
        """
        weight = self._weight(name)
        before: Tensor | None = None
        for k in range(self.step + 1):
            back = self._steps.back(k, self._ones())
            explicit = back.by_weight(*weight).transpose(0, 1)
            implicit = torch.zeros_like(explicit)
            if before is not None:
                implicit = torch.einsum("nbm,bm...->bn...", back.before, before)
            yield explicit, implicit
            before = explicit + implicit

    def terms(self, name: str) -> Tensor:
        """Give the term of each step k = 0, ..., s in dE_s/dW, summed over rows: [s + 1, as W].

        The readout's weights act at step s alone; their other terms are zero.

        Raises:
            ValueError: No weight has that name.
        """
        if name in self._readout:
            last = self._readout[name]
            return torch.cat([last.new_zeros(self.step, *last.shape), last[None]])
        weight = self._weight(name)
        found = [
            self._steps.back(k, self.by_state[k + 1][None]).by_weight(*weight)[0].sum(0)
            for k in range(self.step + 1)
        ]
        return torch.stack(found)

    def gradient(self, name: str) -> Tensor:
        """Give dE_s/dW, the sum of the terms, shaped as W.

        Raises:
            ValueError: No weight has that name.
        """
        return self.terms(name).sum(0)

    def _ones(self) -> Tensor:
        """Give a seed for each of the N numbers, [N, B, N]."""
        N, B = len(self.places), self.states.shape[1]
        return torch.eye(N, dtype=self.states.dtype, device=self.states.device)[:, None].expand(
            N, B, N
        )

    def _check(self, k: int, first: int) -> None:
        if not first <= k <= self.step:
            raise ValueError(
                f"the loss is that of step {self.step}; a step from {first} to {self.step} is "
                f"expected, got {k!r}"
            )

    def _weight(self, name: str) -> tuple[int, str]:
        if name not in self._recurrent:
            what = "acts on the outputs, not on states" if name in self._readout else "is unknown"
            known = ", ".join(self._recurrent)
            raise ValueError(f"weight {name!r} {what}; expected one of {known}")
        return self._recurrent[name]
