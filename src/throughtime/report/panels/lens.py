"""The credit lens: which inputs a chosen loss hears, by the size of dE/dx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from throughtime.report.chart import Chart, Line, draw
from throughtime.report.numerals import percent
from throughtime.report.recorded_flow import Column
from throughtime.report.recorded_walk import Walk
from throughtime.report.scale import linear
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import label, shown

_ROWS = 8
_CHARACTERS = 2
"""Labels of at most so many characters are text, and are set as text."""


@dataclass(frozen=True)
class LensPanel:
    """The shares of the inputs in one loss, drawn and listed; all losses for the script.

    `listed` says whether the losses are things to choose among, rather than steps in order.
    """

    title: str
    intro: str
    chart: Chart
    table: Table
    labels: list[str]
    text: list[str]
    data: dict[str, Any]
    listed: bool = False


def lens(walk: Walk) -> LensPanel | None:
    """Draw what the last loss of a walk hears; None where no loss hears any input."""
    shares = [_shares(row[: step + 1]) for step, row in enumerate(walk.by_input)]
    if not any(shares):
        return None
    last = max(step for step, share in enumerate(shares) if share)
    inputs = [label(name) for name in walk.input_labels]
    outputs = [label(name) for name in walk.labels]
    top = max(value for share in shares for value in share)
    ranked = sorted(enumerate(shares[last]), key=lambda pair: (-pair[1], pair[0]))[:_ROWS]
    as_text = all(len(name) <= _CHARACTERS for name in walk.input_labels)
    margin = 0.02 if walk.steps > 1 else 0.5
    chart = draw(
        "lens",
        title="Share of each input in the gradient of one loss",
        description=f"The loss of {outputs[last]} hears {inputs[ranked[0][0]]} most: "
        f"{percent(ranked[0][1])} of the sizes of dE/dx of all inputs.",
        x=linear([0.0, walk.steps - 1.0], margin=margin),
        y=linear([0.0, top], margin=0.0),
        x_label="input step",
        y_label="Share of the input in the sizes of dE/dx",
        lines=[Line("", "spikes", spikes(shares[last], 0.0, 1.0))],
        x_ticks=_ticks(inputs),
        height=160,
    )
    table = Table(
        f"What the loss of {outputs[last]} hears most",
        ["Input", "Steps before", "Share"],
        [(inputs[step], [Cell(str(last - step)), Cell(percent(share))]) for step, share in ranked],
    )
    room = (walk.steps - 1.0) * margin if walk.steps > 1 else margin
    data = {
        "top": top,
        "from": -room,
        "to": walk.steps - 1.0 + room,
        "shares": [[round(value, 5) for value in share] for share in shares],
        "places": [[0, 1]],
        "said": [_said(step, share, inputs) for step, share in enumerate(shares)],
        "outputs": outputs,
        "chosen": last,
    }
    text = [_in_the_text(name) for name in walk.input_labels] if as_text else []
    return LensPanel(
        "Which inputs a loss hears",
        "The size of the gradient of one step's loss with respect to each input before it, as its "
        "share in the sum of them all.",
        chart,
        table,
        outputs,
        text,
        data,
    )


def spikes(shares: list[float], first: float, apart: float) -> list[tuple[float, float | None]]:
    """Give upright lines from zero, the first at `first` and the others so far apart."""
    points: list[tuple[float, float | None]] = []
    for place, share in enumerate(shares):
        at = first + place * apart
        points += [(at, 0.0), (at, share), (at, None)]
    return points


def _shares(row: Column) -> list[float]:
    total = sum(value for value in row if value is not None)
    if not total > 0:
        return []
    return [(value or 0.0) / total for value in row]


def _said(step: int, shares: list[float], inputs: list[str]) -> str:
    """Say what the loss of a step hears; the loss itself is named before."""
    if not shares:
        return " hears no input."
    most = shares.index(max(shares))
    before = step - most
    many = "1 step" if before == 1 else f"{before} steps"
    where = f", {many} before" if before else ", that of its own step"
    return f" hears the input of {inputs[most]} most{where}: {percent(shares[most])} of the whole."


def _in_the_text(symbol: str) -> str:
    """Give a symbol as it is set: a space is a space, and a line ends after the sign for it."""
    return {" ": " ", "\n": label("\n") + "\n"}.get(symbol, label(symbol))


def _ticks(labels: list[str]) -> list[tuple[float, str]]:
    last = len(labels) - 1
    chosen = sorted({round(last * tick / 6) for tick in range(7)})
    return [(float(step), shown(labels[step], 12)) for step in chosen]
