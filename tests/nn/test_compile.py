"""torch.compile and torch.export: one operator a layer and direction, and the same numbers."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch.export import Dim, ExportedProgram

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.engine.native_module import module

pytestmark = [
    pytest.mark.skipif(module is None, reason="the native module is not built"),
    pytest.mark.filterwarnings("ignore:::torch"),  # what torch's own compiler says of itself
    pytest.mark.filterwarnings("ignore:::copyreg"),
]

double = torch.float64


@tt.cell(gates="a b", state="h s", units="p", constants={"k": 0.3})
def own(wx, uh, h, s, *, p, k):
    n = tt.tanh(wx.a + p * uh.a)
    s = s + k * tt.sigmoid(wx.b) * (n - s)
    return s * n, s


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Graphs:
    """A backend that notes the graphs of both passes, and runs them as they are."""

    def __init__(self) -> None:
        self.forward: list[list[str]] = []
        self.backward: list[list[str]] = []
        self.nodes = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        def keep(into: list[list[str]]) -> Callable[..., Any]:
            def compiler(graph: Any, inputs: Any) -> Any:
                into.append(operators(graph.graph))
                self.nodes = max(self.nodes, len(graph.graph.nodes))
                return graph.forward

            return compiler

        compiled = aot_autograd(fw_compiler=keep(self.forward), bw_compiler=keep(self.backward))
        return compiled(graph, inputs)


def operators(graph: Any) -> list[str]:
    """Name our operators in a graph."""
    targets = [node.target for node in graph.nodes if node.op == "call_function"]
    return [t._opname for t in targets if getattr(t, "namespace", "") == "throughtime"]


def results(model: nn.Module, given: Callable[..., Any], x: Tensor, *more: Any) -> list[Tensor]:
    """Give all that a model returns, and all gradients, for fixed gradients of the results."""
    y, state = given(x, *more)
    found = [y, *(state if isinstance(state, tuple) else (state,))]
    generator = torch.Generator().manual_seed(1)
    seeds = [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in found]
    return [*found, *torch.autograd.grad(found, [x, *model.parameters()], seeds)]


def sequence(T: int, B: int) -> Tensor:
    return torch.randn(T, B, 3, dtype=double, requires_grad=True)


models: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "gru": (lambda: tt.nn.Recurrent("gru", 3, 5, dtype=double), 1),
    "deep": (
        lambda: tt.nn.Recurrent("lstm", 3, 5, num_layers=2, bidirectional=True, dtype=double),
        4,
    ),
    "own": (lambda: tt.nn.Recurrent(own, 3, 5, dtype=double), 1),
    "no U": (lambda: tt.nn.Recurrent("quasi_recurrent", 3, 3, dtype=double), 1),
    "network": (lambda: tt.Network("lstm_peephole", 3, 5, 2, num_layers=2, dtype=double), 2),
}
each_model = pytest.mark.parametrize("model", models)


@pytest.mark.parametrize(
    "model",
    [
        "own",
        *(pytest.param(m, marks=pytest.mark.thorough) for m in ("gru", "deep", "no U", "network")),
    ],
)
def test_a_compiled_model_is_one_operator_a_layer_and_direction(model: str) -> None:
    torch.manual_seed(0)
    make, count = models[model]
    layer, graphs = make(), Graphs()
    fast = torch.compile(layer, backend=graphs, fullgraph=True, dynamic=True)
    for T, B in ((4, 2), (7, 3), (5, 40), (50, 70)):
        x = sequence(T, B)
        for one, other in zip(results(layer, fast, x), results(layer, layer, x), strict=True):
            assert_close(one, other, relative=1e-11)
    assert graphs.forward == [["recurrence_with_tape"] * count]  # one graph for all lengths
    assert graphs.backward == [["recurrence_backward"] * count]
    with torch.no_grad():
        assert_close(fast(x)[0], layer(x)[0], relative=1e-11)
    assert graphs.forward[1:] == [["recurrence"] * count]  # keeps nothing


@pytest.mark.thorough
def test_the_count_notices_a_loop_that_is_unrolled() -> None:
    layer, graphs = models["gru"][0](), Graphs()
    with tt.engine.use("reference"):
        fast = torch.compile(layer, backend=graphs, fullgraph=True)
        fast(sequence(8, 2))
    assert graphs.forward == [[]]
    assert graphs.nodes > 8 * 4


def test_lengths_and_states_go_along() -> None:
    layer, graphs = models["own"][0](), Graphs()
    fast = torch.compile(layer, backend=graphs, fullgraph=True, dynamic=True)
    for T, B in ((4, 2), (9, 5)):
        x, lengths = sequence(T, B), torch.randint(0, T + 1, (B,))
        state = tuple(torch.randn(1, B, 5, dtype=double) for _ in range(2))
        expected = results(layer, layer, x, state, lengths)
        for one, other in zip(results(layer, fast, x, state, lengths), expected, strict=True):
            assert_close(one, other, relative=1e-11)
    assert graphs.forward == [["recurrence_with_tape"]]
    with pytest.raises(ValueError, match=r"lengths must be .* between 0 and the 9 steps"):
        fast(x, state, lengths + 9)


def test_one_sequence_and_batch_first() -> None:
    layer = tt.nn.Recurrent("gru", 3, 5, batch_first=True, dtype=double)
    fast = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = sequence(4, 2)
    for given in (x, x[:, 0]):
        assert_close(fast(given)[0], layer(given)[0], relative=1e-11)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_layers_that_replace_torchs(kind: str) -> None:
    layer, graphs = getattr(tt.nn, kind)(3, 5, num_layers=2, dtype=double), Graphs()
    x = sequence(4, 2)
    expected = results(layer, layer, x)
    # torch.compile refuses whatever descends from torch's own layers, unless told otherwise ...
    with torch._dynamo.config.patch(allow_rnn=True):
        fast = torch.compile(layer, backend=graphs, fullgraph=True)
        for one, other in zip(results(layer, fast, x), expected, strict=True):
            assert_close(one, other, relative=1e-11)
    assert graphs.forward == [["recurrence_with_tape"] * 2]
    torch._dynamo.reset()
    # ... and runs them outside of its graphs.
    fast = torch.compile(layer, backend="aot_eager")
    for one, other in zip(results(layer, fast, x), expected, strict=True):
        assert_close(one, other, relative=1e-11)


@pytest.mark.thorough
def test_packed_sequences_break_the_graph_and_nothing_else() -> None:
    layer = models["deep"][0]()
    fast = torch.compile(layer, backend="aot_eager")
    given = nn.utils.rnn.pack_sequence([torch.randn(n, 3, dtype=double) for n in (5, 3, 1)])
    assert_close(fast(given)[0].data, layer(given)[0].data, relative=1e-11)


def test_an_optimiser_steps_between_the_passes() -> None:
    layer = models["own"][0]()
    fast = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = sequence(4, 2)
    (expected,) = torch.autograd.grad(layer(x)[0].sum(), [x])
    y = fast(x)[0].sum()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(3.0)
    (found,) = torch.autograd.grad(y, [x])
    assert_close(found, expected, relative=1e-11)


def test_training_takes_the_same_way() -> None:
    found = []
    x = sequence(6, 4).detach()
    for compiled in (False, True):
        torch.manual_seed(0)
        network: Any = tt.Network("gru", 3, 5, 1, dtype=double)
        model = torch.compile(network, backend="aot_eager", fullgraph=True) if compiled else network
        optimizer = torch.optim.Adam(network.parameters(), 0.05)
        for _ in range(10):
            optimizer.zero_grad()
            (model(x)[0] - 0.3).square().mean().backward()
            optimizer.step()
        found.append([p.detach() for p in network.parameters()])
    for one, other in zip(*found, strict=True):
        assert_close(one, other, relative=1e-11)


@pytest.mark.thorough
@pytest.mark.skipif(
    shutil.which("c++") is None or not sys.platform.startswith("linux"),
    reason="inductor needs a C++ compiler",
)
def test_with_inductor() -> None:
    network = models["network"][0]()
    fast = torch.compile(network, fullgraph=True, dynamic=True)
    for T, B in ((4, 2), (7, 40)):
        x = sequence(T, B)
        for one, other in zip(results(network, fast, x), results(network, network, x), strict=True):
            assert_close(one, other, relative=1e-11)


def test_explain_looks_through_a_compiled_module() -> None:
    layer = models["gru"][0]()
    fast = torch.compile(layer, backend="aot_eager")
    x = sequence(4, 2)
    fast(x)
    assert tt.engine.explain(fast, x) == tt.engine.explain(layer, x)
    assert tt.engine.explain(fast, x).endswith(": native")


def exported(model: nn.Module, strict: bool) -> ExportedProgram:
    free = {0: Dim("T"), 1: Dim("B")}
    return torch.export.export(model, (sequence(4, 5),), dynamic_shapes=(free,), strict=strict)


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.thorough)])
@each_model
def test_an_exported_model_runs_at_any_length_and_batch(model: str, strict: bool) -> None:
    make, count = models[model]
    layer = make()
    program = exported(layer, strict)
    assert operators(program.graph) == ["recurrence"] * count
    assert operators(program.run_decompositions().graph) == ["recurrence"] * count
    again: Any = program.module()
    for T, B in ((4, 5), (9, 40), (50, 1)):
        x = sequence(T, B)
        assert_close(again(x)[0], layer(x)[0], relative=1e-11)
    again(x)[0].sum().backward()  # and can be trained on
    layer(x)[0].sum().backward()
    for one, other in zip(again.parameters(), layer.parameters(), strict=True):
        assert_close(one.grad, other.grad, relative=1e-11)


def test_a_layer_of_torchs_class_is_exported() -> None:
    layer = tt.nn.LSTM(3, 5, batch_first=True, dtype=double)
    program = exported(layer, strict=False)
    assert operators(program.graph) == ["recurrence"]
    x = sequence(9, 7)
    assert_close(program.module()(x)[0], layer(x)[0], relative=1e-11)  # type: ignore[operator]


def test_an_exported_program_is_saved_and_loaded() -> None:
    layer = models["own"][0]()
    file = io.BytesIO()
    torch.export.save(exported(layer, strict=False), file)
    file.seek(0)
    program = torch.export.load(file)
    x = sequence(6, 2)
    assert_close(program.module()(x)[0], layer(x)[0], relative=1e-11)  # type: ignore[operator]


@pytest.mark.thorough
def test_another_process_imports_the_engine_and_loads(tmp_path: Path) -> None:
    layer = models["deep"][0]()
    torch.export.save(exported(layer, strict=False), tmp_path / "layer.pt2")
    x = sequence(6, 2).detach()
    torch.save([x, layer(x)[0].detach()], tmp_path / "numbers.pt")
    program = """
import sys, warnings
warnings.simplefilter("ignore")
import torch, throughtime.engine
loaded = torch.export.load(sys.argv[1])
x, y = torch.load(sys.argv[2])
assert torch.equal(loaded.module()(x)[0], y)
"""
    files = [str(tmp_path / name) for name in ("layer.pt2", "numbers.pt")]
    subprocess.run([sys.executable, "-c", program, *files], check=True, timeout=120)


def test_for_other_runtimes_the_operations_are_spelled_out() -> None:
    network = models["network"][0]()
    with tt.engine.use("reference"):
        program = torch.export.export(network, (sequence(4, 5),), strict=False)
    names = {str(n.target) for n in program.graph.nodes if n.op == "call_function"}
    assert names
    assert all(name.startswith("aten.") or "getitem" in name for name in names), names
    x = sequence(4, 5)
    assert_close(program.module()(x)[0], network(x)[0], relative=1e-11)  # type: ignore[operator]


@pytest.mark.thorough
@pytest.mark.parametrize("compiled", [False, True])
def test_a_backward_pass_that_autograd_compiles(compiled: bool) -> None:
    layer, x = models["own"][0](), sequence(4, 2)
    (expected,) = torch.autograd.grad(layer(x)[0].square().sum(), [layer.weight_hh_l0])
    graphs: list[list[str]] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(operators(graph.graph))
        return graph.forward

    run = torch.compile(layer, backend="aot_eager") if compiled else layer
    error = run(x)[0].square().sum()
    with torch._dynamo.compiled_autograd._enable(torch.compile(backend=backend, fullgraph=True)):
        error.backward()
    assert_close(layer.weight_hh_l0.grad, expected, relative=1e-11)
    assert graphs == [["recurrence_backward"]]
