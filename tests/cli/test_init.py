"""`throughtime init` and `train --config`: what one writes, the other reads."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, run
from throughtime.cli.config_file import options_of, read
from throughtime.cli.tasks import OPTIONS
from throughtime.cli.train import train


@pytest.mark.parametrize("task", OPTIONS)
def test_every_option_that_means_something_stands_in_the_file(task: str, tmp_path: Path) -> None:
    out = tmp_path / "all.toml"
    assert run("init", "what.ever", "--task", task, "--out", out).exit_code == 0
    in_force = tomllib.loads(out.read_text())
    assert in_force == {
        "source": "what.ever", "data": {"task": task}, "network": {}, "training": {}, "output": {},
    }  # fmt: skip
    out.write_text(re.sub(r"^# ([a-z-]+ = )", r"\1", out.read_text(), flags=re.MULTILINE))
    values = read(out, options_of(train))
    strange = {n for names in OPTIONS.values() for n in names} - set(OPTIONS[task])
    assert set(values) == {o.name for o in options_of(train).values()} - strange


def test_the_defaults_are_those_of_what_is_trained(tmp_path: Path) -> None:
    for source, options, told in (
        ("sunspots", [], "# hidden = 8"),
        ("new.csv", [], "# hidden = 32"),
        ("new.txt", [], "# hidden = 256"),
        ("folder", ["--task", "recordings"], "# hidden = 64"),
    ):
        out = tmp_path / f"{source}.toml"
        assert run("init", source, *options, "--out", out).exit_code == 0
        assert told in out.read_text().splitlines()


def test_shares_and_patience_are_those_of_the_task(tmp_path: Path) -> None:
    for task, told, other in (
        ("text", ["# test-share = 0.1", "# Without it: a tenth of what is learned."], "0.2"),
        ("recordings", ["# test-share = 0.2", "# Without it: none is held out."], "0.1"),
        ("pair", ["# test-share = 0.2", "# Without it: none is held out."], "0.1"),
    ):
        out = tmp_path / f"{task}.toml"
        assert run("init", "x", "--task", task, "--out", out).exit_code == 0
        lines = out.read_text().splitlines()
        assert {*told} <= {*lines}
        assert f"# test-share = {other}" not in lines
    text = (tmp_path / "text.toml").read_text()
    assert "# Without it: all epochs, and the best one's weights.\n# patience" in text


def test_a_training_by_file_is_that_by_options(tide_csv: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "tide.toml", tmp_path / "run"
    file.write_text(
        f'source = "{tide_csv}"\n[data]\ntarget = "level"\n[network]\nhidden = 3\n'
        f'[training]\nepochs = 2\nwindow = 20\nclip = 2\npatience = 0\n[output]\nout = "{out}"\n'
    )
    assert run("train", "--config", file, "--epochs", "3").exit_code == 0
    other = ["--target", "level", "--window", "20", "--clip", "2", "--patience", "0", *QUICK]
    assert run("train", tide_csv, *other, "--out", tmp_path / "other").exit_code == 0
    found = [(place / "config.json").read_text() for place in (out, tmp_path / "other")]
    assert found[0] == found[1]
    assert json.loads(found[0])["training"]["epochs"] == 3  # the command line comes first
    weights = [(place / "model.safetensors").read_bytes() for place in (out, tmp_path / "other")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[training]\nepochz = 3\nepochs = "3"\n[data]\ncell = "gru"', "epochz: there is no such"),
        ('[training]\nepochz = 3\nepochs = "3"', "epochs: a whole number is expected, got '3'"),
        ("[training]\nepochs = 2.5", "a whole number is expected, got 2.5"),
        ("[training]\nlearning-rate = true", "a number is expected, got True"),
        ("[network]\nbidirectional = 1", "true or false is expected, got 1"),
        ("[data]\ntarget = 3", "a string is expected, got 3"),
        ('[data]\ncell = "gru"', "cell: it belongs under [network]"),
        ("[data.deep]\ntarget = 3", "there is no such option"),
        ('[data]\nsource = "a.csv"', "source: it belongs above all sections"),
        ("[network]\nbatch-size = 3", "there is no such option"),
        ("epochs =", "is no TOML: Invalid value (at end of document)"),
        ("x = " + "[" * 5000, "is no TOML"),
        ("\xff", "is not UTF-8"),
        ("[training]\nseed = 1\n[network]\ncell = 'grue'", "unknown cell 'grue'"),
        ('config = "other.toml"', "there is no such option"),
    ],
)
def test_faults_of_a_file(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(content.encode("latin-1"))
    result = run("train", "sunspots", "--config", file)
    assert result.exit_code == 2
    assert said in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"wrong.toml"}


def test_nothing_is_overwritten_and_missing_files_are_said(tmp_path: Path) -> None:
    out = tmp_path / "a.toml"
    out.write_text("mine")
    result = run("init", "--out", out)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert out.read_text() == "mine"
    assert "cannot be written" in run("init", "--out", tmp_path / "no" / "b.toml").stderr
    assert "No such file" in run("train", "--config", tmp_path / "c.toml").stderr
    assert run("init", "--task", "x", "--out", tmp_path / "d.toml").exit_code == 2
