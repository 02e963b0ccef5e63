"""Regressors as ONNX graphs and as C, beside `predict`: about five seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.compiled import Header, answers, needs_compiler
from tests.export.running import Array, Running
from tests.export.test_classifier import LENGTHS, padded, sequences
from throughtime.data import Scaling
from throughtime.estimators import SequenceRegressor
from throughtime.export import ExportError, to_c, to_onnx

BY_STEP: dict[str, dict[str, Any]] = {
    cell: {"per": "step", "cell": cell, "layers": layers, "dropout": 0.1}
    for cell, layers in (("gru", 1), ("lstm", 2), ("leaky", 2), ("elman", 1))
}
WHOLE: dict[str, dict[str, Any]] = {
    f"{pooling} of {cell}": {"pooling": pooling, "cell": cell}
    for pooling in ("last", "mean", "max")
    for cell in ("gru", "lstm", "slstm")
}
BOTH: dict[str, dict[str, Any]] = {
    "steps, both directions": {"per": "step", "bidirectional": True, "cell": "gru"},
    "steps by a loop, both directions": {"per": "step", "bidirectional": True, "cell": "leaky"},
    "mean, both directions": {"bidirectional": True, "pooling": "mean", "layers": 2},
    "last, both directions": {"bidirectional": True, "pooling": "last", "layers": 2},
}
KINDS = BY_STEP | WHOLE | BOTH
SPREAD = 200.0
"""Of the targets: 1e-5 of it is what an answer may be off."""


def fitted(outputs: int | None = 2, **parameters: Any) -> SequenceRegressor:
    """Fit on targets [.., O], or without a dimension of columns."""
    few = {"hidden": 4, "epochs": 2, "learning_rate": 0.1}
    X = sequences([8, 11, 9, 12], seed=1)
    draw = np.random.default_rng(2)
    columns = () if outputs is None else (outputs,)
    if parameters.get("per") == "step":
        y: Any = [draw.normal(1000, SPREAD, (len(x), *columns)) for x in X]
    else:
        y = draw.normal(1000, SPREAD, (len(X), *columns))
    return SequenceRegressor(**{**few, **parameters}).fit(X, y)


@pytest.fixture(scope="module")
def models() -> dict[str, SequenceRegressor]:
    return {what: fitted(**parameters) for what, parameters in KINDS.items()}


def so_far(model: SequenceRegressor, x: Array) -> Array:
    """Give what a model answers after each step of [T, I], [T, O]."""
    if model.per == "step":
        return np.asarray(model.predict([x])[0]).reshape(len(x), -1)
    return np.asarray(model.predict([x[: t + 1] for t in range(len(x))])).reshape(len(x), -1)


@pytest.mark.parametrize("what", KINDS)
def test_a_graph_answers_whole_sequences(what: str, models: dict[str, SequenceRegressor]) -> None:
    model, X = models[what], sequences()
    expected = model.predict(X)
    ragged, whole = Running(model, lengths=True), Running(model)
    found = ragged.whole(padded(X), LENGTHS)
    assert found.dtype == np.float64
    for row, (x, wanted) in enumerate(zip(X, expected, strict=True)):
        alone = whole.whole(x[:, None].astype(np.float64))
        for answer in (
            (found[: len(x), row], alone[:, 0]) if model.per == "step" else (found[row], alone[0])
        ):
            np.testing.assert_allclose(answer, wanted, atol=1e-5 * SPREAD)
    notes = ragged.notes
    assert (notes["estimator"], notes["per"]) == ("SequenceRegressor", model.per)


@pytest.mark.parametrize("what", BY_STEP | WHOLE)
def test_a_streaming_graph_answers_as_steps_come(
    what: str, models: dict[str, SequenceRegressor]
) -> None:
    model, x = models[what], sequences([10])[0]
    found = Running(model, streaming=True).steps(x[:, None].astype(np.float64))
    np.testing.assert_allclose(found[:, 0], so_far(model, x), atol=1e-5 * SPREAD)


@pytest.mark.parametrize("what", BY_STEP)
def test_a_sequence_may_come_in_pieces(what: str, models: dict[str, SequenceRegressor]) -> None:
    model, x = models[what], sequences([10])[0][:, None].astype(np.float64)
    running = Running(model)
    first, state = running.call(x[:3], running.start(1))
    second, _ = running.call(x[3:], state)
    found = np.concatenate([first, second])[:, 0]
    np.testing.assert_allclose(found, so_far(model, x[:, 0]), atol=1e-5 * SPREAD)


def test_a_wrong_graph_would_be_seen(models: dict[str, SequenceRegressor]) -> None:
    """The scaling of each column of the targets shows."""
    model, X = models["gru"], sequences()
    found = Running(model).whole(X[0][:, None].astype(np.float64))[:, 0]
    swapped = np.abs(found[:, ::-1] - model.predict(X)[0]).max()
    assert swapped > 1e-2 * SPREAD
    original = model.target_scaling_
    model.target_scaling_ = Scaling(original.center[::-1], original.scale)
    try:
        assert np.abs(found - model.predict(X)[0]).max() > 1e-2 * SPREAD
    finally:
        model.target_scaling_ = original


@needs_compiler
def test_a_header_answers_sample_by_sample(
    models: dict[str, SequenceRegressor], tmp_path: Path
) -> None:
    chosen = [models[what] for what in BY_STEP | WHOLE]
    chosen += [fitted(None, per="step"), fitted(6), fitted(None)]
    X = sequences()
    headers = [
        Header(
            f"amp_{place}",
            to_c(model, f"amp_{place}"),
            [x.astype(np.float64) for x in X],
            model.n_outputs_,
        )
        for place, model in enumerate(chosen)
    ]
    right = headers[0]
    wrong = right.text.replace("(double)y[0] *", "1.01 * (double)y[0] *")
    assert wrong != right.text
    wrong = wrong.replace(right.name, "wrong").replace(right.name.upper(), "WRONG")
    headers.append(Header("wrong", wrong, right.sequences, right.outputs))
    *found, of_wrong = answers(headers, tmp_path)
    for model, own in zip(chosen, found, strict=True):
        for x, outputs in zip(X, own, strict=True):
            np.testing.assert_allclose(
                outputs, so_far(model, x), atol=1e-5 * SPREAD, err_msg=repr(model)
            )
    assert np.abs(of_wrong[0] - found[0][0]).max() > 1e-4 * SPREAD


@needs_compiler
@pytest.mark.parametrize("transform", ["sqrt", "log1p"])
def test_a_transform_of_the_first_column_is_undone(transform: str, tmp_path: Path) -> None:
    model = fitted(2, per="step")
    model.scaling_ = Scaling(model.scaling_.center, model.scaling_.scale, transform)
    model.target_scaling_ = Scaling((1.0, 5.0), (0.3, 2.0), transform)
    x = np.abs(sequences([10])[0])
    expected = model.predict([x])[0]
    found = Running(model).whole(x[:, None].astype(np.float64))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    header = Header("curved", to_c(model, "curved"), [x.astype(np.float64)], 2)
    np.testing.assert_allclose(answers([header], tmp_path)[0][0], expected, rtol=1e-5)


def test_what_cannot_be_exported_is_said(models: dict[str, SequenceRegressor]) -> None:
    for what in BOTH:
        for write in (to_c, lambda model: to_onnx(model, streaming=True)):
            with pytest.raises(ExportError, match=r"from its end too; export it as ONNX for whole"):
                write(models[what])  # type: ignore[operator]
    with pytest.raises(ExportError, match="has learned nothing yet"):
        to_c(SequenceRegressor())
