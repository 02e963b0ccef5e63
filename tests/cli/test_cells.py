import json
import re

import pytest

import throughtime as tt
from tests.cli.conftest import run
from tests.equations.declaring import one_gate
from throughtime.cells import registry
from throughtime.cli.cells import _list, page, parameters_a_unit


def test_all_cells_are_listed_with_their_parameters() -> None:
    result = run("cells")
    assert result.exit_code == 0
    words = result.stdout.split()
    assert all(name in words for name in registry)
    assert "3 (I + H + 2)" in " ".join(result.stdout.split())


@pytest.mark.parametrize("name", registry)
def test_the_parameters_are_those_of_the_layer(name: str) -> None:
    layer = tt.nn.Recurrent(name, 3, 5)
    formula = parameters_a_unit(registry[name]).replace(" (", " * (")
    count = eval(formula, {"I": 3, "H": 5})  # the formula is ours
    assert 5 * count == sum(parameter.numel() for parameter in layer.parameters())


def test_the_formula_of_the_parameters() -> None:
    assert parameters_a_unit(registry["gru"]) == "3 (I + H + 2)"
    assert parameters_a_unit(registry["elman"]) == "I + H + 2"
    assert parameters_a_unit(registry["lstm_peephole"]) == "4 (I + H + 2) + 3"
    assert parameters_a_unit(one_gate(lambda wx, uh, h: wx.a + h)) == "I + 1"
    assert parameters_a_unit(one_gate(lambda wx, uh, h: 0.5 * h)) == "0"


@pytest.mark.parametrize("name", registry)
def test_a_cell_is_shown(name: str) -> None:
    cell = registry[name]
    shown = run("cells", name).stdout
    assert (cell.__doc__ or "").splitlines()[0] in shown
    assert "return " in shown
    for program in (cell.adjoint.forward, cell.adjoint.backward):
        assert all(line in shown for line in str(program).splitlines())


def test_latex_alone() -> None:
    assert run("cells", "gru", "--latex").stdout == f"{tt.cells.gru.latex()}\n"


def test_a_part_of_the_page() -> None:
    assert run("cells", "--markdown").stdout == page()
    assert run("cells", "lstm", "--markdown").stdout in page()


def test_json_of_all_and_of_one() -> None:
    known = json.loads(run("cells", "--json").stdout)
    assert [cell["name"] for cell in known] == list(registry)
    peephole = json.loads(run("cells", "lstm_peephole", "--json").stdout)
    assert peephole["units"] == ["p_i", "p_f", "p_o"]
    assert peephole["programs"]["step"] == str(tt.cells.lstm_peephole.step)
    assert peephole["latex"]["adjoint"] == tt.cells.lstm_peephole.latex().adjoint
    assert peephole["equations"].splitlines()[-1] == "return (o * tanh(c), c)"


def test_an_unknown_cell_is_refused_with_the_known_ones() -> None:
    result = run("cells", "grue")
    assert result.exit_code == 2
    assert "unknown cell 'grue'; known are elman, " in result.stderr
    assert "Traceback" not in result.output


def test_latex_needs_a_cell_and_formats_exclude_each_other() -> None:
    result = run("cells", "--latex")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name it: elman, " in result.stderr
    result = run("cells", "gru", "--latex", "--json")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_json_names_the_source_and_the_states_that_go_together() -> None:
    known = {cell["name"]: cell for cell in json.loads(run("cells", "--json").stdout)}
    assert known["gru"]["source"] == "Cho et al. 2014"
    assert all(re.fullmatch(r".*[A-Z].* [12]\d{3}", cell["source"]) for cell in known.values())
    assert known["slstm"]["together"] == ["c", "n", "m"]


def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> str:
    """List the cells on a terminal of a width."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _list()
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("width", [30, 40, 60, 79, 80, 120])
def test_narrow_terminals_crop_nothing(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = listed(monkeypatch, capsys, width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    words = shown.split()
    for name, cell in registry.items():
        assert name in words
        assert parameters_a_unit(cell) in " ".join(shown.split())


def test_what_is_piped_has_one_width(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = set()
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        shown.add(run("cells").stdout)
    (text,) = shown
    assert max(map(len, text.splitlines())) == 100
