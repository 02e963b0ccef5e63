"""The forecast as a picture: observed and predicted, with the split marked."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from throughtime.report.axis import BLUE, INK, QUIET, axis
from throughtime.report.outlook import time_axis
from throughtime.report.predictions import Period, Predictions, read_predictions
from throughtime.report.record import mapping
from throughtime.report.wording import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "forecast.png"
_WHOLE = 400  # rows up to which the whole series is shown
_SHADES = ("#ece7da", "#f4f1e8")
_INCHES = (11.0, 4.4)
_DPI = 160
_TYPE = 10.5
_LABEL = 10.0


def plot_forecast(
    predictions: Predictions, ax: Axes | None = None, *, target: str = "observed"
) -> Axes:
    """Draw observed and predicted values, with the split marked.

    Test periods are shaded and a dotted line stands where validation starts. A series longer than
    400 rows is shown from some way before its first test period.

    Args:
        predictions: Observed and predicted values.
        ax: The axis to draw on; a new figure's if None. The figure is `ax.figure`, and no global
            state of matplotlib is touched.
        target: What is forecast, with its unit: the name of the vertical axis.

    Returns:
        The axis.
    """
    ax = axis(ax, _INCHES)
    seen = visible(predictions)
    x, ticks = time_axis(seen.time)
    step = (x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else 1.0
    edges = [at - step / 2 for at in x] + [x[-1] + step / 2] if x else [0.0, 1.0]
    for index, period in enumerate(seen.tests()):
        ax.axvspan(edges[period.start], edges[period.stop], color=_SHADES[index % 2], lw=0)
    for period in seen.periods():
        if period.name == "validation" and period.start:
            ax.axvline(edges[period.start], color=QUIET, lw=1, ls=(0, (2, 3)))
    dots = "o" if len(seen) <= 120 else ""
    gap = float("nan")
    for values, style in (
        (seen.model, {"color": BLUE, "lw": 2.2, "label": "the network's forecast"}),
        (seen.observed, {"color": INK, "lw": 1.0, "marker": dots, "ms": 2.6, "label": "observed"}),
    ):
        ax.plot(x, [gap if value is None else value for value in values], **style)  # type: ignore[arg-type]
    ax.set_xlim(edges[0], edges[-1])
    _label_periods(ax, seen, edges)
    _dress(ax, seen, ticks, target)
    return ax


def write_forecast(run: Path) -> Path:
    """Write `forecast.png` into a run folder.

    Args:
        run: A run folder with `predictions.csv`.

    Returns:
        Where the picture is.

    Raises:
        FileNotFoundError: The folder has no `predictions.csv`.
        ValueError: `predictions.csv` lacks a column.
    """
    run = Path(run)
    source = run / "predictions.csv"
    if not source.is_file():
        raise FileNotFoundError(
            f"{run}: expected a run folder, found no predictions.csv in it; "
            "name the folder that training wrote"
        )
    config_file = run / "config.json"
    text = config_file.read_text(encoding="utf-8") if config_file.is_file() else "{}"
    target = mapping(json.loads(text)).get("target") or "observed"
    predictions = read_predictions(source)
    ax = plot_forecast(predictions, target=predictions.titled(str(target)))
    path = run / FILE
    partial = path.with_name(FILE + ".partial")
    with warnings.catch_warnings():
        # A name may be in a script that the font lacks; its boxes are no reason to stop.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # The version of matplotlib is left out: equal runs make equal pictures.
        _figure(ax).savefig(partial, format="png", dpi=_DPI, metadata={"Software": None})
    partial.replace(path)
    return path


def visible(predictions: Predictions) -> Predictions:
    """Return the rows that are drawn: all, or of a long series the last part, tests included."""
    rows = len(predictions)
    if rows <= _WHOLE:
        return predictions
    tests = predictions.tests()
    first = tests[0].start if tests else rows
    start = max(0, min(rows - _WHOLE, first - (rows - first) // 4))
    return predictions.rows(start, rows)


def _label_periods(ax: Axes, seen: Predictions, edges: list[float]) -> None:
    """Name validation and the test periods above the axis, on a second line where one is full."""
    figure = _figure(ax)
    # A layout engine, ours among them, fills the figure only when it is drawn.
    share = ax.get_position().width if figure.get_layout_engine() is None else 0.92
    per_point = (edges[-1] - edges[0]) / (figure.get_figwidth() * share * 72)
    free = [edges[0], edges[0], edges[0]]
    for period in _named(seen):
        name = shown(period.name, 32)
        at = edges[period.start]
        level = next((row for row, until in enumerate(free) if until <= at), None)
        if level is None:
            continue
        free[level] = at + (_width(name) * _LABEL + 3) * per_point
        # Near the right edge a name is set backwards from its period's end.
        late = free[level] > edges[-1]
        ax.annotate(
            name,
            (edges[period.stop] if late else at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 5 + level * 14),
            textcoords="offset points",
            ha="right" if late else "left",
            color=INK if period.name != "validation" else QUIET,
            fontsize=_LABEL,
            parse_math=False,
            annotation_clip=False,
        )


def _width(text: str) -> float:
    """Return about how many times its size a text is wide, without asking for its glyphs."""
    return sum(
        0.34 if sign in "-ijlt.,:'|() " else 0.7 if sign.isupper() else 0.63 for sign in text
    )


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("expected an axis that is on a figure; it was removed from its own")
    return figure


def _named(seen: Predictions) -> list[Period]:
    return [period for period in seen.periods() if period.name != "train"]


def _dress(ax: Axes, seen: Predictions, ticks: list[tuple[float, str]] | None, target: str) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=QUIET, labelsize=_TYPE)
    ax.grid(axis="y", color="#000000", alpha=0.07, lw=0.8)
    ax.set_axisbelow(True)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.1 * (top - bottom))  # room for the legend
    if ticks is not None:
        ax.set_xticks([at for at, _ in ticks], [label for _, label in ticks], parse_math=False)
    ax.set_xlabel(
        shown(seen.time_name, 40), loc="right", color=QUIET, fontsize=_TYPE, parse_math=False
    )
    ax.set_ylabel(shown(target, 60), color=INK, fontsize=_TYPE, parse_math=False)
    ax.legend(
        loc="upper left", frameon=False, fontsize=_TYPE, labelcolor=INK, ncols=2, borderaxespad=0.2
    )
