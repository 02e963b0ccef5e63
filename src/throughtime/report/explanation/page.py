"""An explanation as one HTML page that loads nothing and runs no script."""

from __future__ import annotations

from html import escape

from throughtime.report.explanation.document import Document, pieces
from throughtime.report.explanation.mathml import mathml, pieces_of_mathml


def page(document: Document) -> str:
    """Write a document as a page: mathematics in MathML, light and dark, for paper too."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("throughtime.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def inline(text: str) -> Markup:
        return Markup(
            "".join(mathml(piece) if is_math else escape(piece) for piece, is_math in pieces(text))
        )

    environment.filters["inline"] = inline
    environment.filters["math"] = lambda latex: Markup("".join(pieces_of_mathml(latex)))
    environment.tests["formulas"] = lambda block: (
        hasattr(block, "rows") and not hasattr(block, "head")
    )
    environment.tests["table"] = lambda block: hasattr(block, "head")
    plain = "".join(piece for piece, _ in pieces(document.title))
    template = environment.get_template("explanation/page.html")
    return template.render(document=document, title=plain)
