"""docs/cells.md is what the registry says."""

from pathlib import Path

from throughtime.cli.cells import page

PLACE = Path(__file__).parents[2] / "docs" / "cells.md"


def test_the_page_of_the_cells_is_in_date() -> None:
    assert PLACE.read_text(encoding="utf-8") == page(), (
        "docs/cells.md is out of date; write it again: throughtime cells --markdown > docs/cells.md"
    )
