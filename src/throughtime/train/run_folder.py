"""The folder that a run leaves: put in its place whole, and changed there file by file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from types import FrameType, TracebackType

from throughtime.storage import PART, flush, sweep


class RunFolderError(ValueError):
    """The run folder cannot be written where it was asked for."""


class RunFolder:
    """A run folder in the making.

    Used as a context: files are written into `path`, first a hidden folder beside the final place.
    `publish` gives that folder its name, so that the run folder is there with all that it then has,
    or not at all; from then on `path` is the final place. Unless `keep` has been called by the time
    the context ends, however it ends, nothing stays behind.

    The folder is locked to other processes, which also tells one that is being written from one
    that a killed process has left: those are removed when a run begins beside them.

    Args:
        name: What is trained; the default place is `runs/<name>-<time>`.
        out: The run folder itself, instead of the default place.

    Raises:
        RunFolderError: The place is taken, or cannot be written.
    """

    def __init__(self, name: str, out: Path | None = None) -> None:
        self._kept = self._published = False
        self._made: list[Path] = []
        self._named = out is not None
        self.final = out if out is not None else _default_place(name)
        if self._named:
            self._check_free()
        elif self.final.exists():
            self._rename()
        try:
            for above in reversed(self.final.absolute().parents):
                if not above.exists():
                    above.mkdir()
                    self._made.append(above)
            parent = self.final.absolute().parent
            remove_abandoned(parent)
            self.path, self._lock = _hidden(parent, self.final.name)
        except OSError as error:
            self._unmake()
            raise RunFolderError(
                f"the run folder {self.final} cannot be written: {error.strerror or error}. To "
                "mend: name a place that can be with --out."
            ) from error

    @classmethod
    def reopened(cls, place: Path) -> RunFolder:
        """Go on in a run folder; what a killed process has left in it and beside it is removed.

        Raises:
            RunFolderError: Another process writes to it, or it cannot be opened.
        """
        folder = cls.__new__(cls)
        folder.final = folder.path = place
        folder._kept = folder._published = folder._named = True
        folder._made = []
        try:
            folder._lock = _locked(place)
        except OSError as error:
            raise RunFolderError(
                f"{place} cannot be gone on with: another process trains in it, or it cannot be "
                f"opened ({error.strerror or error})"
            ) from None
        remove_abandoned(place.absolute().parent)
        sweep(place)
        return folder

    def publish(self) -> None:
        """Give the folder its name; what is in it is on the disk.

        Raises:
            RunFolderError: Another run has taken the place meanwhile.
        """
        if self._published:
            return
        flush(self.path)
        if not self._named and self.final.exists():
            self._rename()
        try:
            self.path.rename(self.final)  # an empty folder there is replaced
        except OSError as error:
            self._check_free()
            if not self.final.is_dir():
                raise RunFolderError(
                    f"{self.final} could not be put in place: {error.strerror or error}"
                ) from error
            self._move_in()  # it is somebody's working folder, say, which cannot be replaced
        self.path, self._published = self.final, True
        flush(self.final.absolute().parent)

    def _rename(self) -> None:
        """Take another name than a run that began in the same second."""
        first, number = self.final, 2
        while self.final.exists():
            self.final = first.with_name(f"{first.name}-{number}")
            number += 1

    def _move_in(self) -> None:
        lock = _locked(self.final)
        for file in self.path.iterdir():
            file.rename(self.final / file.name)
        self.path.rmdir()
        _unlocked(self._lock)
        self._lock = lock

    def _check_free(self) -> None:
        place = self.final
        if place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir()))):
            raise RunFolderError(
                f"{place} exists and is not an empty folder; a run would be mixed with what is "
                "there. To mend: name another with --out, or remove it."
            )

    @contextlib.contextmanager
    def results(self, may_lack: Collection[str] = ()) -> Iterator[Path]:
        """Give a folder for files that belong together; they replace those of the run at the end.

        Where the end is not reached, none of them is.

        Args:
            may_lack: Files that are not always among them: those of earlier results then go.
        """
        aside = Path(tempfile.mkdtemp(prefix=".results-", suffix=PART, dir=self.path))
        try:
            yield aside
            written = {file.name for file in aside.iterdir()}
            for file in aside.iterdir():
                flush(file)
            with uninterrupted():
                for file in sorted(aside.iterdir()):
                    file.replace(self.path / file.name)
                for name in set(may_lack) - written:
                    (self.path / name).unlink(missing_ok=True)
                flush(self.path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    @property
    def kept(self) -> bool:
        """Whether the folder stays."""
        return self._kept

    def keep(self, worth: bool = True) -> None:
        """Declare that what was written so far is worth having, or is not."""
        self._kept = worth

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with uninterrupted():
            try:
                if self._kept:
                    self.publish()
                else:
                    self._remove()
            finally:
                _unlocked(self._lock)

    def _remove(self) -> None:
        if self._published:  # out of sight first: half a run folder is none
            aside = self.path.with_name(f".{self.path.name}-removed{PART}")
            with contextlib.suppress(OSError):
                self.path = self.path.rename(aside)
        shutil.rmtree(self.path, ignore_errors=True)
        self._unmake()

    def _unmake(self) -> None:
        """Remove the folders that were made for this run and are still empty."""
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()


def remove_abandoned(parent: Path) -> None:
    """Remove the hidden folders that killed processes have left before they got a name."""
    for left in parent.glob(f".*-*{PART}"):
        if not left.is_dir() or left.is_symlink():
            continue
        try:
            lock = _locked(left)
        except OSError:
            continue  # it is being written
        shutil.rmtree(left, ignore_errors=True)
        _unlocked(lock)


def _hidden(parent: Path, name: str) -> tuple[Path, int | None]:
    """Make a hidden folder, locked."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=PART, dir=parent))
        try:
            lock = _locked(path)
            path.chmod(0o755)  # mkdtemp's folder is closed to everybody else
            return path, lock
        except (FileNotFoundError, BlockingIOError):
            continue  # another run took it, not locked yet, for abandoned


def _locked(folder: Path) -> int | None:
    """Lock a folder as long as this process lives.

    Raises:
        OSError: Another has it, or it is not there.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _unlocked(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


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
