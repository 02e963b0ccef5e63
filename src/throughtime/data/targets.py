"""Numbers that sequences are answered with: one row a sequence, or one a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.faults import listed
from throughtime.data.ragged import ragged


def numbers(y: Any) -> tuple[Tensor, bool]:
    """Give targets a sequence.

    Args:
        y: [N] or [N, O].

    Returns:
        [N, O], float64; and whether they came without a dimension of columns.

    Raises:
        DataError: They are no finite numbers, or of another shape.
    """
    try:
        array = np.asarray(y.detach().cpu() if isinstance(y, Tensor) else y)
        if array.dtype.kind == "c":
            raise TypeError("Complex data not supported")
        array = np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"y holds no numbers, one or as many for each sequence: {error}.\n"
            "To mend: give an array [N] or [N, O]."
        ) from None
    if array.ndim not in (1, 2) or array.size == 0:
        raise DataError(
            f"y should be a 1d array [N], or [N, O], numbers for each sequence; its shape is "
            f"{array.shape}"
        )
    broken = np.argwhere(~np.isfinite(array))
    if len(broken):
        place = tuple(int(i) for i in broken[0])
        raise DataError(
            f"y has {array[place]} for sequence {place[0]}, {len(broken)} of its numbers are NaN "
            "or inf.\nTo mend: correct them, or leave the sequences out."
        )
    return torch.from_numpy(array.reshape(len(array), -1)), array.ndim == 1


def numbers_by_step(y: Any, dtype: torch.dtype) -> tuple[list[Tensor], bool]:
    """Give targets a step.

    Args:
        y: A list of arrays [T_i] or [T_i, O], or one array [N, T] or [N, T, O].
        dtype: What to bring them to.

    Returns:
        [T_i, O] for each sequence; and whether they came without a dimension of columns.

    Raises:
        DataError: They cannot be used; the message names all that is wrong.
    """
    try:
        found = ragged(y, dtype)
    except DataError as error:
        raise DataError(f"y, the targets of each step: {error}") from None
    first = next(iter(y))
    dimensions = first.ndim if hasattr(first, "ndim") else np.asarray(first).ndim
    return found, dimensions == 1


def check_steps(sequences: Sequence[Tensor], targets: Sequence[Tensor], warm_up: int) -> None:
    """Refuse sequences whose targets are more or fewer, or that are no longer than a warm-up.

    Args:
        sequences: [T_i, ...] each.
        targets: [T_i, ...] each.
        warm_up: Steps at the start of each that carry no loss.

    Raises:
        DataError: All of them are named.
    """
    if len(sequences) != len(targets):
        raise DataError(f"there are {len(sequences)} sequences and {len(targets)} targets")
    faults = [
        f"sequence {number} has {len(sequence)} steps and targets for {len(given)}"
        for number, (sequence, given) in enumerate(zip(sequences, targets, strict=True))
        if len(sequence) != len(given)
    ]
    faults += [
        f"sequence {number} has {len(sequence)} steps, none after the warm-up of {warm_up}"
        for number, sequence in enumerate(sequences)
        if len(sequence) <= warm_up
    ]
    if faults:
        raise DataError(
            f"each step needs its target: {listed(faults, 10)}.\n"
            "To mend: correct them, leave them out, or shorten the warm-up."
        )
