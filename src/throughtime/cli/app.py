"""The commands, put together; each is loaded when it is asked for."""

from __future__ import annotations

import signal
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from throughtime.cli import leave

COMMANDS = {
    "train": "Train a recurrent network to forecast a series, write on a text or tell recordings "
    "apart.",
    "init": "Write a file of settings for a training, each with what it does; fill in, then train.",
    "resume": "Go on with a training that was stopped, to the weights it would have come to.",
    "predict": "Forecast the rows to come, or each row of a file; or tell the class of recordings.",
    "evaluate": "Score a trained model on what it has not learned from: a series, a text or "
    "recordings.",
    "backtest": "Forecast the last rows of a series from several moments, beside naive forecasts.",
    "generate": "Write on from a prompt by a trained language model.",
    "export": "Write a trained network as an ONNX graph or as C, its scaling included.",
    "runs": "List the run folders in a place: what was trained, how far, and how well.",
    "compare": "Train the same network on the same task by several gradient methods, and compare.",
    "flow": "Measure how far back in time gradients reach, what stops them, and what to change.",
    "explain": "Work out backpropagation through time by hand, every term of it.",
    "cells": "List the cells, or show one: its equations, its adjoint and the gradients.",
    "bench": "Race training steps against torch.nn, and JAX if it is installed.",
    "doctor": "Say what is installed here, and test the native engine against the reference.",
}
"""What `throughtime.cli.NAME.NAME` does, known before it is loaded."""


class _Later(TyperCommand):
    """A command whose module, and torch with it, is loaded when it runs or its help is shown."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        return loaded(str(self.name)).make_context(info_name, args, *rest, **more)


class _Commands(TyperGroup):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, summary in COMMANDS.items():
            self.add_command(_Later(name, help=summary))


def loaded(name: str) -> TyperCommand:
    """Load a command, and torch; from then on Ctrl-C is the command's to answer."""
    function = getattr(import_module(f"throughtime.cli.{name}"), name)
    import_module("torch")
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    single = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    single.command(name)(function)
    command = get_command(single)
    assert isinstance(command, TyperCommand)
    return command


app = typer.Typer(
    name="throughtime",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"throughtime {version('throughtime')}")
        raise typer.Exit


@app.callback(
    epilog="Examples:  throughtime train sunspots   |   "
    "throughtime init tides.csv   |   throughtime resume RUN   |   "
    "throughtime predict RUN --horizon 12 --level 95   |   "
    "throughtime backtest RUN --horizon 12   |   "
    "throughtime train book.txt   |   throughtime generate RUN   |   "
    "throughtime train RECORDINGS   |   throughtime evaluate RUN OTHERS   |   "
    "throughtime export RUN --c   |   throughtime runs --sort score   |   "
    "throughtime compare --methods bptt,tbptt:10,rtrl   |   throughtime flow sunspots   |   "
    "throughtime explain   |   throughtime cells gru   |   throughtime bench --cells gru   |   "
    "throughtime doctor"
)
def throughtime(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Recurrent networks trained through time."""
