"""The user's errors: one clear message on standard error, exit status 2, no traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class UsageError(ValueError):
    """What was asked for cannot be done; the message says what can."""


def reports_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a command end with the message of an error that the user can mend, and with status 2."""

    @functools.wraps(command)
    def guarded(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        import torch

        from throughtime.data import DataError
        from throughtime.equations import CellError
        from throughtime.estimators import SavedError, SettingsError
        from throughtime.storage import StorageError
        from throughtime.train.run_folder import RunFolderError

        try:
            return command(*arguments, **options)
        except (
            CellError, DataError, RunFolderError, SavedError, SettingsError, StorageError,
            UsageError,
        ) as error:  # fmt: skip
            message = str(error)
        except KeyboardInterrupt as stop:
            print("throughtime: interrupted; nothing is saved", file=sys.stderr)
            raise SystemExit(status(stop)) from None
        except (torch.OutOfMemoryError, MemoryError):
            message = _TOO_LARGE
        except RuntimeError as error:
            if "allocate" not in str(error):  # how torch says that memory has run out on a CPU
                raise
            message = _TOO_LARGE
        print(f"throughtime: {message}", file=sys.stderr)
        raise SystemExit(2)

    return guarded


def status(stop: KeyboardInterrupt) -> int:
    """Give the exit status: 130 after Ctrl-C, 143 after SIGTERM."""
    from throughtime.train.stopping import number_of

    return 128 + number_of(stop)


_TOO_LARGE = (
    "there is not enough memory for a network of this size on these data; give fewer units "
    "(--hidden), layers or steps (--window)"
)
