"""The continuous ranked probability score: how near a distribution was to what has come.

It is in the unit of the value, and of a single number it is the absolute error (Gneiting & Raftery
2007, "Strictly proper scoring rules, prediction, and estimation", JASA 102).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def crps_of_draws(draws: Tensor, observed: Tensor) -> Tensor:
    """Score draws, without the bias that few of them would have (Zamo & Naveau 2018).

    Args:
        draws: From the distribution, at least two. [S, ...]
        observed: What came. [...]

    Returns:
        E|X - y| - E|X - X'| / 2. [...]
    """
    S = len(draws)
    near = (draws - observed).abs().mean(0)
    ordered = draws.sort(dim=0).values
    weights = (2 * torch.arange(1, S + 1).to(draws) - S - 1).view(S, *[1] * observed.ndim)
    apart = 2 * (weights * ordered).sum(0) / (S * (S - 1))
    return near - apart / 2


def crps_of_normal(mean: Tensor, deviation: Tensor, observed: Tensor) -> Tensor:
    """Score normal distributions; one without spread is a number.

    Args:
        mean: [...]
        deviation: At least 0. [...]
        observed: What came. [...]

    Returns:
        Gneiting et al. (2005), equation 5. [...]
    """
    spread = deviation.clamp(min=torch.finfo(deviation.dtype).tiny)
    z = (observed - mean) / spread
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    below = (1 + torch.erf(z / math.sqrt(2))) / 2
    found = spread * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return torch.where(deviation > 0, found, (observed - mean).abs())
