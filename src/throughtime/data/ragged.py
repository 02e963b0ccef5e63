"""Sequences of different lengths: checked, and laid side by side in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence, pad_sequence

from throughtime.data.errors import DataError

_SHOWN = 10


def ragged(X: Any, dtype: torch.dtype, columns: int | None = None) -> list[Tensor]:
    """Give sequences as a list of tensors.

    Args:
        X: A list of arrays or tensors [T_i, I] or [T_i]; one array [N, T, I], or [N, T] for
            sequences of one column; or packed sequences.
        dtype: What to bring them to.
        columns: How many columns each must have; if None, as many as the first one has.

    Returns:
        A tensor [T_i, I] each.

    Raises:
        DataError: There is none; some are empty, not numbers, not finite, or of other columns. The
            message names them all.
    """
    sequences: list[Tensor] = []
    faults: list[str] = []
    for number, sequence in enumerate(_listed(X)):
        try:
            tensor = _tensor(sequence).to(dtype)
        except (TypeError, ValueError, RuntimeError) as error:
            faults.append(f"sequence {number} holds no numbers: {error}")
            continue
        if tensor.ndim == 1:
            tensor = tensor[:, None]
        if tensor.ndim != 2 or tensor.shape[1] == 0:
            faults.append(f"sequence {number} is {tuple(tensor.shape)}, not [T, I]")
            continue
        columns = tensor.shape[1] if columns is None else columns
        if len(tensor) == 0:
            faults.append(f"sequence {number} has no step")
        elif tensor.shape[1] != columns:
            faults.append(f"sequence {number} has {tensor.shape[1]} columns, not {columns}")
        elif not bool(tensor.isfinite().all()):
            step, column = (int(i) for i in (~tensor.isfinite()).nonzero()[0])
            value = float(tensor[step, column])
            faults.append(f"sequence {number} has {value} in step {step}, column {column}")
        sequences.append(tensor)
    if faults:
        rest = len(faults) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        raise DataError(
            "sequences are arrays [T, I] of numbers, no NaN and no inf, at least one step, all "
            f"with the same columns; {'; '.join(faults[:_SHOWN])}{more}.\n"
            "To mend: correct them, or leave them out."
        )
    if not sequences:
        raise DataError("there is no sequence.\nTo mend: give a list of arrays [T, I].")
    return sequences


def padded(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Lay sequences side by side: [T, B, I], zeros beyond their ends, and lengths [B]."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return pad_sequence(list(sequences)), lengths


def _listed(X: Any) -> Iterable[Any]:
    if isinstance(X, PackedSequence):
        rows, lengths = pad_packed_sequence(X, batch_first=True)
        return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]
    if isinstance(X, Tensor | np.ndarray):
        if X.ndim not in (1, 2, 3) or (X.ndim == 1 and X.dtype != object):
            raise DataError(
                f"sequences came as one array of shape {tuple(X.shape)}; [N, T, I] or [N, T] was "
                "expected.\nTo mend: Reshape your data; a single sequence is a list of one array."
            )
        return X
    if isinstance(X, list | tuple):
        return X
    if hasattr(X, "__array__") or hasattr(X, "to_numpy"):  # a frame: a row a sequence
        return _listed(np.asarray(X))
    raise DataError(
        f"sequences came as a {type(X).__name__}.\nTo mend: give a list of arrays [T, I]."
    )


def _tensor(sequence: Any) -> Tensor:
    if isinstance(sequence, Tensor):
        return sequence.detach().cpu()
    array = np.asarray(sequence)
    if array.dtype.kind == "c":
        raise TypeError("Complex data not supported")
    if array.dtype.kind not in "biuf":
        array = array.astype(float)  # of objects that are numbers
    return torch.from_numpy(np.array(array))  # a copy, which may be written
