"""The comparison as a picture: loss by steps and by seconds, cosine and norm ratio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.report.axis import COLOURS, QUIET, new_figure
from throughtime.report.comparison.recorded import Comparison, Values, read_comparison
from throughtime.report.wording import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "comparison.png"
_DASHES: Sequence[Any] = (
    "-", (0, (5, 2)), (0, (1, 1.6)), (0, (6, 2, 1.5, 2)),
    "-", (0, (4, 1.5)), (0, (1, 3)), (0, (7, 2, 1.5, 2, 1.5, 2)),
)  # fmt: skip


def plot_comparison(comparison: Comparison) -> Figure:
    """Draw four panels: the loss by steps and by seconds, the cosine and the ratio of norms.

    Args:
        comparison: What was recorded.

    Returns:
        A figure of its own; no global state of matplotlib is touched.
    """
    figure = new_figure((11.0, 7.4))
    axes = figure.subplots(2, 2)
    courses = comparison.courses
    steps = [c.steps for c in courses]
    seconds = [c.seconds for c in courses]
    losses = [c.loss for c in courses]
    panels = (
        (axes[0, 0], steps, losses, "time steps trained on", "held-out loss", True),
        (axes[0, 1], seconds, losses, "seconds of training", "held-out loss", True),
        (axes[1, 0], seconds, [c.cosine for c in courses], "seconds of training",
         "cosine to full BPTT's gradient", False),
        (axes[1, 1], seconds, [c.norm_ratio for c in courses], "seconds of training",
         "norm by full BPTT's", True),
    )  # fmt: skip
    for ax, across, values, x_label, y_label, log in panels:
        _draw(ax, across, values, log)
        ax.set_xlabel(x_label, loc="right", color=QUIET)
        ax.set_ylabel(y_label)
    axes[1, 0].axhline(1.0, color=QUIET, lw=0.8, ls=":")
    axes[1, 1].axhline(1.0, color=QUIET, lw=0.8, ls=":")
    names = [shown(course.method, 40) for course in courses]
    figure.legend(
        axes[0, 0].get_lines()[: len(names)], names, loc="outside upper center",
        ncols=min(len(names), 6) or 1, frameon=False,
    )  # fmt: skip
    task = comparison.section("task")
    axes[0, 0].set_title(
        shown(f"{task.get('name', '')}, {comparison.about.get('budget', '')} each", 100),
        loc="left", fontsize=10, color=QUIET, parse_math=False,
    )  # fmt: skip
    return figure


def write_comparison_picture(folder: Path) -> Path:
    """Write `comparison.png` into the folder of a comparison.

    Raises:
        FileNotFoundError: The folder has no comparison.
        ValueError: A file of it is not what its name says.
    """
    path = folder / FILE
    # The version of matplotlib is left out: equal comparisons make equal pictures.
    plot_comparison(read_comparison(folder)).savefig(path, dpi=150, metadata={"Software": None})
    return path


def _draw(
    ax: Any,
    across: Sequence[Sequence[float]],
    values: Sequence[tuple[Values, Values, Values]],
    log: bool,
) -> None:
    gap = float("nan")
    positive = True
    for place, (x, (middle, low, high)) in enumerate(zip(across, values, strict=True)):
        colour, dash = COLOURS[place % len(COLOURS)], _DASHES[place % len(_DASHES)]
        y = [gap if v is None else v for v in middle]
        positive = positive and all(v is None or v > 0 for v in middle)
        ax.plot(x, y, color=colour, ls=dash, lw=1.8)
        if low != high and log is False:
            ax.fill_between(
                x,
                [gap if v is None else v for v in low],
                [gap if v is None else v for v in high],
                color=colour,
                alpha=0.13,
                lw=0,
            )
    if log and positive:
        ax.set_yscale("log")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=QUIET)
    ax.grid(axis="y", color="#000000", alpha=0.07, lw=0.8)
    ax.set_axisbelow(True)
