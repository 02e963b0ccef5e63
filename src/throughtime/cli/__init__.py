"""The command line: one file a command."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line.

    The commands are imported here, where Ctrl-C ends the process at once: torch takes a second to
    load, and an import that is broken off may end in any error.
    """
    before = signal.signal(signal.SIGINT, _leave)
    try:
        from throughtime.cli.app import app

        signal.signal(signal.SIGINT, before)
        app()
    except KeyboardInterrupt:
        print("throughtime: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except OSError as error:  # standard output is closed, or its disk is full
        print(f"throughtime: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        raise SystemExit(1) from None


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"throughtime: interrupted\n")
    os._exit(130)
