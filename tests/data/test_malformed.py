"""Inputs that are wrong, each with what its message must name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughtime.data import DataError, read_series

Write = Callable[..., Path]

# What is written, how it is asked for, and what the message must say.
MALFORMED: dict[str, tuple[str | bytes, dict[str, str], list[str]]] = {
    "empty cell": ("year,v\n1,5\n2,\n3,6\n", {}, ["line 3: column 'v': empty cell", "fill in"]),
    "empty covariate": ("v,w\n5,1\n6,\n7,2\n", {"target": "v"}, ["line 3: column 'w': empty cell"]),
    "text": ("year,v\n1,5\n2,abc\n3,6\n", {}, ["line 3: column 'v': 'abc' is text"]),
    "unit": ("year,v\n1,5\n2,6 kg\n3,6\n", {}, ["line 3: column 'v': '6 kg' is text"]),
    "underscore": ("year,v\n1,5\n2,1_000\n3,6\n", {}, ["line 3: column 'v': '1_000' is text"]),
    "thousands": ('year,v\n1,5\n2,"1,000"\n3,6\n', {}, ["line 3: column 'v': '1,000' is text"]),
    "NaN": ("year,v\n1,5\n2,NaN\n3,6\n", {}, ["line 3: column 'v': 'NaN'", "not a number"]),
    "NA": ("year,v\n1,5\n2,NA\n3,6\n", {}, ["line 3: column 'v': 'NA'", "missing"]),
    "inf": ("year,v\n1,5\n2,-inf\n3,6\n", {}, ["line 3: column 'v': '-inf' is infinite"]),
    "overflow": ("year,v\n1,5\n2,1e999\n3,6\n", {}, ["line 3: column 'v': '1e999' is infinite"]),
    "large": ("year,v\n1,5\n2,1e200\n3,6\n", {}, ["line 3: column 'v': '1e200' is too large"]),
    "line after a cell of two lines": (
        'year,note,v\n1,"a\nb",5\n2,c,x\n3,d,6\n4,e,7\n',
        {},
        ["line 4: column 'v': 'x' is text"],
    ),
    "windows line ends": ("year,v\r\n1,5\r\n2,x\r\n3,6\r\n", {}, ["line 3: column 'v': 'x'"]),
    "old mac line ends": ("year,v\r1,5\r2,x\r3,6\r", {}, ["line 3: column 'v': 'x'"]),
    "repeated time": (
        "year,v\n1,5\n1,6\n2,7\n",
        {},
        ["line 3: column 'year': '1' repeats", "line 2"],
    ),
    "time going back": (
        "year,v\n1,5\n2,6\n4,7\n3,8\n5,9\n",
        {},
        ["line 5: column 'year': '3' comes after '4' (line 4)", "1 fault"],
    ),
    "newest first": ("year,v\n3,5\n2,6\n1,7\n", {}, ["run backwards", "'3' to '1'", "1 fault"]),
    "missing year": (
        "year,v\n1,5\n2,6\n4,7\n5,8\n",
        {},
        ["line 4: column 'year': rows are missing between '2' (line 3) and '4'", "add the missing"],
    ),
    "missing day": (
        "date,v\n" + "".join(f"2020-03-{d:02},{d}\n" for d in range(1, 31) if d != 11),
        {},
        ["line 12: column 'date'", "'2020-03-10' (line 11) and '2020-03-12'"],
    ),
    "missing month": (
        "month,v\n1949-01,5\n1949-02,6\n1949-04,7\n1949-05,8\n",
        {},
        ["line 4: column 'month'", "'1949-02'", "'1949-04'"],
    ),
    "uneven times": (
        "time,v\n" + "".join(f"{t},{t % 7}\n" for t in (0, 1, 5, 6, 11, 12, 19, 20)),
        {},
        ["line 3: column 'time'", "unevenly spaced", "1 fault"],
    ),
    "bad time": (
        "date,v\n2020-01-01,5\nsoon,6\n2020-01-03,7\n",
        {},
        ["line 3: column 'date': 'soon'"],
    ),
    "empty time": ("year,v\n1,5\n,6\n3,7\n", {}, ["line 3: column 'year': empty cell"]),
    "no such date": (
        "date,v\n2020-02-28,5\n2020-02-29,6\n2020-02-30,7\n",
        {},
        ["line 4: column 'date': '2020-02-30'"],
    ),
    "times in words": (
        "date,v\nonce,5\nlater,6\n",
        {},
        ["line 2: column 'date'", "'once'", "'row'"],
    ),
    "named time in words": ("when,v\nonce,5\nlater,6\n", {"time": "when"}, ["'when'", "'once'"]),
    "year and month apart": (
        "year,month,v\n1949,1,5\n1949,2,6\n1949,3,7\n",
        {"target": "v"},
        ["line 3: column 'year': '1949' repeats", "join them"],
    ),
    "too long a row": (
        "year,v\n1,5\n2,6,7\n",
        {},
        ["line 3: 3 cells where the header has 2: '2,6,7'"],
    ),
    "too short a row": ("year,v\n1,5\n2\n", {}, ["line 3: 1 cell where the header has 2: '2'"]),
    "decimal commas": ("year,v\n1,5,2\n2,6,3\n", {}, ["line 2: 3 cells", "line 3", "semicolons"]),
    "blank line": ("year,v\n1,5\n\n2,6\n", {}, ["line 3: a blank line"]),
    "blank line in one column": ("v\n5\n\n6\n", {}, ["line 3: a blank line"]),
    "repeated names": ("year,v,v\n1,5,6\n", {}, ["line 1", "repeats 'v'"]),
    "nameless column": ("year,v,\n1,5,6\n", {}, ["line 1: column 3 has no name"]),
    "no header": ("1700,5\n1701,11\n", {}, ["line 1", "'1700', '5'", "header"]),
    "no header before dates": ("2020-01-01T00:00:00Z,5\n2020-01-02T00:00:00Z,6\n", {}, ["header"]),
    "open quote": ('year,v\n1,5\n2,"6\n3,7\n', {}, ["line 3", "quote"]),
    "text after a quote": ('year,v\n1,5\n2,"6"7\n', {}, ["line 3", "quote"]),
    "one huge cell": ("v\n5\n" + "7" * 200_000, {}, ["line 3"]),
    "empty": ("", {}, ["is empty"]),
    "only blank": (" \n\n  \n", {}, ["is empty"]),
    "only a byte order mark": (b"\xef\xbb\xbf", {}, ["is empty"]),
    "only a header": ("year,v\n", {}, ["header (year, v) and no rows"]),
    "only labels": (
        "name,place\nann,x\nbob,y\n",
        {},
        ["no column of numbers", "'name' begins with"],
    ),
    "only times": ("year\n1700\n1701\n", {}, ["besides the time column 'year'"]),
    "one column of gaps": ("v\nNA\nNA\n", {}, ["no column of numbers"]),
    "which target": ("v,w\n1,2\n2,3\n", {}, ["2 columns of numbers: v, w", "target"]),
    "unknown target": (
        "year,sunspots\n1,5\n2,6\n",
        {"target": "sunspot"},
        ["mean 'sunspots'", "year"],
    ),
    "unknown time": ("year,v\n1,5\n2,6\n", {"time": "Yaer"}, ["Did you mean 'year'?", "year, v"]),
    "target of labels": ("n,v\na,1\nb,2\n", {"target": "n"}, ["'n' holds no number", "'a'", "v"]),
    "target is time": ("year,v\n1,5\n2,6\n", {"target": "v", "time": "v"}, ["both as the target"]),
    "one row": ("year,v\n1,5\n", {}, ["1 row; at least 2"]),
    "latin-1": ("year,größe\n1,5\n".encode("latin-1"), {}, ["line 1", "0xf6", "UTF-8"]),
    "latin-1 below": (b"year,v\n1,5\n2,6\xb0\n", {}, ["line 3", "0xb0", "UTF-8"]),
    "utf-16": ("year,v\n1,5\n".encode("utf-16"), {}, ["UTF-16"]),
    "zero bytes": (b"year,v\n1,5\n2,\0\n", {}, ["line 3", "zero byte"]),
    "gzip": (b"\x1f\x8b\x08\x00", {}, ["gzip archive"]),
    "JSON": ('[{"year": 1, "v": 5}]', {}, ["is JSON; a CSV file"]),
    "web page": ("<!DOCTYPE html>\n<p>404</p>\n", {}, ["a web page"]),
    "utf-16 without a mark": ("year,v\n1,5\n".encode("utf-16-le"), {}, ["line 1", "zero byte"]),
    "a remark above the header": (
        "# tides\nyear,v\n1,5\n2,6\n",
        {},
        [
            "1 fault",
            "line 1: 1 cell, '# tides', above lines of 2 cells",
            "remove what stands above",
        ],
    ),
    "units below the header": (
        "year,v\n(a),(kg)\n1,5\n2,6\n3,7\n",
        {},
        ["2 faults", "line 2: column 'v': '(kg)' is text", "line 2: column 'year': '(a)'"],
    ),
    "a sum at the foot": ("year,v\n1,5\n2,6\n3,7\nsum,18\n", {}, ["line 5: column 'year': 'sum'"]),
    "typographic quotes": (
        "year,v\n1,“5”\n2,“6”\n",
        {},
        ["'v' begins with '“5”'", "without units"],
    ),
    "a minus that is none": (
        "year,v\n1,\u22125\n2,6\n3,7\n",
        {},
        ["line 2: column 'v': '\u22125'"],
    ),
    "digits of another script": (
        "year,v\n1,\u0665\n2,6\n3,7\n",
        {},
        ["line 2: column 'v': '\u0665' is text"],
    ),
    "control characters": (
        "year,v\n1,5\x1b[31m\n2,6\n3,7\n",
        {},
        ["line 2: column 'v': '5\\x1b[31m' is text"],
    ),
    "spreadsheet fault": ("year,v\n1,#DIV/0!\n2,6\n3,7\n", {}, ["line 2: column 'v': '#DIV/0!'"]),
    "notations mixed": (
        "date,v\n2020-01-01,1\n2020-01-02,2\n01/03/2020,3\n",
        {},
        ["line 4: column 'date': '01/03/2020' is not a time as in the other rows"],
    ),
    "infinite time": ("year,v\n1,5\ninf,6\n3,7\n", {}, ["line 3: column 'year': 'inf'"]),
    "last line cut short": (
        "year,v\n1,5\n2,6\n3",
        {},
        ["line 4: 1 cell where the header has 2: '3'"],
    ),
    "3000 columns and 2999 cells": (
        ",".join(f"c{column}" for column in range(3000)) + "\n" + "1," * 2998 + "1\n",
        {},
        ["line 2: 2999 cells where the header has 3000"],
    ),
    "spreadsheet": (b"PK\x03\x04" + bytes(range(256)), {}, ["spreadsheet", "CSV"]),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), {}, ["UTF-8"]),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_message_says_where_what_and_how_to_mend(case: str, write: Write) -> None:
    content, asked, expected = MALFORMED[case]
    path = write(content)
    with pytest.raises(DataError) as caught:
        read_series(path, **asked)
    message = str(caught.value)
    for part in [str(path), *expected, "To mend: "]:
        assert part in message


def test_all_faults_come_in_one_message_in_the_order_of_lines(write: Write) -> None:
    path = write("year,w,v\n1,,5\n2,1,x\n2,2,\n3,inf,7\n4,5,8\n5,6,9\n")
    with pytest.raises(DataError) as caught:
        read_series(path, target="v")
    assert str(caught.value).splitlines()[:6] == [
        f"{path}: 5 faults",
        "  line 2: column 'w': empty cell",
        "  line 3: column 'v': 'x' is text, not a number",
        "  line 4: column 'v': empty cell",
        "  line 4: column 'year': '2' repeats '2' (line 3)",
        "  line 5: column 'w': 'inf' is infinite",
    ]


def test_ten_faults_are_shown_and_the_others_counted(write: Write) -> None:
    rows = "".join(f"{year},{'' if year < 33 else year}\n" for year in range(100))
    with pytest.raises(DataError) as caught:
        read_series(write(f"year,v\n{rows}"))
    message = str(caught.value)
    assert "33 faults" in message
    assert message.count("empty cell") == 10
    assert "... and 23 more" in message
    assert message.count("To mend") == 1


def test_long_values_are_cut_short(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        read_series(write(f"year,v\n1,5\n2,{'x' * 5000}\n3,6\n"))
    assert "'xxxxx" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("wanted", [3, 10])
def test_minimum_rows(wanted: int, write: Write) -> None:
    path = write("year,v\n1,5\n2,6\n")
    with pytest.raises(DataError, match=f"has 2 rows; at least {wanted} are needed"):
        read_series(path, minimum_rows=wanted)
    assert len(read_series(path, minimum_rows=2)) == 2
    assert len(read_series(write("year,v\n1,5\n"), minimum_rows=1)) == 1


def test_missing_file_names_the_nearest(write: Write) -> None:
    path = write("v\n1\n2\n", "rainfall.csv")
    with pytest.raises(DataError, match=r"no such file. Did you mean .*rainfall.csv"):
        read_series(path.with_name("rainfal.csv"))


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_series(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_series(tmp_path / "no" / "such" / "folder.csv")
    with pytest.raises(DataError, match="not a regular file"):
        read_series("/dev/zero")
    with pytest.raises(DataError, match="cannot be"):
        read_series("a\0b.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_series(tmp_path / ("long" * 2000))


# fmt: off
_PIECES = st.sampled_from([
    "year", "date", "v", "w", "1", "2.5", "-3e2", "NaN", "inf", "1e400", "é", "%", '"', " ", ",",
    ",", ";", "\t", "\n", "\n", "\r\n", "", "T", "12:00", "2020-01-01", "2020-01-02", "1949Q1",
    "1949-01", "194901", "1e290", "-1e299",
])
# fmt: on


@given(content=st.lists(_PIECES, max_size=40).map("".join).map(str.encode) | st.binary(max_size=60))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_file_is_read_whole_or_refused(content: bytes, write: Write) -> None:
    path = write(content)
    for asked in ({}, {"target": "v"}, {"time": "row"}, {"time": "year"}):
        try:
            series = read_series(path, **asked)
        except DataError as error:
            assert "To mend: " in str(error)  # noqa: PT017  either outcome is right
            continue
        assert series.values.shape == (len(series.times), len(series.columns))
        assert series.values.isfinite().all()
