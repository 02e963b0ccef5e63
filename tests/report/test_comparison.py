import csv
import json
from pathlib import Path
from typing import Any

import pytest

from throughtime.report.comparison import (
    read_comparison,
    write_comparison_page,
    write_comparison_picture,
)

from .test_page import HOSTILE, Elements

NAMES = ["method", "seed", "share", "updates", "sequences", "steps", "seconds", "loss", "score"]


def folder(path: Path, methods: list[str], seeds: int = 2, **changed: Any) -> Path:
    path.mkdir()
    rows: list[list[object]] = [[*NAMES, "cosine", "norm_ratio"]]
    for place, method in enumerate(methods):
        for seed in range(seeds):
            for k in range(5):
                loss = (1 + seed) / (1 + k + place)
                rows.append([method, seed, k / 4, k, 2 * k, 20 * k, k / 10, loss, loss, 0.9, 1.1])
    with (path / "comparison.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    figures = {
        "solved": 0, "seeds": seeds, "failed": 0, "failure": "", "score": 0.3, "loss": 0.3,
        "updates": 4, "sequences": 8, "seconds": 0.4, "seconds_a_step": 1e-4, "cosine": 0.9,
        "norm_ratio": 1.1, "memory": 2**20, "first_solved": None,
    }  # fmt: skip
    about = {
        "format": 1, "budget": "4 updates", "seeds": list(range(seeds)), "interrupted": False,
        "task": {"name": "adding", "measure": "mean squared error", "mark": 0.01},
        "network": {"network": "gru of 3 units"},
        "methods": [{"method": m, **figures} for m in methods],
    }  # fmt: skip
    (path / "comparison.json").write_text(json.dumps({**about, **changed}))
    return path


def test_trials_are_laid_upon_each_other(tmp_path: Path) -> None:
    course = read_comparison(folder(tmp_path / "c", ["bptt"], seeds=3)).courses[0]
    middle, low, high = course.loss
    assert list(middle) == [2 / (1 + k) for k in range(5)]
    assert list(low) == [1 / (1 + k) for k in range(5)]
    assert list(high) == [3 / (1 + k) for k in range(5)]
    assert course.steps == [0, 20, 40, 60, 80]


def test_a_page_of_many_methods_and_hostile_names(tmp_path: Path) -> None:
    methods = [HOSTILE, *(f"tbptt:{k}" for k in range(11))]
    about = {"task": {"name": HOSTILE, "measure": HOSTILE, "mark": 0.01}, "budget": HOSTILE}
    page = write_comparison_page(folder(tmp_path / "c", methods, **about)).read_text()
    elements = Elements(page)
    assert not elements.stray
    assert not {tag for tag, _ in elements.found} & {"script", "img", "iframe", "object"}
    assert not any(key.startswith("on") for _, attrs in elements.found for key in attrs)
    assert len(page) < 400_000
    assert page == write_comparison_page(tmp_path / "c").read_text()


@pytest.mark.parametrize(
    ("mark", "said"), [(0.01, "0.01 or less counts as solved"), (0, "0 counts as solved")]
)
def test_the_page_says_what_is_solved_and_when(mark: float, said: str, tmp_path: Path) -> None:
    about = {"task": {"name": "adding", "measure": "error", "mark": mark}}
    page = write_comparison_page(folder(tmp_path / "c", ["bptt"], **about)).read_text()
    assert said in page
    assert "First at the mark: the sequences read when" in page


def test_the_picture_is_equal_for_equal_figures(tmp_path: Path) -> None:
    path = folder(tmp_path / "c", ["bptt", "es$x$"])
    first = write_comparison_picture(path).read_bytes()
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert write_comparison_picture(path).read_bytes() == first


@pytest.mark.parametrize(
    ("solved", "said"),
    [
        ([2, 2], "bptt and es solved the task on every seed."),
        ([2, 1], "bptt solved the task on every seed; es on some seeds."),
        ([2, 0], "bptt solved the task on every seed; es did not."),
        ([0, 0], "no method solved the task (bptt came nearest, at 0.300)."),
    ],
)
def test_the_verdict(solved: list[int], said: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "c", ["bptt", "es"])
    about = json.loads((path / "comparison.json").read_text())
    for method, count in zip(about["methods"], solved, strict=True):
        method["solved"] = count
    (path / "comparison.json").write_text(json.dumps(about))
    assert f"Within 4 updates: {said}" in write_comparison_page(path).read_text()


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="throughtime compare"):
        read_comparison(tmp_path)
    path = folder(tmp_path / "c", ["bptt"])
    (path / "comparison.json").write_text('{"format": 2}')
    with pytest.raises(ValueError, match="format 1"):
        read_comparison(path)
    (path / "comparison.json").write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        read_comparison(path)
