"""docs/series.md does what it says; about half a second."""

import re
from pathlib import Path

import polars as pl
import pytest

from throughtime.data.reading import read_many
from throughtime.data.split import TEST, VALIDATION, panel

PAGE = (Path(__file__).parents[2] / "docs" / "series.md").read_text(encoding="utf-8")


def shops(rows: int) -> pl.DataFrame:
    days = [(shop, day, (day % 7) * (1.5 + place)) for place, shop in enumerate("ab")
            for day in range(rows)]  # fmt: skip
    return pl.DataFrame(days, schema=["shop", "day", "sold"], orient="row")


def test_the_snippet_runs() -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {"frame": shops(60)}
    exec(snippet.replace("epochs=20", "epochs=1"), names)
    found = names["found"]
    assert isinstance(found, pl.DataFrame)
    assert found["shop"].to_list() == ["a"] * 3 + ["b"] * 3


def test_the_fewest_rows_are_as_said() -> None:
    fewest = int(re.findall(r"less than (\d+) rows by default", PAGE)[0])
    assert (VALIDATION, TEST) == (0.15, 0.2)
    for rows in range(fewest - 3, fewest + 3):
        series = read_many(shops(rows), "sold", series="shop")
        if rows >= fewest:
            panel(series, "shops", "shop")
        else:
            with pytest.raises(ValueError, match="too short to split"):
                panel(series, "shops", "shop")
