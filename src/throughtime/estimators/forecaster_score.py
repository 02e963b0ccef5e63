"""How near forecasts come to the rows that follow those learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.data import DataError
from throughtime.data.ahead import check_follows
from throughtime.data.faults import listed, quoted
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.given_series import read_given
from throughtime.estimators.horizon_forecast import forecast
from throughtime.estimators.regression_scores import determination


def score_of(forecaster: Forecaster, X: Any, y: Any) -> float:
    """Give R^2 of forecasts; see `Forecaster.score`."""
    if y is None:
        observed, predicted = _of_rows(forecaster, X)
    else:
        observed = torch.tensor(np.asarray(y, dtype=np.float64))
        told = forecaster.predict(np.empty((len(observed), 0)) if X is None else X)
        predicted = torch.tensor(np.asarray(told, dtype=np.float64))
    return determination(observed[:, None], predicted[:, None])


def _of_rows(forecaster: Forecaster, X: Any) -> tuple[Tensor, Tensor]:
    """Give what came in rows that follow, of all series one after the other, and what was said."""
    model, before = forecaster.fitted_model(), forecaster.series_before(None)
    came = {one.name: one for one in read_given(forecaster, X)}
    if forecaster.series_column() is None:
        came = dict.fromkeys((one.name for one in before), next(iter(came.values())))
    if not (before := [one for one in before if one.name in came]):
        raise DataError(
            f"the rows are of {listed(map(quoted, came), shown=10)}, of which nothing was "
            "learned.\nTo mend: give rows that follow those learned from."
        )
    observed, predicted = [], []
    for one in before:
        after = came[one.name]
        check_follows(one, after)
        places = [after.columns.index(name) for name in model.rows.known]
        known = [after.values[:, places]] if places else None
        observed.append(after.values[:, 0].double())
        predicted.append(forecast(model, [one], len(after), known)[0].predicted)
    return torch.cat(observed), torch.cat(predicted)
