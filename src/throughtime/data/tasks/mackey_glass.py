"""The Mackey-Glass equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from throughtime.data.tasks.chaotic import Chaotic

_A, _B, _POWER, _TAU = 0.2, 0.1, 10, 17
_PARTS = 10  # integration steps a unit of time
_DROPPED = 300  # units of time until a start is forgotten
_MEAN, _DEVIATION = 0.93, 0.22  # of the series once on its attractor


@dataclass(frozen=True)
class MackeyGlass(Chaotic):
    """`dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x` (Mackey & Glass 1977), chaotic.

    A step is one unit of time. Each row starts from a constant history, uniform in [0.5, 1.5], and
    its first 300 units are dropped. The equation is integrated with the Runge-Kutta method of
    fourth order in steps of 0.1; the delayed values between two steps come from the cubic through
    both with their derivatives.

    Args:
        T: Steps, at least 18: until one delay has been seen nothing is asked.
        ahead: Steps from a number to the one asked for.
    """

    T: int = 200
    ahead: int = 6
    name = "mackey_glass"
    mark = 0.1
    unasked = _TAU

    def series(self, steps: int, rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Integrate the equation; see `Chaotic`."""
        start = 0.5 + torch.rand(rows, dtype=torch.float64, generator=generator)
        return mackey_glass(start, _DROPPED + steps)[_DROPPED:]

    def scaled(self, series: Tensor) -> Tensor:
        """Move and scale to a mean near 0 and a variance near 1."""
        return (series - _MEAN) / _DEVIATION


def mackey_glass(start: Tensor, steps: int) -> Tensor:
    """Integrate the equation from constant histories.

    Args:
        start: What x was until time 0, [B].
        steps: Units of time.

    Returns:
        x at times 0, 1, ..., steps - 1, float64, [steps, B].
    """
    h, delay = 1 / _PARTS, _TAU * _PARTS
    # The history, then the steps; numpy is quicker than torch on small rows.
    x = np.empty((delay + 1 + _PARTS * (steps - 1), len(start)))  # at times -17, -16.9, ...
    slope = np.zeros_like(x)
    x[: delay + 1] = start.numpy()

    def grown(delayed: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(_A * delayed / (1 + delayed**_POWER))

    # The slope jumps at time 0, from the history's to the equation's; the interval that ends there
    # is constant all the same.
    for now in range(delay, len(x) - 1):
        then = now - delay
        begin, end = grown(x[then]), grown(x[then + 1])
        slope[now] = begin - _B * x[now]
        after = slope[then + 1] if then + 1 != delay else 0.0
        between = grown((x[then] + x[then + 1]) / 2 + h / 8 * (slope[then] - after))
        k1 = slope[now]
        k2 = between - _B * (x[now] + h / 2 * k1)
        k3 = between - _B * (x[now] + h / 2 * k2)
        k4 = end - _B * (x[now] + h * k3)
        x[now + 1] = x[now] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return torch.from_numpy(x[delay::_PARTS].copy())
