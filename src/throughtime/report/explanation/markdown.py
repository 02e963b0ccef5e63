"""An explanation as Markdown with mathematics, as GitHub, GitLab and notebooks set it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from throughtime.report.explanation.document import (
    Block,
    Document,
    Formulas,
    Table,
    Text,
    pieces,
)


def markdown(document: Document) -> str:
    """Write a document as Markdown."""
    parts = [f"# {_inline(document.title)}", *map(_inline, document.introduction)]
    for section in document.sections:
        parts.append(f"## {_inline(section.title)}")
        parts += map(_block, section.blocks)
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return _inline(text)
        case Formulas():
            return f"```math\n{aligned(block)}\n```"
        case Table(caption, head, rows):
            lines = [_row(head), f"|{' ---: |' * len(head)}"]
            lines += [_row([*row, *[""] * (len(head) - len(row))]) for row in rows]
            return f"{_inline(caption)}:\n\n" + "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_inline, cells))} |"


def _inline(text: str) -> str:
    """Give text in which no letter is taken for markup; bars in formulas would end a cell."""
    return "".join(
        f"${piece.replace('|', chr(92) + 'vert ')}$"
        if is_math
        else re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", piece)
        for piece, is_math in pieces(text)
    )


def aligned(block: Formulas) -> str:
    """Set formulas below each other, their first equals signs aligned."""
    lines = []
    for row in block.rows:
        left, *parts = row.parts
        lines.append(f"{left} &= {' = '.join(parts)}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
