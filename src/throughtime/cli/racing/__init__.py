"""Races against other libraries: the same problem, results compared, times taken in turn."""

from throughtime.cli.racing.contenders import JAX, OURS
from throughtime.cli.racing.peak import Peak
from throughtime.cli.racing.problem import ODD, SIZES, Size, sizes_of
from throughtime.cli.racing.race import DisagreementError, Races, Result, run

__all__ = [
    "JAX",
    "ODD",
    "OURS",
    "SIZES",
    "DisagreementError",
    "Peak",
    "Races",
    "Result",
    "Size",
    "run",
    "sizes_of",
]
