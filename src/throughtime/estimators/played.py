"""How a regressor plays a held-out signal, as it is recorded: excerpts, and power by frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from throughtime.estimators.regression_scores import error_to_signal
from throughtime.estimators.third_octaves import third_octaves
from throughtime.flow.figures import numbers

SECONDS = 0.025
"""Of an excerpt: two periods of the lowest string of a guitar."""
FEWEST, MOST = 256, 1200
"""Its samples."""


def played_as_recorded(
    target: Tensor, played: npt.NDArray[np.float64], rate: int, start: int
) -> dict[str, Any]:
    """Give what `played.json` holds.

    Args:
        target: The held-out output. [T]
        played: The same as the network plays it. [T]
        rate: Samples a second.
        start: The first sample's number in the whole recording.

    Returns:
        Two excerpts, where the target is loudest and where the network errs most, one if these
        are the same; and the power of target, answer and error by thirds of an octave, as shares
        of the target's whole power.
    """
    wet, told = target.double(), torch.from_numpy(played).double()
    power = float(wet.square().mean())
    middles, bands = third_octaves((wet, told, told - wet), rate)
    return {
        "rate": rate,
        "excerpts": [
            {
                "of": of,
                "start": start + first,
                "error_to_signal": _ratio(wet[first:stop], told[first:stop]),
                "target": numbers(wet[first:stop], digits=5),
                "played": numbers(told[first:stop], digits=5),
            }
            for of, first, stop in _excerpts(wet, told, rate)
        ],
        "spectrum": {
            "frequency": numbers(middles, digits=5),
            **{
                name: numbers([share / power for share in shares], digits=5)
                for name, shares in zip(("target", "played", "error"), bands, strict=True)
            },
        },
    }


def _excerpts(wet: Tensor, told: Tensor, rate: int) -> list[tuple[list[str], int, int]]:
    """Give excerpts: what each is of, its first sample, and the one after its last."""
    length = min(len(wet), max(FEWEST, min(MOST, round(SECONDS * rate))))
    loudest, worst = (_most(signal, length) for signal in (wet, told - wet))
    if abs(loudest - worst) < length // 2:
        return [(["loudest", "worst"], worst, worst + length)]
    return [
        (["loudest"], loudest, loudest + length),
        (["worst"], worst, worst + length),
    ]


def _most(signal: Tensor, length: int) -> int:
    """Give where so many samples have the most power together."""
    sums = torch.cat([signal.new_zeros(1), signal.square().cumsum(0)])
    return int((sums[length:] - sums[:-length]).argmax())


def _ratio(wet: Tensor, told: Tensor) -> float | None:
    return error_to_signal(wet, told) if bool(wet.any()) else None
