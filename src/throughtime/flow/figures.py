"""Measured figures as plain numbers for JSON, which knows neither NaN nor infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor


def number(value: float) -> float | None:
    """Give a number; None for NaN and infinity."""
    return float(value) if math.isfinite(value) else None


def numbers(values: Tensor | Iterable[float], digits: int | None = None) -> list[float | None]:
    """Give a row of numbers, rounded to significant digits if asked; None for NaN and infinity."""
    listed = values.tolist() if isinstance(values, Tensor) else values
    if digits is not None:
        listed = [float(f"{value:.{digits}g}") for value in listed]
    return [number(value) for value in listed]


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many of `count` places, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    places = torch.linspace(0, count - 1, most, dtype=torch.float64).round().long()
    return [int(place) for place in places]
