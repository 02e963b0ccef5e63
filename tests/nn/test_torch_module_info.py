"""Every input that torch ships for testing its RNN, GRU and LSTM, given to ours."""

import copy
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.testing._internal.common_modules import (
    ErrorModuleInput,
    ModuleErrorEnum,
    ModuleInfo,
    ModuleInput,
    module_db,
)

import throughtime as tt
from tests.contracts.closeness import assert_close
from tests.nn.test_as_torch import flat

ours: dict[type[nn.Module], type[nn.RNNBase]] = {
    nn.RNN: tt.nn.RNN,
    nn.GRU: tt.nn.GRU,
    nn.LSTM: tt.nn.LSTM,
}
infos = [info for info in module_db if info.module_cls in ours]
each_info = pytest.mark.parametrize("info", infos, ids=lambda info: info.name)
gru_first = pytest.mark.parametrize(
    "info",
    [
        pytest.param(info, marks=[] if info.module_cls is nn.GRU else [pytest.mark.thorough])
        for info in infos
    ],
    ids=lambda info: info.name,
)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
each_mode = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
each_dtype_and_mode = pytest.mark.parametrize(
    ("dtype", "training"),
    [
        (torch.float64, True),
        pytest.param(torch.float32, True, marks=pytest.mark.thorough),
        (torch.float32, False),
        pytest.param(torch.float64, False, marks=pytest.mark.thorough),
    ],
    ids=["double, train", "single, train", "single, eval", "double, eval"],
)
tolerances = {torch.float32: 1e-5, torch.float64: 1e-10}  # of single precision and of double

pytestmark = [  # torch's, of its own kernels
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN"),
]


def inputs(info: ModuleInfo, dtype: torch.dtype, training: bool) -> list[ModuleInput]:
    torch.manual_seed(0)
    given = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    assert isinstance(given, list)
    assert len(given) >= 16
    return given


def pair(
    info: ModuleInfo, given: ModuleInput, dtype: torch.dtype, training: bool
) -> tuple[nn.Module, nn.Module]:
    made = given.constructor_input
    layers = []
    for kind in (ours[info.module_cls], info.module_cls):
        torch.manual_seed(1)
        layers.append(kind(*made.args, **made.kwargs, dtype=dtype).train(training))
    return layers[0], layers[1]


def variants(layer: Any, args: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Give a shipped input, which is one sequence, and batched and packed inputs like it.

    Those only while training: without dropout evaluation is the same once more.
    """
    x, states = args[0], flat(args[1:])
    yield "as shipped", (x, *args[1:])
    if not layer.training:
        return
    dim = 0 if layer.batch_first else 1
    batch = torch.stack([x, x.flip(0), 2 * x], dim).detach()
    wide = [torch.stack([s, -s, s / 2], 1).detach() for s in states]

    def given(first: Any, own: list[Tensor]) -> tuple[Any, ...]:
        return (first, *([tuple(own)] if len(own) > 1 else own))

    yield "batched", given(batch, wide)
    strided = [torch.stack([t, t], -1)[..., 0] for t in (batch, *wide)]
    assert not any(t.is_contiguous() for t in strided)
    yield "not contiguous", given(strided[0], strided[1:])
    rows = list(batch.unbind(dim))
    ragged = [rows[0][:1], rows[1], rows[2][:-1] if len(x) > 2 else rows[2]]
    yield "packed", given(pack_sequence(ragged, enforce_sorted=False), wide)


def leaves(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give arguments with tensors of the same strides whose gradients are asked for."""

    def leaf(given: Any) -> Any:
        if isinstance(given, Tensor):
            fresh = torch.empty_strided(given.shape, given.stride(), dtype=given.dtype)
            return fresh.copy_(given.detach()).requires_grad_()
        if isinstance(given, PackedSequence):
            return PackedSequence(leaf(given.data), *given[1:])
        return tuple(leaf(part) for part in given)

    return tuple(leaf(argument) for argument in args)


def doubled(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give arguments in double precision."""
    return tuple(
        tuple(part.double() for part in given) if type(given) is tuple else given.double()
        for given in args
    )


def derivatives(layer: nn.Module, args: tuple[Any, ...]) -> list[tuple[str, Tensor | None]]:
    """Compute outputs, gradients, and gradients of a function of the gradients."""
    own = leaves(args)
    by = [*flat(own), *layer.parameters()]
    results = flat(layer(*own))
    generator = torch.Generator().manual_seed(2)

    def weighted(tensors: list[Tensor]) -> Tensor:
        drawn = [torch.randn(t.shape, generator=generator).to(t.dtype) for t in tensors]
        return torch.stack([(t * d).sum() for t, d in zip(tensors, drawn, strict=True)]).sum()

    first = torch.autograd.grad(weighted(results), by, create_graph=True)
    # A gradient that depends on nothing (the last bias's, say) has no derivative.
    second = torch.autograd.grad(weighted([g for g in first if g.grad_fn]), by, allow_unused=True)
    named = (("result", results), ("gradient", first), ("second gradient", second))
    return [(f"{name} {n}", t) for name, found in named for n, t in enumerate(found)]


@gru_first
@pytest.mark.parametrize(
    ("dtype", "training"),
    [
        (torch.float64, True),
        *(
            pytest.param(dtype, training, marks=pytest.mark.thorough)
            for dtype, training in [
                (torch.float32, True),
                (torch.float32, False),
                (torch.float64, False),
            ]
        ),
    ],
    ids=str,
)
def test_forward_gradient_and_second_gradient(
    info: ModuleInfo, dtype: torch.dtype, training: bool
) -> None:
    for number, given in enumerate(inputs(info, dtype, training)):
        mine, other = pair(info, given, dtype, training)
        assert not given.forward_input.kwargs
        for name, args in variants(mine, given.forward_input.args):
            # torch's fused kernel for LSTM has no second derivative; its plain one has.
            with torch.backends.mkldnn.flags(enabled=False):
                expected = derivatives(other, args)
                exact = expected
                if dtype == torch.float32:
                    exact = derivatives(copy.deepcopy(other).double(), doubled(args))
            with tt.engine.use("reference"):  # the bound as it stands, without exception
                strict = derivatives(mine, args)
            for (what, one), (_, two) in zip(strict, expected, strict=True):
                assert_close(one, two, f"input {number}, {name}, {what}", tolerances[dtype])
            for (what, one), (_, two), (_, truth) in zip(
                derivatives(mine, args), expected, exact, strict=True
            ):
                allowed = tolerances[dtype]
                if what.startswith("second") and dtype == torch.float32 and two is not None:
                    # Some second gradients are what is left of larger numbers: torch's own then
                    # lies as far from the truth, which is known in double precision.
                    allowed = max(allowed, 2 * float((two - truth).norm() / truth.norm()))
                assert_close(one, two, f"input {number}, {name}, {what}", allowed)
            if name == "as shipped" and given.reference_fn is not None:
                reference = flat(given.reference_fn(mine, *copy.deepcopy(args)))
                for one, two in zip(flat(mine(*args)), reference, strict=True):
                    assert_close(one, two, f"input {number}, torch's reference", tolerances[dtype])


@gru_first
@each_dtype_and_mode
def test_saved_and_loaded(info: ModuleInfo, dtype: torch.dtype, training: bool) -> None:
    for given in inputs(info, dtype, training):
        mine, other = pair(info, given, dtype, training)
        before = flat(mine(*given.forward_input.args))
        for source, target in ((mine, other), (other, mine)):
            file = io.BytesIO()
            torch.save(source.state_dict(), file)
            file.seek(0)
            with torch.no_grad():
                for parameter in target.parameters():
                    parameter.fill_(float("nan"))
            target.load_state_dict(torch.load(file, weights_only=True))
        file = io.BytesIO()
        torch.save(mine, file)
        file.seek(0)
        for layer in (mine, torch.load(file, weights_only=False), copy.deepcopy(mine)):
            for one, two in zip(flat(layer(*given.forward_input.args)), before, strict=True):
                assert torch.equal(one, two)


@each_info
@each_dtype
@each_mode
def test_errors(info: ModuleInfo, dtype: torch.dtype, training: bool) -> None:
    given: list[ErrorModuleInput] = info.module_error_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=False, training=training
    )
    assert len(given) >= 12
    kind = ours[info.module_cls]
    for case in given:
        made = case.module_error_input.constructor_input
        if case.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(case.error_type, match=case.error_regex):
                kind(*made.args, **made.kwargs)
        else:
            passed = case.module_error_input.forward_input
            layer = kind(*made.args, **made.kwargs).train(training)
            with pytest.raises(case.error_type, match=case.error_regex):
                layer(*passed.args, **passed.kwargs)
