"""A delimited text file cut into cells of text, with the line that each row stands on."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, listed, quoted, refuse
from throughtime.data.file import read_bytes
from throughtime.data.table import UNNAMED, Table, check_names

_DATA = re.compile(r"^[-+.\d][-+.:/\dTZ ]*([eE][-+]?\d+)?$")
_NAMES = {"|": "bar", ",": "comma", ";": "semicolon", "\t": "tab"}

_BINARY = (
    (b"PAR1", "a Parquet file that came through a pipe"),
    (b"ARROW1", "a Feather file that came through a pipe"),
    (b"PK\x03\x04", "a spreadsheet or zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b'{"', "JSON"),
    (b"[{", "JSON"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


def read_delimited(path: Path) -> Table:
    """Cut a file into cells of text.

    The csv module does this rather than polars because it knows which line it is on: polars fills
    rows that are too short and cannot say where a row stood.

    Args:
        path: A UTF-8 text file with a header and commas, semicolons, tabs or bars between the
            cells.

    Returns:
        The cells, every row as long as the header, at least one row. With semicolons between
        cells, decimals may have commas.

    Raises:
        DataError: The file is missing, unreadable, not UTF-8 text, empty or only a header; the
            header lacks a name or repeats one; rows are blank, or longer or shorter than the
            header.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    name = str(path)
    text = _decode(name, read_bytes(path))
    if not text.strip():
        raise DataError(
            f"{name} is empty.\n"
            "To mend: give a CSV file with a header line and one row per time step."
        )
    separator = _separator(text)
    (header, *rows), (header_line, *lines) = _cut(name, text, separator)
    columns = _column_names(f"{name}, line {header_line}", header)
    if not rows:
        raise DataError(
            f"{name} has a header ({listed(columns)}) and no rows.\n"
            "To mend: add one row per time step below the header."
        )
    _check_widths(name, header, header_line, rows, lines, separator)
    return Table(
        name=name,
        columns={
            column: pl.Series(column, [cell.strip() for cell in cells], dtype=pl.String)
            for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
        },
        places=np.array(lines),
        decimal_commas=separator == ";",
    )


def _decode(name: str, raw: bytes) -> str:
    mend = "To mend: save or export it as CSV in UTF-8."
    for start, kind in _BINARY:
        if raw.startswith(start):
            raise DataError(f"{name} is {kind}; a CSV file in UTF-8 was expected.\n{mend}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8 text.\n{mend}"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}, line {line}: a zero byte; this is not a text file.\n{mend}")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip(" \n")


def _separator(text: str) -> str:
    """The separator found most often in both the header and the row below it.

    A comma in a name or in a decimal number is seldom in both; on a draw, the comma is the
    likelier one to stand for something else.
    """
    head = [line for line in text.lstrip("\n").split("\n", 2)[:2] if line] or [""]

    def found(separator: str) -> tuple[int, int]:
        counts = [
            len(next(csv.reader([line], delimiter=separator, skipinitialspace=True))) - 1
            for line in head
        ]
        return min(counts), counts[0]

    try:
        best = max("|\t;,", key=found)
    except csv.Error:  # a quote that never closes: cutting the file will say where
        return ","
    return best if found(best)[1] else ","


def _cut(name: str, text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """The header and the rows, and the line each begins on."""
    reader = csv.reader(
        io.StringIO(text), delimiter=separator, skipinitialspace=separator != "\t", strict=True
    )
    records: list[list[str]] = []
    lines: list[int] = []
    begins = 1
    try:
        for record in reader:
            # Blank lines above the header are no rows; below it they are, and are refused later.
            if record or records:
                records.append(record)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{name}, line {begins}: the line cannot be cut into cells ({error}).\n"
            'To mend: close every quote; write a quote inside a quoted cell twice ("").'
        ) from None
    return records, lines


def _column_names(where: str, header: list[str]) -> list[str]:
    columns = [cell.strip() for cell in header]
    if len(columns) > 1 and not columns[0] and UNNAMED not in columns:
        columns[0] = UNNAMED
    if all(_looks_like_data(column) for column in columns):
        raise DataError(
            f"{where}: {listed(map(quoted, columns))} are data, not the names of columns.\n"
            "To mend: add a header line such as 'year,value' at the top."
        )
    check_names(where, columns)
    return columns


def _looks_like_data(cell: str) -> bool:
    """Whether a cell of the first line is a number or a date written in digits, or missing."""
    return cell == "" or _DATA.match(cell) is not None


def _check_widths(
    name: str,
    header: list[str],
    header_line: int,
    rows: list[list[str]],
    lines: list[int],
    separator: str,
) -> None:
    expected = len(header)
    faults = []
    if expected == 1 and len(rows) > 1 and all(len(row) == len(rows[0]) > 1 for row in rows):
        what = f"1 cell, {quoted(header[0])}, above lines of {len(rows[0])} cells"
        mend = "begin with the line that names the columns; remove what stands above it."
        refuse(name, [Fault(header_line, what, mend)])
    for row, line in zip(rows, lines, strict=True):
        if len(row) == expected:
            continue
        if not row:
            what = "a blank line between the rows"
            mend = "fill in the row that is missing at a blank line, or delete the line."
        else:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            written = quoted(separator.join(row))
            what = f"{cells} where the header has {expected}: {written}"
            mend = (
                f"give every line as many cells as the header, with a {_NAMES[separator]} between "
                "them; put cells that contain it in quotes"
            )
            mend += (
                "; for decimal commas, part the columns with semicolons."
                if separator == ","
                else "."
            )
        faults.append(Fault(line, what, mend))
    if faults:
        refuse(name, faults)
