"""JSON read as its standard has it, from files that are not trusted."""

from __future__ import annotations

import json
from typing import Any

from throughtime.storage.errors import StorageError


def read_json(text: str | bytes, where: str) -> Any:
    """Read JSON; no NaN, no infinity.

    Args:
        text: What stands in the file.
        where: What it is called in messages.

    Raises:
        StorageError: It is no JSON, or nested or long beyond what a file of ours can be.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise StorageError(f"{where} is damaged: it is nested too deeply") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise StorageError(f"{where} is damaged: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
