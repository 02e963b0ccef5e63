"""From sequences to a trained network, its scores and its files."""

from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.saved import SavedError, load, save
from throughtime.estimators.scores import Comparison, compare
from throughtime.estimators.sequences import NotFittedError
from throughtime.estimators.settings import Settings, SettingsError

__all__ = [
    "Comparison",
    "Forecaster",
    "NotFittedError",
    "SavedError",
    "SequenceClassifier",
    "Settings",
    "SettingsError",
    "compare",
    "load",
    "save",
]
