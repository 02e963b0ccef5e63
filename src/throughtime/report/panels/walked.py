"""All that the page shows of the walk through one sequence, as its template takes it."""

from __future__ import annotations

from typing import Any

from throughtime.report.panels.equations import equations_panel
from throughtime.report.panels.player import player
from throughtime.report.panels.unrolled import unrolled
from throughtime.report.recorded_walk import Walk


def walk_contents(walk: Walk | None) -> dict[str, Any]:
    """Give the panels of a walk; without one they are all None.

    Args:
        walk: What `walk.json` holds.
    """
    if walk is None:
        return dict.fromkeys(("unrolled", "player", "equations"))
    return {
        "unrolled": unrolled(walk),
        "player": player(walk),
        "equations": equations_panel(walk),
    }
