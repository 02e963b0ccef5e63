"""What a loaded model answers, of whatever kind it is, in a form that JSON holds."""

from typing import Any

import numpy as np
import torch

from throughtime.data import Series
from throughtime.estimators import (
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SeriesModel,
)


def answers(model: Any, asked: Any) -> Any:
    """Ask a model.

    Args:
        model: What was loaded.
        asked: Of a language model a text; of others a list of sequences, [T_i, I] each: of a model
            of several series, the first is of the first one.
    """
    if isinstance(model, LanguageModel):
        return [model.evaluate(asked[:count]).bits for count in range(2, len(asked) + 1)]
    if isinstance(model, Forecaster):
        model = model.model_
        assert isinstance(model, SeriesModel)
        names = [*getattr(model.scaling, "of", ["tide"])]
        series = [_series(model, name, rows) for name, rows in zip(names, asked, strict=False)]
        return [[*forecasts[1:].tolist(), ahead] for forecasts, ahead in model.predict_many(series)]
    sequences = [np.array(rows) for rows in asked]
    if isinstance(model, SequenceClassifier):
        return model.predict_proba(sequences).tolist()
    assert isinstance(model, SequenceRegressor)
    return [np.asarray(answer).tolist() for answer in model.predict(sequences)]


def _series(model: SeriesModel, name: str, rows: Any) -> Series:
    target, *covariates = model.columns
    return Series(
        name=name,
        target=target,
        covariates=tuple(covariates),
        time_name="t",
        times=tuple(map(str, range(len(rows)))),
        values=torch.tensor(rows, dtype=torch.float64),
        source="written down",
    )
