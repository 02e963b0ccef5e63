"""What each class was taken for: a row a true class, a column a class that was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughtime.report.numerals import grouped, number, percent
from throughtime.report.record import mapping
from throughtime.report.recorded_flow import columns
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import listed, shown

_WIDE, _ROWS = 12, 100
_NAMED = 4
"""Others that a class was taken for, named beside it where there is no room for a column each."""


def confusion_table(metrics: Mapping[str, Any]) -> Table | None:
    """Give how often each class was told right, and what it was taken for; None without counts.

    Args:
        metrics: The contents of `metrics.json`.
    """
    found = mapping(metrics.get("confusion"))
    names = found.get("classes")
    if not isinstance(names, list) or not names:
        return None
    counts = [
        [int(number(count) or 0) for count in row]
        for row in columns(found.get("counts"), len(names), len(names))
    ]
    classes = [shown(name, 30) for name in names]
    tested = [place for place, row in enumerate(counts) if sum(row) > 0]
    if not tested:
        return None
    wide = len(classes) <= _WIDE
    head = ["Class", "Tested", "Told right"]
    rows = []
    for place in tested[:_ROWS]:
        row, right = counts[place], counts[place][place]
        cells = [Cell(grouped(sum(row))), Cell(percent(right / sum(row)))]
        if wide:
            cells += [
                Cell(grouped(count), best=told == place and count > 0)
                for told, count in enumerate(row)
            ]
        else:
            cells.append(Cell(_others(place, row, classes)))
        rows.append((classes[place], cells))
    head += [f"as {name}" for name in classes] if wide else ["Taken for"]
    left = len(tested) - len(rows)
    note = f"{left} more classes are in metrics.json." if left else ""
    return Table(
        "What each class was told to be" + ("; bold: right" if wide else ""), head, rows, note
    )


def _others(place: int, row: list[int], classes: list[str]) -> str:
    others = sorted(
        ((-count, told) for told, count in enumerate(row) if count > 0 and told != place)
    )
    named = [f"{classes[told]} ({-count})" for count, told in others[:_NAMED]]
    left = len(others) - len(named)
    return listed([*named, f"{left} more"] if left else named)
