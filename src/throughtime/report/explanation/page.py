"""An explanation as one HTML page that loads nothing and runs no script."""

from __future__ import annotations

from html import escape

from throughtime.report.explanation.document import Document, pieces
from throughtime.report.explanation.mathml import mathml, pieces_of_mathml
from throughtime.report.page import environment


def page(document: Document) -> str:
    """Write a document as a page: mathematics in MathML, light and dark, for paper too."""
    from markupsafe import Markup

    templates = environment()

    def inline(text: str) -> Markup:
        return Markup(
            "".join(mathml(piece) if is_math else escape(piece) for piece, is_math in pieces(text))
        )

    templates.filters["inline"] = inline
    templates.filters["math"] = lambda latex: Markup("".join(pieces_of_mathml(latex)))
    templates.tests["formulas"] = lambda block: (
        hasattr(block, "rows") and not hasattr(block, "head")
    )
    templates.tests["table"] = lambda block: hasattr(block, "head")
    plain = "".join(piece for piece, _ in pieces(document.title))
    template = templates.get_template("explanation/page.html")
    return template.render(document=document, title=plain)
