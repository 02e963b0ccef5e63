"""Where in the day, the week and the year a row stands: features known for all rows to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from throughtime.data.clock import DAY, Clock
from throughtime.data.errors import DataError
from throughtime.data.future import open_days, step_of

YEAR = 365.2425 * DAY
"""Seconds of a mean year of the calendar."""
CYCLES = {"day": DAY, "week": 7 * DAY, "year": YEAR}
"""What a time is placed in, and how many seconds it takes."""
_FEWEST_STEPS = 4
"""Of a cycle: of fewer, its place says less than the state already knows."""


@dataclass(frozen=True)
class Calendar:
    """Features of the time of a row: for each cycle the cosine and sine of its place in it.

    Attributes:
        cycles: Names in `CYCLES`; none for no features.
    """

    cycles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [cycle for cycle in self.cycles if cycle not in CYCLES]
        if unknown or len(set(self.cycles)) < len(self.cycles):
            raise DataError(
                f"a calendar is made of {', '.join(CYCLES)}, each once at most; got "
                f"{', '.join(map(repr, self.cycles))}.\n"
                "To mend: name some of them (day,week), auto, or none."
            )

    @classmethod
    def named(cls, text: str) -> Calendar:
        """Make the calendar that a line of text names: "none", or cycles with commas between them.

        Raises:
            DataError: A cycle is unknown.
        """
        return cls(() if text == "none" else tuple(part.strip() for part in text.split(",")))

    @classmethod
    def suited(cls, clocks: Iterable[Clock | None]) -> Calendar:
        """Choose the cycles of which every series has seen two, at four steps or more each.

        Args:
            clocks: The times that may be learned from, of each series.
        """
        chosen = dict.fromkeys(CYCLES)
        for clock in clocks:
            if clock is None or clock.kind == "number" or len(clock.positions) < 2:
                return cls()
            step, span = step_of(clock), clock.positions[-1] - clock.positions[0]
            if clock.kind == "month":
                step, span = step * YEAR / 12, span * YEAR / 12
            for name, length in CYCLES.items():
                if step * _FEWEST_STEPS > length or span < 2 * length:
                    chosen.pop(name, None)
        return cls(tuple(chosen))

    def __str__(self) -> str:
        return ",".join(self.cycles) or "none"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the features: "year cos", "year sin", ..."""
        return tuple(f"{cycle} {wave}" for cycle in self.cycles for wave in ("cos", "sin"))

    def features(self, clock: Clock | None, source: str) -> Tensor:
        """Give the features of times.

        Args:
            clock: The times; None where rows are counted.
            source: Where they come from, for messages.

        Returns:
            Float64, two for each cycle. [T, 2 * cycles]

        Raises:
            ValueError: There are no cycles.
            DataError: The times are no dates, or months that are to be placed in a day or a week.
        """
        if not self.cycles:
            raise ValueError("a calendar of no cycles has no features")
        placed = {} if clock is None else _places(clock)
        missing = [cycle for cycle in self.cycles if cycle not in placed]
        if missing:
            raise DataError(
                f"{source}: its times have no place in the {' and the '.join(missing)}, which the "
                "calendar features are made of.\n"
                "To mend: name a time column of dates, or leave these features out (calendar: "
                "none)."
            )
        angles = [2 * np.pi * placed[cycle] for cycle in self.cycles]
        waves = [wave(angle) for angle in angles for wave in (np.cos, np.sin)]
        return torch.from_numpy(np.stack(waves, 1))


def season_of(clock: Clock | None) -> int:
    """Give the steps after which a series of such times is usually like itself again.

    Hours and parts of them repeat after a day; days after a week, or as many of its days as there
    are rows on; weeks, months and quarters after a year.

    Args:
        clock: The times; None where rows are counted.

    Returns:
        Steps; 1 where there is no such season.
    """
    if clock is None or clock.kind == "number" or len(clock.positions) < 2:
        return 1
    step = step_of(clock)
    if clock.kind == "month":
        return max(1, round(12 / step))
    if step < 0.9 * DAY:
        return max(1, round(DAY / step))
    if step < 1.5 * DAY:
        return int(open_days(clock).sum())
    return max(1, round(YEAR / step)) if step < 0.6 * YEAR else 1


def _places(clock: Clock) -> dict[str, npt.NDArray[np.float64]]:
    """Give how much of each cycle has passed, 0 to 1; [T] each."""
    if clock.kind == "month":
        return {"year": clock.positions % 12 / 12}
    if clock.kind == "number":
        return {}
    seconds = clock.positions
    years = seconds.astype("datetime64[s]").astype("datetime64[Y]")
    began = years.astype("datetime64[s]").astype(np.float64)
    length = (years + 1).astype("datetime64[s]").astype(np.float64) - began
    return {
        "day": seconds / DAY % 1,
        "week": (seconds / DAY + 3) / 7 % 1,  # from Monday; 1970 began on a Thursday
        "year": (seconds - began) / length,
    }
