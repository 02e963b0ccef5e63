"""Forecasters exported: what `predict` says of each next row, whatever they read and say."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch

import throughtime as tt
from tests.export.compiled import Header, answers, needs_compiler
from throughtime.export import ExportError

DAYS = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 3, 20), eager=True)
DRAW = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {"day": DAYS, "sold": DRAW.poisson(6, len(DAYS)), "price": DRAW.random(len(DAYS)),
     "rain": DRAW.random(len(DAYS))}
)  # fmt: skip


SETTINGS: list[dict[str, Any]] = [
    {"output": "gaussian", "calendar": "week", "known": ["price"]},
    {"output": "negative_binomial"},
    {"output": "quantiles", "transform": "log1p", "calendar": "none"},
    {"output": "point", "joint": False},
    {"output": "gaussian", "calendar": "week", "known": ["price"], "difference": 1},
    {"output": "student_t", "transform": "log1p", "calendar": "none", "difference": 7},
    {"output": "point", "transform": "sqrt", "calendar": "week,day", "difference": 2},
]
each_forecaster = pytest.mark.parametrize("settings", SETTINGS)


def asked(settings: dict[str, Any]) -> tuple[tt.Forecaster, Any, Any]:
    """Give a forecaster, what is given it for each row but the last, and what it says of the next.

    Returns:
        The forecaster; [T - 1, I]; [T - 1], NaN where there is no change yet.
    """
    forecaster = tt.Forecaster(
        **{"hidden": 4, "epochs": 2, "target": "sold", "difference": 0, **settings}
    )
    model = forecaster.fit(FRAME).model_
    series = forecaster.dataset_.series
    ahead, _ = model.predict(series)
    columns = [model.rows.chosen(series)]
    if model.rows.calendar.cycles:
        columns.append(model.rows.calendar.features(series.clock, "here"))
    rows = torch.cat(columns, 1)
    # What is known of the next row comes with this one.
    given = torch.where(model.rows.ahead, rows[1:], rows[:-1]).numpy()
    return forecaster, given, ahead[1:].numpy()


def near(told: Any, expected: Any) -> bool:
    return bool(np.abs(told - expected).max() < 1e-5 * np.abs(expected).max())


@each_forecaster
@pytest.mark.parametrize("streaming", [False, True])
def test_onnxruntime_says_what_the_forecaster_says(
    settings: dict[str, Any], streaming: bool
) -> None:
    forecaster, given, expected = asked(settings)
    lost = settings.get("difference", 0)
    model = tt.export.to_onnx(forecaster, streaming=streaming)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    beside = {"state_h": np.zeros((1, 1, 4), np.float32)}
    if lost:
        beside["before"] = given[:lost, None]
    names = [output.name for output in session.get_outputs()]
    told = []
    pieces = given[lost:, None] if streaming else np.split(given[lost:, None], [5, 30])
    for piece in pieces:  # the state, and the rows before, go from one to the next
        out = dict(zip(names, session.run(None, {"input": piece, **beside}), strict=True))
        told.append(out["output"].reshape(-1))
        beside = {name: out[name.replace("state", "next").replace("before", "next_before")]
                  for name in beside}  # fmt: skip
    assert near(np.concatenate(told), expected[lost:])
    wrong = {**beside, "state_h": np.ones((1, 1, 4), np.float32)}
    other = session.run(None, {"input": pieces[0], **wrong})[0].reshape(-1)
    assert not near(other, told[0])


@needs_compiler
def test_c_says_what_the_forecasters_say(tmp_path: Path) -> None:
    found = [asked(settings) for settings in SETTINGS]
    headers = [
        Header(f"series_{place}", tt.export.to_c(forecaster, f"series_{place}"), [given, given], 1)
        for place, (forecaster, given, _) in enumerate(found)
    ]
    for settings, (_, _, expected), told in zip(
        SETTINGS, found, answers(headers, tmp_path), strict=True
    ):
        lost = settings.get("difference", 0)
        for sequence in told:  # the second begins anew
            assert bool(np.isnan(sequence[:lost]).all())
            assert near(sequence[lost:, 0], expected[lost:])


def test_what_has_learned_nothing_is_not_exported() -> None:
    with pytest.raises(ExportError, match="call fit first"):
        tt.export.to_onnx(tt.Forecaster())


def test_a_header_says_which_inputs_are_of_the_next_step() -> None:
    forecaster, *_ = asked(SETTINGS[0])
    header = tt.export.to_c(forecaster)
    for place, (name, ahead) in enumerate(
        [("sold", False), ("price", True), ("rain", False), ("week cos", True), ("week sin", True)]
    ):
        said = f"input[{place}]   {name}" + ", of the next step" * ahead
        assert f"{said}\n" in header, header[:900]
