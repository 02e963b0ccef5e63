"""From a series to a trained forecaster and its scores."""

from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.saved import SavedError, load, save
from throughtime.estimators.scores import Comparison, compare
from throughtime.estimators.settings import Settings, SettingsError

__all__ = [
    "Comparison",
    "Forecaster",
    "SavedError",
    "Settings",
    "SettingsError",
    "compare",
    "load",
    "save",
]
