import base64
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from throughtime.report import write_report

from .conftest import CONFIG, Folder, flow, history, metrics, predictions, write_run
from .hostile import PAYLOADS, hostile_run
from .measured import measured

LIMIT = 400_000
HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"
PARTS = ("triangle", "discarded", "jacobian", "lyapunov", "paths", "gates", "verdict", "lag")


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.stray: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "input", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.stray.append(tag)


def page_of(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def test_the_answer_comes_first(run_folder: Folder) -> None:
    page = page_of(run_folder())
    answer = (
        "On 1921-1955 the network&#39;s ARV is 0.091; AR(9) has 0.123 and persistence 0.416; "
        "the gradient falls to 1 % after 17 steps."
    )
    order = [answer, 'id="forecast"', 'id="scores"', 'id="reach"', 'id="training"', 'id="settings"']
    places = [page.index(text) for text in [*order, 'id="origins"']]
    assert places == sorted(places)


def test_a_text_s_figures_are_those_of_a_text(run_folder: Folder) -> None:
    config = {"format": 1, "estimator": "LanguageModel", "name": "book", "source": HOSTILE}
    scores = {
        "model": {"held-out text": {"bits_per_character": 1.9, "perplexity": 3.7}},
        "xz": {"held-out text": {"bits_per_character": 2.4}},
    }
    told = metrics(scores=scores, held_out={"characters": 500, "unknown": None})
    for vocabulary in ({"name": "characters"}, 3, {"name": HOSTILE}):
        folder = run_folder(
            f"run{vocabulary}"[:9], config=config | {"vocabulary": vocabulary}, metrics=told,
            predictions=None, flow=None,
        )  # fmt: skip
        page = page_of(folder)
        assert "On held-out text the network&#39;s bits per character is 1.9" in page
        assert "The network is better than the xz compressor on held-out text." in page
        assert "500 characters." in page
        assert "ARV" not in page
        assert HOSTILE not in page
        shutil.rmtree(folder)


@pytest.mark.thorough
def test_a_long_noisy_training_stays_small(run_folder: Folder) -> None:
    # Noise is what thins least: every column keeps its four points.
    noise = random.Random(0)
    updates, rows, layered = (
        history(20_000, per_epoch=1),
        predictions(5_000),
        flow(*[300] * 12, steps=3000),
    )
    for row in updates[1:]:
        row[2], row[3], row[6] = (noise.lognormvariate(0, 2) for _ in range(3))
    for row in rows[1:]:
        row[2], row[5] = noise.gauss(0, 1), noise.gauss(0, 1)
    for layer in layered["layers"]:
        for name in ("median", "lower", "upper"):
            layer[name] = [value * noise.lognormvariate(0, 1) for value in layer[name]]
    full, walk = measured()
    for layer, other in zip(layered["layers"], full["layers"] * 6, strict=True):
        layer.update({key: other[key] for key in ("jacobian", "lyapunov", "paths", "gates")})
        layer["triangle"] = noisy_triangle(64, noise)
        layer["discarded"] = curve = {"k2": list(range(1, 201))}
        curve.update({name: [noise.random() for _ in range(200)] for name in ("share", "cosine")})
    layered["over_training"] = [
        {
            "update": update,
            "layers": [
                {"lag": layer["lag"][:400], "median": layer["median"][:400], "horizon": 300}
                for layer in layered["layers"]
            ],
        }
        for update in range(0, 20_000, 400)
    ]
    walk = {**walk, **noisy_walk(64, 6, noise)}
    folder = run_folder(history=updates, flow=layered, predictions=rows, walk=walk)
    assert write_report(folder).stat().st_size < LIMIT


def noisy_triangle(side: int, noise: random.Random) -> dict[str, Any]:
    return {
        "losses": list(range(side)),
        "steps": list(range(side)),
        "every": True,
        **{
            name: [[noise.lognormvariate(0, 9) for _ in range(side)] for _ in range(side)]
            for name in ("median", "lower", "upper")
        },
    }


def noisy_walk(steps: int, layers: int, noise: random.Random) -> dict[str, Any]:
    def column() -> list[float]:
        return [noise.lognormvariate(0, 9) for _ in range(steps)]

    named = {gate: column() for gate in "ifgo"}
    return {
        "labels": [f"2026-11-20T{step:02}:00:00" for step in range(steps)],
        "input_labels": [f"2026-11-20T{step:02}:30:00" for step in range(steps)],
        "losses": column(),
        **{name: [[value] for value in column()] for name in ("inputs", "outputs", "targets")},
        **{name: [column() for _ in range(layers)] for name in ("states", "by_state")},
        "weights": [
            {"name": f"recurrent.weight_ih_l{place}", "norm": column(), "left": column()}
            for place in range(4 * layers)
        ],
        "unit": {
            "layer": layers - 1,
            "unit": 0,
            "before": {"h": column(), "c": column()},
            "inputs": named,
            "products": named,
            "constants": {},
            "gradient": {"h": column(), "c": column()},
        },
        "by_input": [column() for _ in range(steps)],
    }


@pytest.mark.parametrize("letter", ["n", "'", "\N{CJK UNIFIED IDEOGRAPH-9EDE}"])
def test_huge_names_and_settings_stay_small(run_folder: Folder, letter: str) -> None:
    long = letter * 100_000
    config = {
        **CONFIG,
        "name": long,
        "target": long,
        "source": long,
        "network": {f"{long[:5000]}{i}": [long[:500]] * 50 for i in range(200)},
    }
    scored = {
        f"{long[:500]}{i}": {f"{long[:500]}{p}": {"arv": 0.1 + i, "mse": 1.0} for p in range(40)}
        for i in range(100)
    }
    rows = [["t", "part", "observed", *(f"{long[:500]}{i}" for i in range(100))]]
    rows += [[f"{long[:500]}{i}", f"{i}{long[:500]}", *([str(i)] * 101)] for i in range(1000)]
    folder = run_folder(config=config, metrics=metrics(scores=scored), predictions=rows)
    assert write_report(folder).stat().st_size < LIMIT


def test_equal_runs_make_equal_pages(run_folder: Folder) -> None:
    first = write_report(run_folder("a")).read_bytes()
    folder = run_folder("b")
    write_report(folder)
    assert write_report(folder).read_bytes() == first
    assert sorted(path.suffix for path in folder.iterdir()).count(".partial") == 0


def test_nothing_leaves_the_page(run_folder: Folder) -> None:
    config = {**CONFIG, "source": "https://example.org/data.csv"}
    flow, walk = measured()
    page = page_of(run_folder(config=config, flow=flow, walk=walk))
    assert "url(" not in page
    assert "@import" not in page
    elements = Elements(page)
    references = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}
    ]
    assert references[0] == "data:,"
    assert all(reference.startswith("data:image/png;base64,") for reference in references[1:])
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"iframe", "object", "embed", "form", "base"}


def test_only_the_page_s_own_script_may_run(run_folder: Folder) -> None:
    flow, walk = measured()
    page = page_of(run_folder(flow=flow, walk=walk))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'"
    )
    elements = Elements(page)
    meta = {"http-equiv": "Content-Security-Policy", "content": policy}
    assert ("meta", meta) in elements.found
    assert not [n for _, attributes in elements.found for n in attributes if n.startswith("on")]
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", scripts[0])


@pytest.fixture(scope="module")
def plain_elements(tmp_path_factory: pytest.TempPathFactory) -> Elements:
    files = hostile_run(repeat("name"), *measured())
    return Elements(page_of(write_run(tmp_path_factory.mktemp("run"), **files)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_are_inert(
    run_folder: Folder, plain_elements: Elements, payload: str
) -> None:
    files = hostile_run(repeat(payload), *measured())
    elements = Elements(page_of(run_folder(**files)))
    scripts = [a for tag, a in elements.found if tag == "script"]
    assert [a for a in scripts if a.get("type") != "application/json"] == [{}]
    # Nothing is there that is not there with names of letters.
    shapes = [
        {(tag, *sorted(set(attributes) - {"class"})) for tag, attributes in of.found}
        for of in (elements, plain_elements)
    ]
    assert shapes[0] <= shapes[1]
    assert elements.stray == plain_elements.stray == []


def test_control_and_surrogate_characters_are_replaced(run_folder: Folder) -> None:
    page = page_of(run_folder(config={**CONFIG, "name": "a\ud800b\u202ec\x00d"}))
    assert "a\ufffdb\ufffdc\ufffdd" in page


def test_the_markup_is_balanced(run_folder: Folder) -> None:
    elements = Elements(page_of(run_folder(flow=flow(17, None, 3))))
    assert elements.stray == []
    assert elements.open == []


def test_the_page_is_accessible(run_folder: Folder) -> None:
    page = page_of(run_folder(flow=flow(17, 20)))
    elements = Elements(page)
    names = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(names) == len(set(names))
    pictures = [a for tag, a in elements.found if tag == "svg" and a.get("role") == "img"]
    assert len(pictures) == 5
    for picture in pictures:
        assert set((picture["aria-labelledby"] or "").split()) <= set(names)
    assert all("scope" in attributes for tag, attributes in elements.found if tag == "th")
    tables = [tag for tag, _ in elements.found if tag == "table"]
    assert page.count("<caption>") == len(tables)


def test_numbers_in_pictures_are_numbers(run_folder: Folder) -> None:
    rows = history(40)
    rows[5][2], rows[6][2], rows[7][3], rows[8][3] = "nan", "", "inf", "-1"
    page = page_of(run_folder(history=rows))
    drawn = re.findall(r' (?:d|x|y|cx|cy|x1|x2|y1|y2|width|height)="([^"]*)"', page)
    assert drawn
    assert not [text for text in drawn if re.search(r"nan|inf|None|e[+-]", text)]
    assert "In 1 the norm was not a finite number." in page


@pytest.mark.parametrize("missing", ["metrics", "flow", "history", "predictions"])
def test_a_missing_file_leaves_its_section_out(run_folder: Folder, missing: str) -> None:
    page = page_of(run_folder(**{missing: None}))
    assert ('id="reach"' in page) == (missing != "flow")
    assert ('id="forecast"' in page) == (missing != "predictions")
    assert ("The run has no test scores" in page) == (missing == "metrics")
    assert ("No updates were recorded." in page) == (missing == "history")


@pytest.mark.parametrize(
    "changed",
    [
        {"history": history(1)},
        {"history": history(0)},
        {"history": [["update", "loss"], ["1", "0.5"]]},
        {"history": [["update", "loss"], ["", ""], ["x", "nan"]]},
        {"predictions": predictions()[:1]},
        {"predictions": predictions()[:2]},
        {"predictions": [["t", "part", "observed"], ["1", "test", "nan"]]},
        {"predictions": [["t", "part", "observed", "model"], ["1", "test", "1e308", "-1e308"]]},
        {"metrics": metrics(scores={})},
        {"metrics": metrics(scores={"model": {}, "ar9": {}})},
        {"metrics": metrics(scores={"model": None, "ar9": {"a": None}})},
        {"metrics": metrics(scores={"model": {"a": {"arv": None}}})},
        {"metrics": metrics(scores={"model": {"a": {"arv": float("nan")}}}, training=None)},
        {"flow": flow()},
        {"flow": {"fraction": 0.01, "steps": 80, "layers": None}},
        {"flow": {"layers": [{"name": "l", "lag": [0], "median": [1.0]}]}},
        {"flow": {"layers": [{"name": "l", "lag": [0, 1], "median": [None, 0.0]}]}},
        {
            "flow": {
                "layers": [{part: {} for part in PARTS}],
                "advice": [{}],
                "over_training": [{}, {}],
            }
        },
        {"flow": {"layers": [{part: [[]] for part in PARTS}], "advice": 3, "over_training": 3}},
        {"flow": {"layers": [dict.fromkeys(PARTS)], "advice": None, "discarded": {"k2": [1]}}},
        {"walk": {}},
        {"walk": {"losses": [None]}},
        {"walk": {"losses": [1.0, 2.0], "states": 3, "unit": {}, "weights": [{}], "cell": "gru"}},
        {"walk": {"losses": [1.0], "by_input": [[float("inf")]], "labels": ["a", "b"]}},
        {"config": {"name": None}},
        {"config": {**CONFIG, "training": None, "network": 3}},
    ],
)
def test_poor_runs_still_make_a_page(run_folder: Folder, changed: dict[str, object]) -> None:
    page = page_of(run_folder(**changed))
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")


def test_an_interrupted_run_says_so(run_folder: Folder) -> None:
    training = {"epochs": 12, "updates": 48, "stopped": "interrupted"}
    page = page_of(run_folder(metrics=metrics(training=training)))
    assert "Training was interrupted after 12 epochs and 48 updates." in page
    assert "interrupted" not in page_of(run_folder("whole"))


def test_a_run_that_failed_says_so_and_where(run_folder: Folder) -> None:
    training = {"updates": 200, "best_epoch": 40, "stopped": "failed", "failure": "<b> is nan"}
    page = page_of(run_folder(metrics=metrics(training=training)))
    assert "Training failed after 200 updates: &lt;b&gt; is nan." in page
    assert "are those of epoch 40." in page
    assert page.count(">failed: not finite</text>") == 2  # beside the loss, and beside the norm
    # Where two labels would lie on each other they stand in two lines.
    labels = re.findall(r'rule-label upright" x="(.+?)%" dx=".+?" y="(\d+)".*?>(.+?)<', page)
    near = [(y, label) for x, y, label in labels if float(x) > 70]
    assert ("14", "failed: not finite") in near
    assert ("29", "best epoch, 40") in near


def test_faults_are_named(run_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        write_report(tmp_path)
    with pytest.raises(ValueError, match="expected format 1, found 2"):
        write_report(run_folder("new", config={**CONFIG, "format": 2}))
    with pytest.raises(ValueError, match=r"history.csv: expected the columns update, loss"):
        write_report(run_folder("odd", history=[["a", "b"]]))
    with pytest.raises(ValueError, match=r"history.csv, row 2: expected 2 cells, found 3"):
        write_report(run_folder("wide", history=[["update", "loss"], [1, 2, 3]]))
    broken = run_folder("broken")
    (broken / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"metrics.json: not JSON"):
        write_report(broken)


def test_importing_the_room_is_cheap() -> None:
    source = Path(__file__).parents[2] / "src"
    program = (
        "import sys, throughtime.report\n"
        "assert not {'matplotlib', 'jinja2'} & set(sys.modules), sorted(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
