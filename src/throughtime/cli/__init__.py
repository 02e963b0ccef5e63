"""The command line: one file a command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
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
