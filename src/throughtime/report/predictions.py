"""The forecasts of a run beside what was observed, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from throughtime.report.longest import longest_series
from throughtime.report.numerals import number
from throughtime.report.table_file import read_rows

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
        series: Which of several series it is; empty for the only one.
        count: How many series there are.
    """

    time: Sequence[str]
    part: Sequence[str]
    observed: Sequence[float | None]
    forecasts: Mapping[str, Sequence[float | None]]
    time_name: str = "time"
    series: str = ""
    count: int = 1

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
        return replace(
            self,
            time=self.time[start:stop],
            part=self.part[start:stop],
            observed=self.observed[start:stop],
            forecasts={name: column[start:stop] for name, column in self.forecasts.items()},
        )

    def titled(self, target: str) -> str:
        """Name what is forecast, with its series where there are several."""
        return f"{target}, {self.series}" if self.series else target


def read_predictions(path: Path) -> Predictions:
    """Read `predictions.csv`: the time first, then `part`, `observed` and a column a forecaster.

    Where several series stand below each other, their names come before the time, and the longest
    is read; the first of equal length.

    Args:
        path: The file.

    Raises:
        ValueError: A column is missing.
    """
    names = next(read_rows(path, needed=["part", "observed"]))
    before = max(1, names.index("part"))
    time_name = names[before - 1]
    series, count = "", 1
    if before > 1:
        rows, count = longest_series(path)
        series = rows[0][0] if rows else ""
    else:
        rows = list(islice(read_rows(path), 1, None))
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    columns = dict(zip(names, cells, strict=True))
    known = {*names[:before], "part", "observed"}
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
        series=series,
        count=count,
    )
