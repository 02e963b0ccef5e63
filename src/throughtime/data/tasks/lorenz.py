"""The Lorenz system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from throughtime.data.tasks.chaotic import Chaotic

_Array = npt.NDArray[np.float64]

_SIGMA, _RHO, _BETA = 10.0, 28.0, 8 / 3
_PARTS, _STEP = 5, 0.05  # integration steps a step, and units of time
_DROPPED = 200  # steps until a start is forgotten
_DEVIATION = 7.92  # of x, whose mean is 0


@dataclass(frozen=True)
class Lorenz(Chaotic):
    """The model of convection of Lorenz (1963), of whose x, y, z only x is seen.

    Its parameters are sigma = 10, rho = 28, beta = 8/3. A step is 0.05 units of time. Each row
    starts near (1, 1, 20) and its first 200 steps are dropped. The system is integrated with the
    Runge-Kutta method of fourth order in steps of 0.01.

    Args:
        T: Steps, at least 21: in the first 20 nothing is asked.
        ahead: Steps from a number to the one asked for.
    """

    T: int = 200
    ahead: int = 2
    name = "lorenz"
    mark = 0.1
    unasked = 20

    def series(self, steps: int, rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Integrate the system and give x; see `Chaotic`."""
        start = torch.tensor([1.0, 1.0, 20.0], dtype=torch.float64)
        start = start + torch.randn(rows, 3, dtype=torch.float64, generator=generator)
        return lorenz(start, _DROPPED + steps)[_DROPPED:, :, 0]

    def scaled(self, series: Tensor) -> Tensor:
        """Scale to a variance near 1."""
        return series / _DEVIATION


def lorenz(start: Tensor, steps: int) -> Tensor:
    """Integrate the system.

    Args:
        start: x, y, z at time 0, [B, 3].
        steps: Steps of 0.05 units of time.

    Returns:
        x, y, z at each, the start first, [steps, B, 3].
    """
    h, now = _STEP / _PARTS, np.ascontiguousarray(start.numpy().T)  # [3, B]
    found = [now]
    for _ in range(steps - 1):
        for _ in range(_PARTS):
            k1 = _slope(now)
            k2 = _slope(now + h / 2 * k1)
            k3 = _slope(now + h / 2 * k2)
            k4 = _slope(now + h * k3)
            now = now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found.append(now)
    return torch.from_numpy(np.stack(found)).transpose(1, 2)


def _slope(place: _Array) -> _Array:  # numpy is quicker than torch on small rows
    x, y, z = place
    return np.stack([_SIGMA * (y - x), x * (_RHO - z) - y, x * y - _BETA * z])
