"""What was measured of a network's gradient flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from throughtime.flow.advice import Advice
from throughtime.flow.by_lag import ByLag
from throughtime.flow.discarded import Discarded, Truncation
from throughtime.flow.gates import Gate
from throughtime.flow.jacobian import Jacobian
from throughtime.flow.lyapunov import LyapunovSpectrum
from throughtime.flow.paths import Paths
from throughtime.flow.triangle import Triangle
from throughtime.flow.verdict import Verdict


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """The gradient flow of one layer.

    Attributes:
        name: "layer 0" is the one next to the input.
        by_lag: Norms by the lag between loss and state.
        triangle: Norms by loss step and state step.
        jacobian: How a step stretches a change of the state; None for a sequence of one step.
        lyapunov: The rates of growth along the sequence; None for a sequence of one step.
        paths: By which ways the gradient came back.
        gates: The values of the cell's squashing functions.
        truncation: What truncation discards of the gradient of the layer's weights; None where that
            gradient is no number.
        verdict: One word, with its evidence; None where fewer than two lags were looked at.
    """

    name: str
    by_lag: ByLag
    triangle: Triangle
    jacobian: Jacobian | None
    lyapunov: LyapunovSpectrum | None
    paths: Paths
    gates: tuple[Gate, ...]
    truncation: Truncation | None
    verdict: Verdict | None

    @property
    def lag(self) -> tuple[int, ...]:
        """Steps between loss and state, see `ByLag`."""
        return self.by_lag.lag

    @property
    def median(self) -> tuple[float, ...]:
        """The median norm by lag, relative to lag 0."""
        return self.by_lag.median

    def horizon(self, fraction: float = 0.01) -> int | None:
        """Give the lag at which the gradient has fallen to a fraction, see `ByLag.horizon`."""
        return self.by_lag.horizon(fraction)

    def as_dict(self, fraction: float = 0.01) -> dict[str, Any]:
        """Give plain figures for JSON."""
        return {
            "name": self.name,
            "verdict": self.verdict and self.verdict.as_dict(),
            **self.by_lag.as_dict(fraction),
            "triangle": self.triangle.as_dict(),
            "jacobian": self.jacobian and self.jacobian.as_dict(),
            "lyapunov": self.lyapunov and self.lyapunov.as_dict(),
            "paths": self.paths.as_dict(),
            "gates": [gate.as_dict() for gate in self.gates],
            "discarded": self.truncation and self.truncation.as_dict(),
        }


@dataclass(frozen=True, eq=False)
class Flow:
    """How gradients flow through a network, layer by layer.

    Attributes:
        layers: From the input up.
        losses: The steps whose losses were followed back; of a pooled network the steps at which
            its one loss enters, in its first direction.
        every: Whether these are all steps whose loss has a gradient; else they are a sample.
        truncation: What truncation discards of the gradient of all that is learned, the readout
            included; None where that gradient is no number, or what is pooled is cut as well.
        advice: What would change the figures.
        pooling: None where each step has its own loss; else how a sequence's one loss is pooled:
            "last", "mean" or "max".
    """

    layers: tuple[LayerFlow, ...]
    losses: tuple[int, ...]
    every: bool
    truncation: Truncation | None
    advice: tuple[Advice, ...]
    pooling: str | None = None

    def horizon(self, fraction: float = 0.01) -> int | None:
        """Give the horizon of the layer that reaches furthest; None if beyond the lags seen."""
        horizons = [layer.horizon(fraction) for layer in self.layers]
        if any(horizon is None for horizon in horizons):
            return None
        return max(horizon for horizon in horizons if horizon is not None)

    def discarded(self, k2: int) -> Discarded:
        """Give what truncation after `k2` steps discards of the gradient of all that is learned.

        It is the gradient of the followed losses, each with the terms of its own window of `k2`
        steps, as `TBPTT(1, k2)` has it; with `k1` steps between updates windows have `k2 - k1 + 1`
        to `k2` steps.

        Raises:
            ValueError: The window has no step; or the full gradient is no number.
        """
        if self.truncation is None:
            raise ValueError(
                "the full gradient is not finite, so that no share of it is either"
                if self.pooling in (None, "last")
                else "truncation cuts what is pooled too, so that windows along the recurrence "
                "do not tell what it discards"
            )
        return self.truncation.discarded(k2)

    def as_dict(self, fraction: float = 0.01) -> dict[str, Any]:
        """Give plain figures for JSON."""
        return {
            "fraction": fraction,
            "steps": max(len(layer.by_lag.lag) for layer in self.layers),
            "losses": list(self.losses),
            "every": self.every,
            "pooling": self.pooling,
            "advice": [advice.as_dict() for advice in self.advice],
            "discarded": self.truncation and self.truncation.as_dict(),
            "layers": [layer.as_dict(fraction) for layer in self.layers],
        }
