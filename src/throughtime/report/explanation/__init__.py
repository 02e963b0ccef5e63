"""Backpropagation through time explained on given numbers, as a document of several forms."""

from __future__ import annotations

from throughtime.report.explanation.any_cell import any_cell
from throughtime.report.explanation.cell_numbers import is_written_out
from throughtime.report.explanation.document import Document
from throughtime.report.explanation.summary import summary
from throughtime.report.explanation.textbook import textbook
from throughtime.report.explanation.textbook_numbers import is_textbook
from throughtime.report.explanation.worked import Worked

__all__ = ["Document", "Worked", "explanation"]


def explanation(worked: Worked) -> Document:
    """Write the explanation of a network that was worked out."""
    if is_textbook(worked):
        return textbook(worked)
    if is_written_out(worked):
        return any_cell(worked)
    return summary(worked)
