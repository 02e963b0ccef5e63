"""Nested values with tensors in them, as `state_dict`s are, taken apart for a file and rebuilt."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from throughtime.storage.errors import StorageError

_TENSOR, _TUPLE, _FLOAT, _ITEMS = "$tensor", "$tuple", "$float", "$items"
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def taken_apart(value: Any) -> tuple[Any, dict[str, Tensor]]:
    """Part nested values into what JSON can hold, and tensors by name.

    Args:
        value: None, truth values, numbers, text, tensors; lists, tuples and dictionaries of them,
            with keys of text or whole numbers. Every float comes back bit by bit.

    Returns:
        The plain values, and the tensors by their place in the whole.

    Raises:
        StorageError: There is something else in it; its place is named.
    """
    tensors: dict[str, Tensor] = {}

    def plain(value: Any, place: str) -> Any:
        if isinstance(value, Tensor):
            name = place if place not in tensors else f"{place}#{len(tensors)}"
            tensors[name] = value
            return {_TENSOR: name}
        if isinstance(value, float):  # numpy's double is one
            return float(value) if math.isfinite(value) else {_FLOAT: str(float(value))}
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is list:
            return [plain(part, f"{place}.{n}") for n, part in enumerate(value)]
        if type(value) is tuple:
            return {_TUPLE: [plain(part, f"{place}.{n}") for n, part in enumerate(value)]}
        if isinstance(value, dict):
            return of_dict(value, place)
        raise StorageError(
            f"{place} is a {type(value).__name__}, which has no form in a file; numbers, text, "
            "tensors, and lists, tuples and dictionaries of them have one"
        )

    def of_dict(value: dict[Any, Any], place: str) -> dict[str, Any]:
        if not all(type(key) in (int, str) for key in value):
            raise StorageError(f"{place} has keys that are neither text nor whole numbers")
        parts = [
            (key, plain(part, f"{place}.{key}" if place else key)) for key, part in value.items()
        ]
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return dict(parts)
        return {_ITEMS: [list(part) for part in parts]}

    return plain(value, ""), tensors


def put_together(plain: Any, tensors: dict[str, Tensor]) -> Any:
    """Rebuild nested values from what `taken_apart` gave.

    Raises:
        StorageError: It is nothing that `taken_apart` gives, or tensors are missing or left over.
    """
    left = dict(tensors)

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(part) for part in value]
        if not isinstance(value, dict):
            return value
        if not any(key.startswith("$") for key in value):
            return {key: whole(part) for key, part in value.items()}
        ((kind, content),) = value.items()
        if kind == _TENSOR:
            return left.pop(content)
        if kind == _TUPLE:
            return tuple(whole(content))
        if kind == _FLOAT:
            return _NOT_FINITE[content]
        if kind == _ITEMS:
            return {key: whole(part) for key, part in content}
        raise KeyError(kind)

    try:
        built = whole(plain)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"the nested values are malformed ({error!r})") from None
    if left:
        raise StorageError(f"there are tensors that belong to nothing: {', '.join(sorted(left))}")
    return built
