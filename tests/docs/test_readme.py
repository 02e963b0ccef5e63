"""README's commands and snippets run as they are printed."""

import re
import shlex
from pathlib import Path

import polars as pl
import pytest
import torch

import throughtime as tt
from tests.cli.conftest import run
from tests.docs.test_forecasting import shops

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^throughtime (.+)$", README, re.MULTILINE)
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("mark", "command"),
    [
        ("run", "pip install -c constraints.txt . && throughtime train sunspots"),
        ("test", 'pip install -c constraints.txt ".[test]" && pytest'),
    ],
)
def test_the_set_up_commands_stand_under_their_marks(mark: str, command: str) -> None:
    assert f"<!-- set-up: {mark} -->\n```\n{command}\n```\n" in README


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_the_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\((.+?)\)", README) if "://" not in link]
    assert links
    assert all((ROOT / link).exists() for link in links)


_QUICK = {
    "train": ["--epochs", "2"],
    "resume": ["--epochs", "3"],
    "compare": ["--points", "1", "--rows", "1"],
}


def test_the_commands_run(tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tides.csv").write_bytes(tide_csv.read_bytes())
    (tmp_path / "tides-new.csv").write_bytes(tide_csv.read_bytes())
    names = [command.split()[0] for command in COMMANDS]
    assert names == [
        "train", "predict", "predict", "backtest", "export", "resume", "runs", "compare",
    ]  # fmt: skip
    for command in COMMANDS:
        place = next(iter((tmp_path / "runs").glob("*")), Path())
        arguments = shlex.split(command.replace("runs/tides-TIME", str(place)))
        if arguments[0] == "compare":
            at = arguments.index("--seconds") + 1
            arguments[at] = "0.01"
        result = run(*arguments, *_QUICK.get(arguments[0], []))
        assert result.exit_code == 0, result.stderr


def test_the_snippets_run(tmp_path: Path) -> None:
    assert len(SNIPPETS) == 6
    torch.manual_seed(0)
    inputs = torch.randn(20, 4, 1)
    lengths = torch.tensor([20, 5, 1, 12])
    sold = shops(97)
    known = {
        "tt": tt,
        "batches": [(inputs, inputs.roll(1, 0), lengths)],
        "frame": sold.filter(pl.col("day") < 90),
        "coming": sold.filter(pl.col("day") >= 90).drop("sold"),
    }
    for snippet in SNIPPETS:
        snippet = snippet.replace('known=["price"]', 'known=["price"], epochs=1')
        source = tmp_path / "snippet.py"  # a cell's source is read when it is shown
        source.write_text(snippet)
        exec(compile(snippet, str(source), "exec"), known)
    x = torch.randn(5, 2, 3)
    assert known["layer"](x)[0].shape == (5, 2, 16)
    assert known["model"](x)[0].shape == (5, 2, 16)
