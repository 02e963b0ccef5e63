"""The command line: one file a command."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line.

    Ctrl-C ends the process at once until a command is loaded: torch takes a second to load, and an
    import that is broken off may end in any error.
    """
    signal.signal(signal.SIGINT, leave)
    try:
        from throughtime.cli.app import app

        app()
    except KeyboardInterrupt:
        print("throughtime: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except OSError as error:  # standard output is closed, or its disk is full
        print(f"throughtime: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        raise SystemExit(1) from None


def leave(number: int, frame: FrameType | None) -> None:
    """Answer Ctrl-C by ending the process at once."""
    os.write(2, b"throughtime: interrupted\n")
    os._exit(130)
