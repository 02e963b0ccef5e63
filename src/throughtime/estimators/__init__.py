"""From a series, or a text, to a trained network and its scores."""

from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.saved import SavedError
from throughtime.estimators.saved_forecaster import load, save
from throughtime.estimators.scores import Comparison, compare
from throughtime.estimators.settings import Settings, SettingsError

__all__ = [
    "Comparison",
    "Forecaster",
    "LanguageModel",
    "SavedError",
    "Settings",
    "SettingsError",
    "compare",
    "load",
    "save",
]
