"""The scores of every forecaster on every test period, and which of two is better."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import fixed, number, percent
from throughtime.report.record import mapping

MODEL = "model"
_KNOWN = ("arv", "mase", "mse", "error_to_signal", "mae", "accuracy")
_HIGHER = ("accuracy",)
"""Measures of which more is better; of all others less is."""
_SHARES = (*_HIGHER, "error_to_signal")
"""Measures that are set in per cent."""
# Not a measure of error: how many rows the measures are over.
_COUNT = "count"


@dataclass(frozen=True)
class PeriodScores:
    """Scores on one test period: measure, then forecaster, then the value or None.

    The network comes first among the forecasters.
    """

    period: str
    values: Mapping[str, Mapping[str, float | None]]
    count: float | None

    @property
    def forecasters(self) -> list[str]:
        """Everyone with an entry for this period."""
        return list(next(iter(self.values.values()), {}))

    def leading_measure(self) -> str | None:
        """Return the first measure that the network has a value for."""
        for measure, scores in self.values.items():
            if scores.get(MODEL) is not None:
                return measure
        return next(iter(self.values), None)


def better(measure: str, one: float, other: float) -> bool:
    """Whether a score is better than another one."""
    return one > other if measure in _HIGHER else one < other


def best(measure: str, scores: Iterable[float | None]) -> float | None:
    """Give the best score; None where there is none."""
    known = [score for score in scores if score is not None]
    return max(known, default=None) if measure in _HIGHER else min(known, default=None)


def written(measure: str, score: float | None, count: int) -> str:
    """Write a score: a share in per cent, all else with so many decimals."""
    if measure in _SHARES and score is not None:
        return percent(score)
    return fixed(score, count)


def scores_by_period(metrics: Mapping[str, Any]) -> list[PeriodScores]:
    """Turn `metrics.json`'s scores, kept by forecaster, into scores by test period.

    Args:
        metrics: The contents of `metrics.json`.
    """
    found = mapping(metrics.get("scores"))
    order = [MODEL] * (MODEL in found) + [name for name in found if name != MODEL]
    table = {name: mapping(found[name]) for name in order}
    periods = dict.fromkeys(period for scores in table.values() for period in scores)
    return [_of_period(period, table) for period in periods]


def _of_period(period: str, table: Mapping[str, Mapping[str, Any]]) -> PeriodScores:
    entries = {name: mapping(scores[period]) for name, scores in table.items() if period in scores}
    named = dict.fromkeys(measure for entry in entries.values() for measure in entry)
    measures = [m for m in _KNOWN if m in named]
    measures += [m for m in named if m not in _KNOWN and m != _COUNT]
    counts = (number(entry.get(_COUNT)) for entry in entries.values())
    return PeriodScores(
        period=period,
        values={
            measure: {name: number(entry.get(measure)) for name, entry in entries.items()}
            for measure in measures
        },
        count=next((count for count in counts if count is not None), None),
    )
