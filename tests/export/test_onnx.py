"""Every cell as an ONNX graph, run by onnxruntime: about five seconds."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.export import forecasters
from tests.export.models import (
    FORWARD,
    B,
    H,
    I,
    O,
    T,
    called_otherwise,
    computed,
    normalised,
    states,
)
from throughtime.export import ExportError, to_onnx
from throughtime.export.models import describe

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

BOTH: dict[str, Callable[[], Any]] = {
    name: lambda name=name: tt.Network(name, I, H, O, num_layers=2, bidirectional=True)
    for name in tt.cells.registry
} | {
    "layer norm": lambda: tt.nn.Recurrent(normalised, I, H, 2, bidirectional=True, bias=False),
    "LSTM": lambda: tt.nn.LSTM(I, H, 2, bidirectional=True, bias=False),
    "projected": lambda: tt.nn.LSTM(I, H, 2, bidirectional=True, proj_size=2),
    "batch first": lambda: tt.Network("gru", I, H, O, bidirectional=True, batch_first=True),
    "batch first, by a loop": lambda: tt.Network("leaky", I, H, O, batch_first=True),
}  # fmt: skip
"""Models that run in both directions, or over whole sequences alone."""


class Session:
    """A graph in onnxruntime, on one thread."""

    def __init__(self, model: Any, **options: bool) -> None:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        self.proto = to_onnx(model, **options)
        self.session = onnxruntime.InferenceSession(
            self.proto.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x: Tensor, before: list[Tensor], *lengths: Tensor) -> list[Tensor]:
        names = [value.name for value in self.session.get_inputs()]
        given = dict(zip(names, (x, *before, *lengths), strict=True))
        found = self.session.run(None, {name: t.numpy() for name, t in given.items()})
        return [torch.from_numpy(array) for array in found]

    @property
    def operators(self) -> set[str]:
        return {node.op_type for node in self.proto.graph.node}


def gap(found: list[Tensor], expected: list[Tensor]) -> float:
    assert [part.shape for part in found] == [part.shape for part in expected]
    parts = zip(found, expected, strict=True)
    return max(float(((f - e).abs() / e.abs().clamp(min=1)).max()) for f, e in parts)


@pytest.mark.parametrize("what", FORWARD)
def test_a_sequence_and_its_steps_are_what_the_model_computes(what: str) -> None:
    model = FORWARD[what]()
    described = describe(model)
    x, before = torch.randn(T, B, described.input_size), states(model, B)
    in_layout = x.transpose(0, 1).contiguous() if described.batch_first else x
    expected = [result.float() for result in computed(model, in_layout, before)]
    # float32 on both sides, sums in another order
    assert gap(Session(model)(in_layout, before), expected) < 1e-5

    step, carried, outputs = Session(model, streaming=True), before, []
    assert not step.operators & {"RNN", "GRU", "LSTM", "Scan", "Loop"}
    for t in range(T):
        y, *carried = step(x[t], carried)
        outputs.append(y)
    y = torch.stack(outputs, 1 if described.batch_first else 0)
    assert gap([y, *carried], expected) < 1e-5


@pytest.mark.parametrize("what", BOTH)
def test_ragged_rows_in_both_directions(what: str) -> None:
    model = BOTH[what]()
    x, before = torch.randn(T, B, I), states(model, B)
    session = Session(model, lengths=True)
    x[5:, 2] = torch.nan  # in the padding
    x = x.transpose(0, 1).contiguous() if model.batch_first else x
    for lengths in (torch.tensor([T, 0, 3]), torch.tensor([1, T, 5])):
        found = session(x, before, lengths.to(torch.int32))
        if isinstance(model, tt.nn.LSTM):
            with torch.no_grad():  # called as torch's, it takes no lengths
                y, after = model.stack(training=False).run(x, tuple(before), lengths)
            expected = [y, *after]
        else:
            expected = computed(model, x, before, lengths)
        assert gap(found, expected) < 1e-5


def test_a_wrong_graph_would_be_seen() -> None:
    model = tt.nn.GRU(I, H)
    x, before = torch.randn(T, B, I), states(model, B)
    session = Session(model)
    with torch.no_grad():
        model.weight_hh_l0[H + 1, 2] += 0.05
    assert gap(session(x, before), computed(model, x, before)) > 1e-4


def test_batch_and_time_are_free() -> None:
    model = tt.Network("slstm", I, H, O)
    session = Session(model)
    for steps, rows in ((1, 1), (40, 2)):
        x, before = torch.randn(steps, rows, I), states(model, rows)
        assert gap(session(x, before), computed(model, x, before)) < 1e-5


def test_operators_of_onnx_are_taken_by_the_equations() -> None:
    def operators(cell: Any, **options: Any) -> set[str]:
        model = tt.nn.Recurrent(cell, I, H, **options)
        return Session(model).operators & {"RNN", "GRU", "LSTM", "Scan"}

    expected = {"elman": "RNN", "elman_relu": "RNN", "gru": "GRU", "lstm": "LSTM"}
    expected["lstm_peephole"] = "LSTM"
    for name in tt.cells.registry:
        assert operators(name) == {expected.get(name, "Scan")}

    @tt.cell(gates="r z n", state="h")
    def gru(wx, uh, h):
        return h + tt.sigmoid(wx.r + uh.r) * tt.tanh(wx.z + uh.z) - wx.n * uh.n

    assert operators(called_otherwise) == {"GRU"}
    assert operators(gru) == {"Scan"}  # its name alone is that of an operator
    assert operators("lstm", zoneout=0.1) == {"Scan"}


@pytest.mark.parametrize("transform", forecasters.OF_TRANSFORMS)
def test_a_forecaster_forecasts_in_the_units_of_the_data(transform: str) -> None:
    forecaster, given = forecasters.made(transform)
    zeros = [torch.zeros(2, 1, 5) for _ in forecaster.network.recurrent.cell.states]
    session = Session(forecaster)
    found = session(given.values[:, None], zeros)[0]
    assert found.dtype == torch.float64
    assert forecasters.distance(forecaster, given, found[:, 0, 0]) < forecasters.TOLERANCE
    notes = {note.key: note.value for note in session.proto.metadata_props}
    assert notes["target"] == "level"

    step, carried, outputs = Session(forecaster, streaming=True), zeros, []
    for row in given.values:
        y, *carried = step(row[None], carried)
        outputs.append(y[0, 0])
    found = torch.stack(outputs)
    assert forecasters.distance(forecaster, given, found) < forecasters.TOLERANCE


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: tt.nn.GRU(2, 3, bidirectional=True), {"streaming": True}, "from its end too"),
        (lambda: tt.nn.GRU(2, 3), {"streaming": True, "lengths": True}, "leave out lengths"),
        (lambda: nn.Linear(2, 3), {}, "Linear cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_said(
    make: Callable[[], nn.Module], options: dict[str, bool], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        to_onnx(make(), **options)


def test_without_onnx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install .throughtime\[export\]"):
        to_onnx(tt.nn.GRU(2, 3))
