"""Races against other libraries: the same problem, results compared, times taken in turn."""

from throughtime.cli.racing.contenders import JAX, OURS
from throughtime.cli.racing.problem import ODD, SIZES, Size, sizes_of
from throughtime.cli.racing.race import DisagreementError, Races, Result, matmul_rate, run

__all__ = [
    "JAX",
    "ODD",
    "OURS",
    "SIZES",
    "DisagreementError",
    "Races",
    "Result",
    "Size",
    "matmul_rate",
    "run",
    "sizes_of",
]
