"""What `played.json` holds of a held-out signal as it is played, with nothing taken for granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import number
from throughtime.report.recorded_flow import Column, beside, column, known, objects

_EXCERPTS, _SAMPLES, _BANDS = 4, 4000, 60
"""What is read at most: what a page can show."""
_FASTEST, _LATEST, _LOUDEST = 1e9, 1e12, 1e9
"""Rates, places and powers beyond these are none."""


@dataclass(frozen=True)
class Excerpt:
    """Neighbouring samples, the first of which has the number `start` in the whole recording.

    `of` says what was looked for: "loudest", "worst".
    """

    of: Sequence[str]
    start: float
    target: Column
    played: Column
    error_to_signal: float | None


@dataclass(frozen=True)
class Spectrum:
    """Power in bands around `frequency`, in Hz, as shares of the target's whole power."""

    frequency: Sequence[float]
    target: Column
    played: Column
    error: Column


@dataclass(frozen=True)
class Played:
    """Excerpts of a signal of `rate` samples a second, and its spectrum."""

    rate: float
    excerpts: Sequence[Excerpt]
    spectrum: Spectrum | None


def read_played(found: dict[str, Any]) -> Played | None:
    """Read the object that `played.json` is; None where it holds nothing that can be shown."""
    rate = number(found.get("rate"))
    if rate is None or not 1 <= rate <= _FASTEST:
        return None
    listed = [_excerpt(one) for one in objects(found.get("excerpts"))[:_EXCERPTS]]
    excerpts = [one for one in listed if one is not None]
    spectrum = _spectrum(found.get("spectrum"))
    return Played(rate, excerpts, spectrum) if excerpts or spectrum else None


def _excerpt(found: dict[str, Any]) -> Excerpt | None:
    target = column(found.get("target"))[:_SAMPLES]
    of, start = found.get("of"), number(found.get("start")) or 0.0
    if sum(value is not None for value in target) < 2 or not 0 <= start <= _LATEST:
        return None
    return Excerpt(
        of=[name for name in of if isinstance(name, str)] if isinstance(of, list) else [],
        start=start,
        target=target,
        played=beside(found.get("played"), len(target)),
        error_to_signal=number(found.get("error_to_signal")),
    )


def _spectrum(found: object) -> Spectrum | None:
    if not isinstance(found, dict):
        return None
    frequency = known(found.get("frequency"))[:_BANDS]
    if len(frequency) < 2 or sorted(set(frequency)) != frequency:
        return None
    if not 1e-3 <= frequency[0] <= frequency[-1] <= _FASTEST:
        return None
    target, played, error = (
        [
            share if share is not None and 0 <= share <= _LOUDEST else None
            for share in beside(found.get(name), len(frequency))
        ]
        for name in ("target", "played", "error")
    )
    return Spectrum(frequency, target, played, error)
