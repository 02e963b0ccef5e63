"""How a held-out signal is played: excerpts of it, and its power by frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from throughtime.report.chart import Chart, Line, draw
from throughtime.report.numerals import MISSING, fixed, grouped, percent, short
from throughtime.report.recorded_played import Excerpt, Played, Spectrum
from throughtime.report.scale import linear, logarithmic
from throughtime.report.tables import Cell, Table
from throughtime.report.thinning import COLUMNS
from throughtime.report.wording import capital, listed

_WORDS = {"loudest": "where the output is loudest", "worst": "where the network errs most"}
_LOWEST = 90.0
"""Decibels below the greatest band, under which nothing is drawn."""
_APART = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class SpectrumPanel:
    """Power by frequency, drawn and listed."""

    chart: Chart
    table: Table


def played_contents(played: Played | None, detail: float = 1.0) -> dict[str, Any]:
    """Give the panels of a held-out signal; without one they are empty.

    Args:
        played: What `played.json` holds.
        detail: The share of points that the page has room for, at most 1.
    """
    if played is None:
        return {"excerpts": [], "heard_spectrum": None}
    columns = max(100, int(COLUMNS * detail))
    return {
        "excerpts": [
            _excerpt_chart(index, one, played.rate, columns)
            for index, one in enumerate(played.excerpts)
        ],
        "heard_spectrum": None if played.spectrum is None else _spectrum(played.spectrum),
    }


def _excerpt_chart(index: int, one: Excerpt, rate: float, columns: int) -> Chart:
    """Draw a target and what the network gives over each other, and the difference."""
    times = [(one.start + sample) / rate for sample in range(len(one.target))]
    where = listed([_WORDS[name] for name in one.of if name in _WORDS]) or "an excerpt"
    lasting = f"{1000 * len(times) / rate:.3g} ms"
    said = (
        "" if one.error_to_signal is None else f"; error to signal {percent(one.error_to_signal)}"
    )
    errors = [
        None if told is None or wanted is None else told - wanted
        for told, wanted in zip(one.played, one.target, strict=True)
    ]
    return draw(
        f"excerpt-{index}",
        title=f"Output {where}",
        description=f"{grouped(len(times))} samples, {lasting}, from {_at(times[0], rate)} s of "
        f"the recording{said}.",
        x=linear([times[0], times[-1]], margin=0.0),
        y=linear([*one.target, *one.played, *errors]),
        x_label="time in the recording in s",
        y_label=f"{capital(where)}, {lasting}{said}",
        lines=[
            Line("the network", "model", list(zip(times, one.played, strict=True))),
            Line("the recording", "observed", list(zip(times, one.target, strict=True))),
            Line("the difference", "error", list(zip(times, errors, strict=True))),
        ],
        height=240,
        columns=columns,
    )


def _at(time: float, rate: float) -> str:
    """Give a time with the decimals that tell samples apart."""
    return fixed(time, max(0, min(6, math.ceil(math.log10(rate)))))


def _spectrum(spectrum: Spectrum) -> SpectrumPanel:
    """Draw the power of target, answer and error, and list it octave by octave."""
    target, played, error = (
        [_decibels(share) for share in shares]
        for shares in (spectrum.target, spectrum.played, spectrum.error)
    )
    drawn = [value for part in (target, played, error) for value in part if value is not None]
    top = max(drawn, default=0.0)
    floor = max(min(drawn, default=-1.0), top - _LOWEST)
    ratios = [
        None if wrong is None or not whole else wrong / whole
        for wrong, whole in zip(spectrum.error, spectrum.target, strict=True)
    ]
    known = [(ratio, at) for ratio, at in zip(ratios, spectrum.frequency, strict=True) if ratio]
    worst = f"It errs most, beside what there is, around {hertz(max(known)[1])}." if known else ""
    chart = draw(
        "played-spectrum",
        title="Power of the held-out output by frequency",
        description=f"From {hertz(spectrum.frequency[0])} to {hertz(spectrum.frequency[-1])}. "
        f"{worst}".strip(),
        x=logarithmic(spectrum.frequency, margin=0.0),
        y=linear([floor, top]),
        x_label="frequency in Hz, logarithmic",
        y_label="Power in a third of an octave, in dB of the whole output",
        lines=[
            Line("the network", "model", _points(spectrum.frequency, played, floor)),
            Line("the recording", "observed", _points(spectrum.frequency, target, floor)),
            Line("the difference", "error", _points(spectrum.frequency, error, floor)),
        ],
        x_ticks=_frequency_ticks(spectrum.frequency[0], spectrum.frequency[-1]),
        height=240,
    )
    return SpectrumPanel(chart, _octaves(spectrum))


def _octaves(spectrum: Spectrum) -> Table:
    """List the power in octaves around 1000 Hz and its halves and doubles, of three bands each."""
    octaves: dict[int, list[int]] = {}
    for band, frequency in enumerate(spectrum.frequency):
        octaves.setdefault(round(math.log2(frequency / 1000)), []).append(band)
    rows = []
    for octave, bands in octaves.items():
        wanted, wrong = (
            sum(shares[band] or 0.0 for band in bands)
            for shares in (spectrum.target, spectrum.error)
        )
        shares = [wanted, wrong, wrong / wanted if wanted > 0 else None]
        cells = [Cell(MISSING if share is None else percent(share)) for share in shares]
        rows.append((hertz(1000 * 2.0**octave), cells))
    return Table(
        "Octave by octave, as shares of the output's power",
        ["Around", "Output", "Error", "Error to signal"],
        rows,
        "The errors of all octaves together come to about the error-to-signal ratio.",
    )


def hertz(frequency: float) -> str:
    """Return a frequency in three figures: 1.25 kHz."""
    if frequency >= 1000:
        return f"{frequency / 1000:.3g}{_APART}kHz"
    return f"{frequency:.3g}{_APART}Hz"


def _points(
    frequency: Any, decibels: list[float | None], floor: float
) -> list[tuple[float, float | None]]:
    kept = [None if value is None or value < floor else value for value in decibels]
    return list(zip(frequency, kept, strict=True))


def _decibels(share: float | None) -> float | None:
    return 10 * math.log10(share) if share is not None and share > 0 else None


def _frequency_ticks(low: float, high: float) -> list[tuple[float, str]]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**e for e in decades for m in (1, 2, 5)]
    return [
        (value, f"{short(value / 1000)}k" if value >= 1000 else short(value))
        for value in values
        if low <= value <= high
    ]
