"""`throughtime backtest`: a trained forecaster tried on the past, many steps ahead."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.ahead import levels_of
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.output import refuse_to_harm, refuse_to_write_over, written
from throughtime.estimators.horizon_forecast import PATHS

if TYPE_CHECKING:
    from throughtime.data import Dataset, Series
    from throughtime.estimators import SeriesModel
    from throughtime.estimators.backtest import Backtest


@reports_errors
def backtest(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    horizon: Annotated[int, typer.Option(help="Rows that are forecast from each moment.", min=1)],
    windows: Annotated[int, typer.Option(help="Moments to forecast from.", min=1)] = 8,
    step: Annotated[
        int | None,
        typer.Option(help="Rows between them.", min=1, show_default="as many as are forecast"),
    ] = None,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit", help="Train anew at each moment, as the run was, on the rows before."
        ),
    ] = False,
    level: Annotated[
        str, typer.Option(help="Percent of the intervals whose coverage is measured.")
    ] = "80,95",
    season: Annotated[
        int | None,
        typer.Option(
            help="Rows of a season, for the seasonal-naive forecast and MASE; by the times if "
            "left out.",
            min=1,
            show_default="by the times",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The file to forecast, if it is not the one trained on."),
    ] = None,
    paths: Annotated[
        int, typer.Option(help="Ways that each series may go to draw.", min=2)
    ] = PATHS,
    seed: Annotated[int, typer.Option(help="Of what is drawn.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; NAME-backtest.csv if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Forecast the last rows of a series from several moments, beside naive forecasts.

    Each moment knows the rows before it alone. Without --refit the network of the run is asked,
    which must not have learned from what it forecasts: by default the last fifth of the rows are
    there for that.

    Example: throughtime backtest runs/tides-20260101-120000 --horizon 24 --windows 8
    """
    from throughtime.estimators import backtest as backtesting
    from throughtime.estimators import load
    from throughtime.estimators.horizon_forecast import check_levels
    from throughtime.estimators.resumed_forecaster import dataset_of

    levels = check_levels(levels_of(level))
    model, config = load(run)
    name = Path(str(config.get("name", "series"))).name
    place = out if out is not None else Path(f"{name}-backtest.csv")
    refuse_to_write_over(place, data)
    refuse_to_harm(place, run)
    dataset = dataset_of(run, config, data)
    if model.settings.patience is None:
        dataset = dataset.without_validation()
    series = [member.series for member in dataset.members]
    moments = backtesting.Moments(horizon, windows, horizon if step is None else step, season)
    moments = moments.with_season(series[0])
    starts = [moments.origins(one) for one in series]
    if not refit:
        learned = _learned(run, config, dataset, data)
        first = [at[0] for at in starts]
        backtesting.check_unlearned(list(zip(series, learned, first, strict=True)))

    def model_of(number: int) -> SeriesModel:
        if not refit:
            return model
        print(f"training on what was known in window {number + 1} of {windows}", file=sys.stderr)
        known = [one.part(range(at[number])) for one, at in zip(series, starts, strict=True)]
        return _trained(dataset, known, model)

    column = dataset.series_column
    found = backtesting.backtest(model_of, series, moments, levels, paths, seed, column)
    with written(place) as to:
        found.frame().write_csv(to, float_precision=None)
    if as_json:
        told = {"horizon": horizon, "windows": windows, "step": moments.step}
        told["season"] = found.season
        scores = {"scores": found.scores(), "mae_by_step": found.by_step()}
        print(json.dumps({"backtest": str(place), **told, **scores}, allow_nan=False))
        return
    _print(found, horizon, windows, config["target"])
    print(f"every forecast beside what came: {place}")


def _learned(run: Path, config: dict[str, Any], dataset: Dataset, data: Path | None) -> list[int]:
    """Give how many rows of each series the run has learned from, as far as can be told.

    Of another file, those up to the time at which the file trained on was left off.
    """
    from throughtime.data import DataError
    from throughtime.estimators.resumed_forecaster import dataset_of

    if data is None:
        return [member.split.train.stop for member in dataset.members]
    try:
        before = dataset_of(run, config).members
    except DataError:
        print(
            f"throughtime: what {run} was trained on is not there any more: whether rows of {data} "
            "were learned from cannot be told",
            file=sys.stderr,
        )
        return [0] * len(dataset.members)
    several = dataset.series_column is not None
    ends = {
        m.series.name if several else "": m.series.times[m.split.train.stop - 1] for m in before
    }
    found = []
    for member in dataset.members:
        end = ends.get(member.series.name if several else "")
        times = list(member.series.times)
        found.append(times.index(end) + 1 if end in times else 0)
    return found


def _trained(dataset: Dataset, known: list[Series], model: SeriesModel) -> SeriesModel:
    """Train a network like another one on what was known at a moment."""
    from dataclasses import replace

    from throughtime.data import Member, Split
    from throughtime.data.split import TEST, VALIDATION
    from throughtime.estimators import SeriesModel

    # Of what is learned from, the same part is validated on as in the run.
    validation, test = dataset.origin.get("validation"), dataset.origin.get("test")
    share = (validation or VALIDATION) / (1 - (test or TEST))
    share = 0.0 if model.settings.patience is None else share
    members = tuple(Member(one, Split.whole(len(one), share)) for one in known)
    of_then = replace(dataset, members=members)
    anew = SeriesModel.for_dataset(of_then, model.settings)
    outcome = anew.fit(of_then)
    if outcome.stopped == "interrupted":
        raise KeyboardInterrupt
    if outcome.stopped == "failed" and not outcome.best_epoch:
        raise UsageError(f"training failed: {outcome.failure}")
    return anew


def _print(found: Backtest, horizon: int, windows: int, target: str) -> None:
    from rich.console import Console
    from rich.table import Table

    count = len({window.series for window in found.windows})
    of = f"{target} of {count} series" if count > 1 else target
    scores = found.scores()
    table = Table(
        title=f"{of}: {horizon} steps ahead from {windows} moments, a season of {found.season}",
        title_justify="left",
    )
    table.add_column("")
    measures = ("mae", "rmse", "mase", "crps")
    for measure in measures:
        table.add_column(measure.upper(), justify="right")
    for level in scores["model"]["coverage"]:
        table.add_column(f"in {level} %", justify="right")
    best = {name: min(_known(score[name]) for score in scores.values()) for name in measures}
    for name, score in scores.items():
        cells = [_cell(score[measure], best[measure]) for measure in measures]
        table.add_row(name, *cells, *(f"{share:.1%}" for share in score["coverage"].values()))
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file or a pipe has no width to mind
    console.print(table)


def _known(score: float | None) -> float:
    return float("inf") if score is None else score


def _cell(score: Any, best: float) -> str:
    if score is None:
        return "-"
    return f"[bold]{score:.4g}[/]" if score == best else f"{score:.4g}"
