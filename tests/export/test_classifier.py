"""Classifiers of sequences as ONNX graphs and as C, beside `predict_proba`: about five seconds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.export.compiled import Header, answers, needs_compiler
from tests.export.running import Array, Running
from throughtime.estimators import SequenceClassifier
from throughtime.export import ExportError, to_c, to_onnx

LENGTHS = [9, 1, 5, 12, 12]
COLUMNS = 3
CLASSES = ["high", "*/ low /*", "é"]

KINDS: dict[str, dict[str, Any]] = {
    f"{pooling} of {cell}, {'both directions' if both else 'forward'}": {
        "pooling": pooling,
        "cell": cell,
        "bidirectional": both,
        "layers": 2,
        "dropout": 0.1 * both,
    }
    for pooling in ("last", "mean", "max")
    for cell in ("gru", "lstm", "leaky", "elman_relu")
    for both in (False, True)
} | {
    "last of one layer in both directions": {"pooling": "last", "bidirectional": True},
    "mean in float64": {"dtype": "float64"},
    "dropped last": {"pooling": "last", "dropout": 0.2},
    "max of outputs below zero": {"pooling": "max", "cell": "lstm_no_output_activation"},
}
FORWARD = [what for what, parameters in KINDS.items() if not parameters.get("bidirectional")]


def sequences(lengths: list[int] = LENGTHS, columns: int = COLUMNS, seed: int = 0) -> list[Array]:
    """Draw sequences whose columns have means and spreads of their own."""
    draw = np.random.default_rng(seed)
    spread = 10.0 ** (np.arange(columns) % 3 - 1)
    drawn = (draw.normal(size=(T, columns)) * spread + 5 * spread for T in lengths)
    return [x.astype(np.float32) for x in drawn]


def fitted(columns: int = COLUMNS, classes: Any = CLASSES, **parameters: Any) -> SequenceClassifier:
    few = {"hidden": 4, "epochs": 2, "learning_rate": 0.1}
    X = sequences([4, 7, 5, 6, 3, 8], columns, seed=1)
    return SequenceClassifier(**{**few, **parameters}).fit(X, [*classes, *classes])


@pytest.fixture(scope="module")
def models() -> dict[str, SequenceClassifier]:
    return {what: fitted(**parameters) for what, parameters in KINDS.items()}


def padded(X: list[Array]) -> Array:
    """Put sequences beside each other, [T, B, I] in float64, NaN behind their ends."""
    found = np.full((max(map(len, X)), len(X), X[0].shape[1]), np.nan)
    for row, x in enumerate(X):
        found[: len(x), row] = x
    return found


@pytest.mark.parametrize("what", KINDS)
def test_a_graph_tells_whole_sequences_apart(
    what: str, models: dict[str, SequenceClassifier]
) -> None:
    model, X = models[what], sequences()
    expected = model.predict_proba(X)
    ragged = Running(model, lengths=True)
    assert ragged.carried == []
    np.testing.assert_allclose(ragged.whole(padded(X), LENGTHS), expected, atol=1e-5)
    whole = Running(model)
    for x, probabilities in zip(X, expected, strict=True):
        found = whole.whole(x[:, None].astype(np.float64))
        np.testing.assert_allclose(found[0], probabilities, atol=1e-5)


@pytest.mark.parametrize("what", FORWARD)
def test_a_streaming_graph_gives_the_answer_so_far(
    what: str, models: dict[str, SequenceClassifier]
) -> None:
    model, x = models[what], sequences([10])[0]
    running = Running(model, streaming=True)
    assert not running.operators & {"RNN", "GRU", "LSTM", "Scan", "Loop"}
    counted = {"pooled", "steps"} & {value.name for value in running.carried}
    assert len(counted) == (0 if model.pooling == "last" else 2)
    two = np.stack([x, x[::-1]], 1).astype(np.float64)
    found = running.steps(two)  # [T, 2, K]
    for t in range(len(x)):
        so_far = model.predict_proba([x[: t + 1], x[::-1][: t + 1]])
        np.testing.assert_allclose(found[t], so_far, atol=1e-5)


def test_the_classes_travel_with_a_graph(models: dict[str, SequenceClassifier]) -> None:
    notes = Running(models[FORWARD[0]], notes={"rate": "8000"}).notes
    assert notes["estimator"] == "SequenceClassifier"
    assert json.loads(notes["classes"]) == sorted(CLASSES)
    assert (notes["rate"], notes["pooling"]) == ("8000", "last")
    assert json.loads(Running(fitted(classes=[3, 1, 2])).notes["classes"]) == [1, 2, 3]


def test_a_wrong_graph_would_be_seen(models: dict[str, SequenceClassifier]) -> None:
    """A length, a step, the way of pooling and the scaling all show."""
    what = "mean of gru, forward"
    model, X = models[what], sequences()
    ragged = Running(model, lengths=True)
    expected = model.predict_proba(X)
    full = ragged.whole(np.nan_to_num(padded(X)), [12] * len(X))
    assert np.abs(full - expected)[:3].max() > 1e-3
    other = fitted(**{**KINDS[what], "pooling": "max"})
    other.network_.load_state_dict(model.network_.state_dict())
    assert np.abs(Running(other, lengths=True).whole(padded(X), LENGTHS) - expected).max() > 1e-3
    shifted = ragged.whole(padded([x + 0.3 for x in X]), LENGTHS)
    assert np.abs(shifted - expected).max() > 1e-3


@needs_compiler
def test_a_header_gives_the_answer_so_far(
    models: dict[str, SequenceClassifier], tmp_path: Path
) -> None:
    wide = fitted(columns=7, pooling="max")  # its scaling is a loop
    chosen = [(models[what], sequences()) for what in FORWARD] + [(wide, sequences(columns=7))]
    headers = [
        Header(
            f"ear_{place}",
            to_c(model, f"ear_{place}", notes={"features": "*/ none"}),
            [x.astype(np.float64) for x in X],
            len(CLASSES),
            "float32",
        )
        for place, (model, X) in enumerate(chosen)
    ]
    mean = headers[FORWARD.index("mean of gru, forward")]
    wrong = mean.text.replace("++state->steps;", "state->steps = 1;")
    assert wrong != mean.text
    wrong = wrong.replace(mean.name, "wrong").replace(mean.name.upper(), "WRONG")
    headers.append(Header("wrong", wrong, mean.sequences, mean.outputs, "float32"))
    *found, of_wrong = answers(headers, tmp_path)
    for (model, X), own in zip(chosen, found, strict=True):
        for x, outputs in zip(X, own, strict=True):
            so_far = model.predict_proba([x[: t + 1] for t in range(len(x))])
            np.testing.assert_allclose(outputs, so_far, atol=1e-5, err_msg=repr(model))
    right = found[FORWARD.index("mean of gru, forward")]
    assert np.abs(of_wrong[0] - right[0]).max() > 1e-3


def test_what_cannot_be_exported_is_said(models: dict[str, SequenceClassifier]) -> None:
    both = models["mean of gru, both directions"]
    for write in (to_c, lambda model: to_onnx(model, streaming=True)):
        with pytest.raises(ExportError, match=r"from its end too; export it as ONNX for whole"):
            write(both)  # type: ignore[operator]
    with pytest.raises(ExportError, match="leave out lengths"):
        to_onnx(models[FORWARD[0]], streaming=True, lengths=True)
    with pytest.raises(ExportError, match="has learned nothing yet"):
        to_onnx(SequenceClassifier())
    with pytest.raises(ExportError, match="PooledNetwork cannot be exported"):
        to_onnx(both.network_)

    class Louder(type(both.network_)):  # type: ignore[misc]
        def forward(self, *arguments: Any, **more: Any) -> Any:
            y, state = super().forward(*arguments, **more)
            return 2 * y, state

    class Pooling(type(both.network_)):  # type: ignore[misc]
        def _pooled(self, *arguments: Any) -> Any:
            return super()._pooled(*arguments)

    class Reading(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    for kind, message in ((Louder, "forward call of its own"), (Pooling, "pooling of its own")):
        other = fitted(pooling="mean")
        other.network_.__class__ = kind
        with pytest.raises(ExportError, match=message):
            to_onnx(other)
    other = fitted(pooling="mean")
    other.network_.readout.__class__ = Reading
    with pytest.raises(ExportError, match="the readout is a Reading"):
        to_onnx(other)


def test_a_model_is_left_as_it_was(models: dict[str, SequenceClassifier]) -> None:
    model = models["mean in float64"]
    before = {name: tensor.clone() for name, tensor in model.network_.state_dict().items()}
    to_c(model)
    after = model.network_.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
