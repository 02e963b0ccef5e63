"""A cell's step, its adjoint and its weight gradients, printed from the programs that are run."""

from throughtime.equations.derivation.derive import Derivation, derive

__all__ = ["Derivation", "derive"]
