"""The files that a command writes where its user wants them: whole, over nothing that is read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from throughtime.cli.errors import UsageError


@contextmanager
def written(place: Path) -> Iterator[BinaryIO]:
    """Open a file for a result; it is there when all has been written, or as it was before.

    A link is followed; a device or a pipe, which cannot be replaced, is written to.

    Args:
        place: The file.

    Raises:
        UsageError: It cannot be written.
    """
    from throughtime.storage import whole

    try:
        if place.exists() and not place.is_file():
            with place.open("wb") as file:
                yield file
        else:
            with whole(place.resolve()) as file:
                yield file
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror or error}; name another with --out"
        ) from error


@contextmanager
def written_text(place: Path) -> Iterator[TextIO]:
    """Open a file for text in UTF-8, lines ended as they are given; see `written`."""
    with written(place) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def refuse_to_write_over(place: Path, *read: Path | None) -> None:
    """Refuse a result in the place of a file that is read.

    Raises:
        UsageError: It would stand there.
    """
    for file in read:
        if file is not None and file.exists() and place.exists() and place.samefile(file):
            raise UsageError(f"{place} is a file that is read; name another with --out")


def refuse_to_harm(place: Path, run: Path) -> None:
    """Refuse a result in the place of a file of a run, or of one that it has learned from.

    Raises:
        UsageError: It would stand there.
        SavedError: The folder is none of a run.
    """
    from throughtime.estimators.saved import read_configuration

    config = read_configuration(run)
    if not place.exists():
        return
    if any(place.samefile(file) for file in run.iterdir() if file.exists()):
        raise UsageError(f"{place} is a file of the run {run}; name another with --out")
    for source in _learned_from(config):
        if source.is_dir():
            harmed = place.resolve().is_relative_to(source.resolve())
        else:
            harmed = source.exists() and place.samefile(source)
        if harmed:
            raise UsageError(
                f"{place} is what {run} has learned from; name another file with --out"
            )


def _learned_from(config: Mapping[str, Any]) -> list[Path]:
    """Give the files and folders that a run says it was trained on; it is not trusted."""
    origin = config.get("data")
    named = [origin.get(key) for key in ("source", "target")] if isinstance(origin, dict) else []
    return [Path(name) for name in named if isinstance(name, str) and name and "\0" not in name]
