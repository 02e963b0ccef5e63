import subprocess
import sys
from importlib import import_module

import pytest

from tests.cli.conftest import run
from throughtime import __version__
from throughtime.cli.app import COMMANDS


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    assert list(COMMANDS) == [
        "train", "init", "resume", "predict", "evaluate", "backtest", "generate", "export", "runs",
        "compare", "flow", "explain", "cells", "bench", "doctor",
    ]  # fmt: skip
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_a_command(command: str) -> None:
    assert f"throughtime {command}" in " ".join(run("--help").stdout.split())
    assert f"Example: throughtime {command}" in " ".join(run(command, "--help").stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_known_before_a_command_is_loaded_is_what_it_says_itself(command: str) -> None:
    function = getattr(import_module(f"throughtime.cli.{command}"), command)
    first = function.__doc__.split("\n\n")[0]
    assert " ".join(first.split()).startswith(COMMANDS[command].removesuffix("."))


def test_the_help_does_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['throughtime', '--help']\n"
        "from throughtime.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert 'typer' in sys.modules and 'torch' not in sys.modules, 'torch was loaded'"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_an_unknown_command_is_refused() -> None:
    result = run("trian")
    assert result.exit_code == 2
    assert "trian" in result.stderr


def test_without_a_command_the_help_is_shown() -> None:
    assert "Usage" in run().output


def test_the_version() -> None:
    assert run("--version").stdout.split() == ["throughtime", __version__]
