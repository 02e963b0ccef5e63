"""The page's chart of the forecast: the test periods, observed and predicted."""

from collections.abc import Sequence
from itertools import pairwise

from throughtime.report.chart import Chart, Line, Span, draw
from throughtime.report.numerals import number, short
from throughtime.report.predictions import Predictions
from throughtime.report.scale import linear
from throughtime.report.thinning import COLUMNS
from throughtime.report.wording import capital, shown

_DOTTED = 90  # rows up to which each observation gets its dot
_TICKS = 5
_SPANS = 60


def outlook_chart(predictions: Predictions, target: str, columns: int = COLUMNS) -> Chart | None:
    """Draw the test periods, or all rows where there are none; None without a row.

    Args:
        predictions: Observed and predicted values.
        target: What is forecast.
        columns: Into how many columns long lines are thinned.
    """
    tests = predictions.tests()
    if tests:
        predictions = predictions.rows(tests[0].start, tests[-1].stop)
    rows = len(predictions)
    if not rows:
        return None
    x, ticks = time_axis(predictions.time)
    step = (x[-1] - x[0]) / (rows - 1) if rows > 1 else 1.0
    return draw(
        "forecast",
        title=f"Forecast of {shown(target, 80)}",
        description=_described(predictions),
        x=linear([x[0] - step / 2, x[-1] + step / 2], margin=0.0),
        y=linear([*predictions.observed, *predictions.model]),
        x_label=shown(predictions.time_name, 40),
        y_label=shown(target, 60),
        # What was observed lies on top, thin, so that a good forecast does not hide it.
        lines=[
            Line("the network's forecast", "model", list(zip(x, predictions.model, strict=True))),
            Line(
                "observed",
                "observed",
                list(zip(x, predictions.observed, strict=True)),
                dots=rows <= _DOTTED,
            ),
        ],
        spans=[
            Span(period.name, x[period.start] - step / 2, x[period.stop - 1] + step / 2)
            for period in (predictions.tests() or predictions.periods())[:_SPANS]
        ],
        x_ticks=ticks,
        height=280,
        columns=columns,
    )


def time_axis(
    times: Sequence[str],
) -> tuple[list[float], list[tuple[float, str]] | None]:
    """Return the place of each row, and ticks where the times themselves are not a number.

    Times that are ascending numbers, such as years, are their own axis; any others are set at even
    distances and labelled by row.
    """
    values = [number(time) for time in times]
    numeric = [value for value in values if value is not None]
    if len(numeric) == len(times) and all(a < b for a, b in pairwise(numeric)):
        return numeric, None
    last = len(times) - 1
    rows = sorted({round(last * tick / (_TICKS - 1)) for tick in range(_TICKS)})
    labels = _brief([times[row] for row in rows])
    ticks = [(float(row), label) for row, label in zip(rows, labels, strict=True)]
    return [float(row) for row in range(len(times))], ticks


def _brief(times: Sequence[str]) -> list[str]:
    # Of a date and a time, the part that tells the ticks apart is shown.
    for part in (slice(0, 10), slice(5, 16), slice(11, 19)):
        cut = [shown(time[part]) for time in times]
        if len(set(cut)) == len(times):
            return cut
    return [shown(time, 10) for time in times]


def _described(predictions: Predictions) -> str:
    first, last = shown(predictions.time[0], 40), shown(predictions.time[-1], 40)
    said = [f"{len(predictions)} rows from {first} to {last}."]
    for name, column in (("observed", predictions.observed), ("predicted", predictions.model)):
        known = [value for value in column if value is not None]
        if known:
            said.append(f"{capital(name)}: {short(min(known))} to {short(max(known))}.")
    return " ".join(said)
