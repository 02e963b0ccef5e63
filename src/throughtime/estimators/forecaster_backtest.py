"""A backtest of a forecaster's parameters: copies of it are fitted to what was known then."""

from __future__ import annotations

from typing import Any

from throughtime.estimators.backtest import Backtest, Moments, backtest
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.given_series import dataset_given, whole_dataset
from throughtime.estimators.series_model import SeriesModel


def backtest_of(
    forecaster: Forecaster,
    X: Any,
    y: Any,
    moments: Moments,
    refit: bool,
    levels: tuple[float, ...],
    paths: int,
    seed: int,
) -> Backtest:
    """Forecast the last rows of series by copies of a forecaster; see `Forecaster.backtest`.

    Args:
        forecaster: It is left as it is.
        X: As for `Forecaster.fit`.
        y: As for `Forecaster.fit`.
        moments: From where to forecast.
        refit: Whether to learn again at each.
        levels: Percent of the intervals, in order.
        paths: Ways that are drawn of each series and window.
        seed: Of what is drawn.
    """
    dataset = dataset_given(forecaster, X, y)
    whole = [member.series for member in dataset.members]
    moments = moments.with_season(whole[0])
    starts = [moments.origins(one) for one in whole]
    parameters = forecaster.get_params()
    if y is not None:
        parameters["known"] = dataset.columns[1:]  # as scikit-learn has it
    fitted: dict[int, SeriesModel] = {}

    def model_of(number: int) -> SeriesModel:
        key = number if refit else 0
        if key not in fitted:
            fitted.clear()
            known = [one.part(range(at[key])) for one, at in zip(whole, starts, strict=True)]
            copied = type(forecaster)(**parameters)
            fitted[key] = copied.fit(whole_dataset(copied, known)).model_
        return fitted[key]

    return backtest(model_of, whole, moments, levels, paths, seed, dataset.series_column)
