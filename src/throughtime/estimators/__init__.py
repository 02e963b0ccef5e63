"""From a series, a text or sequences to a trained network, its scores and its files."""

from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.parameters import NotFittedError
from throughtime.estimators.regressor import SequenceRegressor
from throughtime.estimators.saved import SavedError
from throughtime.estimators.saved_forecaster import load, save
from throughtime.estimators.scores import Comparison, compare
from throughtime.estimators.series_model import SeriesModel
from throughtime.estimators.settings import Settings, SettingsError

__all__ = [
    "Comparison",
    "Forecaster",
    "LanguageModel",
    "NotFittedError",
    "SavedError",
    "SequenceClassifier",
    "SequenceRegressor",
    "SeriesModel",
    "Settings",
    "SettingsError",
    "compare",
    "load",
    "save",
]
