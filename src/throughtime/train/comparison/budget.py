"""What each method may spend: updates, sequences or seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["updates", "sequences", "seconds"]


@dataclass(frozen=True)
class Budget:
    """What each method may spend on each seed.

    A method that updates after every step has spent its updates on a few sequences where one that
    updates once a sequence has seen as many as it has updates: seconds and sequences treat both
    alike.

    Attributes:
        amount: How much of the unit.
        unit: "updates" of the weights, training "sequences", or "seconds" of training, in which
            nothing that is measured along the way counts.

    Raises:
        ValueError: The amount is not positive, or no whole number of updates or sequences.
    """

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        whole = self.unit == "seconds" or float(self.amount).is_integer()
        if not 0 < self.amount < float("inf") or not whole:
            wanted = "positive" if self.unit == "seconds" else "a whole number from 1"
            raise ValueError(f"the budget of {self.unit} must be {wanted}, got {self.amount!r}")

    def share(self, updates: int, sequences: int, seconds: float) -> float:
        """Give the share of the budget that is spent."""
        spent = {"updates": updates, "sequences": sequences, "seconds": seconds}
        return spent[self.unit] / self.amount

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit[:-1] if self.amount == 1 else self.unit}"
