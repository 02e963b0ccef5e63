"""An explanation as a document: sections of text, formulas and tables, in no form yet.

Text, captions and cells of tables hold mathematics as LaTeX between dollar signs, formulas are
LaTeX outright; see `notation` for what of it is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from throughtime.report.wording import shown


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Formula:
    """Equal parts: `left = part = part`; each is LaTeX."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Formulas:
    """Formulas below each other."""

    rows: tuple[Formula, ...]


@dataclass(frozen=True)
class Table:
    """A table; a row that is folded has one cell."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Text | Formulas | Table


@dataclass(frozen=True)
class Section:
    """A titled part."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole explanation.

    Attributes:
        title: A line of text.
        introduction: What it is of, and how to read it.
        sections: In the order in which they are read.
    """

    title: str
    introduction: tuple[str, ...]
    sections: tuple[Section, ...]


def formulas(*rows: tuple[str, ...] | None) -> Formulas:
    """Give formulas from their parts; rows that are None are left out."""
    return Formulas(tuple(Formula(row) for row in rows if row is not None))


def pieces(text: str) -> list[tuple[str, bool]]:
    """Cut text at its dollar signs: each piece, and whether it is mathematics."""
    cut = re.split(r"\$([^$]*)\$", text)
    return [(piece, place % 2 == 1) for place, piece in enumerate(cut) if piece]


def literal(text: str) -> str:
    """Give a name from outside as text: no mathematics begins in it, and nothing unprintable."""
    return shown(text).replace("$", "\N{FULLWIDTH DOLLAR SIGN}")
