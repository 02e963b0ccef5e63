"""The page of a comparison: one HTML file that asks nothing of the web."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throughtime.report.comparison.charts import (
    cosines,
    loss_by_seconds,
    loss_by_steps,
    ratios,
)
from throughtime.report.comparison.recorded import Comparison, read_comparison
from throughtime.report.numerals import MISSING, fixed, grouped, number, places, short
from throughtime.report.page import FILE, environment
from throughtime.report.tables import Cell, Table, settings_table
from throughtime.report.wording import capital, listed, shown


def write_comparison_page(folder: Path) -> Path:
    """Write `report.html` into the folder of a comparison.

    Raises:
        FileNotFoundError: The folder has no comparison.
        ValueError: A file of it is not what its name says.
    """
    page = environment().get_template("comparison/comparison.html")
    target = folder / FILE
    target.write_bytes(page.render(_contents(read_comparison(folder))).encode("utf-8"))
    return target


def _contents(comparison: Comparison) -> dict[str, Any]:
    task, budget = comparison.section("task"), str(comparison.about.get("budget", ""))
    seeds = comparison.about.get("seeds") or []
    many = len(seeds) > 1
    drawn = [cosines(comparison), ratios(comparison)]
    return {
        "name": shown(task.get("name", "task")),
        "interrupted": bool(comparison.about.get("interrupted")),
        "verdict": verdict(comparison),
        "facts": [
            f"{shown(budget)} each",
            f"{len(seeds)} seeds" if many else "1 seed",
            shown(comparison.section("network").get("network", ""), 80),
        ],
        "intro": f"Scores are errors, the {shown(task.get('measure', 'score'))}: lower is better, "
        f"{reached(number(task.get('mark')))} counts as solved"
        + ("; medians over the seeds." if many else ".")
        + " A method that updates at every step may have its updates from a few sequences.",
        "outcomes": _outcomes(comparison),
        "failures": [
            f"{shown(m.get('method'))} ended early on {m['failed']} of {m['seeds']} seeds: "
            f"{shown(m.get('failure'), 400)}"
            for m in comparison.methods
            if m.get("failed")
        ],
        "spread": ": the median over the seeds, and the range from least to greatest"
        if many
        else "",
        "losses": [loss_by_steps(comparison), loss_by_seconds(comparison)],
        "gradients": drawn,
        "costs": _costs(comparison),
        "settings": [
            table
            for caption in ("task", "network", "training", "machine")
            if (table := settings_table(capital(caption), comparison.section(caption)))
        ],
    }


def reached(mark: float | None) -> str:
    """Say which scores are at a mark; none is below 0."""
    if mark is None:
        return MISSING
    return f"{mark:g} or less" if mark else "0"


def verdict(comparison: Comparison) -> str:
    """Say in a sentence who solved the task within the budget, and who came next."""
    budget = shown(str(comparison.about.get("budget", "the budget")))
    ranked = sorted(comparison.methods, key=_order)
    solved = [m for m in ranked if m.get("solved") == m.get("seeds")]
    some = [m for m in ranked if m not in solved and m.get("solved")]
    rest = [m for m in ranked if m not in solved and m not in some]

    def names(methods: Sequence[Mapping[str, Any]]) -> str:
        return listed([shown(m.get("method"), 40) for m in methods])

    said = []
    if solved:
        said.append(
            f"{names(solved)} solved the task" + (" on every seed" if _many(ranked) else "")
        )
    if some:
        said.append(f"{names(some)} on some seeds")
    if rest:
        closest = rest[0]
        score = number(closest.get("score"))
        none = not solved and not some
        told = "no method solved the task" if none else f"{names(rest)} did not"
        if score is not None and (len(rest) > 1 or none):
            told += f" ({shown(closest.get('method'), 40)} came nearest, at {short(score)})"
        said.append(told)
    return f"Within {budget}: {'; '.join(said)}." if said else "Nothing was recorded."


def _many(methods: Sequence[Mapping[str, Any]]) -> bool:
    return any((number(m.get("seeds")) or 0) > 1 for m in methods)


def _order(method: Mapping[str, Any]) -> tuple[float, float]:
    score = number(method.get("score"))
    return -(number(method.get("solved")) or 0), float("inf") if score is None else score


def _outcomes(comparison: Comparison) -> Table:
    scores = [number(m.get("score")) for m in comparison.methods]
    best = min((s for s in scores if s is not None), default=None)
    count = places(scores)
    rows = []
    for method, score in zip(comparison.methods, scores, strict=True):
        cosine = number(method.get("cosine"))
        rows.append(
            (
                shown(method.get("method"), 60),
                [
                    Cell(fixed(score, count), score is not None and score == best),
                    Cell(f"{method.get('solved')} of {method.get('seeds')}"),
                    Cell(_count(method.get("first_solved"))),
                    Cell(_count(method.get("updates"))),
                    Cell(_count(method.get("sequences"))),
                    Cell(fixed(cosine, 2)),
                    Cell(short(number(method.get("norm_ratio")))),
                ],
            )
        )
    head = ["Method", "Score", "Solved", "First at the mark", "Updates", "Sequences", "Cosine"]
    return Table(
        "Methods",
        [*head, "Norm ratio"],
        rows,
        "Solved: at the mark when the budget was spent. First at the mark: the sequences read when "
        "a look along the way first found the score there, whether it stayed or not. Cosine and "
        "norm ratio: to the gradient of full backpropagation, the median along the way.",
    )


def _costs(comparison: Comparison) -> Table:
    rows = []
    for method in comparison.methods:
        seconds = number(method.get("seconds_a_step"))
        memory = number(method.get("memory"))
        rows.append(
            (
                shown(method.get("method"), 60),
                [
                    Cell(short(None if seconds is None else 1e6 * seconds)),
                    Cell(short(number(method.get("seconds")))),
                    Cell(MISSING if memory is None else short(memory / 2**20)),
                ],
            )
        )
    return Table(
        "Costs",
        ["Method", "Microseconds a time step", "Seconds of training", "Memory, MiB"],
        rows,
        "A time step of all rows of a batch, updates included. Memory: what a process of its own "
        "grew by over one batch.",
    )


def _count(value: object) -> str:
    found = number(value)
    return MISSING if found is None else grouped(round(found))
