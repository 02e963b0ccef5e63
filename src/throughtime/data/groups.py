"""A share held out of labelled sequences: stratified by label, or whole groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from throughtime.data.errors import DataError


def held_out(
    labels: Sequence[Any], groups: Sequence[Any] | None, share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Choose at random what is held out.

    Without groups, the share of each label is held out, rounded, but never all of a label. With
    groups (speakers, sessions), whole groups are, until their sequences reach the share: what is
    measured on them is how well new groups are told.

    Args:
        labels: The label of each sequence.
        groups: The group of each; None for no groups.
        share: Held out; 0 for none.
        seed: Of the choice.

    Returns:
        The places of what stays and of what is held out, each in ascending order.

    Raises:
        DataError: Groups and sequences differ in number, there is one group alone, or without the
            groups held out a label would be missing.
    """
    N = len(labels)
    if groups is not None and len(groups) != N:
        raise DataError(f"there are {N} sequences and {len(groups)} groups; give each its own.")
    if share == 0:
        return list(range(N)), []
    generator = torch.Generator().manual_seed(seed)
    held: set[int] = set()
    members: dict[Any, list[int]] = {}
    for place, name in enumerate(labels if groups is None else groups):
        members.setdefault(name, []).append(place)
    if groups is None:
        for places in members.values():
            count = min(round(share * len(places)), len(places) - 1)
            order = torch.randperm(len(places), generator=generator).tolist()
            held |= {places[i] for i in order[:count]}
    else:
        names = list(members)
        for i in torch.randperm(len(names), generator=generator).tolist()[:-1]:
            if len(held) >= share * N:
                break
            held |= set(members[names[i]])
        lost = set(labels) - {label for place, label in enumerate(labels) if place not in held}
        if not held or lost:
            what = f"label(s) {sorted(map(str, lost))} missing" if lost else "nothing to hold out"
            raise DataError(
                f"{len(names)} group(s) cannot be parted for a share of {share:g}: there would be "
                f"{what}.\nTo mend: give groups that each hold every label, name the held-out "
                "files, or hold out another share."
            )
    if not held:
        raise DataError(
            f"a share of {share:g} of {N} sequences in {len(members)} labels is none.\n"
            "To mend: hold out a larger share, or give more sequences."
        )
    return [place for place in range(N) if place not in held], sorted(held)
