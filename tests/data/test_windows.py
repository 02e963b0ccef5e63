from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from throughtime.data.windows import Windows


def naive(series: list[Tensor], steps: int, stride: int) -> list[Tensor]:
    """Cut each series by itself, from its end back."""
    found = []
    for rows in series:
        length = min(steps, len(rows) - 1)
        ends = range(len(rows), length, -stride)
        found += [rows[end - length - 1 : end] for end in reversed(ends)]
    return found


@given(
    lengths=st.lists(st.integers(2, 30), min_size=1, max_size=4),
    steps=st.integers(1, 12),
    stride=st.integers(1, 7),
)
def test_windows_are_those_of_each_series_alone(
    lengths: list[int], steps: int, stride: int
) -> None:
    # The first column says which series a row is of: no window holds two.
    series = [
        torch.stack([torch.full((rows,), float(place)), torch.arange(float(rows))], 1)
        for place, rows in enumerate(lengths)
    ]
    windows, expected = Windows(series, steps, stride), naive(series, steps, stride)
    assert len(windows) == len(expected)
    rows, counts = windows.batch(torch.arange(len(windows)))
    assert (counts is None) == (len({len(window) for window in expected}) == 1)
    for place, window in enumerate(expected):
        assert torch.equal(rows[: len(window), place], window)
        assert bool((rows[:, place, 0] == window[0, 0]).all())
        assert counts is None or int(counts[place]) == len(window) - 1


def test_windows_come_in_the_order_asked_for() -> None:
    windows = Windows([torch.arange(20.0)[:, None]], steps=4, stride=5)
    rows, counts = windows.batch(torch.tensor([2, 0]))
    assert counts is None
    assert rows[:, :, 0].T.tolist() == [[10, 11, 12, 13, 14], [0, 1, 2, 3, 4]]


def test_a_single_row_is_no_window() -> None:
    with pytest.raises(ValueError, match="a row to read and one to forecast; got 1"):
        Windows([torch.zeros(5, 1), torch.zeros(1, 1)], steps=4, stride=1)
