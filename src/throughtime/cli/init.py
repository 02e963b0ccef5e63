"""`throughtime init`: a file with all that a training can be told, to fill in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def init(
    source: Annotated[
        str, typer.Argument(help="What to train on, as `throughtime train` takes it.")
    ] = "sunspots",
    task: Annotated[
        str | None, typer.Option(help="series, text or recordings; inferred if left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("throughtime.toml"),
) -> None:
    """Write a file of settings for a training, each with what it does; fill in, then train.

    It is read by `throughtime train --config FILE`.

    Example: throughtime init tides.csv --out tides.toml
    """
    from throughtime.cli.config_file import written
    from throughtime.cli.tasks import OPTIONS, task_of
    from throughtime.cli.train import train
    from throughtime.storage import write_whole

    kind = task_of(source, task, None)
    strange = {name for names in OPTIONS.values() for name in names} - set(OPTIONS[kind])
    if out.exists() or out.is_symlink():
        raise UsageError(f"{out} exists already; name another with --out, or remove it")
    values = {"source": source} | ({} if task is None else {"task": task})
    text = written(train, str(out), values, _defaults(kind, source), strange)
    try:
        write_whole(out, text.encode())
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror or error}") from None
    print(f"{out} is written; fill it in, then: throughtime train --config {out}")


def _defaults(kind: str, source: str) -> dict[str, Any]:
    """Give what a task, or a built-in series, takes where nothing is said."""
    from throughtime.cli.tasks import RECORDINGS, TEXT
    from throughtime.data import sources
    from throughtime.estimators import LanguageModel, SequenceClassifier

    if kind not in (TEXT, RECORDINGS):
        return _asked(sources[source]().settings) if source in sources else {}
    model = LanguageModel if kind == TEXT else SequenceClassifier
    parameters = inspect.signature(model).parameters
    taken = _asked({name: parameter.default for name, parameter in parameters.items()})
    return {**taken, "rows": taken["batch_size"], "validation_share": taken["validation"]}


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings as the command line has them: 0 for no limit, and no word of other Nones."""
    none = {name: 0 for name in ("clip", "patience") if settings.get(name, 0) is None}
    return {name: value for name, value in settings.items() if value is not None} | none
