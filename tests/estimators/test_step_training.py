from collections import Counter

import pytest

from throughtime.estimators.step_training import windows_of


@pytest.mark.parametrize("size", [None, 1, 7, 50])
@pytest.mark.parametrize("warm_up", [0, 3])
def test_every_step_carries_loss_once_but_the_first_warm_up(size: int | None, warm_up: int) -> None:
    lengths = [20, 4, 51]
    windows = windows_of(lengths, size, warm_up)
    counted = Counter((w.sequence, t) for w in windows for t in w.steps[warm_up:])
    assert counted == Counter((i, t) for i, T in enumerate(lengths) for t in range(warm_up, T))
    for window in windows:
        assert window.steps.start >= 0
        if size is not None:
            whole = lengths[window.sequence] - warm_up
            assert min(size, whole) <= len(window.steps) - warm_up < 2 * size or whole < size
