"""Files that a kill cannot tear, and that do no harm whatever stands in them: never pickle."""

from throughtime.storage.errors import StorageError
from throughtime.storage.nested import put_together, taken_apart
from throughtime.storage.sealed import Sealed, read_sealed, seal, write_sealed
from throughtime.storage.strict_json import read_json
from throughtime.storage.whole_file import PART, flush, sweep, whole, write_whole

__all__ = [
    "PART",
    "Sealed",
    "StorageError",
    "flush",
    "put_together",
    "read_json",
    "read_sealed",
    "seal",
    "sweep",
    "taken_apart",
    "whole",
    "write_sealed",
    "write_whole",
]
