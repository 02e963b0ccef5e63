"""The folder that a run leaves: written aside, and put in its place when it is worth having."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType


class RunFolderError(ValueError):
    """The run folder cannot be written where it was asked for."""


class RunFolder:
    """A run folder in the making.

    Used as a context: files are written into `path`, a hidden folder beside the final place, which
    is reserved. Once `keep` has been called they appear in the final place when the context ends,
    however it ends; otherwise nothing stays behind.

    Args:
        name: What is trained; the default place is `runs/<name>-<time>`.
        out: The run folder itself, instead of the default place.

    Raises:
        RunFolderError: The place is taken, or cannot be written.
    """

    def __init__(self, name: str, out: Path | None = None) -> None:
        self._kept = False
        self._made: list[Path] = []
        self.final = out if out is not None else _default_place(name)
        try:
            self._reserve(number_if_taken=out is None)
            parent = self.final.absolute().parent
            self.path = Path(tempfile.mkdtemp(prefix=f".{self.final.name}-", dir=parent))
            self.path.chmod(0o755)  # mkdtemp's folder is closed to everybody else
        except OSError as error:
            self._unmake()
            raise RunFolderError(
                f"the run folder {self.final} cannot be written: {error.strerror or error}. To "
                "mend: name a place that can be with --out."
            ) from error

    def _reserve(self, number_if_taken: bool) -> None:
        """Make the final folder, so that no other run takes its name, and those above it."""
        for above in reversed(self.final.absolute().parents):
            if not above.exists():
                above.mkdir()
                self._made.append(above)
        first, number = self.final, 2
        while True:
            try:
                self.final.mkdir()
                self._made.append(self.final.absolute())
                return
            except FileExistsError:
                if not number_if_taken:
                    break
                self.final = first.with_name(f"{first.name}-{number}")
                number += 1
        if self.final.is_symlink() or not self.final.is_dir() or any(self.final.iterdir()):
            raise RunFolderError(
                f"{self.final} exists and is not an empty folder; a run would be mixed with what "
                "is there. To mend: name another with --out, or remove it."
            )

    def _unmake(self) -> None:
        """Remove the folders that were made for this run and are still empty."""
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

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
        with uninterrupted():
            if not self._kept:
                shutil.rmtree(self.path, ignore_errors=True)
                self._unmake()
                return
            try:
                self._put_in_place()
            except OSError as reason:
                raise RunFolderError(
                    f"{self.final} could not be put in place: {reason.strerror or reason}. The run "
                    f"lies in {self.path}."
                ) from reason

    def _put_in_place(self) -> None:
        try:
            self.path.rename(self.final)  # the empty folder there is replaced
        except OSError:  # it is somebody's working folder, say, which cannot be replaced
            for file in self.path.iterdir():
                file.rename(self.final / file.name)
            self.path.rmdir()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C until the end of a short piece of work that must not be torn."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread
        return
    waiting: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if waiting:
        raise KeyboardInterrupt


def _default_place(name: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "run"
    return Path("runs") / f"{safe}-{time.strftime('%Y%m%d-%H%M%S')}"
