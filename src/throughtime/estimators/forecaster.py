"""A forecaster of series with scikit-learn's conventions: many steps ahead, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from throughtime.data import Dataset, Series
from throughtime.data.arrays import covariates_of
from throughtime.estimators.backtest import LEVELS, Backtest, Moments
from throughtime.estimators.forecaster_parameters import ForecasterParameters
from throughtime.estimators.given_series import (
    dataset_given,
    known_ahead,
    read_given,
)
from throughtime.estimators.horizon_forecast import (
    PATHS,
    HorizonForecast,
    as_frame,
    check_levels,
    forecast,
)
from throughtime.estimators.parameters import NotFittedError
from throughtime.estimators.series_flow import flow_of
from throughtime.estimators.series_model import SeriesModel
from throughtime.estimators.settings import SettingsError
from throughtime.estimators.simulation import check_asked
from throughtime.flow import Flow
from throughtime.train import Checkpoint, Checkpoints
from throughtime.train.run_folder import RunFolder
from throughtime.train.training import Callback

if TYPE_CHECKING:
    import polars as pl


@dataclass(eq=False, repr=False)
class Forecaster(ForecasterParameters):
    """Forecasts the next values of a series, or of many; parameters as above.

    Attributes:
        model_: The network with its scaling, which forecasts one step ahead.
        dataset_: What was learned from; of a forecaster that was loaded, nothing.
        outcome_: What the training came to: history, best epoch, why it ended.

    Example:
        >>> import numpy as np
        >>> y = np.sin(np.arange(300) * 0.3) + 5
        >>> forecaster = Forecaster(hidden=8, epochs=10).fit(y)
        >>> forecaster.predict(3, level=[80]).columns
        ['row', 'predicted', 'lower-80', 'upper-80']
    """

    def fit(
        self,
        X: Any,
        y: Any = None,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Self:
        """Learn from series.

        Args:
            X: A file or a frame, whose columns are named by the parameters; a `Dataset`, with its
                own split; an array [T], or [T, C] whose first column is the target; a list of such
                arrays, several series. With y: covariates of each row, [T, K], all known in the
                future, or None.
            y: The target, [T].
            callbacks: Told of each update and epoch.
            checkpoints: Keeps what is needed to go on with the training; see `throughtime.train`.
            resume: Where to go on from.

        Returns:
            This estimator. Ctrl-C, or a loss that is not finite, leaves it with its best weights;
            `outcome_` says so.

        Raises:
            DataError: The series cannot be used; all that is wrong is named at once.
            SettingsError: A parameter is out of range, or the method does not take the network.
            FloatingPointError: The loss was not finite before the first epoch had ended.
            StorageError: A checkpoint cannot be written; or the one to go on from is one of
                another training.
        """
        self.settings()  # before anything is read
        dataset = dataset_given(self, X, y)
        settings = self.settings(dataset)
        if y is not None:
            settings = replace(settings, known=dataset.columns[1:])
        model = SeriesModel.for_dataset(dataset, settings)
        outcome = model.fit(dataset, callbacks, checkpoints, resume)
        if outcome.stopped == "failed" and not outcome.best_epoch:
            raise FloatingPointError(outcome.failure)
        self.model_, self.dataset_, self.outcome_ = model, dataset, outcome
        self._configuration: dict[str, Any] | None = None
        self._as_regression = y is not None
        self.n_features_in_ = len(dataset.columns) - 1 if self._as_regression else 1
        return self

    def predict(
        self,
        horizon: int | Any = 1,
        level: Sequence[float] | float = (),
        *,
        X: Any = None,
        future: Any = None,
        paths: int = PATHS,
        seed: int = 0,
    ) -> pl.DataFrame | npt.NDArray[np.float64]:
        """Forecast the rows that follow.

        Args:
            horizon: How many, H. After fit(X, y) the covariates of the rows to come, [H, K], as
                scikit-learn has it.
            level: Percent of central intervals, such as [80, 95].
            X: What to go on from, as `fit` takes it; what was learned from if left out.
            future: Covariates that are known of the rows to come: a file or a frame, or an array
                [H, K] in the order of the columns.
            paths: Ways that are drawn of each series.
            seed: Of what is drawn: the same seed gives the same forecast.

        Returns:
            A frame of polars: the series column if there are several, the time, "predicted", and
            "lower-95" and "upper-95" for each level. After fit(X, y) and for covariates, an array
            of the forecasts, [H].

        Raises:
            NotFittedError: Nothing was fitted; or X is needed, for this forecaster was loaded.
            DataError: A column, a series or a covariate of a row to come is missing.
            SettingsError: The horizon, a level or the number of paths is out of range.
            NoSpreadError: A level was asked of a forecaster that does not know how far it errs.
        """
        model = self.fitted_model()
        if not isinstance(horizon, int | np.integer):
            if not self._is_regression:
                raise SettingsError(
                    f"horizon is how many rows to forecast, a whole number; got "
                    f"{type(horizon).__name__} (series to go on from are given as X=...)"
                )
            ahead = covariates_of(horizon, model.columns[1:])
            (found,) = self._forecast(len(ahead), None, X, ahead, paths, seed)
            return found.predicted.numpy()
        levels = check_levels(level)
        drawn = paths if levels or model.rows.output.distribution else 0
        counted = horizon if isinstance(horizon, bool) else int(horizon)
        forecasts = self._forecast(counted, levels, X, future, drawn, seed)
        return as_frame(forecasts, levels, self.series_column())

    def _forecast(
        self,
        horizon: int,
        levels: Sequence[float] | None,
        X: Any,
        future: Any,
        paths: int,
        seed: int,
    ) -> list[HorizonForecast]:
        model = self.fitted_model()
        check_asked(horizon, paths, seed)
        if levels and paths < 2:
            raise SettingsError(f"an interval needs ways to be drawn; paths is {paths}")
        series, names = self.series_before(X), model.rows.known
        if future is not None and not names and not self._is_regression:
            raise SettingsError("no covariate is known in the future; leave future out")
        column = self.series_column()
        known = known_ahead(names, series, horizon, future, self.time, column) if names else None
        return forecast(model, series, horizon, known, paths, seed)

    def score(self, X: Any, y: Any = None) -> float:
        """Give the coefficient of determination R^2 of forecasts of the rows that follow.

        Args:
            X: The rows that come right after those learned from, as `fit` takes them; with y their
                covariates, [H, K].
            y: What came, [H].

        Returns:
            R^2 over all series and rows; see `determination`.

        Raises:
            NotFittedError, DataError: As for `predict`.
        """
        from throughtime.estimators.forecaster_score import score_of

        return score_of(self, X, y)

    def backtest(
        self,
        X: Any,
        y: Any = None,
        *,
        horizon: int,
        windows: int = 8,
        step: int | None = None,
        refit: bool = False,
        level: Sequence[float] = LEVELS,
        season: int | None = None,
        paths: int = PATHS,
        seed: int = 0,
    ) -> Backtest:
        """Try these parameters on the past: forecast the last rows from several moments.

        A copy of this forecaster is fitted to the rows before the first moment, or, to refit, anew
        to those before each. This one is left as it is.

        Args:
            X: As for `fit`.
            y: As for `fit`.
            horizon: Steps that are forecast from each moment.
            windows: How many moments.
            step: Rows between them; as many as the horizon has if None.
            refit: Whether to learn again at each.
            level: Percent of the intervals whose coverage is measured.
            season: Steps of a season, for the seasonal-naive forecast and MASE; by the times if
                None: see `season_of`.
            paths: Ways that are drawn of each series and window.
            seed: Of what is drawn.

        Raises:
            DataError, SettingsError: As for `fit`; or there are too few rows for so many windows.
        """
        from throughtime.estimators.forecaster_backtest import backtest_of

        moments = Moments(horizon, windows, horizon if step is None else step, season)
        return backtest_of(self, X, y, moments, refit, check_levels(level), paths, seed)

    def flow(self) -> Flow:
        """Measure how far back the gradient reaches, on the last rows learned from.

        Raises:
            NotFittedError: Nothing was fitted, or this forecaster was loaded.
            NoFlowError: There is no gradient, or it is not finite.
        """
        return flow_of(self.fitted_model(), self._fitted_to())

    def save(self, folder: str | Path) -> None:
        """Write what was fitted into a new folder: safetensors and JSON, whole or not at all.

        `throughtime predict`, `evaluate` and `export` take it too.

        Args:
            folder: It must not exist, or be empty.

        Raises:
            NotFittedError: Nothing was fitted.
            RunFolderError: The folder is taken, or cannot be written.
        """
        from throughtime import __version__
        from throughtime.estimators.saved_forecaster import configuration, write_model

        model = self.fitted_model()
        config = self.__dict__.get("_configuration")  # of a forecaster that was loaded
        if config is None:
            config = configuration(model, self._fitted_to(), __version__)
            config |= {"validation": self.validation, "of_covariates": self._is_regression}
        with RunFolder("model", Path(folder)) as place:
            write_model(model, config, place.path)
            place.keep()

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load a forecaster that `save` or `throughtime train` wrote, on the CPU.

        Raises:
            SavedError: A file is missing or damaged, or of another kind of model.
        """
        from throughtime.estimators.saved_forecaster import load

        model, config = load(Path(folder))
        taken = {k: v for k, v in model.settings.as_dict().items() if k in cls._names()}
        if isinstance(config.get("validation"), int | float):
            taken["validation"] = config["validation"]
        time = None if config.get("time") == "row" else config.get("time")
        loaded = cls(**taken, target=config["target"], time=time, series=config.get("series"))
        loaded.model_, loaded._configuration = model, config
        loaded._as_regression = config.get("of_covariates") is True
        loaded.n_features_in_ = len(model.columns) - 1 if loaded._is_regression else 1
        return loaded

    @property
    def _is_regression(self) -> bool:
        """Whether it was fitted to covariates X and a target y."""
        return bool(self.__dict__.get("_as_regression"))

    def fitted_model(self) -> SeriesModel:
        """Give the network with its scaling.

        Raises:
            NotFittedError: Nothing was fitted.
        """
        model: SeriesModel = self._fitted("model_")
        return model

    def _fitted_to(self) -> Dataset:
        self._fitted("model_")
        if "dataset_" not in self.__dict__:
            raise NotFittedError(
                "this forecaster was loaded, without the series that it learned from"
            )
        return self.dataset_

    def series_before(self, X: Any) -> list[Series]:
        """Give the series to go on from: those of X, or those learned from if it is None.

        Raises:
            NotFittedError: Nothing was fitted; or X is needed, for this forecaster was loaded.
            DataError: X cannot be read.
        """
        if X is not None:
            return list(read_given(self, X))
        self._fitted("model_")
        if "dataset_" not in self.__dict__:
            raise NotFittedError(
                "this forecaster was loaded, without the series that it learned from; give the "
                "rows to go on from: predict(horizon, X=...)"
            )
        return [
            member.series.part(range(member.split.train.stop)) for member in self.dataset_.members
        ]

    def series_column(self) -> str | None:
        """The column that tells series apart, if there are several."""
        if self.series is not None:
            return self.series
        dataset = self.__dict__.get("dataset_")
        return None if dataset is None else dataset.series_column
