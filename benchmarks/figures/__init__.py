"""The figures that the native engine is held to, by the name of their group."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from figures.agreement import reference
from figures.conditions import denormals, streaming
from figures.figure import Figure
from figures.measuring import Measuring
from figures.memory import memory
from figures.others import against_jax, against_torch, double_precision, share_of_peak
from figures.own_cells import first_call, lstm_variants, own_cell
from figures.shapes import lengths, odd_sizes, threads

GROUPS: dict[str, Callable[[Measuring], Iterator[Figure]]] = {
    "torch": against_torch,
    "jax": against_jax,
    "odd": odd_sizes,
    "float64": double_precision,
    "lengths": lengths,
    "own-cell": own_cell,
    "variants": lstm_variants,
    "first-call": first_call,
    "denormals": denormals,
    "threads": threads,
    "streaming": streaming,
    "memory": memory,
    "reference": reference,
    "peak": share_of_peak,  # last: the best measurement of the whole run is the peak
}
