"""The page's tables: scores, rows of the forecast, epochs, lags and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.report.history import History
from throughtime.report.numerals import fixed, grouped, places, short
from throughtime.report.predictions import Predictions
from throughtime.report.recorded_flow import LayerFlow
from throughtime.report.scores import MODEL, PeriodScores, best, written
from throughtime.report.wording import capital, forecaster, metric, shown

# What a page can hold; the rest is in the run's files.
_ROWS = 200
_FORECASTERS = 20
_COLUMNS = 6
_SETTINGS = 60
_EPOCHS = 8


@dataclass(frozen=True)
class Cell:
    """A cell; `best` is the best of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows."""

    caption: str
    head: list[str]
    rows: list[tuple[str, list[Cell]]]
    note: str = ""


def score_table(scores: PeriodScores, by: str = "Forecast by", of: str = "rows") -> Table:
    """Return one test period's scores: the network first, the best of each measure marked.

    Args:
        scores: What to show.
        by: The head of the first column.
        of: What the scores are means over.
    """
    columns: list[list[Cell]] = []
    for measure, values in scores.values.items():
        count, first = places(values.values()), best(measure, values.values())
        columns.append(
            [
                Cell(written(measure, value, count), value is not None and value == first)
                for value in values.values()
            ]
        )
    rows = [
        (capital(forecaster(name)), [column[index] for column in columns])
        for index, name in enumerate(scores.forecasters[:_FORECASTERS])
    ]
    counted = f", {short(scores.count)} {of}" if scores.count is not None else ""
    head = [by, *(metric(measure) for measure in scores.values)]
    left = len(scores.forecasters) - len(rows)
    note = f"{left} more forecasters are in metrics.json." if left else ""
    return Table(shown(scores.period, 80) + counted, head, rows, note)


def forecast_table(predictions: Predictions) -> Table | None:
    """Return the rows of the test periods, the first two hundred of them; None without any."""
    tests = predictions.tests()
    rows = [row for period in tests for row in range(period.start, period.stop)]
    if not rows:
        return None
    others = [name for name in predictions.forecasts if name != MODEL][: _COLUMNS - 2]
    named = {"observed": predictions.observed, MODEL: predictions.model}
    named.update((name, predictions.forecasts[name]) for name in others)
    # One number of decimals for the table: all columns are in the target's unit.
    observed = [predictions.observed[row] for row in rows]
    count = 3 if max((abs(v) for v in observed if v is not None), default=0.0) < 10 else 1
    shown_rows = rows[:_ROWS]
    note = f"The first {_ROWS} of {grouped(len(rows))} rows." if len(rows) > _ROWS else ""
    return Table(
        "Observed and forecast values of the test periods",
        [
            shown(predictions.time_name, 40),
            *("Observed" if name == "observed" else capital(forecaster(name)) for name in named),
        ],
        [
            (
                shown(predictions.time[row], 40),
                [Cell(fixed(column[row], count)) for column in named.values()],
            )
            for row in shown_rows
        ],
        note,
    )


def epoch_table(history: History, best_epoch: float | None) -> Table:
    """Return a few epochs from first to last, and the best."""
    epochs = history.epochs()
    last = len(epochs) - 1
    chosen = {round(last * index / (_EPOCHS - 1)) for index in range(_EPOCHS)} if epochs else set()
    chosen |= {index for index, epoch in enumerate(epochs) if epoch.number == best_epoch}
    picked = [epochs[index] for index in sorted(chosen)]
    caption = "Epochs" + ("; bold: the best" if best_epoch in [e.number for e in picked] else "")
    many = len(history) > len(epochs)
    return Table(
        caption,
        ["Epoch", "Loss", "Validation loss", "Gradient norm"],
        [
            (
                str(epoch.number),
                [
                    Cell(short(value), best=epoch.number == best_epoch)
                    for value in (epoch.loss, epoch.validation_loss, epoch.gradient_norm)
                ],
            )
            for epoch in picked
        ],
        "Loss is the mean over an epoch's updates, gradient norm the largest." if many else "",
    )


def lag_table(layer: LayerFlow) -> Table:
    """Return a layer's gradient at lags one, two, five and on, and at its horizon."""
    last = max(layer.lag, default=0.0)
    wanted = {0.0, last, layer.horizon}
    wanted |= {m * 10.0**e for e in range(7) for m in (1, 2, 5)}
    return Table(
        capital(shown(layer.name, 60))
        + ("; bold: the horizon" if layer.horizon in layer.lag else ""),
        ["Lag", "10 %", "Median", "90 %"],
        [
            (
                short(lag),
                [Cell(short(value), best=lag == layer.horizon) for value in values],
            )
            for lag, *values in zip(layer.lag, layer.lower, layer.median, layer.upper, strict=True)
            if lag in wanted
        ],
    )


def settings_table(caption: str, settings: Mapping[str, Any]) -> Table | None:
    """Return settings by name; None where there are none."""
    if not settings:
        return None
    rows = [
        (shown(name.replace("_", " "), 60), [Cell(setting(value))])
        for name, value in list(settings.items())[:_SETTINGS]
    ]
    left = len(settings) - len(rows)
    return Table(caption, ["Setting", "Value"], rows, f"{left} more not shown." if left else "")


def setting(value: object) -> str:
    """Return a setting as it is read aloud: yes and no, lists without brackets."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:20]
        return shown(", ".join(f"{key}: {setting(item)}" for key, item in pairs), 200) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return shown(", ".join(setting(item) for item in value[:20]), 200) or "none"
    return shown(value, 200)
