"""The credit lens on whole sequences: which of its steps the loss of a sequence's class hears."""

from __future__ import annotations

import math

from throughtime.report.chart import Line, draw
from throughtime.report.numerals import fixed
from throughtime.report.panels.lens import LensPanel, spikes
from throughtime.report.recorded_credit import Credit, Heard
from throughtime.report.recorded_flow import Column
from throughtime.report.scale import linear
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import shown

_HALF = 0.5


def sequence_lens(credit: Credit) -> LensPanel:
    """Draw what the loss of the first sequence hears; the others are listed."""
    unit = shown(credit.unit, 10) or "steps"
    shares = [[share / sum(one.share) for share in one.share] for one in credit.sequences]
    places = [
        (one.stretch * credit.step / 2, one.stretch * credit.step) for one in credit.sequences
    ]
    longest = max(one.steps * credit.step for one in credit.sequences)
    top = max(share for row in shares for share in row)
    levels = [_scaled(one.level) for one in credit.sequences]
    labels = [f"{shown(one.label, 40)} ({shown(one.name, 60)})" for one in credit.sequences]
    rows = list(zip(credit.sequences, shares, strict=True))
    told = [_said(one, share, credit, unit) for one, share in rows]
    first, apart = places[0]
    chart = draw(
        "lens",
        title="Share of each step in the gradient of one sequence's loss",
        description=f"The loss of {labels[0]}{told[0]}",
        x=linear([0.0, longest], margin=0.0),
        y=linear([0.0, top], margin=0.0),
        x_label=f"time in {unit}" if credit.unit else "step",
        y_label="Share of the step in the sizes of dE/dx",
        lines=[
            Line(
                "mean of the features, scaled to the picture",
                "level",
                [
                    (first + place * apart, None if level is None else level * top)
                    for place, level in enumerate(levels[0])
                ],
            ),
            Line("share in what the loss hears", "spikes", spikes(shares[0], first, apart)),
        ],
        height=160,
    )
    table = Table(
        "What the loss of each sequence hears",
        ["Sequence", "Told to be", f"Most, at ({unit})", f"Half of it, within ({unit})"],
        [
            (
                label,
                [
                    Cell(shown(one.told, 40)),
                    Cell(_most(one, share, credit)),
                    Cell(_half(one, share, credit)),
                ],
            )
            for label, (one, share) in zip(labels, rows, strict=True)
        ],
    )
    data = {
        "top": top,
        "from": 0.0,
        "to": longest,
        "shares": [[round(share, 5) for share in row] for row in shares],
        "places": [list(place) for place in places],
        "levels": levels,
        "said": told,
        "outputs": labels,
        "chosen": 0,
    }
    return LensPanel(
        "Which steps a class is learned from",
        "The size of the gradient of one sequence's loss, that of its own class, with respect to "
        "each of its steps, as the share in the sum of them all. The sequences are among those "
        "learned from.",
        chart,
        table,
        labels,
        [],
        data,
        listed=True,
    )


def _said(one: Heard, shares: list[float], credit: Credit, unit: str) -> str:
    """Say what the loss of a sequence hears; the sequence is named before."""
    right = "told right" if one.told == one.label else f"told to be {shown(one.told, 40)}"
    return (
        f", {right}, hears what is at {_most(one, shares, credit)} {unit} most; half of all that "
        f"it hears lies within {_half(one, shares, credit)} {unit}."
    )


def _most(one: Heard, shares: list[float], credit: Credit) -> str:
    return _at(shares.index(max(shares)) * one.stretch, credit)


def _half(one: Heard, shares: list[float], credit: Credit) -> str:
    """Give the shortest stretch in which half of all shares lie, from where to where."""
    best, start, held = (0, len(shares)), 0, 0.0
    for stop, share in enumerate(shares, 1):
        held += share
        while held - shares[start] >= _HALF:
            held -= shares[start]
            start += 1
        if held >= _HALF and stop - start < best[1] - best[0]:
            best = start, stop
    first, last = (min(place * one.stretch, one.steps) for place in best)
    return f"{_at(first, credit)} to {_at(last, credit)}"


def _at(step: int, credit: Credit) -> str:
    """Give a time with the decimals that a step needs."""
    return fixed(step * credit.step, max(0, min(6, math.ceil(-math.log10(credit.step)))))


def _scaled(level: Column) -> Column:
    """Bring a level to the range from 0 to 1."""
    known = [value for value in level if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low or 1.0
    return [None if value is None else round((value - low) / span, 3) for value in level]
