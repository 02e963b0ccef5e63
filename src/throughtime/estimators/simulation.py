"""A series gone on with: the network reads what it has drawn from its own forecasts, step by step.

So a forecast of many steps is the set of ways that the series may go (Salinas et al. 2020), of any
number of steps, and what one step leaves uncertain makes the next ones more so.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.data import Series
from throughtime.data.ragged import padded
from throughtime.data.stored.scratch import release
from throughtime.estimators.series_model import SeriesModel
from throughtime.estimators.settings import SettingsError

MOST_PATHS = 100_000
"""Of one series: what they take of memory grows with them, and hardly any figure does."""
ROWS_AT_ONCE = 20_000
"""Ways of all series together that are followed at once, which bounds the memory."""


MOST_VALUES = 20_000_000
"""Steps of all ways of a series, which are held at once."""


def check_asked(horizon: int, paths: int, seed: int) -> None:
    """Refuse steps, ways and seeds that are none, or too many.

    Raises:
        SettingsError: With what is taken.
    """
    for name, value, least, most in (
        ("horizon", horizon, 1, MOST_VALUES),
        ("paths", paths, 0, MOST_PATHS),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingsError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if value > most:
            raise SettingsError(f"{name} must be at most {most:,}, got {value:,}")
    if horizon * max(1, paths) > MOST_VALUES:
        raise SettingsError(
            f"{paths:,} ways of {horizon:,} steps are {horizon * paths:,} values, more than "
            f"{MOST_VALUES:,}; take fewer ways (paths) or steps (horizon)"
        )


class NoSpreadError(SettingsError):
    """A network that gives numbers alone does not know how far it errs."""


@torch.no_grad()
def simulate(
    model: SeriesModel,
    series: Sequence[Series],
    horizon: int,
    known: Sequence[Tensor | None] | None = None,
    paths: int = 500,
    seed: int = 0,
) -> list[Tensor]:
    """Draw ways that series may go on.

    Args:
        model: Trained.
        series: Each goes on after its last row.
        horizon: Steps, H.
        known: For each series the covariates that are known in the future, in the order of the
            model's columns: [H, K]; None where it has none.
        paths: How many ways of each, S; 0 for one that errs nowhere: at each step the network reads
            its own forecast as if it had come.
        seed: Of all that is drawn; torch's generator is left as it is.

    Returns:
        Of each series the target's values, float64, in its units. [S, H], or [1, H]

    Raises:
        DataError: A column is missing, a series was not trained on, or has no dates for a calendar.
        SettingsError: It reads covariates of which it says nothing, see `Settings.joint`; or there
            are to be more than 100,000 ways.
        NoSpreadError: Ways are to be drawn, and the network gives numbers of unknown errors.
    """
    check_asked(horizon, paths, seed)
    drawn = paths > 0
    if drawn and not model.rows.output.distribution and model.residuals is None:
        raise NoSpreadError(
            "this forecaster gives numbers alone and does not know how far they err: its training "
            "was not finished, or an earlier version wrote it; train again, or go on with it"
        )
    if model.rows.unsaid and horizon > 1:
        raise SettingsError(
            f"this forecaster reads {', '.join(model.rows.unsaid)} and says nothing of rows to "
            "come, so it can forecast one row; train with joint=True, or name what is known in "
            "advance as known (throughtime train --known)"
        )
    model.scaling.check([one.name for one in series], series[0].source if series else "")
    model.network.eval()
    found: list[Tensor] = []
    at_once = max(1, ROWS_AT_ONCE // max(1, paths))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for start in range(0, len(series), at_once):
            part = range(start, min(len(series), start + at_once))
            rows = [model.scaled(series[i]) for i in part]
            ahead = [model.ahead(series[i], horizon, known[i] if known else None) for i in part]
            changes = _followed(model, rows, ahead, max(1, paths), drawn)  # [H, N, S]
            release()  # of series on disk
            found += [
                _restored(model, series[i], changes[:, place].T, drawn)
                for place, i in enumerate(part)
            ]
    return found


def _followed(
    model: SeriesModel, rows: Sequence[Tensor], ahead: Sequence[Tensor], paths: int, drawn: bool
) -> Tensor:
    """Give the scaled changes of the target, [H, N, S]."""
    read = [
        model.rows.read(torch.cat([own, next_[:1]])) for own, next_ in zip(rows, ahead, strict=True)
    ]
    inputs, lengths = padded(read)
    outputs, state = model.network(inputs, None, lengths)
    last = outputs[lengths - 1, torch.arange(len(rows))]  # [N, O]
    given = last.repeat_interleave(paths, 0)  # [N * S, O]
    parts = state if isinstance(state, tuple) else (state,)
    carried = tuple(part.repeat_interleave(paths, 1) for part in parts)
    coming = torch.stack(list(ahead), 1).repeat_interleave(paths, 1)  # [H, N * S, R]
    changes = []
    for step in range(len(coming)):
        row = coming[step].clone()
        row[:, list(model.rows.forecast)] = _values(model, given, row, drawn)
        changes.append(row[:, 0].double().cpu())
        if step + 1 < len(coming):
            read_next = model.rows.read(torch.stack([row, coming[step + 1]]))  # [1, N * S, I]
            outputs, after = model.network(read_next, carried if len(carried) > 1 else carried[0])
            given, carried = outputs[0], after if isinstance(after, tuple) else (after,)
    return torch.stack(changes).view(len(coming), len(rows), paths)


def _values(model: SeriesModel, given: Tensor, row: Tensor, drawn: bool) -> Tensor:
    """Give a value of each column that is forecast, [N * S, K]."""
    centers = model.rows.centers(given)
    if not drawn:
        return centers
    if not model.rows.output.distribution:
        assert model.residuals is not None
        chosen = torch.randint(len(model.residuals), (len(given),))
        return centers + model.residuals[chosen].to(centers)  # of one row: they may go together
    of_target, of_others = model.rows.parted(given)
    size = row[:, -1] if model.rows.output.counts else None
    own = model.rows.output.draw(of_target, size)[:, None]
    return torch.cat([own, model.rows.others.draw(of_others)], 1) if of_others.shape[1] else own


def _restored(model: SeriesModel, series: Series, changes: Tensor, drawn: bool) -> Tensor:
    """Add changes [S, H] up from where the series ends, and bring them to its units."""
    scaling, steps = model.scaling.for_series(series.name), model.settings.difference
    if not steps:
        values = model.rows.restored(changes, changes, scaling)
        # A count is divided by the size of its series and brought back: it has to be whole again.
        return values.round() if drawn and model.rows.output.counts else values
    levels = model.rows.levels(series)[-steps:].expand(len(changes), steps)
    for step in range(changes.shape[1]):
        change = scaling.invert_target(changes[:, step])
        levels = torch.cat([levels, (levels[:, -steps] + change)[:, None]], 1)
    return model.rows.units(levels[:, steps:])
