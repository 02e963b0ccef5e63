"""A Forecaster in onnxruntime: what `predict` says of each next row, whatever it reads and says."""

from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch

import throughtime as tt
from throughtime.export import ExportError

DAYS = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 3, 20), eager=True)
DRAW = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {"day": DAYS, "sold": DRAW.poisson(6, len(DAYS)), "price": DRAW.random(len(DAYS)),
     "rain": DRAW.random(len(DAYS))}
)  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"output": "gaussian", "calendar": "week", "known": ["price"]},
        {"output": "negative_binomial"},
        {"output": "quantiles", "transform": "log1p", "calendar": "none"},
        {"output": "point", "joint": False},
    ],
)
def test_it_says_what_the_forecaster_says(settings: dict[str, Any]) -> None:
    forecaster = tt.Forecaster(hidden=4, epochs=2, target="sold", difference=0, **settings)
    model = forecaster.fit(FRAME).model_
    series = forecaster.dataset_.series
    ahead, _ = model.predict(series)
    calendar = model.rows.calendar
    numbers = model.rows.chosen(series)
    columns = [numbers]
    if calendar.cycles:
        columns.append(calendar.features(series.clock, "here"))
    rows = torch.cat(columns, 1)
    # What is known of the next row comes with this one.
    given = torch.where(model.rows.ahead, rows[1:], rows[:-1]).numpy()[:, None]
    session = onnxruntime.InferenceSession(tt.export.to_onnx(forecaster).SerializeToString())
    state = np.zeros((1, 1, 4), np.float32)
    told, _ = session.run(None, {"input": given, "state_h": state})
    expected = ahead[1:].numpy()
    assert np.abs(told[:, 0, 0] - expected).max() < 1e-5 * np.abs(expected).max()
    wrong, _ = session.run(None, {"input": rows[:-1].numpy()[:, None] + 1, "state_h": state})
    assert np.abs(wrong[:, 0, 0] - expected).max() > 1e-3


def test_what_cannot_be_exported_is_said() -> None:
    with pytest.raises(ExportError, match="call fit first"):
        tt.export.to_onnx(tt.Forecaster())
    changes = tt.Forecaster(hidden=2, epochs=1, target="sold", difference=1).fit(FRAME)
    with pytest.raises(ExportError, match="trained without difference"):
        tt.export.to_c(changes, "sold")
