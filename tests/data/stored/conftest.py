from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

Large = Callable[[], object]


@contextmanager
def every_table_is_large(rows: int = 7) -> Iterator[None]:
    """Have files of columns read as those are that memory cannot hold, so many rows at a time."""
    with pytest.MonkeyPatch.context() as patch:
        module = "throughtime.data.stored.large_table"
        patch.setattr(f"{module}.IN_MEMORY", -1)
        patch.setattr(f"{module}._FEWEST", rows)
        patch.setattr(f"{module}._MOST", rows)
        patch.setattr("throughtime.data.stored.time_columns._AT_ONCE", rows)
        yield


@pytest.fixture
def small_batches() -> Iterator[None]:
    """Read files of columns seven rows at a time."""
    with every_table_is_large():
        yield
