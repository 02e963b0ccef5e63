"""What is checked of a recurrence; negative controls go through the same functions."""

import torch
from torch import Tensor

from tests.contracts import cases, plain
from tests.contracts.closeness import assert_close
from throughtime import engine
from throughtime.engine import Recurrence


def check_against_autograd(recurrence: Recurrence, relative: float = 1e-9) -> None:
    """Compare results and all gradients with autograd on the plainly written loop."""
    torch.manual_seed(0)
    ours, theirs = cases.leaves(recurrence), cases.leaves(recurrence)
    found, expected = engine.run(ours), plain.run(theirs)
    assert_close(found[0], expected[0], "outputs", relative)
    for name, mine, other in zip(recurrence.cell.states, found[1], expected[1], strict=True):
        assert_close(mine, other, f"final {name}", relative)
    cotangents = [torch.randn_like(result) for result in flattened(found)]
    gradients = gradients_of(ours, found, cotangents)
    for name, gradient in gradients_of(theirs, expected, cotangents).items():
        assert_close(gradients[name], gradient, f"gradient by {name}", relative)


def check_against_differences(recurrence: Recurrence, relative: float = 1e-6) -> None:
    """Compare every single partial derivative with a central difference."""
    torch.manual_seed(0)
    ours = cases.leaves(recurrence)
    found = engine.run(ours)
    cotangents = [torch.randn_like(result) for result in flattened(found)]

    def error(changed: Recurrence) -> float:
        with torch.no_grad():
            results = flattened(engine.run(changed))
        return sum(float((r * c).sum()) for r, c in zip(results, cotangents, strict=True))

    gradients = gradients_of(ours, found, cotangents)
    reach = 1e-5
    for name, tensor in cases.tensors(recurrence).items():
        expected = torch.empty_like(tensor)
        for place in range(tensor.numel()):
            either = []
            for sign in (1.0, -1.0):
                moved = tensor.clone()
                moved.view(-1)[place] += sign * reach
                either.append(error(replaced(recurrence, name, moved)))
            expected.view(-1)[place] = (either[0] - either[1]) / (2 * reach)
        assert_close(gradients[name], expected, f"gradient by {name}", relative)


def replaced(recurrence: Recurrence, name: str, tensor: Tensor) -> Recurrence:
    return cases.with_tensors(recurrence, lambda own, old: tensor if own == name else old)


def flattened(results: tuple[Tensor, tuple[Tensor, ...]]) -> list[Tensor]:
    return [results[0], *results[1]]


def gradients_of(
    recurrence: Recurrence,
    results: tuple[Tensor, tuple[Tensor, ...]],
    cotangents: list[Tensor],
) -> dict[str, Tensor | None]:
    named = cases.tensors(recurrence)
    pairs = [(r, c) for r, c in zip(flattened(results), cotangents, strict=True) if r.requires_grad]
    found = torch.autograd.grad(
        [result for result, _ in pairs],
        list(named.values()),
        [cotangent for _, cotangent in pairs],
        allow_unused=True,
    )
    return dict(zip(named, found, strict=True))
