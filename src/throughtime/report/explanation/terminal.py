"""An explanation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Line

from throughtime.report.explanation.document import (
    Block,
    Document,
    Formula,
    Formulas,
    Table,
    Text,
    pieces,
)
from throughtime.report.explanation.plain_text import plain_text

_INDENT = 4


def print_explanation(document: Document, console: Console) -> None:
    """Print a document, formulas broken at their equals signs where the console is narrow."""
    console.print(Line(document.title, style="bold"))
    for text in document.introduction:
        console.print(_spaced(_inline(text)))
    for section in document.sections:
        console.print(_spaced(Line(_plain(section.title), style="bold underline")))
        for block in section.blocks:
            console.print(_spaced(_block(block, console.width)))


def _spaced(what: RenderableType) -> Padding:
    return Padding(what, (1, 0, 0, 0))


def _block(block: Block, width: int) -> RenderableType:
    match block:
        case Text(text):
            return _inline(text)
        case Formulas(rows):
            return Group(*(line for row in rows for line in _formula(row, width)))
        case Table():
            return _table(block)


def _formula(formula: Formula, width: int) -> Iterator[Line]:
    """Give the lines of a formula: one, or one an equals sign where it is too long."""
    left, *parts = map(plain_text, formula.parts)
    lines = [f"  {left} = {parts[0]}"]
    for part in parts[1:]:
        if len(lines) == 1 and len(lines[0]) + sum(len(p) + 3 for p in parts[1:]) <= width:
            lines = [" = ".join([lines[0], *parts[1:]])]
            break
        if len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" = {part}"
        else:
            lines.append(f"{' ' * _INDENT}= {part}")
    for line in lines:
        further = " " * (len(line) - len(line.lstrip()) + _INDENT)
        for piece in wrap(
            line.strip(),
            width,
            initial_indent=further[_INDENT:],
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield Line(piece)


def _table(table: Table) -> RenderableType:
    grid = Grid(
        box=None,
        padding=(0, 2, 0, 0),
        header_style="bold",
    )
    for title in table.head:
        grid.add_column(_plain(title), justify="right", no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(_plain, row)) if len(row) > 1 else grid.add_row("…", _plain(row[0]))
    return Group(Line(_plain(table.caption), style="italic"), grid)


def _inline(text: str) -> Line:
    return Line(_plain(text))


def _plain(text: str) -> str:
    return "".join(plain_text(piece) if is_math else piece for piece, is_math in pieces(text))
