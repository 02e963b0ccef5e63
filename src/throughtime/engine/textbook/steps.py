"""The steps of a recurrence: their order, which rows are valid in them, their products cut up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence


def order(recurrence: Recurrence) -> range:
    """Give the steps in the order in which the recurrence runs."""
    T = recurrence.x.shape[0]
    return range(T - 1, -1, -1) if recurrence.reverse else range(T)


def valid_steps(recurrence: Recurrence) -> list[Tensor | None]:
    """Give, for each step, which rows are valid, [B, 1]; None where all are."""
    T, lengths = recurrence.x.shape[0], recurrence.lengths
    if lengths is None or lengths.numel() == 0:
        return [None] * T
    shortest = int(lengths.min())
    column = lengths.to(recurrence.x.device)[:, None]  # [B, 1]
    return [None if t < shortest else column > t for t in range(T)]


def clean(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Give a sequence [T, B, ·] with zeros beyond each row's length, where NaN may stand."""
    if lengths is None:
        return sequence
    steps = torch.arange(sequence.shape[0], device=sequence.device)[:, None]
    return torch.where((steps < lengths.to(sequence.device))[..., None], sequence, 0.0)


def at(whole: Sequence[Tensor], t: int) -> list[Tensor]:
    """Give a step of tensors [T, ·, ·], or of [1, ·, ·] that are the same at every step."""
    return [tensor[t if len(tensor) > 1 else 0] for tensor in whole]


def split(product: Tensor, gates: Sequence[str], prefix: str) -> dict[str, Tensor]:
    """Cut a product [B, G * H] into a named plane [B, H] a gate."""
    planes = product.chunk(len(gates), 1)
    return {prefix + gate: plane for gate, plane in zip(gates, planes, strict=True)}


def beside(planes: Sequence[Tensor], like: Tensor) -> Tensor:
    """Lay planes [B, H] side by side, [B, G * H]; [B, 0] where there are none."""
    return torch.cat(list(planes), 1) if planes else like.new_empty(like.shape[1], 0)
