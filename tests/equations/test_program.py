"""Programs: what is shared, folded and dropped, and how one is printed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import throughtime as tt
from tests.equations.declaring import of_state, one_gate
from throughtime import cells
from throughtime.equations import Program, evaluate
from throughtime.equations.operations import operations


def operations_of(program: Program) -> list[str]:
    return [instruction.operation for instruction in program.instructions]


def test_equal_subexpressions_are_computed_once() -> None:
    step = one_gate(lambda wx, uh, h: tt.tanh(wx.a + uh.a) * tt.tanh(wx.a + uh.a) + h).step
    assert operations_of(step) == ["add", "tanh", "multiply", "add"]


def test_the_order_of_commuting_arguments_does_not_matter() -> None:
    step = one_gate(lambda wx, uh, h: (wx.a * h + uh.a) - (uh.a + h * wx.a)).step
    assert operations_of(step) == ["multiply", "add", "subtract"]
    step = one_gate(lambda wx, uh, h: (wx.a - h) * (h - wx.a)).step
    assert operations_of(step) == ["subtract", "subtract", "multiply"]
    step = one_gate(lambda wx, uh, h: tt.maximum(wx.a, h) + tt.maximum(h, wx.a)).step
    assert operations_of(step) == ["maximum", "add"]


def test_constants_are_folded() -> None:
    @tt.cell(gates="a", state="h", constants={"leak": 0.25})
    def mine(wx, uh, h, *, leak):
        rest = tt.where(h > 0, 1.0, 1.0) - leak  # a scalar that is a constant, traced all the same
        return (1 - leak) * h + tt.sqrt(rest + 0.25) * leak

    assert operations_of(mine.step) == ["multiply", "add"]
    assert set(mine.step.constants) == {0.75, 0.25}


def test_dead_code_is_dropped() -> None:
    def mine(wx, uh, h):
        tt.exp(wx.a)
        tt.log(uh.a) + 3.0
        return tt.tanh(h)

    step = tt.cell(gates="a", state="h")(mine).step
    assert operations_of(step) == ["tanh"]
    assert step.inputs == ("h",)
    assert step.constants == ()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda h: h + 0, []),
        (lambda h: 0 + h, []),
        (lambda h: h - 0, []),
        (lambda h: h * 1, []),
        (lambda h: 1 * h, []),
        (lambda h: h / 1, []),
        (lambda h: h**1, []),
        (lambda h: +h, []),
        (lambda h: -(-h), []),  # noqa: B002
        (lambda h: tt.where(h > 0, h, h), []),
        (lambda h: h * -1, ["negate"]),
        (lambda h: h / -1, ["negate"]),
        (lambda h: h**2, ["multiply"]),
        (lambda h: 1.0 + h * 0, ["multiply", "add"]),  # h may be infinite
        (lambda h: h - h, ["subtract"]),
        (lambda h: h / h, ["divide"]),
    ],
    ids=lambda value: "" if callable(value) else "-".join(value),
)
def test_only_what_holds_for_every_number_is_simplified(
    function: Callable[[Any], Any], expected: list[str]
) -> None:
    assert operations_of(of_state(function).step) == expected


def test_simplifying_keeps_the_value() -> None:
    h = torch.tensor([-2.0, -0.5, 0.0, 1.5, float("inf"), float("nan")], dtype=torch.float64)
    functions: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "0 - h": (lambda h: 0 - h, 0 - h),
        "h - (-h)": (lambda h: h - (-h), h - (-h)),
        "h + (-1)": (lambda h: h + (-1), h - 1),
        "1 + (-h)": (lambda h: 1 + (-h), 1 - h),
        "(-h) + 1": (lambda h: (-h) + 1, 1 - h),
        "(-1) * h": (lambda h: (-1) * h, -h),
        "h ** 2": (lambda h: h**2, h * h),
        "h ** 0": (lambda h: h**0, h**0),
        "2 ** h": (lambda h: 2**h, 2**h),
        "1 / h": (lambda h: 1 / h, 1 / h),
        "abs": (abs, h.abs()),
    }
    for name, (function, expected) in functions.items():
        found = evaluate(of_state(function).step, {"h": h})["next.h"]
        found = found.expand_as(h)  # a constant result has no dimensions
        assert torch.equal(found.nan_to_num(9.0), expected.nan_to_num(9.0)), name


def test_lengths_of_the_built_in_programs() -> None:
    """As many operations as one would write by hand."""
    lengths = {name: len(cell.step.instructions) for name, cell in cells.registry.items()}
    assert lengths == {
        "elman": 2,
        "elman_relu": 2,
        "gru": 10,
        "lstm": 13,
        "lstm_peephole": 19,
        "leaky": 5,
        "continuous_time": 7,
        "independent": 3,
        "light_gru": 7,
        "lstm_coupled": 11,
        "lstm_no_forget_gate": 10,
        "lstm_no_input_activation": 12,
        "lstm_no_input_gate": 10,
        "lstm_no_output_activation": 12,
        "lstm_no_output_gate": 10,
        "minimal_gated": 8,
        "noisy_leaky": 7,
        "quasi_recurrent": 7,
        "simple_recurrent_unit": 12,
        "slstm": 23,
        "structural_context": 7,
    }


def test_the_adjoint_computes_nothing_again() -> None:
    for cell in cells.registry.values():
        forward, backward = cell.adjoint.forward, cell.adjoint.backward
        assert len(forward.instructions) == len(cell.step.instructions)
        new = {"sigmoid"} if "softplus" in operations_of(cell.step) else set()  # its derivative
        assert not {"sigmoid", "tanh", "exp"} & set(operations_of(backward)) - new
        assert forward.outputs[: len(cell.states)] == tuple(f"next.{s}" for s in cell.states)
        kept = set(forward.outputs) - set(cell.step.outputs)
        assert kept == {name for name in backward.inputs if name.startswith("kept.")}
        assert backward.outputs == tuple(f"d.{name}" for name in cell.step.inputs)


def test_registers_are_in_single_assignment_form() -> None:
    for cell in cells.registry.values():
        for program in (cell.step, cell.adjoint.forward, cell.adjoint.backward):
            for register, instruction in program.numbered():
                assert all(argument < register for argument in instruction.arguments)
                assert len(instruction.arguments) == operations[instruction.operation].arity
            assert len(set(program.instructions)) == len(program.instructions)
            assert len(set(program.constants)) == len(program.constants)


def test_a_program_is_printed_line_by_line() -> None:
    assert str(cells.gru.step).splitlines() == [
        "%7 = add wx.r uh.r",
        "%8 = sigmoid %7",
        "%9 = add wx.z uh.z",
        "%10 = sigmoid %9",
        "%11 = multiply %8 uh.n",
        "%12 = add wx.n %11",
        "%13 = tanh %12",
        "%14 = subtract h %13",
        "%15 = multiply %10 %14",
        "%16 = add %13 %15",
        "next.h = %16",
    ]
    assert str(of_state(lambda h: 0.5 * tt.tanh(h)).step) == (
        "%2 = tanh h\n%3 = multiply %2 0.5\nnext.h = %3"
    )


def test_a_result_is_found_by_name() -> None:
    step = cells.lstm.step
    assert step.result("next.c") == step.results[1]
    assert step.first_instruction == len(step.inputs)


def test_programs_broadcast_when_evaluated() -> None:
    values = {"h": torch.ones(3, 1), "wx.a": torch.ones(4), "uh.a": torch.tensor(1.0)}
    step = one_gate(lambda wx, uh, h: wx.a + uh.a * h).step
    assert evaluate(step, values)["next.h"].shape == (3, 4)
    with pytest.raises(KeyError, match=r"uh\.a"):
        evaluate(step, {"h": torch.ones(1), "wx.a": torch.ones(1)})
