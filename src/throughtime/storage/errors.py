"""The error that says why a file cannot be used."""

from __future__ import annotations


class StorageError(ValueError):
    """A file is missing, damaged or not what its name says; or something has no form in a file."""
