"""The forecasts of a run beside what was observed, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from throughtime.report.numerals import number
from throughtime.report.table_file import read_columns

FITTED_PARTS = ("train", "validation")


@dataclass(frozen=True)
class Period:
    """A run of neighbouring rows of one part; `stop` is the row after its last."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Predictions:
    """Observed and predicted values of one series.

    Args:
        time: Times as text, one a row: years, dates or row numbers.
        part: For each row "train", "validation" or the name of a test period.
        observed: The series, None where it is unknown.
        forecasts: Predicted values by forecaster; "model" is the network.
        time_name: What the times are called.
    """

    time: Sequence[str]
    part: Sequence[str]
    observed: Sequence[float | None]
    forecasts: Mapping[str, Sequence[float | None]]
    time_name: str = "time"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.time)

    @property
    def model(self) -> Sequence[float | None]:
        """What the network predicted."""
        return self.forecasts.get("model", [None] * len(self))

    def periods(self) -> list[Period]:
        """Return the parts in the order of their rows."""
        found: list[Period] = []
        for row, name in enumerate(self.part):
            if found and found[-1].name == name:
                found[-1] = Period(name, found[-1].start, row + 1)
            else:
                found.append(Period(name, row, row + 1))
        return found

    def tests(self) -> list[Period]:
        """Return the test periods in the order of their rows."""
        return [period for period in self.periods() if period.name not in FITTED_PARTS]

    def rows(self, start: int, stop: int) -> "Predictions":
        """Return the rows from `start` up to, and without, `stop`."""
        return Predictions(
            self.time[start:stop],
            self.part[start:stop],
            self.observed[start:stop],
            {name: column[start:stop] for name, column in self.forecasts.items()},
            self.time_name,
        )


def read_predictions(path: Path) -> Predictions:
    """Read `predictions.csv`: the time first, then `part`, `observed` and a column a forecaster.

    Args:
        path: The file.

    Raises:
        ValueError: A column is missing.
    """
    columns = read_columns(path, needed=["part", "observed"])
    time_name = next(iter(columns))
    known = {time_name, "part", "observed"}
    values = {
        name: [number(cell) for cell in cells]
        for name, cells in columns.items()
        if name == "observed" or name not in known
    }
    return Predictions(
        time=columns[time_name],
        part=columns["part"],
        observed=values.pop("observed"),
        forecasts=values,
        time_name=time_name,
    )
