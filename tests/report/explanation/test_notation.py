"""Mathematics set anew, as text and as MathML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import throughtime as tt
from throughtime.report.explanation.mathml import mathml
from throughtime.report.explanation.notation import PRIME, NotationError, read
from throughtime.report.explanation.plain_text import plain_text
from throughtime.report.numerals import MINUS


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{\partial E_3}{\partial W_s}", "∂E₃/∂W_s"),
        (r"\frac{\partial^+ S_k}{\partial W_x}", "∂⁺S_k/∂W_x"),
        (r"-2 \cdot (0.5 - (-0.25))", f"{MINUS}2 · (0.5 {MINUS} ({MINUS}0.25))"),
        (r"\tanh(W_x x_t + W_s S_{t-1})", "tanh(W_x xₜ + W_s Sₜ₋₁)"),
        (r"(1 - S_3^2)\, W_s", f"(1 {MINUS} S₃²) W_s"),
        (r"1.5 \cdot 10^{-12}", "1.5 · 10⁻¹²"),
        (r"g_2'(W_y S_3)\, W_y", f"g₂{PRIME}(W_y S₃) W_y"),
        (r"\delta a_{r,2}", "δa_r,2"),
        (r"U_r^\top \delta u_{r,12}", "U_rᵀ δu_r,12"),
        (r"\tilde{z}_t", "z\u0303ₜ"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "[1 2; 3 4]"),
        (r"-\eta \sum_W \left(\frac{\partial E}{\partial W}\right)^2", f"{MINUS}η ∑_W (∂E/∂W)²"),
        (r"\mathbf{1}[h_t > 0]", "1[hₜ > 0]"),
    ],
)
def test_as_text(latex: str, text: str) -> None:
    assert plain_text(latex) == text


def lines_of_all_cells() -> list[str]:
    found = []
    for cell in tt.cells.registry.values():
        derivation = cell.latex()
        for block in (derivation.step, derivation.adjoint, derivation.gradients):
            body = block.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
            found += [line.replace("&=", "=") for line in body.split(" \\\\\n")]
    return found


def test_every_cells_derivation_can_be_set() -> None:
    lines = lines_of_all_cells()
    assert len(lines) > 300
    for line in lines:
        assert "\\" not in plain_text(line)
        ElementTree.fromstring(mathml(line))  # well-formed


def test_mathml_keeps_what_is_on_the_page() -> None:
    tree = ElementTree.fromstring(mathml(r"\frac{\partial E_3}{\partial W_s} = -0.5"))
    assert tree.tag == "math"
    assert "".join(tree.itertext()) == f"∂E3∂Ws={MINUS}0.5"
    assert tree.find(".//mfrac") is not None
    (minus,) = [mo for mo in tree.iter("mo") if mo.text == MINUS]
    assert minus.get("form") == "prefix"
    assert "<script" not in mathml(r"\text{<script>}")


@pytest.mark.parametrize(
    ("latex", "fault"),
    [
        (r"\unknown x", r"\\unknown is not known"),
        (r"\frac{1}{2", "ends too early"),
        (r"x}", "'}' closes nothing"),
        (r"\begin{table}x\end{table}", "environment 'table' is not known"),
    ],
)
def test_what_is_not_known_is_refused(latex: str, fault: str) -> None:
    with pytest.raises(NotationError, match=fault):
        read(latex)
