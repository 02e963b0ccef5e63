"""`throughtime init`: a file with all that a training can be told, to fill in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.tasks import OPTIONS, PAIR, RECORDINGS, SERIES, TEXT, task_of


@reports_errors
def init(
    source: Annotated[
        str, typer.Argument(help="What to train on, as `throughtime train` takes it.")
    ] = "sunspots",
    task: Annotated[
        str | None, typer.Option(help="series, text, recordings or pair; inferred if left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("throughtime.toml"),
) -> None:
    """Write a file of settings for a training, each with what it does; fill in, then train.

    It is read by `throughtime train --config FILE`.

    Example: throughtime init tides.csv --out tides.toml
    """
    from throughtime.cli.config_file import written
    from throughtime.cli.train import train
    from throughtime.storage import StorageError, write_whole

    kind = task_of(source, task, None, target="")  # one recording is the first of two
    strange = {name for names in OPTIONS.values() for name in names} - set(OPTIONS[kind])
    if out.exists() or out.is_symlink():
        raise UsageError(f"{out} exists already; name another with --out, or remove it")
    values = {"source": source} | ({} if task is None else {"task": task})
    text = written(train, str(out), values, _defaults(kind, source), strange)
    try:
        write_whole(out, text.encode())
    except StorageError as error:  # it says which file, and why
        raise UsageError(f"{error}; name another with --out") from None
    print(f"{out} is written; fill it in, then: throughtime train --config {out}")


def _defaults(kind: str, source: str) -> dict[str, Any]:
    """Give what a task, or a built-in series, takes where nothing is said."""
    from throughtime.data import sources
    from throughtime.data.audio.pair import SETTINGS
    from throughtime.data.text import HELD_OUT
    from throughtime.estimators import LanguageModel, SequenceClassifier, SequenceRegressor

    if kind == SERIES:
        return _asked(sources[source]().settings) if source in sources else {}
    models = {TEXT: LanguageModel, RECORDINGS: SequenceClassifier, PAIR: SequenceRegressor}
    parameters = inspect.signature(models[kind]).parameters
    own = SETTINGS if kind == PAIR else {}
    taken = _asked({name: parameter.default for name, parameter in parameters.items()} | own)
    share = {"test_share": HELD_OUT} if kind == TEXT else {}
    return {**taken, "rows": taken["batch_size"], **share, **_IN_WORDS[kind]}


_IN_WORDS: dict[str, dict[str, Any]] = {
    TEXT: {
        "validation_share": "a tenth of what is learned",
        "patience": "all epochs, and the best one's weights",
    },
    RECORDINGS: {"validation_share": "none is held out"},
    PAIR: {"validation_share": "none is held out"},
}  # fmt: skip
"""Defaults that an option of `train` has no number for."""


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings as the command line has them: 0 for no limit, and no word of other Nones."""
    none = {name: 0 for name in ("clip", "patience") if settings.get(name, 0) is None}
    return {name: value for name, value in settings.items() if value is not None} | none
