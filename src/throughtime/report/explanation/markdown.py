"""An explanation as Markdown with mathematics, as GitHub, GitLab and notebooks set it."""

from __future__ import annotations

from throughtime.report.explanation.document import Block, Document, Formulas, Table, Text


def markdown(document: Document) -> str:
    """Write a document as Markdown."""
    parts = [f"# {document.title}", *document.introduction]
    for section in document.sections:
        parts.append(f"## {section.title}")
        parts += map(_block, section.blocks)
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return text
        case Formulas():
            return f"```math\n{aligned(block)}\n```"
        case Table(caption, head, rows):
            lines = [_row(head), _row(["---:"] * len(head))]
            lines += [_row([*row, *[""] * (len(head) - len(row))]) for row in rows]
            return f"{caption}:\n\n" + "\n".join(lines)


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def aligned(block: Formulas) -> str:
    """Set formulas below each other, their first equals signs aligned."""
    lines = []
    for row in block.rows:
        left, *parts = row.parts
        lines.append(f"{left} &= {' = '.join(parts)}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
