"""An explanation as a LaTeX document of its own."""

from __future__ import annotations

from throughtime.report.explanation.document import (
    Block,
    Document,
    Formulas,
    Table,
    Text,
    pieces,
)

_HEAD = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage[a4paper,margin=22mm]{geometry}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
"""
_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_WIDE = 95
"""Characters of LaTeX beyond which a formula's parts stand on lines of their own."""


def latex(document: Document) -> str:
    """Write a document as LaTeX; it needs amsmath and geometry alone."""
    parts = [
        _HEAD + "\\begin{document}",
        rf"\section*{{{_inline(document.title)}}}",
        *map(_inline, document.introduction),
    ]
    for section in document.sections:
        parts.append(rf"\subsection*{{{_inline(section.title)}}}")
        parts += map(_block, section.blocks)
    return "\n\n".join([*parts, "\\end{document}"]) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return _inline(text)
        case Formulas():
            return _formulas(block)
        case Table():
            return _table(block)


def _formulas(block: Formulas) -> str:
    lines = []
    for row in block.rows:
        left, *parts = row.parts
        if sum(map(len, row.parts)) > _WIDE and len(parts) > 1:
            first, *others = parts
            lines.append(f"{left} &= {first}")
            lines += [f"&= {part}" for part in others]
        else:
            lines.append(f"{left} &= {' = '.join(parts)}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


def _table(table: Table) -> str:
    columns = len(table.head)
    lines = [" & ".join(map(_inline, table.head)) + r" \\ \hline"]
    for row in table.rows:
        if len(row) == 1 < columns:
            lines.append(rf"\multicolumn{{{columns}}}{{l}}{{{_inline(row[0])}}} \\")
        else:
            lines.append(" & ".join(map(_inline, row)) + r" \\")
    body = "\n".join(lines)
    return (
        f"{_inline(table.caption)}:\n\n\\begin{{center}}\n\\begin{{tabular}}{{{'r' * columns}}}\n"
        f"{body}\n\\end{{tabular}}\n\\end{{center}}"
    )


def _inline(text: str) -> str:
    return "".join(
        f"${piece}$" if is_math else "".join(_ESCAPED.get(letter, letter) for letter in piece)
        for piece, is_math in pieces(text)
    )
