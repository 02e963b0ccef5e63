"""Every cell on every engine: memory layouts, dtypes and the rules of autograd."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.contracts import cases, plain
from tests.contracts.checks import (
    flattened,
    gradients_of,
)
from tests.contracts.closeness import assert_close
from throughtime import cells, engine
from throughtime.engine import Recurrence
from throughtime.equations import Cell

each_cell = pytest.mark.parametrize("cell", cells.registry.values(), ids=cells.registry.keys())


pytestmark = pytest.mark.usefixtures("each_engine")


@each_cell
def test_layouts_of_the_input_do_not_matter(cell: Cell) -> None:
    def strided(_: str, tensor: Tensor) -> Tensor:
        wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), float("nan")).double()
        wide[..., ::2] = tensor
        return wide[..., ::2]

    recurrence = cases.recurrence(cell, 4, 3, 2, 3, lengths=[4, 2, 3])
    odd = cases.with_tensors(recurrence, strided)
    odd = replace(odd, x=recurrence.x.transpose(0, 1).contiguous().transpose(0, 1))
    assert not any(tensor.is_contiguous() for tensor in cases.tensors(odd).values())
    for tensor in cases.tensors(odd).values():
        tensor.requires_grad_()
    straight = cases.leaves(recurrence)
    found, expected = engine.run(odd), engine.run(straight)
    cotangents = [torch.randn_like(result) for result in flattened(expected)]
    slanted = [c.transpose(0, 1).contiguous().transpose(0, 1) for c in cotangents]
    gradients = gradients_of(odd, found, slanted)
    for name, gradient in gradients_of(straight, expected, cotangents).items():
        assert_close(gradients[name], gradient, name, 1e-12)


@each_cell
def test_expanded_gradients_and_inputs(cell: Cell) -> None:
    recurrence = cases.recurrence(cell, 4, 3, 2, 3)
    recurrence = replace(recurrence, x=recurrence.x[:1, :1])
    ours, theirs = cases.leaves(recurrence), cases.leaves(recurrence)
    sums = []
    for one, run in ((ours, engine.run), (theirs, plain.run)):
        wide = replace(one, x=one.x.expand(4, 3, 2))  # stride 0
        outputs, final = run(wide)
        (outputs.sum() + sum(s.sum() for s in final)).backward()  # the gradient has stride 0
        sums.append(cases.tensors(one))
    for name, tensor in sums[0].items():
        assert_close(tensor.grad, sums[1][name].grad, name)


@each_cell
def test_single_precision_agrees_with_double(cell: Cell) -> None:
    double = cases.recurrence(cell, 8, 3, 2, 3, lengths=[8, 5, 1])
    single = cases.with_tensors(double, lambda _, tensor: tensor.float())
    ours, theirs = cases.leaves(single), cases.leaves(double)
    found, expected = engine.run(ours), engine.run(theirs)
    cotangents = [torch.randn_like(result) for result in flattened(expected)]
    gradients = gradients_of(ours, found, [c.float() for c in cotangents])
    assert_close(found[0], expected[0].float(), "outputs", 1e-5)  # single precision has 7 digits
    for name, gradient in gradients_of(theirs, expected, cotangents).items():
        assert gradient is not None
        assert_close(gradients[name], gradient.float(), name, 1e-5)


@each_cell
def test_bfloat16_runs(cell: Cell) -> None:
    double = cases.recurrence(cell, 5, 3, 2, 3, lengths=[5, 2, 0])
    coarse = cases.leaves(cases.with_tensors(double, lambda _, tensor: tensor.bfloat16()))
    results = engine.run(coarse)
    assert all(result.dtype == torch.bfloat16 for result in flattened(results))
    expected = engine.run(double)[0]
    assert_close(results[0].double(), expected, "outputs", 0.05)  # bfloat16 has 2 to 3 digits
    gradients = gradients_of(coarse, results, [torch.ones_like(r) for r in flattened(results)])
    for gradient in gradients.values():
        assert gradient is not None
        assert gradient.dtype == torch.bfloat16
        assert gradient.isfinite().all()


# Autograd's own rules.


def as_function(
    recurrence: Recurrence,
) -> tuple[Callable[..., tuple[Tensor, ...]], tuple[Tensor, ...]]:
    """Give a function of the recurrence's tensors, and the tensors."""
    named = cases.tensors(cases.leaves(recurrence))

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        new = dict(zip(named, values, strict=True))
        return tuple(flattened(engine.run(cases.with_tensors(recurrence, lambda n, _: new[n]))))

    return function, tuple(named.values())


@each_cell
@pytest.mark.parametrize(
    ("lengths", "reverse"),
    [
        pytest.param(None, False, marks=pytest.mark.thorough),
        pytest.param([2, 3, 0], False, marks=pytest.mark.thorough),
        ([2, 3, 0], True),
    ],
)
def test_second_derivatives(cell: Cell, lengths: list[int] | None, reverse: bool) -> None:
    recurrence = cases.recurrence(cell, 3, 3, 1, 2, lengths=lengths, reverse=reverse, seed=3)
    function, values = as_function(recurrence)
    assert torch.autograd.gradcheck(function, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, values, fast_mode=True)


@each_cell
def test_second_derivatives_equal_autograd_of_the_plain_loop(cell: Cell) -> None:
    recurrence = cases.recurrence(cell, 5, 3, 2, 2, lengths=[5, 2, 0], seed=4)
    found = []
    for run in (engine.run, plain.run):
        own = cases.leaves(recurrence)
        named = cases.tensors(own)
        outputs, final = run(own)
        error = (outputs**2).sum() + sum((s**3).sum() for s in final)
        first = torch.autograd.grad(error, list(named.values()), create_graph=True)
        penalty = sum((gradient**2).sum() for gradient in first)
        second = torch.autograd.grad(penalty, list(named.values()), allow_unused=True)
        found.append(dict(zip(named, second, strict=True)))
    for name, gradient in found[0].items():
        assert_close(gradient, found[1][name], name)


@each_cell
def test_backward_twice_over_a_retained_graph(cell: Cell) -> None:
    recurrence = cases.leaves(cases.recurrence(cell, 4, 2, 2, 3, lengths=[4, 2]))
    outputs, _ = engine.run(recurrence)
    error = (outputs**2).sum()
    error.backward(retain_graph=True)
    once = {name: tensor.grad.clone() for name, tensor in cases.tensors(recurrence).items()}
    error.backward()
    for name, tensor in cases.tensors(recurrence).items():
        assert_close(tensor.grad, 2 * once[name], name, 1e-12)
    with pytest.raises(RuntimeError, match="second time"):
        error.backward()


@each_cell
def test_without_gradients_nothing_is_recorded(cell: Cell) -> None:
    recurrence = cases.leaves(cases.recurrence(cell, 4, 2, 2, 3, lengths=[4, 2]))
    recorded = flattened(engine.run(recurrence))
    with torch.no_grad():
        plainly = flattened(engine.run(recurrence))
    with torch.inference_mode():
        inferred = flattened(engine.run(cases.recurrence(cell, 4, 2, 2, 3, lengths=[4, 2])))
    for one, two, three in zip(recorded, plainly, inferred, strict=True):
        assert one.requires_grad
        assert not two.requires_grad
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@each_cell
def test_only_what_requires_a_gradient_receives_one(cell: Cell) -> None:
    original = cases.recurrence(cell, 4, 2, 2, 3, lengths=[4, 2])
    everything = cases.leaves(original)
    engine.run(everything)[0].sum().backward()
    for wanted, full in cases.tensors(everything).items():
        partial = cases.with_tensors(original, lambda _, tensor: tensor.clone())
        tensor = cases.tensors(partial)[wanted].requires_grad_()
        engine.run(partial)[0].sum().backward()
        assert_close(tensor.grad, full.grad, wanted, 1e-12)
        others = {n: t for n, t in cases.tensors(partial).items() if n != wanted}
        assert all(other.grad is None for other in others.values())


@each_cell
def test_one_tensor_in_two_places(cell: Cell) -> None:
    """A weight computed from the input: each derivative stops at the engine's own arguments."""
    original = cases.recurrence(cell, 3, 2, 2, 2, seed=5)
    found = []
    for run in (engine.run, plain.run):
        x = original.x.clone().requires_grad_()
        state = tuple(x[0] * 0.5 for _ in original.state)
        outputs, _ = run(replace(original, x=x, state=state))
        (first,) = torch.autograd.grad((outputs**2).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad((first**2).sum(), x)
        found.append((first, second))
    for mine, other in zip(*found, strict=True):
        assert_close(mine, other)


@each_cell
def test_an_input_changed_after_the_run_is_noticed(cell: Cell) -> None:
    recurrence = cases.leaves(cases.recurrence(cell, 3, 2, 2, 2))
    outputs, _ = engine.run(recurrence)
    with torch.no_grad():
        recurrence.x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()
