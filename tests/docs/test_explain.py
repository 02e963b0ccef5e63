"""The page on explanations: the three steps are what the command writes, the snippet runs."""

import re
from pathlib import Path

import pytest
import torch

import throughtime as tt
from tests.cli.conftest import run

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "explain.md").read_text(encoding="utf-8")


def test_the_three_steps_are_in_date() -> None:
    written = run("explain", "--format", "markdown").stdout
    assert (DOCS / "three_steps.md").read_text(encoding="utf-8") == written, (
        "docs/three_steps.md is out of date; write it again: throughtime explain --out "
        "docs/three_steps.md"
    )


def test_the_snippet_runs() -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    known = {"torch": torch, "tt": tt}
    exec(snippet, known)
    found = known["found"]
    assert found.terms("recurrent.weight_hh_l0").shape == (6, 12, 4)
    assert found.explicit("recurrent.weight_hh_l0", 2).shape == (1, 4, 12, 4)


@pytest.mark.parametrize(
    "command", re.findall(r"^throughtime explain(?! runs)(.*?) +#", PAGE, re.MULTILINE)
)
def test_the_commands_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("explain", *command.split()).exit_code == 0


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((.+?)\)", PAGE)
    assert links
    assert all((DOCS / link).is_file() for link in links)
