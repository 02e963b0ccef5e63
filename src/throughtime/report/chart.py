"""A chart as numbers: where each line, tick and label of a picture goes.

A picture must be legible at any width, so only the lines stretch. Horizontal places are percentages
and vertical ones pixels; text keeps its size. The template `chart.html` turns a `Chart` into SVG.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from throughtime.report.scale import Scale
from throughtime.report.thinning import COLUMNS, Point, thin
from throughtime.report.wording import shown

# The lines' own horizontal unit: thousandths of the width.
WIDTH = 1000.0
_STROKE = 9  # px
_CHARACTER = 6.8  # px, the mean advance of the axis' type
_CROWDED, _ABREAST = 30, 36  # characters of all labels that it has room for, gaps included
_SHARE = 2.0  # per cent of a narrow screen's chart, the same


@dataclass(frozen=True)
class Line:
    """A line through points; `role` names its look in the style sheet, `dots` marks each point."""

    label: str
    role: str
    points: Sequence[tuple[float, float | None]]
    dots: bool = False


@dataclass(frozen=True)
class Area:
    """The room between two lines, such as a range of quantiles."""

    label: str
    role: str
    rows: Sequence[tuple[float, float | None, float | None]]


@dataclass(frozen=True)
class Span:
    """A labelled stretch of the horizontal axis."""

    label: str
    start: float
    stop: float


@dataclass(frozen=True)
class Marks:
    """Short upright strokes on the horizontal axis: where something happened."""

    label: str
    role: str
    places: Sequence[float]


@dataclass(frozen=True)
class Rule:
    """A labelled straight line at `x` (upright) or at `y` (level)."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Tick:
    """A tick: its place, its label, whether it may go on a narrow screen, and how it is set."""

    at: float
    label: str
    minor: bool = False
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """Everything the template needs, in per cent of the width and pixels of the height."""

    key: str
    title: str
    description: str
    x_label: str
    y_label: str
    height: int
    left: int
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    shapes: list[tuple[str, str]] = field(default_factory=list)
    dots: list[tuple[float, float, str]] = field(default_factory=list)
    spans: list[tuple[float, float, str]] = field(default_factory=list)
    uprights: list[tuple[float, str, str, int]] = field(default_factory=list)
    levels: list[tuple[float, str]] = field(default_factory=list)
    image: str = ""
    legend: list[tuple[str, str]] = field(default_factory=list)


def draw(
    key: str,
    *,
    title: str,
    description: str,
    x: Scale,
    y: Scale,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    areas: Sequence[Area] = (),
    spans: Sequence[Span] = (),
    rules: Sequence[Rule] = (),
    marks: Sequence[Marks] = (),
    highlights: Sequence[tuple[float, float, str]] = (),
    x_ticks: Sequence[tuple[float, str]] | None = None,
    y_ticks: Sequence[tuple[float, str]] | None = None,
    image: str = "",
    height: int = 240,
    columns: int = COLUMNS,
) -> Chart:
    """Place lines, areas, spans and rules on two scales.

    Args:
        key: A name that is unique on the page.
        title: What the picture is of.
        description: What there is to see in it, for those who cannot.
        x: The horizontal scale.
        y: The vertical scale; a logarithmic one leaves out what is not positive.
        x_label: Name and unit of the horizontal axis.
        y_label: Name and unit of the vertical axis.
        lines: Lines, the last on top.
        areas: Areas below the lines.
        spans: Shaded stretches of the horizontal axis.
        rules: Labelled straight lines.
        marks: Strokes on the horizontal axis.
        highlights: Single points as x, y and role.
        x_ticks: Values and labels for the horizontal axis, if not the scale's own.
        y_ticks: The same for the vertical axis.
        image: A picture that fills the plot, as a data URI.
        height: Height of the plot in pixels.
        columns: Into how many columns long lines are thinned.
    """

    def down(value: float) -> float:
        return round((1.0 - y.place(value)) * height, 1)

    def across(value: float) -> float:
        return round(x.place(value) * 100.0, 2)

    def kept(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
        return [(a, None if b is None or (y.log and b <= 0) else b) for a, b in points]

    def path(piece: Sequence[Point]) -> str:
        # A line that leaves the plot is cut at its edge by the template, not bent along it.
        corners = [
            f"{_plain(x.place(a) * WIDTH)} {_plain((1.0 - y.place(b, slack=3.0)) * height)}"
            for a, b in piece
        ]
        # A piece of one point has no length; a line of none is drawn as its round cap.
        return "M" + "L".join(corners) + ("h0" if len(corners) == 1 else "")

    shapes = [(f"area {area.role}", _outline(area, path, columns)) for area in areas]
    shapes += [
        (f"line {line.role}", "".join(path(piece) for piece in thin(kept(line.points), columns)))
        for line in lines
    ]
    shapes += [
        (
            f"marks {mark.role}",
            "".join(
                f"M{_plain(at)} {height}v-{_STROKE}"
                for at in sorted(
                    {round(x.place(place) * columns) * WIDTH / columns for place in mark.places}
                )
            ),
        )
        for mark in marks
    ]
    dots = [
        (across(a), down(b), f"dot {line.role}")
        for line in lines
        if line.dots
        for a, b in kept(line.points)
        if b is not None
    ]
    dots += [(across(a), down(b), f"dot large {role}") for a, b, role in highlights]
    set_y_ticks = [Tick(down(value), label) for value, label in y_ticks or y.ticks(5)]
    widest = max((len(tick.label) for tick in set_y_ticks), default=1)
    return Chart(
        key=key,
        title=title,
        description=description,
        x_label=x_label,
        y_label=y_label,
        height=height,
        left=round(widest * _CHARACTER) + 12,
        x_ticks=_x_ticks([(across(v), label) for v, label in x_ticks or x.ticks(8)]),
        y_ticks=set_y_ticks,
        image=image,
        shapes=[(look, d) for look, d in shapes if d],
        dots=dots,
        spans=[
            (across(span.start), across(span.stop) - across(span.start), shown(span.label, 40))
            for span in spans
        ],
        uprights=_uprights([(across(rule.x), rule.label) for rule in rules if rule.x is not None]),
        levels=[(down(rule.y), rule.label) for rule in rules if rule.y is not None],
        legend=[(f"line {line.role}", line.label) for line in lines if line.label]
        + [(f"area {area.role}", area.label) for area in areas if area.label]
        + [(f"marks {mark.role}", mark.label) for mark in marks if mark.places],
    )


def _outline(area: Area, path: Callable[[Sequence[Point]], str], columns: int) -> str:
    known = [(x, low, high) for x, low, high in area.rows if low is not None and high is not None]
    if len(known) < 2:
        return ""
    upper = thin([(x, high) for x, _, high in known], columns)[0]
    lower = thin([(x, low) for x, low, _ in known], columns)[0]
    return path([*upper, *reversed(lower)]) + "Z"


def _uprights(rules: Sequence[tuple[float, str]]) -> list[tuple[float, str, str, int]]:
    """Set each label beside its rule, to the side that has more room, in a line that is free."""
    lines: list[list[tuple[float, float]]] = []
    found = []
    for at, label in rules:
        width = len(label) * _SHARE
        begin, anchor = (at, "start") if at < 55 else (at - width, "end")
        free = (
            place
            for place, taken in enumerate(lines)
            if all(begin + width <= first or last <= begin for first, last in taken)
        )
        line = next(free, len(lines))
        lines += [[]] * (line == len(lines))
        lines[line] = [*lines[line], (begin, begin + width)]
        found.append((at, label, anchor, line))
    return found


def _x_ticks(ticks: Sequence[tuple[float, str]]) -> list[Tick]:
    """Set ticks at the ends inwards, and let as many go as a narrow screen has no room for."""
    characters = sum(len(label) + 2 for _, label in ticks)
    every = max(2, math.ceil(characters / _ABREAST)) if characters > _CROWDED else 1
    last = len(ticks) - 1
    return [
        Tick(
            at,
            label,
            # Counted from the end, so that the last one stays.
            minor=(last - index) % every != 0,
            anchor="start" if at < 3 else "end" if at > 97 else "middle",
        )
        for index, (at, label) in enumerate(ticks)
    ]


def _plain(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
