"""The page in a real browser. One tab for all tests, about four seconds in all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from throughtime.report import write_report
from throughtime.report.numerals import fixed, percent, short

from .browser import Browser, find_browser
from .conftest import write_run
from .hostile import PAYLOADS, hostile_pair, hostile_recordings, hostile_run
from .measured import STEPS, measured


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with Browser(program) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flow, walk = measured()
    return write_report(write_run(tmp_path_factory.mktemp("run"), flow=flow, walk=walk))


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Browser]:
    browser.look(1100)
    browser.open(report)
    yield browser
    assert browser.complaints == []
    assert [at for at in browser.requests if not at.startswith(("file:", "data:"))] == []
    assert sum(at.startswith("file:") for at in browser.requests) == 1


def slide(page: Browser, slider: str, to: int) -> None:
    """Take a slider somewhere as a hand does: with the keyboard, from its beginning."""
    page.focus(slider)
    page.press("Home")
    page.press("ArrowRight", to - int(page.evaluate(f"document.querySelector('{slider}').min")))


def flow_of(place: int = 0) -> dict[str, Any]:
    layer: dict[str, Any] = measured()[0]["layers"][place]
    return layer


def test_every_panel_is_there_and_drawn(page: Browser) -> None:
    titles = page.evaluate("[...document.querySelectorAll('main h2')].map(h => h.id)")
    assert titles == [
        "forecast", "scores", "triangle", "reach", "spectrum", "ways", "walk", "lens", "training",
        "settings", "origins",
    ]  # fmt: skip
    sizes = page.evaluate(
        "[...document.querySelectorAll('main section')].map(s => s.getBoundingClientRect().height)"
    )
    assert min(sizes) > 60
    drawn = page.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].map(svg => [svg.getBoundingClientRect()"
        ".width, svg.querySelectorAll('path[d], image').length])"
    )
    assert all(width > 200 and shapes > 0 for width, shapes in drawn)
    pictures = "[...document.querySelectorAll('svg image')].map(i => i.getBBox().width)"
    assert page.evaluate(pictures) == [1000, 1000]
    assert page.evaluate("document.querySelectorAll('[data-scripted][hidden]').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100


def test_the_verdict_comes_first(page: Browser) -> None:
    for layer in measured()[0]["layers"]:
        assert f"{layer['verdict']['kind']}" in page.text(".judged")


@pytest.mark.parametrize(("row", "column"), [(STEPS - 1, 0), (STEPS - 1, STEPS - 1), (12, 5)])
def test_a_cell_under_the_mouse_shows_what_was_recorded(
    page: Browser, row: int, column: int
) -> None:
    triangle = flow_of()["triangle"]
    assert len(triangle["losses"]) == len(triangle["steps"]) == STEPS
    across, down = (column + 0.5) / STEPS, 1 - (row + 0.5) / STEPS
    page.hover("[data-chart=triangle-0] svg[role=img]", across, down)
    figures = (
        short(float(f"{triangle[name][row][column]:.3g}")) for name in ("median", "lower", "upper")
    )
    assert page.text(".readout") == (
        f"Loss step {row}, state step {column}, lag {row - column}: "
        "median {}; 10 % to 90 %: {} to {}.".format(*figures)
    )


def test_a_tap_on_a_cell_shows_it(page: Browser) -> None:
    page.tap("[data-chart=triangle-0] svg[role=img]", 2.5 / STEPS, 1 - 6.5 / STEPS)
    assert page.text(".readout").startswith("Loss step 6, state step 2, lag 4: ")


def test_no_loss_hears_what_comes_after_it(page: Browser) -> None:
    page.hover("[data-chart=triangle-0] svg[role=img]", 0.9, 0.9)
    assert page.text(".readout").endswith("a loss does not depend on later states.")


def test_the_arrow_keys_go_from_cell_to_cell(page: Browser) -> None:
    page.focus("[data-chart=triangle-1] .plot")
    page.press("ArrowLeft", 3)
    page.press("ArrowDown", 2)
    readouts = page.evaluate("[...document.querySelectorAll('.readout')].map(r => r.textContent)")
    triangle = flow_of(1)["triangle"]
    value = short(float(f"{triangle['median'][STEPS - 3][STEPS - 4]:.3g}"))
    start = f"Loss step {STEPS - 3}, state step {STEPS - 4}, lag 1: median {value};"
    assert readouts[1].startswith(start)
    shadow = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(shadow) == "solid"


def test_the_window_says_what_it_discards_and_draws_its_edge(page: Browser) -> None:
    recorded = measured()[0]["discarded"]
    edges = set()
    for k2 in (1, 5):
        slide(page, "#window", k2 - 1)
        place = recorded["k2"].index(k2)
        share, cosine = recorded["share"][place], recorded["cosine"][place]
        assert page.text("#window-said") == (
            f"Truncation at {k2} discards {percent(share)} of the gradient "
            f"(cosine {fixed(cosine, 3)})."
        )
        edge = page.evaluate("document.querySelector('.line.edge').getAttribute('d')")
        corners = [float(x) for x in re.findall(r"[ML]([\d.]+) ", edge)]
        # In the row of the last loss the edge lies k2 cells from its right end.
        assert corners[-1] == pytest.approx(1000 * (1 - k2 / STEPS), abs=0.1)
        edges.add(edge)
    assert len(edges) == 2


def test_the_horizon_follows_the_training(page: Browser) -> None:
    taken = measured()[0]["over_training"]
    curve = "document.querySelector('[data-chart=lag-0] svg.lines .median').getAttribute('d')"
    drawn = set()
    for place, one in enumerate(taken):
        slide(page, "#update", place)
        said = page.text("#update-said")
        assert said.startswith(f"At update {one['update']} the gradient ")
        for layer in one["layers"]:
            horizon = layer["horizon"]
            assert "does not fall" in said if horizon is None else f"after {horizon} " in said
        drawn.add(page.evaluate(curve))
    assert len(drawn) == len(taken)


def test_the_player_builds_up_the_gradient(page: Browser) -> None:
    weights = measured()[1]["weights"]

    def so_far() -> list[str]:
        found: list[str] = page.evaluate(
            "[...document.querySelectorAll('.so-far')].map(e => e.textContent)"
        )
        return found

    page.click("#rewind")
    assert page.text("#player-said") == "Forward, step 0: 1901."
    assert set(so_far()) == {"–"}  # noqa: RUF001
    values = "[...document.querySelectorAll('.node.y .value')].map(e => e.textContent)"
    assert [bool(value) for value in page.evaluate(values)] == [True] + [False] * 3 + [True] + [
        False
    ] * 4
    page.focus("#player")
    page.press("ArrowRight", STEPS + 2)  # the whole way forward, and three steps back
    assert page.text("#player-said") == f"Backward, step {STEPS - 3}: 3 of {STEPS} terms."
    assert so_far() == [short(float(f"{weight['norm'][2]:.3g}")) for weight in weights]
    page.click("#back")
    assert so_far() == [short(float(f"{weight['norm'][1]:.3g}")) for weight in weights]
    slide(page, "#cut", 4)
    assert page.text("#cut-of") == "4 steps"
    slide(page, "#frame", 2 * STEPS - 1)
    assert page.text("#player-said") == (
        f"Backward, step 0: 4 of {STEPS} terms, cut at a window of 4 steps."
    )
    assert so_far() == [short(float(f"{weight['norm'][3]:.3g}")) for weight in weights]
    cut = "[...document.querySelectorAll('.node.x.cut')].map(e => e.dataset.step)"
    assert page.evaluate(cut) == ["0", "1", "2", "3", ""]


def test_the_player_plays(page: Browser) -> None:
    page.focus("#player")
    page.press(" ")
    page.evaluate("new Promise(done => setTimeout(done, 400))")
    page.press(" ")
    reached = page.text("#player-said")
    assert re.match(r"Forward, step [1-9]", reached)
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert page.text("#player-said") == reached


def test_the_player_unfolds_the_middle(page: Browser) -> None:
    walk = measured()[1]
    slide(page, "#frame", 10)
    middle = "document.querySelector('.node.y[data-step=\"\"] .value').textContent"
    assert page.evaluate(middle) == short(walk["outputs"][10][0])


def test_a_click_on_a_node_shows_its_equations(page: Browser) -> None:
    walk = measured()[1]
    assert not page.evaluate("document.querySelector('#equations').open")
    page.click(".node.s[data-step='2']")
    assert page.evaluate("document.querySelector('#equations').open")
    assert page.text("#node-said") == (
        f"Step 2 (1903): |S|, layer 1 = {short(walk['states'][1][2])}, "
        f"gradient {short(walk['by_state'][1][2])}."
    )
    unit = walk["unit"]
    assert page.text("#equations-of") == f"Unit {unit['unit']} of layer 1, step 2"
    numbers = "[...document.querySelectorAll('[data-result]')].map(e => e.textContent)"
    found = page.evaluate(numbers)
    first = unit["inputs"]["i"][2]
    assert float(found[0].replace("−", "-")) == pytest.approx(first, rel=1e-5)  # noqa: RUF001
    # The state that the forward equations end with is the one that step 3 begins with.
    after = [unit["before"][state][3] for state in ("h", "c")]
    read = {text.replace("−", "-") for text in found}  # noqa: RUF001
    for value in after:
        assert any(abs(float(t) - value) < 1e-5 * abs(value) for t in read if "·" not in t)


def test_enter_on_a_node_tells_of_it(page: Browser) -> None:
    walk = measured()[1]
    page.focus(f".node.y[data-step='{STEPS - 1}']")
    page.press("Enter")
    assert page.text("#node-said").endswith(
        f"desired {short(walk['targets'][-1][0])}, loss {short(walk['losses'][-1])}."
    )


def test_the_lens_shows_which_inputs_a_loss_hears(page: Browser) -> None:
    table = measured()[1]["by_input"]
    for step in (7, STEPS - 1):
        slide(page, "#lens-step", step)
        row = table[step][: step + 1]
        most = max(range(len(row)), key=row.__getitem__)
        said = page.text("#lens-said")
        assert said.startswith(f"The loss of {1901 + step} hears the input of {1900 + most} most")
        assert said.endswith(f": {percent(float(f'{row[most] / sum(row):.3g}'))} of the whole.")
        spikes = page.evaluate("document.querySelector('.spikes').getAttribute('d')")
        assert spikes.count("M") == step + 1


def test_it_fits_a_telephone_and_the_dark(page: Browser) -> None:
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.look(390, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.look(1100, media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('#player')).display") == "none"


def test_without_a_script_all_figures_are_there(page: Browser, report: Path) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report)
        page.call("Emulation.setScriptExecutionDisabled", value=False)
        controls = "[...document.querySelectorAll('button, input')].filter(e => e.offsetParent)"
        assert page.evaluate(f"{controls}.length") == 0
        text = page.evaluate("document.body.innerText")
        assert percent(measured()[0]["discarded"]["share"][0]) in text
        assert short(measured()[1]["weights"][0]["norm"][4]) in text
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_script_that_is_not_the_page_s_own_does_not_run(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    """The negative control: the policy refuses a script, and the browser says so."""
    page = report.read_text(encoding="utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(
        page.replace("</main>", "</main><script>document.title = 'taken'</script>"),
        encoding="utf-8",
    )
    browser.open(planted)
    assert browser.evaluate("document.title") == "sunspots: training report"
    assert any("Content Security Policy" in said for said in browser.complaints)


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    """Twenty payloads in turn, wherever a name stands."""
    files = hostile_run(cycle(PAYLOADS), *measured())
    browser.open(write_report(write_run(tmp_path, **files)))
    page = browser.evaluate("document.documentElement.outerHTML")
    assert "taken=1" in page
    for slider in ("#window", "#update", "#lens-step", "#frame"):
        browser.focus(slider)
        browser.press("ArrowLeft")
    for step in range(4):
        browser.click(f".node.s[data-step='{step}']")
        assert browser.text("#node-said").startswith(f"Step {step} (")
    assert browser.evaluate("typeof taken") == "undefined"
    assert browser.complaints == []
    assert [at for at in browser.requests if not at.startswith(("file:", "data:"))] == []


def test_the_lens_on_recordings_and_their_labels(browser: Browser, tmp_path: Path) -> None:
    """Each sequence can be chosen, and no label does anything."""
    files = hostile_recordings(cycle(PAYLOADS), measured()[0])
    browser.look(390)
    browser.open(write_report(write_run(tmp_path, **files)))
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.evaluate("document.querySelectorAll('#lens-step option').length") == 3
    first = browser.text("#lens-said")
    browser.focus("#lens-step")
    browser.press("ArrowDown")
    said = browser.text("#lens-said")
    assert said != first
    assert said.startswith(f"The loss of {files['config']['classes'][1]} (")
    assert "hears what is at 0.02 " in said
    assert "half of all that it hears lies within 0.01 to 0.03 " in said
    paths = [browser.evaluate(f"document.querySelector('svg.lines .{look}').getAttribute('d')")
             for look in ("spikes", "level")]  # fmt: skip
    assert paths[0].count("M") == 8
    assert paths[1].count("M") == 2  # what is not known parts the line
    browser.hover("[data-chart=triangle-0] svg[role=img]", 0.5, 0.9)
    assert browser.text(".readout").startswith("Entry step")
    assert browser.evaluate("typeof taken") == "undefined"
    assert browser.complaints == []


def test_a_pair_of_recordings_on_a_telephone_and_in_print(browser: Browser, tmp_path: Path) -> None:
    """Both signals and their difference are drawn and told apart, and no name does anything."""
    files = hostile_pair(cycle(PAYLOADS), *measured())
    page = write_report(write_run(tmp_path, **files))
    for width, look in ((390, {"dark": True}), (1100, {"media": "print"}), (1100, {})):
        browser.look(width, **look)  # type: ignore[arg-type]
        browser.open(page)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        for key in ("excerpt-0", "excerpt-1", "played-spectrum"):
            colours = browser.evaluate(
                f"[...document.querySelectorAll('[data-chart={key}] svg.lines .line')]"
                ".map(line => getComputedStyle(line).stroke)"
            )
            assert len(set(colours)) == len(colours) == 3
    assert browser.evaluate("typeof taken") == "undefined"
    assert browser.complaints == []
    assert [at for at in browser.requests if not at.startswith(("file:", "data:"))] == []
