"""A cell as a text, and found again by it: graphs and files cannot hold the cell itself."""

from __future__ import annotations

import importlib
import json
import sys
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from throughtime.equations.errors import CellError

if TYPE_CHECKING:
    from throughtime.equations.cell import Cell

_living: WeakValueDictionary[str, Cell] = WeakValueDictionary()
_held: dict[str, Cell] = {}
_lock = Lock()


def key_of(cell: Cell) -> str:
    """Name a new cell: where it was defined, its constants, and a number if others are called so.

    Cells of the same equations share a key: `throughtime.cells.leaky:leaky {"leak": 0.5}`.
    """
    module = getattr(cell.function, "__module__", "")
    key = base = f"{module}:{getattr(cell.function, '__qualname__', cell.name)}"
    if cell.constants:
        key = base = f"{base} {json.dumps(dict(cell.constants), sort_keys=True)}"
    with _lock:
        number = 1
        while (other := _living.get(key)) is not None:
            if _same(cell, other):
                _held[key] = other  # it stands for both, and must not go before the other
                return key
            number += 1
            key = f"{base} #{number}"
        _living[key] = cell
        return key


def cell_at(key: str) -> Cell:
    """Find the cell of a key, and keep it: a graph that names it may outlive its layer.

    Cells that are gone, or were never made in this process, are looked for where they are defined,
    in modules that are already imported: a file must not choose what is imported.

    Raises:
        CellError: There is none.
    """
    cell = _held.get(key)
    if cell is None:
        cell = _held[key] = _living.get(key) or _defined(key)
    return cell


def _defined(key: str) -> Cell:
    place, _, constants = key.partition(" ")
    module, _, names = place.partition(":")
    if module.startswith("throughtime.cells."):
        importlib.import_module("throughtime.cells")
    found: Any = sys.modules.get(module)
    for name in names.split("."):
        found = getattr(found, name, None)
    try:
        cell: Cell = found.replace(**json.loads(constants)) if constants else found
        if cell.key == key:
            return cell
    except (AttributeError, ValueError):
        pass
    mend = (
        "import that module first"
        if module not in sys.modules
        else "it is looked for at the top of that module, under its own name"
    )
    raise CellError(f"no cell {place.partition(':')[2]!r} of module {module!r} ({key}); {mend}")


def _same(one: Cell, other: Cell) -> bool:
    parts = ("function", "gates", "states", "units", "constants", "step")
    return all(getattr(one, part) == getattr(other, part) for part in parts)
