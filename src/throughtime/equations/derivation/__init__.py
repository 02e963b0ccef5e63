"""A cell's step, its adjoint and its weight gradients, printed from the programs that are run."""

from throughtime.equations.derivation.derive import Derivation, derive
from throughtime.equations.derivation.latex import latex
from throughtime.equations.derivation.numbers import evaluated, with_numbers
from throughtime.equations.derivation.terms import Equation, Term
from throughtime.equations.derivation.written_out import WrittenOut, write_out

__all__ = [
    "Derivation",
    "Equation",
    "Term",
    "WrittenOut",
    "derive",
    "evaluated",
    "latex",
    "with_numbers",
    "write_out",
]
