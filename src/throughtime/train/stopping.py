"""SIGINT and SIGTERM while a network is trained: heard at once, served where nothing is torn."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what Ctrl-C is, sent by a machine."""


def number_of(stop: KeyboardInterrupt) -> int:
    """Give the number of the signal that an interruption stands for."""
    return signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT


class Stopping:
    """Lets a signal wait until the training comes to a place from which it can go on.

    Used as a context, in the main thread; elsewhere signals do not arrive, and it does nothing. The
    first SIGINT or SIGTERM is noted, and the training asks. If it does not come to such a place
    within the grace, or a second signal is sent, KeyboardInterrupt is raised where it stands.

    Args:
        grace: Seconds.

    Attributes:
        signal: The number of the signal that came; None if none did.
    """

    def __init__(self, grace: float = 1.0) -> None:
        self.grace, self._held = grace, 0
        self.signal: int | None = None
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, before in self._before.items():
            signal.signal(number, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be raised inside; a signal that comes is noted."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
            self._timer = threading.Timer(self.grace, _again, [number])
            self._timer.daemon = True
            self._timer.start()
        elif not self._held:
            raise KeyboardInterrupt


def _again(number: int) -> None:
    """Send the main thread a signal, which also wakes it from waiting."""
    ident = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and ident is not None:
        signal.pthread_kill(ident, number)
    else:  # Windows
        _thread.interrupt_main(signal.Signals(number))


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` inside, so that what is unfinished is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
