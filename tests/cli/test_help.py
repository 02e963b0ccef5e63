import pytest

from tests.cli.conftest import run
from throughtime import __version__
from throughtime.cli.app import app

commands = [command.callback.__name__ for command in app.registered_commands if command.callback]


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    assert commands == ["train", "predict", "cells", "explain", "bench", "doctor"]
    assert all(command in shown for command in commands)


@pytest.mark.parametrize("command", commands)
def test_help_shows_an_example_a_command(command: str) -> None:
    assert f"throughtime {command}" in run("--help").stdout
    assert f"Example: throughtime {command}" in " ".join(run(command, "--help").stdout.split())


def test_without_a_command_the_help_is_shown() -> None:
    assert "Usage" in run().output


def test_the_version() -> None:
    assert run("--version").stdout.split() == ["throughtime", __version__]
