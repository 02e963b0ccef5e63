"""A derivation as it is printed, computed with, against the programs and against autograd."""

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import throughtime as tt
from tests.equations.declaring import one_gate
from tests.equations.latex_reader import compute, equations, run
from throughtime import Cell, CellError, cells
from throughtime.equations import evaluate
from throughtime.equations.derivation import Derivation
from throughtime.equations.derivation.latex import latex, notations
from throughtime.equations.derivation.names import Names
from throughtime.equations.derivation.terms import Operation, Symbol
from throughtime.equations.operations import operations

INPUTS, H, T = 2, 5, 4
every_cell = pytest.mark.parametrize("cell", cells.registry.values(), ids=lambda c: c.name)


class Example:
    """Random numbers for all that a derivation reads, by symbol."""

    def __init__(self, cell: Cell) -> None:
        draw = torch.Generator().manual_seed(1)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        self.cell = cell
        self.names = names = Names(cell.states, cell.units, cell.gates)
        self.W = {gate: normal(H, INPUTS) for gate in cell.input_gates}
        self.b = {gate: normal(H) for gate in cell.input_gates}
        self.U = {gate: normal(H, H) for gate in cell.recurrent_gates}
        self.c = {gate: normal(H) for gate in cell.recurrent_gates}
        self.units = {unit: normal(H) for unit in cell.units}
        self.start = {state: 0.5 + normal(H).abs() for state in cell.states}
        self.x = [normal(INPUTS) for _ in range(T)]
        self.explicit = [normal(H) for _ in range(T)]  # dE/dy_t
        self.final = {state: normal(H) for state in cell.states}
        self.weights = {names.units[unit]: value for unit, value in self.units.items()}
        for letter in "WUbc":
            for gate, value in getattr(self, letter).items():
                self.weights[names.weight(letter, gate)] = value

    def after_the_last(self) -> dict[str, Tensor]:
        """Give the derivatives by the last output and by the final states."""
        last = {self.names.last[state]: value for state, value in self.final.items()}
        last["y_T"] = self.explicit[-1]
        return {rf"\frac{{\partial E}}{{\partial {name}}}": v for name, v in last.items()}


def unrolled(example: Example, derivation: Derivation) -> dict[str, Tensor]:
    """Run a printed derivation forward and back; give all that it says of the gradients."""
    names, states = example.names, example.cell.states
    state = example.start
    steps: list[dict[str, Tensor]] = []
    for t in range(T):
        before = {names.before[s]: state[s] for s in states}
        steps.append({**example.weights, **before, "x_t": example.x[t]})
        run(derivation.step, steps[t], H)
        state = {s: steps[t][names.after[s]] for s in states}
    results = {f"y {t}": step["y_t"] for t, step in enumerate(steps)}
    after_the_last = example.after_the_last()
    run(derivation.adjoint.split(" \\\\\n")[1], after_the_last, H)  # what delta starts from
    delta = {s: after_the_last[rf"\delta {names.last[s]}"] for s in states}
    for t in reversed(range(T)):
        explicit = example.explicit[t - 1] if t else torch.zeros(H, dtype=torch.float64)
        steps[t][r"\frac{\partial E}{\partial y_{t-1}}"] = explicit
        steps[t].update({rf"\delta {names.after[s]}": delta[s] for s in states})
        steps[t].update(example.after_the_last())
        run(derivation.adjoint, steps[t], H)
        delta = {s: steps[t][rf"\delta {names.before[s]}"] for s in states}
    results |= {f"start {s}": delta[s] for s in states}
    for (name,), right in equations(derivation.gradients):
        if name == r"\frac{\partial E}{\partial x_t}":
            results |= {f"x {t}": compute(right, [step]) for t, step in enumerate(steps)}
        else:
            results[name] = compute(right, steps)
    return results


def by_autograd(example: Example) -> dict[str, Tensor]:
    """Unroll the cell's step and let torch differentiate it."""
    cell = example.cell
    leaves = {
        **example.weights,
        **{f"start {s}": value for s, value in example.start.items()},
        **{f"x {t}": value for t, value in enumerate(example.x)},
    }
    leaves = {name: value.clone().requires_grad_() for name, value in leaves.items()}
    state = {s: leaves[f"start {s}"] for s in cell.states}
    units = {unit: leaves[example.names.units[unit]] for unit in cell.units}
    outputs, error = {}, torch.zeros((), dtype=torch.float64)
    for t in range(T):
        values = {**state, **units}
        for read, letters, prefix, by in (
            (leaves[f"x {t}"], "Wb", "wx.", cell.input_gates),
            (state[cell.states[0]], "Uc", "uh.", cell.recurrent_gates),
        ):
            for gate in by:
                weight, bias = (leaves[example.names.weight(letter, gate)] for letter in letters)
                values[prefix + gate] = weight @ read + bias
        new = evaluate(cell.step, values)
        state = {s: new[f"next.{s}"].expand(H) for s in cell.states}
        outputs[f"y {t}"] = state[cell.states[0]]
        error = error + example.explicit[t] @ outputs[f"y {t}"]
    error = error + sum(example.final[s] @ state[s] for s in cell.states)
    found = torch.autograd.grad(error, list(leaves.values()), allow_unused=True)
    gradients = {
        (f"\\frac{{\\partial E}}{{\\partial {name}}}" if name in example.weights else name): (
            torch.zeros_like(leaf) if gradient is None else gradient
        )
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
    }
    return {name: value.detach() for name, value in (outputs | gradients).items()}


def difference(got: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Give the largest difference, relative where numbers are large."""
    expected = {n: e for n, e in expected.items() if n in got or bool(e.any())}
    assert got.keys() == expected.keys()
    return max(
        float(((got[n] - e).abs() / e.abs().clamp(min=1.0)).max()) for n, e in expected.items()
    )


@every_cell
def test_the_printed_derivation_is_the_gradient(cell: Cell) -> None:
    example = Example(cell)
    assert difference(unrolled(example, cell.latex()), by_autograd(example)) < 1e-12


@every_cell
def test_the_printed_step_and_adjoint_are_the_programs(cell: Cell) -> None:
    assert program_difference(cell, cell.latex()) < 1e-12


def program_difference(cell: Cell, derivation: Derivation) -> float:
    """Compare one step, as it is printed, with the programs that engines run."""
    example = Example(cell)
    names = example.names
    values = {**example.start, **example.units}
    printed = {names.before[s]: value for s, value in example.start.items()} | example.weights
    printed |= {name: 0 * value for name, value in printed.items() if name.startswith("U_")}
    printed["x_t"] = example.x[0]
    printed[r"\frac{\partial E}{\partial y_{t-1}}"] = torch.zeros(H, dtype=torch.float64)
    run(derivation.step, printed, H)
    for gate in cell.gates:
        values[f"wx.{gate}"] = printed.get(names.inputs[gate], torch.zeros(H))
        values[f"uh.{gate}"] = printed.get(names.products[gate], torch.zeros(H))
    forward = evaluate(cell.adjoint.forward, values)
    values |= forward | {f"d.next.{s}": example.final[s] for s in cell.states}
    printed |= {rf"\delta {names.after[s]}": example.final[s] for s in cell.states}
    printed |= example.after_the_last()
    run(derivation.adjoint, printed, H)
    symbols = {
        **{f"next.{s}": names.after[s] for s in cell.states},
        **{f"d.wx.{gate}": rf"\delta {names.inputs[gate]}" for gate in cell.gates},
        **{f"d.uh.{gate}": rf"\delta {names.products[gate]}" for gate in cell.gates},
        **{f"d.{s}": rf"\delta {names.before[s]}" for s in cell.states},
        **{f"d.{unit}": rf"\delta {names.units_in_time[unit]}" for unit in cell.units},
    }
    expected = evaluate(cell.step, values) | evaluate(cell.adjoint.backward, values)
    return difference({name: printed[symbols[name]] for name in expected}, expected)


@every_cell
def test_a_derivation_with_a_sign_flipped_is_noticed(cell: Cell) -> None:
    example, derivation = Example(cell), cell.latex()
    expected = by_autograd(example)
    signs = [*re.finditer(r" ([-+]) ", derivation.adjoint)]
    noticed = []
    for sign in signs:
        flipped = {"+": " - ", "-": " + "}[sign.group(1)]
        wrong = derivation.adjoint[: sign.start()] + flipped + derivation.adjoint[sign.end() :]
        got = unrolled(example, replace(derivation, adjoint=wrong))
        noticed.append(difference(got, expected) > 1e-6)
    if r"\begin{cases}" in derivation.adjoint:  # a branch that is not taken is not noticed
        assert any(noticed)
    else:
        assert all(noticed)


numbers = st.floats(-2, 2).map(lambda value: round(value, 2))


def scalars() -> st.SearchStrategy[Any]:
    """Draw functions of wx, uh and h, smooth enough and of moderate size."""
    leaves = st.sampled_from([lambda w, u, h: w, lambda w, u, h: u, lambda w, u, h: h])

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        two = st.tuples(inner, inner)
        return st.one_of(
            two.map(lambda p: lambda *s: p[0](*s) + p[1](*s)),
            two.map(lambda p: lambda *s: p[0](*s) - p[1](*s)),
            two.map(lambda p: lambda *s: p[0](*s) * tt.tanh(p[1](*s))),
            two.map(lambda p: lambda *s: p[0](*s) / (1 + abs(p[1](*s)))),
            two.map(lambda p: lambda *s: tt.maximum(p[0](*s), -p[1](*s))),
            two.map(lambda p: lambda *s: tt.where(p[0](*s) < p[1](*s), p[0](*s), 0.0)),
            two.map(lambda p: lambda *s: tt.where(p[0](*s) > 0.3, 0.0, -p[1](*s))),
            two.map(lambda p: lambda *s: tt.sigmoid(p[0](*s)) ** (-tt.sigmoid(p[1](*s)))),
            inner.map(lambda f: lambda *s: -f(*s)),
            inner.map(lambda f: lambda *s: tt.softplus(f(*s))),
            inner.map(lambda f: lambda *s: tt.layer_norm(f(*s), 0.1)),
            inner.map(lambda f: lambda *s: tt.sqrt(1 + f(*s) ** 2)),
            st.tuples(numbers, inner).map(lambda p: lambda *s: p[0] * p[1](*s)),
            st.tuples(numbers, inner).map(lambda p: lambda *s: p[0] - p[1](*s)),
        )

    return st.recursive(leaves, grown, max_leaves=8)


@given(scalars())
def test_any_equations_are_printed_as_they_are_computed(function: Any) -> None:
    cell = one_gate(lambda wx, uh, h: function(wx.a, uh.a, h))
    assert program_difference(cell, cell.latex()) < 1e-10  # powers and quotients are nested


def test_names_that_mean_something_else_are_told_apart() -> None:
    names = Names(["x", "c"], ["b_c", "E", "delta"], ["f1", "f_1", "t", "alpha", "long_name", "c"])
    weights = [names.weight(letter, gate) for letter in "WUbc" for gate in names.inputs]
    activations = [names.gate(gate).latex for gate in names.inputs]
    given = [*names.inputs.values(), *names.products.values(), *names.units.values()]
    given += [*names.after.values(), *names.before.values(), *weights, *activations]
    assert len(set(given)) == len(given)
    assert not {"x_t", "y_t", "E", r"\delta"} & {*given}
    assert names.after["x"] == "x'_t"
    assert names.gate("c").latex == r"\tilde{c}'_t"


def test_a_state_with_a_prime_can_be_squared_and_transposed() -> None:
    @tt.cell(gates="a", state="x")
    def squaring(wx: Any, uh: Any, x: Any) -> Any:
        return tt.tanh(wx.a + uh.a) - 0.1 * x * x

    assert "{x'_{t-1}}^2" in squaring.latex().step
    example = Example(squaring)
    assert difference(unrolled(example, squaring.latex()), by_autograd(example)) < 1e-12


@every_cell
def test_the_latex_is_well_formed(cell: Cell) -> None:
    text = str(cell.latex())
    depth = 0
    for mark in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if mark == "{" else -1
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for end, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        assert end == "begin" or opened.pop() == name
        opened += [name] if end == "begin" else []
    assert not opened
    assert text.count(r"\left") == text.count(r"\right")
    assert r"\operatorname" not in text  # web pages refuse it
    assert "$" not in text


def test_gates_and_states_have_the_names_of_the_literature() -> None:
    step = cells.gru.latex().step.splitlines()
    assert r"n_t &= \tanh(a_{n,t} + r_t \odot u_{n,t}) \\" in step
    assert r"h_t &= n_t + z_t \odot (h_{t-1} - n_t) \\" in step
    lstm = cells.lstm.latex()
    assert r"c_t &= f_t \odot c_{t-1} + i_t \odot g_t" in lstm.step
    assert r"\delta c_{t-1} &= \delta_{1,t} \odot f_t" in lstm.adjoint


def test_the_adjoint_says_what_it_starts_from() -> None:
    start = tt.cells.lstm.latex().adjoint.splitlines()[2]
    assert start == (
        r"\delta h_T &= \frac{\partial E}{\partial y_T} + \frac{\partial E}{\partial h_T}, "
        r"\quad \delta c_T = \frac{\partial E}{\partial c_T} \\"
    )


def test_every_operation_has_its_latex() -> None:
    assert operations.keys() <= notations.keys(), "say how it is written in derivation/latex.py"


def test_an_operation_without_latex_is_named() -> None:
    with pytest.raises(CellError, match=r"operation 'median' has no LaTeX; say .* `notations`"):
        latex(Operation("median", (Symbol("x"),)))
