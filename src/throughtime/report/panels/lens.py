"""The credit lens: which inputs the loss of a chosen step hears, by the size of dE_s/dx_t."""

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
    """The shares of the inputs in one loss, drawn and listed; all losses for the script."""

    chart: Chart
    table: Table
    labels: list[str]
    text: list[str]
    data: dict[str, Any]


def lens(walk: Walk) -> LensPanel | None:
    """Draw what the last loss hears; None where no loss hears any input."""
    shares = [_shares(row[: step + 1]) for step, row in enumerate(walk.by_input)]
    if not any(shares):
        return None
    last = max(step for step, share in enumerate(shares) if share)
    inputs = [label(name) for name in walk.input_labels]
    outputs = [label(name) for name in walk.labels]
    top = max(value for share in shares for value in share)
    ranked = sorted(enumerate(shares[last]), key=lambda pair: (-pair[1], pair[0]))[:_ROWS]
    as_text = all(len(name) <= _CHARACTERS for name in walk.input_labels)
    chart = draw(
        "lens",
        title="Share of each input in the gradient of one loss",
        description=f"The loss of {outputs[last]} hears {inputs[ranked[0][0]]} most: "
        f"{percent(ranked[0][1])} of the sizes of dE/dx of all inputs.",
        x=linear([0.0, walk.steps - 1.0], margin=0.02 if walk.steps > 1 else 0.5),
        y=linear([0.0, top], margin=0.0),
        x_label="input step",
        y_label="Share of the input in the sizes of dE/dx",
        lines=[Line("", "spikes", _spikes(shares[last]))],
        x_ticks=_ticks(inputs),
        height=160,
    )
    table = Table(
        f"What the loss of {outputs[last]} hears most",
        ["Input", "Steps before", "Share"],
        [(inputs[step], [Cell(str(last - step)), Cell(percent(share))]) for step, share in ranked],
    )
    figures = [[round(value, 5) for value in share] for share in shares]
    data = {
        "top": top,
        "margin": 0.02 if walk.steps > 1 else 0.5,
        "shares": figures,
        "inputs": inputs,
        "outputs": outputs,
        "chosen": last,
    }
    text = [_in_the_text(name) for name in walk.input_labels] if as_text else []
    return LensPanel(chart, table, outputs, text, data)


def _shares(row: Column) -> list[float]:
    total = sum(value for value in row if value is not None)
    if not total > 0:
        return []
    return [(value or 0.0) / total for value in row]


def _in_the_text(symbol: str) -> str:
    """Give a symbol as it is set: a space is a space, and a line ends after the sign for it."""
    return {" ": " ", "\n": label("\n") + "\n"}.get(symbol, label(symbol))


def _spikes(shares: list[float]) -> list[tuple[float, float | None]]:
    """Give upright lines from zero, one a step."""
    points: list[tuple[float, float | None]] = []
    for step, share in enumerate(shares):
        points += [(step, 0.0), (step, share), (step, None)]
    return points


def _ticks(labels: list[str]) -> list[tuple[float, str]]:
    last = len(labels) - 1
    chosen = sorted({round(last * tick / 6) for tick in range(7)})
    return [(float(step), shown(labels[step], 12)) for step in chosen]
