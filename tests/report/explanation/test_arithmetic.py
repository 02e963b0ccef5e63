"""What is printed is checked as a student would: by its own numbers. All of it takes 4 seconds."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.equations.latex_reader import compute
from throughtime.cli.explaining.example import drawn
from throughtime.cli.explaining.work_out import work_out
from throughtime.report.explanation import Document, explanation
from throughtime.report.explanation.document import Formula, Formulas, Table

_NUMBER = re.compile(r"\d+\.\d+")
_NAMES = re.compile(
    r"\\partial|\\delta|\\text|\\sum|\\eta|\\mathrm\{d\}|\\dots|\\tilde|[A-Za-z](?=_)|pmatrix"
)


def is_arithmetic(text: str) -> bool:
    """Whether a part of a formula holds numbers alone."""
    return not _NAMES.search(text) and bool(re.search(r"\d", text)) and text[:1] not in "VWUbc"


def computed(text: str) -> tuple[float, float]:
    """Compute arithmetic from its printed numbers; and how far their rounding may move it."""
    texts = _NUMBER.findall(text)
    numbers = list(map(float, texts))
    count = 0

    def named(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"v_{{{count}}}"

    symbolic = _NUMBER.sub(named, text)
    values: dict[str, Tensor] = {}
    for place, number in enumerate(numbers):
        rounded = len(texts[place].replace(".", "").lstrip("0")) >= 6
        half = 0.5 * 10.0 ** (math.floor(math.log10(number)) - 5) if rounded else 0.0
        moved = torch.full((len(numbers) + 1,), number, dtype=torch.float64)
        moved[place + 1] += half
        values[f"v_{{{place + 1}}}"] = moved
    results = compute(symbolic, [values]).double().expand(len(numbers) + 1)
    return float(results[0]), float((results[1:] - results[0]).abs().sum())


def fault(formula: Formula) -> str | None:
    """Say what in a formula does not follow from its own numbers; None if all does."""
    parts = [re.sub(r"^k = \d+: \\quad |^t = \d+: \\quad ", "", part) for part in formula.parts]
    parts = [part for part in parts if is_arithmetic(part)]
    found = [computed(part) for part in parts]
    for (a, around_a), (b, around_b), text in zip(found, found[1:], parts, strict=False):
        if abs(a - b) > 1.05 * (around_a + around_b) + 1e-12:
            return f"{text} is {a}, not {b}"
    return None


def all_formulas(document: Document) -> list[Formula]:
    found = []
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Formulas):
                found += block.rows
            if isinstance(block, Table):
                cells = [cell for row in block.rows for cell in row if " = " in cell]
                found += [Formula(tuple(cell.strip("$").split(" = "))) for cell in cells]
    return found


def checked(document: Document) -> int:
    """Check all formulas; give how many say how a number is computed."""
    formulas = all_formulas(document)
    faults = [found for formula in formulas if (found := fault(formula))]
    assert not faults, "\n".join(faults)
    return sum(sum(map(is_arithmetic, formula.parts)) > 1 for formula in formulas)


@pytest.mark.parametrize("cell", ["elman", "elman_relu"])
@pytest.mark.parametrize("output", ["identity", "sigmoid", "tanh", "exp"])
@pytest.mark.parametrize(("steps", "seed"), [(1, 3), (3, 0), (3, 1), (8, 2), (30, 4)])
def test_the_textbooks_numbers_follow_from_each_other(
    cell: str, output: str, steps: int, seed: int
) -> None:
    document = explanation(work_out(drawn(cell, 1, steps, seed, output), 0.1))
    assert document.title.startswith("Backpropagation through time by hand")
    assert checked(document) >= {1: 16, 3: 30, 8: 60, 30: 60}[steps]


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_every_cells_numbers_follow_from_each_other(cell: str) -> None:
    document = explanation(work_out(drawn(cell, 1, 3, 5, "sigmoid"), 0.1))
    assert checked(document) > 20


@pytest.mark.parametrize("cell", ["gru", "lstm_peephole", "slstm"])
def test_two_units_and_many_steps(cell: str) -> None:
    document = explanation(work_out(drawn(cell, 2, 10, 6, "identity"), 0.1))
    assert checked(document) > 200


def test_a_wrong_number_is_noticed() -> None:
    """A negative control: one figure changed, in a sum, a product or a function, is found."""
    assert fault(Formula(("S_3", r"\tanh(0.5 \cdot (-0.2))", r"\tanh(-0.1)", "-0.0996680"))) is None
    assert fault(Formula(("S_3", r"\tanh(0.5 \cdot (-0.2))", r"\tanh(-0.1)", "-0.0996690")))
    assert fault(Formula((r"k = 3: \quad 2.93643 \cdot 0.7 \cdot 0.0182408", "0.0375")))
    assert fault(Formula(("x", r"0.25 - 1.5 \cdot 10^{-5}", "0.249985"))) is None
    assert fault(Formula(("x", r"0.25 - 1.5 \cdot 10^{-5}", "0.249986")))


def test_each_section_of_the_textbook_is_there() -> None:
    document = explanation(work_out(drawn("elman", 1, 3, 0, "identity"), 0.1))
    assert [section.title for section in document.sections] == [
        "The network",
        "Forward",
        "The error, and the factors that every term needs",
        "Adjusting $W_y$",
        "Adjusting $W_s$",
        "Adjusting $W_x$",
        "Explicit and implicit",
        "The update",
        "After the update",
    ]
    terms = [formula for formula in all_formulas(document) if formula.parts[0][:3] == "k ="]
    assert len(terms) == 2 * 3  # W_s and W_x, each from three steps


def test_the_folded_middle_is_in_the_sum() -> None:
    worked = work_out(drawn("elman", 1, 30, 4, "identity"), 0.1)
    document = explanation(worked)
    assert "Steps 4 to 26 are computed like the others and folded here" in document.introduction[2]
    by_W_s = next(s for s in document.sections if s.title == "Adjusting $W_s$")
    (together,) = [
        block.text for block in by_W_s.blocks if getattr(block, "text", "").startswith("The terms")
    ]
    terms = [term[0][0] for term in worked.terms["recurrent.weight_hh_l0"]]
    assert f"{sum(terms[3:26]):#.6g}" in together
    assert sum(terms) == pytest.approx(worked.gradient["recurrent.weight_hh_l0"][0][0], rel=1e-12)


def test_a_network_too_large_is_summed_up() -> None:
    document = explanation(work_out(drawn("lstm", 6, 12, 0, "identity"), 0.01))
    titles = [section.title for section in document.sections]
    assert "Adjusting recurrent.weight_hh_l0" in titles
    table = next(
        block
        for section in document.sections
        if section.title == "Adjusting recurrent.weight_ih_l0"
        for block in section.blocks
        if isinstance(block, Table)
    )
    assert len(table.rows) == 8  # three, the fold, four
    document = explanation(work_out(drawn("lstm", 6, 5, 0, "identity"), 0.01))
    for section in document.sections:
        if section.title.startswith("Adjusting"):
            (table,) = [block for block in section.blocks if isinstance(block, Table)]
            shares = [computed(row[2].strip("$"))[0] for row in table.rows]
            assert sum(shares) == pytest.approx(1, abs=1e-4)
