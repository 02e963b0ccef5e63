"""The longest series of a file: by lines, and by cells where lines do not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughtime.report import longest
from throughtime.report.longest import longest_series

HEADER = "shop,day,part,observed\n"
FILES = {
    "together": "a,1,train,5\nb,1,train,5\nb,2,train,6\nc,1,train,7\nc,2,,8\n",
    "windows line ends": "a,1,train,5\r\nb,1,train,5\r\nb,2,train,6\r\nc,1,train,7\r\n",
    "apart": "a,1,train,5\nb,1,train,5\na,2,train,5\nb,2,train,6\nb,3,train,6\n",
    "quoted": '"a,b",1,train,5\nb,1,train,5\nb,2,"tr\nain",6\n',
    "a name of quotes": 'a,1,train,5\n"b, or ""c""",1,train,5\n"b, or ""c""",2,train,5\n',
    "no name": ",1,train,5\n,2,train,5\nb,1,train,5\n",
    "a short last row": "a,1,train,5\nb,1,train,5\nb,2\n",
    "other letters": "größe,1,train,5\n大きさ,1,train,5\n大きさ,2,train,6\n",
    "no rows": "",
}


@pytest.mark.parametrize("case", FILES)
def test_lines_and_cells_tell_the_same(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "predictions.csv"
    path.write_bytes((HEADER + FILES[case]).encode())
    found = longest_series(path)
    monkeypatch.setattr(longest, "_longest_block", lambda path: None)
    assert longest_series(path) == found
    assert len(found[0]) == {"apart": 3, "no rows": 0}.get(case, 2)
    assert len({row[0] for row in found[0]}) <= 1


def test_too_long_a_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(HEADER + "a,1,train,5\nb,1,train,5,6\nb,2,train,5\n")
    with pytest.raises(ValueError, match="expected 4 cells, found 5"):
        longest_series(path)
