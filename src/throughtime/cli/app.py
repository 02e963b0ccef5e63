"""The commands, put together."""

from __future__ import annotations

import typer

from throughtime.cli.bench import bench
from throughtime.cli.cells import cells
from throughtime.cli.doctor import doctor
from throughtime.cli.explain import explain
from throughtime.cli.predict import predict
from throughtime.cli.train import train

app = typer.Typer(
    name="throughtime",
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
    epilog="Examples:  throughtime train sunspots   |   throughtime predict RUN mine.csv   |   "
    "throughtime cells gru   |   throughtime explain   |   throughtime bench --cells gru   |   "
    "throughtime doctor"
)
def throughtime(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Recurrent networks trained through time."""


app.command()(train)
app.command()(predict)
app.command()(cells)
app.command()(explain)
app.command()(bench)
app.command()(doctor)
