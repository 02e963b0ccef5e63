"""What a model keeps, in bytes: counted on a few steps of the sequence itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from throughtime.gradients.chain import Chain
from throughtime.gradients.checkpointing.randomness import RandomState
from throughtime.gradients.objective import check_shapes
from throughtime.gradients.state import carried, mapped


@dataclass(frozen=True)
class Footprint:
    """Bytes that are kept.

    Attributes:
        state: Of a carried state, with the state of the random numbers where the model draws any.
        call: Of a call that is recorded, whatever its length: packed weights.
        step: Of a step that is recorded, up to its loss.
        outputs: Of the outputs of a step, whose derivative is as large.
        weights: How many numbers the model has to multiply with, for a row and step.
    """

    state: int
    call: int
    step: float
    outputs: float
    weights: int

    def internals(self, steps: int, calls: int = 1) -> int:
        """Give those of a recorded segment and of the state behind it."""
        return 2 * self.state + calls * self.call + ceil(steps * self.step)

    def working(self, steps: int, calls: int = 1) -> int:
        """Give those of a segment that is being differentiated."""
        return self.internals(steps, calls) + ceil(steps * self.outputs)


def measured(chain: Chain, each: int | None) -> Footprint:
    """Run the first few steps of a sequence and count what they keep.

    The chain stays where it is, and random numbers are as if nothing had been run.

    Args:
        chain: At its start.
        each: Steps of a call at most; None for no bound.

    Raises:
        ValueError: Outputs and targets would broadcast, or the loss is reduced already.
    """
    random = RandomState.now(chain.inputs.device)
    try:
        first = chain.beginning(1, chain.state)
        (piece,) = first.run(1, recorded=False)
        check_shapes((len(chain.inputs), *piece.outputs.shape[1:]), chain.targets.shape)
        drew = not RandomState.now(chain.inputs.device).same(random)
        short, long = min(2, chain.T), min(4, chain.T)
        if short == long:
            short = 1
        begin = mapped(_leaf, first.state)
        few, _ = _kept(chain.beginning(short, begin), each)
        many, outputs = _kept(chain.beginning(long, begin), each)
    finally:
        random.restore()
    step = (many - few) / (long - short) if long > short else many
    return Footprint(
        state=_bytes(first.state) + (random.bytes if drew else 0),
        call=max(0, ceil(few - short * step)),
        step=step,
        outputs=outputs / long,
        weights=sum(parameter.numel() for parameter in chain.model.parameters()),
    )


def _leaf(tensor: Tensor) -> Tensor:
    wanted = tensor.is_floating_point() or tensor.is_complex()
    return tensor.detach().clone().requires_grad_(wanted)


def _bytes(state: object) -> int:
    size = 0

    def add(tensor: Tensor) -> Tensor:
        nonlocal size
        size += tensor.numel() * tensor.element_size()
        return tensor

    mapped(add, state)
    return size


def _kept(chain: Chain, each: int | None) -> tuple[int, int]:
    """Count the bytes that a recorded run keeps beyond its inputs, and those of its outputs."""
    given = [*chain.model.parameters(), *chain.model.buffers(), *carried(chain.state)]
    known = _storages([*given, chain.inputs, chain.targets])
    saved: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor.detach())
        return saved[-1]

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), torch.enable_grad():
        pieces = chain.run(chain.T, each=each)
        _, losses, _ = chain.compared(pieces)
        total = losses.sum()
    # The graph holds `note`, which holds `saved`: nothing of the graph must come in there, or it
    # would hold itself for ever.
    found = [*saved, total, *(piece.outputs for piece in pieces)]
    for piece in pieces:
        found += piece.kept()
    for piece in pieces[:-1]:
        found += piece.after
    kept = {place: size for place, size in _storages(found).items() if place not in known}
    after = _storages(pieces[-1].after)
    return (
        sum(size for place, size in kept.items() if place not in after),
        sum(piece.outputs.numel() * piece.outputs.element_size() for piece in pieces),
    )


def _storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Give the bytes of each storage once, by its place."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return {storage.data_ptr(): storage.nbytes() for storage in storages}
