"""What would change the gradient flow of a network, and which figure would show it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.equations import Cell
from throughtime.flow.discarded import Truncation
from throughtime.flow.figures import number
from throughtime.flow.gates import Gate
from throughtime.flow.paths import Paths
from throughtime.flow.verdict import Verdict
from throughtime.nn.init import keeping_gate

ORTHOGONAL = 0.1
"""How far from 1 a singular value may be in recurrent weights that are taken for orthogonal."""

SPARED = 0.01
"""The share of the gradient that a window of the length advised may discard."""


@dataclass(frozen=True)
class Advice:
    """Something to change, and the measured figure that changes with it.

    Attributes:
        where: The layer, or "network".
        do: What to do, as a call where there is one.
        why: Which figure asks for it.
        figure: The name of the figure that would change.
        now: What it is.
        then: What it would be.
    """

    where: str
    do: str
    why: str
    figure: str
    now: float
    then: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures."""
        return {
            "where": self.where,
            "do": self.do,
            "why": self.why,
            "figure": self.figure,
            "now": number(self.now),
            "then": number(self.then),
        }


def for_layer(
    where: str,
    cell: Cell,
    U: Tensor | None,
    verdict: Verdict | None,
    paths: Paths,
    gates: tuple[Gate, ...],
) -> Iterator[Advice]:
    """Advise on how a layer starts, and on its cell; one piece of advice at most."""
    if verdict is None or verdict.kind == "healthy":
        return
    kept = max(paths.kept.values()) if paths.kept else 0.0
    if keeping_gate(cell) is not None:
        then = 1.0 - 1.0 / verdict.lags
        if verdict.kind == "vanishing" and kept < min(0.9, then):
            # sigmoid(b) = 1 - 1/n for b = log(n - 1): the chrono start of Tallec & Ollivier (2018).
            bias = math.log(max(verdict.lags - 1, 2))
            yield Advice(
                where,
                f"start with tt.nn.init.forget_bias_(layer, {bias:.1f})",
                f"a step keeps {kept:.2g} of the state on average, {kept**10:.1g} after 10 steps",
                "paths.kept",
                kept,
                1.0 / (1.0 + math.exp(-round(bias, 1))),
            )
        return
    alone = abs(kept) < ORTHOGONAL  # with a second way for the state U is not to carry it whole
    if alone and U is not None and U.shape[0] == U.shape[1]:
        stretches = torch.linalg.svdvals(U.double())
        smallest, largest = float(stretches[-1]), float(stretches[0])
        fault = smallest if verdict.kind == "vanishing" else largest
        asked = smallest < 1 - ORTHOGONAL if verdict.kind == "vanishing" else False
        if asked or largest > 1 + ORTHOGONAL:
            rectified = any(gate.operation == "relu" for gate in gates)
            name = "identity_" if rectified else "orthogonal_"
            yield Advice(
                where,
                f"start with tt.nn.init.{name}(layer)",
                f"the recurrent weights stretch states by {smallest:.2g} to {largest:.2g}",
                f"the {'smallest' if fault == smallest else 'largest'} singular value of U",
                fault,
                1.0,
            )
            return
    if verdict.kind == "vanishing":
        yield Advice(
            where,
            'use a cell whose gates keep the state, such as "lstm" or "gru", with a forget bias',
            f"no gate keeps the state, and a step keeps {kept:.2g} of it on average; U is not what "
            "loses it",
            "paths.kept",
            kept,
            1.0 - 1.0 / verdict.lags,
        )


def for_network(
    verdicts: Sequence[Verdict | None], truncation: Truncation | None, count: float, T: int
) -> Iterator[Advice]:
    """Advise on how a network is trained.

    Args:
        verdicts: On its layers.
        truncation: What truncation discards.
        count: Over how many numbers the mean of the followed losses is.
        T: Steps of the longest row.
    """
    kinds = {found.kind for found in verdicts if found is not None}
    if not kinds:
        return
    if kinds & {"exploding", "chaotic"}:
        now = math.inf if truncation is None else truncation.norm / count
        alone = 1.0 if truncation is None else truncation.norm_of_one_step / count
        threshold = _one_digit(alone) if alone > 0 else 1.0
        if now > threshold:
            yield Advice(
                "network",
                f"clip gradients: tt.BPTT(clip=tt.Clipping(norm={threshold:g}))",
                "what grows on the way back outweighs all else; the threshold is the norm of the "
                "gradient with the terms of single steps",
                "the norm of the gradient of the mean loss",
                now,
                threshold,
            )
        return
    if truncation is None:
        return
    k2 = truncation.window(SPARED)
    if k2 <= T // 2:
        yield Advice(
            "network",
            f"look back on fewer steps: tt.TBPTT(k1, k2) with k2 - k1 + 1 = {k2} or more",
            f"windows of {k2} steps discard {100 * truncation.discarded(k2).share:.2g} % of the "
            "gradient; "
            "memory and time go with the window",
            "steps looked back on",
            float(T),
            float(k2),
        )


def _one_digit(value: float) -> float:
    """Round to one significant digit."""
    power = 10.0 ** math.floor(math.log10(value))
    return round(value / power) * power
