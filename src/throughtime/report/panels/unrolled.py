"""The unrolled network: a column of nodes a step, with value and gradient; the middle is folded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from throughtime.report.numerals import grouped, short
from throughtime.report.recorded_flow import Column
from throughtime.report.recorded_walk import Walk
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import label

_ENDS = 4
_LAYERS = 3
_ACROSS, _DOWN = 96, 66
_MARGIN = 72
_TOP = 30


@dataclass(frozen=True)
class Node:
    """A node: what it is, its step, its place in pixels, its value and its gradient."""

    kind: str
    step: int | None
    x: int
    y: int
    value: str
    gradient: str
    spoken: str


@dataclass(frozen=True)
class Row:
    """A row of nodes and its name."""

    kind: str
    name: str
    y: int


@dataclass(frozen=True)
class UnrolledPanel:
    """The drawing, and the figures of all steps for the script."""

    width: int
    height: int
    rows: list[Row]
    heads: list[tuple[int, int | None, str]]
    nodes: list[Node]
    arrows: list[str]
    table: Table
    data: dict[str, Any]


def unrolled(walk: Walk) -> UnrolledPanel:
    """Draw a walk."""
    T = walk.steps
    figures = node_figures(walk)
    kinds = list(figures)
    rows = [Row(kind, _name(kind, walk), _TOP + place * _DOWN) for place, kind in enumerate(kinds)]
    steps: list[int | None] = list(range(T))
    if T > 2 * _ENDS + 1:
        steps = [*range(_ENDS), None, *range(T - _ENDS, T)]
    nodes, heads = [], []
    for column, step in enumerate(steps):
        x = _MARGIN + column * _ACROSS
        head = f"{_ENDS} to {T - _ENDS - 1}" if step is None else grouped(step)
        heads.append((x, step, head))
        for row in rows:
            value, gradient = ("…", "") if step is None else figures[row.kind][step]
            spoken = "folded steps" if step is None else f"{row.name}, step {step}"
            nodes.append(Node(row.kind, step, x, row.y, value, gradient, spoken))
    return UnrolledPanel(
        width=_MARGIN + len(steps) * _ACROSS,
        height=_TOP + len(rows) * _DOWN,
        rows=rows,
        heads=heads,
        nodes=nodes,
        arrows=_arrows(rows, len(steps)),
        table=_table(walk, rows),
        data={
            "nodes": {kind: [list(pair) for pair in pairs] for kind, pairs in figures.items()},
            "names": {row.kind: row.name for row in rows},
            "labels": [label(name) for name in walk.labels],
            "inputLabels": [label(name) for name in walk.input_labels],
            "targets": [_size(target) for target in walk.targets],
            "losses": [short(loss) for loss in walk.losses],
        },
    )


def node_figures(walk: Walk) -> dict[str, list[tuple[str, str]]]:
    """Give value and gradient of each node by its kind, top row first: "y", "s1", "s0", "x"."""
    T = walk.steps
    last = walk.by_input[-1]
    found = {
        "y": [
            (_size(output), short(walk.by_output) if step == T - 1 else "")
            for step, output in enumerate(walk.outputs)
        ]
    }
    pairs = list(zip(walk.states, walk.by_state, strict=False))
    for layer in reversed(range(max(0, len(pairs) - _LAYERS), len(pairs))):
        state, gradient = pairs[layer]
        found[f"s{layer}"] = [
            (short(value), short(by)) for value, by in zip(state, gradient, strict=True)
        ]
    found["x"] = [(_size(x), short(last[step])) for step, x in enumerate(walk.inputs)]
    return found


def _size(values: Column) -> str:
    """Give one number, or the norm of several."""
    if len(values) == 1:
        return short(values[0])
    known = [value for value in values if value is not None]
    return short(sum(value * value for value in known) ** 0.5) if known else short(None)


def _name(kind: str, walk: Walk) -> str:
    if kind == "y":
        return "Y" if len(walk.outputs[0]) == 1 else "|Y|"
    if kind == "x":
        return "x" if len(walk.inputs[0]) == 1 else "|x|"
    return f"|S|, layer {kind[1:]}" if len(walk.states) > 1 else "|S|"


def _arrows(rows: list[Row], columns: int) -> list[str]:
    """Give the ways through the network as paths with a head each."""
    width, height = 84, 44
    found = []
    for column in range(columns):
        x = _MARGIN + column * _ACROSS
        for above, below in pairwise(rows):
            top = above.y + height
            found.append(f"M{x + width // 2} {below.y}V{top}m-3 5l3 -5l3 5")
        if column:
            found += [
                f"M{x - _ACROSS + width} {row.y + height // 2}H{x}m-5 -3l5 3l-5 3"
                for row in rows
                if row.kind.startswith("s")
            ]
    return found


def _table(walk: Walk, rows: list[Row]) -> Table:
    figures = node_figures(walk)
    head = ["Step", "Input of", "Output of"]
    for row in rows:
        head += [row.name, f"by {row.name}"] if row.kind != "y" else [row.name]
    head += ["d", "E"]
    body = []
    for step in range(walk.steps):
        cells = [
            Cell(label(walk.input_labels[step])),
            Cell(label(walk.labels[step])),
        ]
        for row in rows:
            value, gradient = figures[row.kind][step]
            cells += [Cell(value), Cell(gradient)] if row.kind != "y" else [Cell(value)]
        cells += [Cell(_size(walk.targets[step])), Cell(short(walk.losses[step]))]
        body.append((str(step), cells))
    note = "“by” is the norm of the gradient of the last step's loss by what stands before it."
    return Table("The walk, step by step", head, body, note)
