"""The page on tasks says what the tasks say, and its snippets run."""

import re
from pathlib import Path

import pytest
import torch

import throughtime as tt
from throughtime.data.tasks import registry

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in re.findall(r"^\| (`.+) \|$", PAGE, re.MULTILINE)
    if len(cells := line.split(" | ")) == 6
}
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_task_has_its_row() -> None:
    assert list(ROWS) == list(registry)


@pytest.mark.parametrize("name", registry)
def test_a_row_says_what_the_task_says(name: str) -> None:
    task = registry[name]()
    sizes, measure, mark, constant, _source = ROWS[name]
    assert sizes == f"{task.input_size}, {task.output_size}"
    assert measure == task.measure
    assert mark == f"{task.mark:g}"
    assert constant == ("none" if task.constant is None else f"{task.constant:.3g}")


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet: str) -> None:
    exec(snippet, {"torch": torch, "tt": tt})


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 2
