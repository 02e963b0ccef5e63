"""Ticks that a narrow screen has room for."""

import pytest

from throughtime.report.chart import Line, draw
from throughtime.report.scale import linear

CHARACTER, PLOT = 6.8, 230
"""Pixels: of a label's character, and of a plot's width on a screen of 390."""


@pytest.mark.parametrize("characters", [1, 4, 6, 10, 12])
@pytest.mark.parametrize("count", [1, 2, 5, 7, 9])
def test_labels_that_stay_do_not_touch(characters: int, count: int) -> None:
    ticks = [(float(place), "8" * characters) for place in range(count)]
    chart = draw(
        "key", title="", description="", x=linear([0.0, count - 1.0], margin=0.02),
        y=linear([0.0, 1.0]), x_label="", y_label="", lines=[Line("", "model", [(0.0, 1.0)])],
        x_ticks=ticks,
    )  # fmt: skip
    kept = [tick for tick in chart.x_ticks if not tick.minor]
    assert kept[-1] is chart.x_ticks[-1]
    assert len(kept) * characters * CHARACTER < 1.1 * PLOT
    # The control: where there is room, all of them stay.
    if count * (characters + 2) <= 30:
        assert len(kept) == count
