"""The folder that a run leaves: written aside, and put in its place whole."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType


class RunFolderError(ValueError):
    """The run folder cannot be written where it was asked for."""


class RunFolder:
    """A run folder in the making.

    Used as a context: files are written into `path`, a hidden folder beside the final place. Once
    `keep` has been called the folder appears under its own name when the context ends, however it
    ends; otherwise it is removed and nothing stays behind.

    Args:
        name: What is trained; the default place is `runs/<name>-<time>`.
        out: The run folder itself, instead of the default place.

    Raises:
        RunFolderError: The place is taken, or cannot be written.
    """

    def __init__(self, name: str, out: Path | None = None) -> None:
        self.final = out if out is not None else _default_place(name)
        self._kept = False
        try:
            if self.final.is_symlink() or (
                self.final.exists() and (not self.final.is_dir() or any(self.final.iterdir()))
            ):
                raise RunFolderError(
                    f"{self.final} exists and is not an empty folder; a run would be mixed with "
                    "what is there. To mend: name another with --out, or remove it."
                )
            parent = self.final.absolute().parent
            parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=f".{self.final.name}-", dir=parent))
            self.path.chmod(0o755)  # mkdtemp's folder is closed to everybody else
        except OSError as error:
            raise RunFolderError(
                f"the run folder {self.final} cannot be written: {error.strerror or error}. To "
                "mend: name a place that can be with --out."
            ) from error

    def keep(self) -> None:
        """Declare that what was written so far is worth having."""
        self._kept = True

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._kept:
            shutil.rmtree(self.path, ignore_errors=True)
            if self.final.parent.name == "runs":  # made for this run alone, unless others are there
                with contextlib.suppress(OSError):
                    self.final.parent.rmdir()
            return
        try:
            self.path.rename(self.final)  # an empty folder in the way is replaced
        except OSError as error:
            raise RunFolderError(
                f"{self.final} could not be put in place: {error.strerror or error}. The run lies "
                f"in {self.path}."
            ) from error


def _default_place(name: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    place = Path("runs") / f"{safe}-{stamp}"
    number = 2
    while place.exists():
        place = Path("runs") / f"{safe}-{stamp}-{number}"
        number += 1
    return place
