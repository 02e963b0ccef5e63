"""What is explained: a trained network on the last rows of a series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.explaining.example import Example

if TYPE_CHECKING:
    from throughtime.data import Series


def trained(run: Path, data: Path | None, steps: int) -> Example:
    """Take the network of a run folder, with the state that the rows before the steps lead to.

    Args:
        run: The folder.
        data: A file with the columns trained on; the observations that the run noted if None.
        steps: How many rows are forecast, each from the row before it: the last ones. Of several
            series the longest is taken.

    Raises:
        SavedError: It is no run folder.
        DataError: The file is at fault.
        UsageError: The run has covariates, whose rows it does not hold; or there are too few rows.
    """
    import torch

    from throughtime.data import read_many
    from throughtime.estimators import load
    from throughtime.report.explanation.document import literal

    forecaster, config = load(run)
    if data is not None:
        found = read_many(data, config["target"], None, config.get("series"))
        series = max(found, key=len)
    elif config["covariates"]:
        raise UsageError(
            f"{run} holds the observations of {config['target']!r} alone, and its network reads "
            f"{', '.join(config['covariates'])} too; give a file that has them with --data"
        )
    else:
        series = _noted(run, config)
    forecast = len(series) - 1 - forecaster.settings.difference
    if forecast < steps:
        raise UsageError(
            f"{series.source} has {len(series)} rows, of which {max(0, forecast)} can be forecast; "
            f"--steps is {steps}"
        )
    network = forecaster.of_target().double().eval()
    rows = forecaster.rows.made(
        series, forecaster.scaling.for_series(series.name), torch.empty(0, dtype=torch.float64)
    )[:, None]
    inputs = forecaster.rows.read(rows)  # [T - 1, 1, I]
    first = len(inputs) - steps
    shape = (network.recurrent.num_layers, 1, network.recurrent.hidden_size)
    state = tuple(inputs.new_zeros(shape) for _ in network.recurrent.cell.states)
    if first:
        with torch.no_grad():
            _, carried = network(inputs[:first])
        state = carried if isinstance(carried, tuple) else (carried,)
    origin = (
        f"The state before comes from the {first} rows before them."
        if first
        else "The state before the first row is zero."
    )
    return Example(
        network,
        inputs=inputs[first:],
        targets=rows[first + 1 :, :, :1],
        state=state,
        source=f"The network of {literal(run.resolve().name)} forecasts "
        f"{literal(config['target'])} one row ahead, scaled as in training, for the rows "
        f"{literal(series.times[first + 1])} to {literal(series.times[-1])}. {origin}",
    )


def _noted(run: Path, config: dict[str, Any]) -> Series:
    """Read the observations that a run noted beside its forecasts."""
    import polars as pl
    import torch

    from throughtime.data import Series
    from throughtime.data.clock import read_clock
    from throughtime.data.roles import ROW

    path = run / "predictions.csv"
    try:
        table = pl.read_csv(path, infer_schema=False)
        name, time = config["name"], table.columns[0]
        if "series" in config:  # the longest of several, whose names come before the times
            name, time = table[time].value_counts(sort=True)[time][0], table.columns[1]
            table = table.filter(pl.col(table.columns[0]) == name)
        observed = table["observed"].cast(pl.Float64).to_torch()
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{path} cannot be read ({reason}); give the series with --data FILE"
        ) from error
    times = tuple(map(str, table[time]))
    values = observed.to(torch.float64)[:, None]
    clock = None if config["time"] == ROW else read_clock(table[time])
    return Series(name, config["target"], (), time, times, values, str(path), clock)
