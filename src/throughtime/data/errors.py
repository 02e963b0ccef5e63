"""The error that says why the user's data cannot be used."""

from __future__ import annotations


class DataError(ValueError):
    """The user's data cannot be used as it is.

    Its message is complete for a person: the file, where in it (line, column, value), what was
    expected and how to mend it. The command line prints it as it stands and exits with 2.
    """
