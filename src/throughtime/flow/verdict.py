"""One word for the gradient flow of a layer, with the figures that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from throughtime.flow.by_lag import ByLag
from throughtime.flow.figures import number
from throughtime.flow.lyapunov import LyapunovSpectrum

Kind = Literal["vanishing", "healthy", "exploding", "chaotic"]

FRACTION = 0.01
"""To what share of itself a gradient falls where it is called vanished."""

MANIFOLD = 10.0
"""By what factor a gradient, or a small change of a state, grows where it is called exploding."""


@dataclass(frozen=True)
class Verdict:
    """What the figures of a layer say.

    Attributes:
        kind: "chaotic" if small changes of the state grow tenfold within the lags looked at while
            the state itself does not grow; else "exploding" if they do, or the median gradient
            does; else "vanishing" if the median gradient falls to 1 %; else "healthy".
        evidence: The same in a sentence, with the figures.
        lags: How far back was looked, in steps.
        horizon: The lag at which the gradient has fallen to 1 %; None if it has not.
        growth: The fitted factor a step of the gradient.
        peak: The largest median of the gradient relative to lag 0; infinity beyond all numbers.
        top_exponent: The largest Lyapunov exponent; None if there is none.
        state_growth: The fitted rate a step at which the state grows, as an exponent.
    """

    kind: Kind
    evidence: str
    lags: int
    horizon: int | None
    growth: float | None
    peak: float
    top_exponent: float | None
    state_growth: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures."""
        return {
            "kind": self.kind,
            "evidence": self.evidence,
            "lags": self.lags,
            "horizon": self.horizon,
            "growth": None if self.growth is None else number(self.growth),
            "peak": number(self.peak),
            "top_exponent": None if self.top_exponent is None else number(self.top_exponent),
            "state_growth": number(self.state_growth),
        }


def verdict(
    by_lag: ByLag, lyapunov: LyapunovSpectrum | None, state_growth: float
) -> Verdict | None:
    """Judge a layer.

    Args:
        by_lag: Its gradients.
        lyapunov: Its exponents.
        state_growth: The rate at which its states grow.

    Returns:
        The verdict; None where fewer than two lags were looked at.
    """
    lags = by_lag.overflow or len(by_lag.lag) - 1
    if lags < 2:
        return None
    peak = math.inf if by_lag.overflow is not None else max(by_lag.median)
    horizon = by_lag.horizon(FRACTION)
    top = None if lyapunov is None else lyapunov.top
    parts = top is not None and top * lags > math.log(MANIFOLD)
    kind: Kind
    if parts and top is not None and state_growth < top / 2:
        kind = "chaotic"
        evidence = (
            f"small changes of the state grow by {math.exp(top):.3g} a step while the state does "
            f"not (top Lyapunov exponent {top:.3g})"
        )
    elif parts or peak >= MANIFOLD:
        kind = "exploding"
        size = "beyond all numbers" if math.isinf(peak) else f"to {peak:.3g} times itself"
        rate = "" if by_lag.growth is None else f", by {by_lag.growth:.3g} a step"
        evidence = f"the gradient grows {size} within {lags} steps back{rate}"
    elif horizon is not None:
        kind = "vanishing"
        rate = "" if by_lag.growth is None else f"; it shrinks to {by_lag.growth:.3g} a step"
        evidence = (
            f"the gradient falls to {100 * FRACTION:g} % after {horizon} of the {lags} steps back "
            f"that were looked at{rate}"
        )
    else:
        kind = "healthy"
        evidence = (
            f"within {lags} steps back the gradient stays between {min(by_lag.median):.3g} and "
            f"{peak:.3g} times itself"
        )
    return Verdict(kind, evidence, lags, horizon, by_lag.growth, peak, top, state_growth)


def state_growth(states: tuple[Tensor, ...], lengths: Tensor) -> float:
    """Fit the rate at which the states of a layer grow, over the later half of the steps.

    Args:
        states: The states before each step, [T, B, H] each.
        lengths: Valid steps of each row, [B].

    Returns:
        The slope of the logarithm of the states' root mean square; 0 where they are zero.
    """
    T = int(lengths.max())
    steps = torch.arange(T // 2, T)
    valid = (steps[:, None] < lengths).double()  # [steps, B]
    squares = sum(state[T // 2 : T].double().square().sum(2).cpu() for state in states)
    size = (squares * valid).sum(1) / valid.sum(1)
    if len(steps) < 2 or not bool((size > 0).all()):
        return 0.0
    places = steps.double() - steps.double().mean()
    return float((places * size.log()).sum() / (places * places).sum()) / 2
