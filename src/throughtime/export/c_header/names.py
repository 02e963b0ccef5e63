"""Names that C takes: of the header's functions, and of the states in its struct."""

from __future__ import annotations

import re

from throughtime.export.errors import ExportError

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline
    int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while asm bool catch class delete explicit export false friend mutable
    namespace new operator private protected public template this throw true try typename using
    virtual
"""
"""Those of C99, and those of C++, whose compilers are to take a header too."""


def identifier(name: str, what: str) -> str:
    """Give a name back that C takes.

    Raises:
        ExportError: It takes it not.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII):
        raise ExportError(
            f"{what} is called {name!r}; C takes letters a-z, digits and underscores, and a letter "
            "first"
        )
    if name in _KEYWORDS.split():
        raise ExportError(f"{what} is called {name!r}, a keyword of C; give another name")
    return name


def made_identifier(name: str) -> str:
    """Make a name for C of any text: `tide-2.csv` becomes `tide_2_csv`."""
    found = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
    return (
        found
        if found[:1].isalpha() and found not in _KEYWORDS.split()
        else f"network_{found}".strip("_")
    )
