"""The native engine itself: instruction sets, threads, memory, forks."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import throughtime as tt
from throughtime.engine.native import native
from throughtime.engine.native_module import instruction_set, module, share_torchs_threads
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.reference import reference
from throughtime.equations import Cell

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")

SETS = [] if module is None else module.instruction_sets()
SETS_IN_BETWEEN = [one for one in SETS if one not in ("portable", instruction_set())]
TOLERANCE = {
    torch.float32: 1e-5,
    torch.float64: 1e-11,
}  # of each precision, relative to the largest


@pytest.fixture(
    params=[
        pytest.param(one, marks=[pytest.mark.thorough] if one in SETS_IN_BETWEEN else [])
        for one in SETS
    ]
)
def each_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("THROUGHTIME_ISA", request.param)
    return str(request.param)


@pytest.fixture(params=["torch's threads", "our own"])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    if request.param == "our own":
        module.use_openmp(0)
    yield
    share_torchs_threads()
    torch.set_num_threads(before)


def recurrence(
    cell: str | Cell = "gru",
    T: int = 11,
    B: int = 19,
    I: int = 3,  # noqa: E741
    H: int = 21,
    dtype: torch.dtype = torch.float64,
    ragged: bool = True,
    reverse: bool = False,
) -> Recurrence:
    torch.manual_seed(0)
    layer = tt.nn.Recurrent(cell, I, H, dtype=dtype)
    state = tuple(torch.zeros(B, H, dtype=dtype, requires_grad=True) for _ in layer.cell.states)
    return Recurrence(
        layer.cell,
        torch.randn(T, B, I, dtype=dtype, requires_grad=True),
        state,
        layer.weights(0),
        torch.randint(0, T + 1, (B,)) if ragged else None,
        reverse,
    )


def everything(engine: object, given: Recurrence) -> list[Tensor]:
    """Outputs, final states and all gradients, for fixed gradients of the results."""
    weights = given.weights
    matrices = (weights.W, weights.U, weights.b, weights.c)
    tensors = [t for t in (given.x, *matrices, *given.state, *weights.units) if t is not None]
    y, final = engine.run(given)
    generator = torch.Generator().manual_seed(1)
    seeds = [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in (y, *final)]
    gradients = torch.autograd.grad((y, *final), tensors, seeds, allow_unused=True)
    found = [
        torch.zeros_like(t) if g is None else g for t, g in zip(tensors, gradients, strict=True)
    ]
    return [y, *final, *found]


def tape_of(layer: tt.nn.Recurrent, x: Tensor) -> int:
    """Bytes that a forward pass keeps: what it gives back when its graph is gone."""
    module.release_workspaces()
    results = layer(x)
    before = module.kept_bytes()
    del results
    return int(module.kept_bytes() - before)


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    return max(
        float(((a - b).abs().max() / (1 + b.abs().max())).detach())
        for a, b in zip(found, expected, strict=True)
        if b.numel()
    )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", tt.cells.registry)
def test_every_set_equals_the_reference(cell: str, dtype: torch.dtype, each_set: str) -> None:
    assert instruction_set() == each_set
    for reverse in (False, True):
        for B, H in ((1, 1), (3, 37), (19, 21), (40, 64)):
            given = recurrence(cell, T=7, B=B, H=H, dtype=dtype, reverse=reverse)
            found = distance(everything(native, given), everything(reference, given))
            assert found < TOLERANCE[dtype], (cell, B, H, reverse)


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_what_is_computed_again_is_what_would_have_been_kept(cell: str, each_set: str) -> None:
    assert instruction_set() == each_set
    for ragged, reverse, dtype in itertools.product((False, True), (False, True), TOLERANCE):
        # Several chunks of steps, the last one short.
        given = recurrence(cell, 43, 9, 3, 21, dtype=dtype, ragged=ragged, reverse=reverse)
        found = everything(native, replace(given, states_only=True))
        assert distance(found, everything(native, given)) < TOLERANCE[dtype], (ragged, reverse)


def test_states_alone_take_less_memory_and_outlive_an_optimiser_step() -> None:
    layer = tt.nn.Recurrent("lstm", 3, 20)
    x = torch.randn(50, 8, 3)
    expected = torch.autograd.grad(layer(x)[0].sum(), layer.weight_hh_l0)[0]
    sizes = {}
    for kept in ("everything", "states"):
        with tt.engine.keep(kept):
            tape = tape_of(layer, x)
        sizes[kept] = tape
    assert sizes["states"] < 0.5 * sizes["everything"]
    with tt.engine.keep("states"):
        y, _ = layer(x)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)  # an optimiser's step, before the gates are computed again
    found = torch.autograd.grad(y.sum(), layer.weight_hh_l0)[0]
    torch.testing.assert_close(found, expected)


def test_what_is_kept_is_one_of_two_words() -> None:
    expected = pytest.raises(ValueError, match="'everything' or 'states'; got 'nothing'")
    with expected, tt.engine.keep("nothing"):
        pass


def test_the_comparison_notices_a_wrong_number() -> None:
    given = recurrence()
    expected = everything(reference, given)
    for place in range(len(expected)):
        wrong = [t.clone() for t in expected]
        wrong[place].view(-1)[-1] += 1e-6
        assert distance(wrong, expected) > TOLERANCE[torch.float64]


def test_nothing_is_read_that_was_not_written(each_set: str) -> None:
    expected = everything(reference, recurrence("lstm_peephole"))
    torch.use_deterministic_algorithms(True)  # fresh tensors are then filled with NaN
    try:
        for _ in range(2):
            found = everything(native, recurrence("lstm_peephole"))
            assert distance(found, expected) < 1e-11
            module.poison_workspaces()
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("cell", ["gru", "lstm_peephole", "independent"])
def test_the_same_bits_for_any_number_of_threads(cell: str) -> None:
    results = []
    for threads in (1, 2, 3, 8):
        torch.set_num_threads(threads)
        results.append(everything(native, recurrence(cell, T=40, B=70, H=48, dtype=torch.float32)))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.usefixtures("_threads")
def test_several_python_threads_at_once() -> None:
    torch.set_num_threads(2)
    given = [recurrence("lstm", T=20, B=16 + n, H=32) for n in range(6)]
    expected = [everything(reference, one) for one in given]
    found: dict[int, list[Tensor]] = {}

    def work(number: int) -> None:
        for _ in range(5):
            found[number] = everything(native, given[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(distance(found[n], expected[n]) < 1e-11 for n in range(6))


def test_a_forked_child_has_threads_of_its_own() -> None:
    program = """
import os, torch, throughtime as tt
torch.set_num_threads(2)
layer = tt.nn.Recurrent("gru", 3, 64)
x = torch.randn(20, 16, 3)  # large enough for our threads, too small for torch's own
before = layer(x)[0].detach()
child = os.fork()
if child == 0:
    same = torch.equal(layer(x)[0].detach(), before)
    os._exit(0 if same else 3)
_, status = os.waitpid(child, 0)
assert torch.equal(layer(x)[0].detach(), before)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    finished = subprocess.run([sys.executable, "-c", program], timeout=120, check=False)
    assert finished.returncode == 0


def test_a_backward_pass_can_be_asked_for_twice() -> None:
    given = recurrence()
    y, _ = native.run(given)
    seed = torch.ones_like(y)
    first = torch.autograd.grad(y, [given.x, given.weights.U], seed, retain_graph=True)
    second = torch.autograd.grad(y, [given.x, given.weights.U], seed)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_step_of_the_optimiser_in_between_changes_nothing() -> None:
    given = recurrence("lstm_peephole")
    tensors = [given.weights.W, given.weights.U, given.weights.b, *given.weights.units]
    y, _ = native.run(given)
    expected = torch.autograd.grad(y.sum(), [given.x, *tensors], retain_graph=True)
    with torch.no_grad():
        for tensor in tensors:
            tensor.mul_(3.0)
    found = torch.autograd.grad(y.sum(), [given.x, *tensors])
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_an_input_that_was_changed_in_between_is_refused() -> None:
    given = recurrence()
    x = given.x.detach().clone()
    layer = tt.nn.Recurrent("gru", 3, 21, dtype=torch.float64)
    y, _ = layer(x)
    x.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_only_what_is_asked_for_is_computed() -> None:
    given = recurrence()
    given.weights.U.requires_grad_(False)
    y, _ = native.run(given)
    y.sum().backward()
    assert given.weights.U.grad is None
    assert given.weights.W.grad is not None


def test_denormals_are_flushed_and_the_callers_mode_is_restored() -> None:
    tiny = torch.tensor(1e-40)
    recurrent = tt.nn.Recurrent("elman", 1, 64)
    recurrent(torch.zeros(5, 32, 1))
    assert float(tiny * 0.5) != 0.0


def test_a_gate_that_is_shut_passes_nothing(each_set: str) -> None:
    layer = tt.nn.Recurrent("gru", 1, 5)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(-1.0)
    x = torch.tensor([[[3e38]], [[1e30]]])
    gradients = []
    for engine in ("native", "reference"):
        with tt.engine.use(engine):
            gradients.append(torch.autograd.grad(layer(x)[0].sum(), layer.weight_ih_l0)[0])
    assert instruction_set() == each_set
    assert torch.equal(*gradients)


@pytest.mark.parametrize("which", ["weight_hh_l0", "bias_hh_l0", "x"])
def test_memory_that_has_been_freed_is_refused(which: str) -> None:
    layer, x = tt.nn.Recurrent("gru", 3, 4), torch.zeros(2, 2, 3)
    freed = x if which == "x" else getattr(layer, which).data
    freed.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="storage"):
        layer(x)
    if which != "x":
        with pytest.raises(RuntimeError, match="storage"):
            layer.stepper()


def test_memory_goes_with_the_layer() -> None:
    layer = tt.nn.LSTM(3, 20)
    layer(torch.randn(9, 4, 3))[0].sum().backward()
    assert module.kept_bytes() > 0
    del layer
    assert module.kept_bytes() == 0


def test_workspaces_are_kept_within_a_bound_and_given_back() -> None:
    module.release_workspaces()
    assert module.kept_bytes() == 0
    for size in (16, 64, 200):
        everything(native, recurrence(T=30, B=40, H=size, dtype=torch.float32))
    assert 0 < module.kept_bytes() <= 256 << 20
    module.release_workspaces()
    assert module.kept_bytes() == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"dtype": torch.bfloat16}, "float32 and float64, the call is in torch.bfloat16"),
        ({"T": 0, "ragged": False}, "nothing to run over"),
        ({"B": 0, "ragged": False}, "nothing to run over"),
    ],
)
def test_what_it_declines_is_said(changed: dict[str, object], reason: str) -> None:
    assert reason in str(native.why_not(recurrence(**changed)))


def test_an_unknown_instruction_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHTIME_ISA", "avx1024")
    with pytest.raises(
        ValueError, match=r"THROUGHTIME_ISA is 'avx1024'; this machine has .*portable"
    ):
        native.run(recurrence())


def test_without_the_module_everything_runs_on_the_reference() -> None:
    program = """
import sys, warnings
sys.modules["throughtime.engine._native"] = None
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import torch, throughtime as tt
    y, _ = tt.nn.Recurrent("gru", 2, 3)(torch.zeros(4, 1, 2))
    y, _ = tt.nn.GRU(2, 3)(torch.zeros(4, 1, 2))
said = [str(w.message) for w in caught if "native engine is not there" in str(w.message)]
assert len(said) == 1, said
"""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    finished = subprocess.run([sys.executable, "-c", program], check=False, env=environment)
    assert finished.returncode == 0


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_peak_is_a_rate(each_set: str, kind: str) -> None:
    peak = getattr(module, f"peak_{kind}")
    assert 0 < peak(each_set, 2, 100) < 1e5  # GFLOP/s
    for threads, rounds in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="are expected"):
            peak(each_set, threads, rounds)
    with pytest.raises(ValueError, match="no such instruction set"):
        peak("mmx", 1, 100)
