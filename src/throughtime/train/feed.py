"""The batches of an epoch, and a place among them that can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from throughtime.data.batch import Batch


class Feed:
    """Gives the batches of an epoch one by one.

    An iterator that has `state_dict` and `load_state_dict`, as a pass of `tt.data.Stream` has,
    keeps its own place. Any other is gone through again from its start, with the random numbers
    of torch's generator that it drew the first time; what it draws elsewhere it has to keep itself.

    Args:
        batches: Called for the epoch's batches.
        recording: Whether `state_dict` will be asked for.
        place: What `state_dict` gave, to go on from; None for the start. Torch's generator is then
            left anywhere.

    Attributes:
        given: Batches given so far.

    Raises:
        ValueError: There are fewer batches than were given before, or the place is one of other
            batches.
    """

    def __init__(
        self,
        batches: Callable[[], Iterable[Batch]],
        recording: bool,
        place: dict[str, Any] | None = None,
    ) -> None:
        self.given, self._recording = 0, recording
        self._drawn: dict[int, Tensor] = {}  # the generator before a batch that drew from it
        if place is not None and "own" not in place:
            torch.set_rng_state(place["before"])
        self._before = torch.get_rng_state()
        self._iterator = iter(batches())
        if place is not None:
            self._go_to(place)

    def next(self) -> Batch | None:
        """Give the next batch; None where the epoch ends."""
        before = torch.get_rng_state() if self._recording else None
        batch = next(self._iterator, None)
        if batch is None:
            return None
        if before is not None and not torch.equal(before, torch.get_rng_state()):
            self._drawn[self.given] = before
        self.given += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Give the place after the last batch given."""
        own = getattr(self._iterator, "state_dict", None)
        if own is not None:
            try:
                return {"given": self.given, "own": own()}
            except ValueError:  # a stream that can only be read from its start
                pass
        return {"given": self.given, "before": self._before, "drawn": dict(self._drawn)}

    def _go_to(self, place: dict[str, Any]) -> None:
        if "own" in place:
            if not hasattr(self._iterator, "load_state_dict"):
                raise ValueError(
                    "the checkpoint has the place in a stream, and the batches are none; give the "
                    "batches that the training began with"
                )
            self._iterator.load_state_dict(place["own"])
            self.given = place["given"]
            return
        for number in range(place["given"]):
            if number in place["drawn"]:
                torch.set_rng_state(place["drawn"][number])
            if self.next() is None:
                raise ValueError(
                    f"the epoch has {number} batches, and {place['given']} were learned from "
                    "before the checkpoint; give the batches that the training began with"
                )
