"""A delimited text file cut into cells of text, with the line that each row stands on."""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, listed, quoted, refuse

UNNAMED = "index"
"""What a nameless first column is called: tables are often saved with their row labels that way."""

_DATA = re.compile(r"^[-+.\d][-+.:/\dTZ ]*([eE][-+]?\d+)?$")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}

_BINARY = (
    (b"PK\x03\x04", "a spreadsheet or zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


@dataclass(frozen=True)
class Cells:
    """The cells of a file as they stand, spaces at their ends removed.

    Attributes:
        name: The file, for messages.
        separator: What stands between the cells of a line.
        columns: The cells of each column below the header, by its name. Each has length T.
        lines: The line of the file that each row begins on, counted from 1. Length T.
    """

    name: str
    separator: str
    columns: dict[str, list[str]]
    lines: list[int]


def read_cells(path: Path) -> Cells:
    """Cut a file into cells.

    The csv module does this rather than polars because it knows which line it is on: polars fills
    rows that are too short and cannot say where a row stood.

    Args:
        path: A UTF-8 text file with a header and commas, semicolons or tabs between the cells.

    Returns:
        The cells, every row as long as the header, at least one row.

    Raises:
        DataError: The file is missing, unreadable, not UTF-8 text, empty or only a header; the
            header lacks a name or repeats one; rows are blank, or longer or shorter than the
            header.
    """
    name = str(path)
    text = _decode(name, _read(path))
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
    _check_widths(name, header, rows, lines, separator)
    cells = zip(*rows, strict=True)
    return Cells(
        name=name,
        separator=separator,
        columns={
            column: [cell.strip() for cell in values]
            for column, values in zip(columns, cells, strict=True)
        },
        lines=lines,
    )


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(
                f"{path} is a folder; a CSV file was expected.\nTo mend: name a file inside it."
            )
        # A pipe is welcome; a device such as /dev/zero never ends.
        if path.exists() and not (path.is_file() or path.is_fifo()):
            raise DataError(f"{path} is not a regular file.\nTo mend: give the path of a CSV file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file.{_nearest_file(path)}\n"
            f"To mend: check the path; relative paths start at {Path.cwd()}."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}.\n"
            "To mend: check the path and the permissions of the file."
        ) from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{str(path)!r} cannot be a path: {error}.\nTo mend: give the path of a CSV file."
        ) from error


def _nearest_file(path: Path) -> str:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f" Did you mean {str(path.with_name(near[0]))!r}?" if near else ""


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
        best = max("\t;,", key=found)
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
    if "" in columns:
        raise DataError(
            f"{where}: column {columns.index('') + 1} has no name in the header.\n"
            "To mend: name every column, or remove a separator at the end of the lines."
        )
    twice = list(dict.fromkeys(column for column in columns if columns.count(column) > 1))
    if twice:
        raise DataError(
            f"{where}: the header repeats {listed(map(quoted, twice))}.\n"
            "To mend: give every column a name of its own."
        )
    return columns


def _looks_like_data(cell: str) -> bool:
    """Whether a cell of the first line is a number or a date written in digits, or missing."""
    return cell == "" or _DATA.match(cell) is not None


def _check_widths(
    name: str, header: list[str], rows: list[list[str]], lines: list[int], separator: str
) -> None:
    expected = len(header)
    faults = []
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
