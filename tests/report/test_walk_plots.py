"""Panels of a walk and of a history: what is drawn is what was recorded."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import throughtime as tt
from throughtime import report
from throughtime.flow.walk import walk

HISTORY = """update,epoch,loss,gradient_norm,clipped,learning_rate,validation_loss,seconds,resumed
1,1,2.0,3.0,1,0.1,,0.1,0
2,1,1.5,0.5,0,0.1,1.75,0.2,0
3,2,1.0,nan,0,0.1,,0.3,1
4,2,0.5,0.25,0,0.1,0.75,0.4,0
"""


@pytest.fixture(scope="module")
def walked() -> dict[str, Any]:
    torch.manual_seed(0)
    network = tt.Network("gru", 2, 3, 1, num_layers=2)
    found = walk(network, torch.randn(9, 1, 2), torch.randn(9, 1, 1), nn.MSELoss(reduction="none"))
    return json.loads(json.dumps(found.as_dict(), allow_nan=False))


def drawn(ax: Any, label: str) -> np.ndarray:
    (line,) = [line for line in ax.lines if line.get_label().startswith(label)]
    return np.asarray(line.get_ydata(), dtype=float)


def test_states_and_weights_are_the_recorded_figures(walked: dict[str, Any]) -> None:
    given = Figure().add_subplot()
    assert report.plot_unrolled(walked, given) is given
    for layer in (0, 1):
        np.testing.assert_array_equal(drawn(given, f"layer {layer}"), walked["by_state"][layer])
    name = walked["weights"][1]["name"]
    for weight in (1, name):
        ax = report.plot_weight_gradient(walked, weight=weight)
        assert name in ax.get_title(loc="left")
        np.testing.assert_array_equal(drawn(ax, "left out"), walked["weights"][1]["left"])
        assert drawn(ax, "come to")[-1] == 1.0
    for wrong in (99, "nothing"):
        with pytest.raises(ValueError, match="the weights that were recorded are"):
            report.plot_weight_gradient(walked, weight=wrong)


def test_the_lens_gives_shares_of_what_came_before(walked: dict[str, Any]) -> None:
    ax = report.plot_credit(walked, step=4)
    (lines,) = ax.collections
    tops = [segment[1, 1] for segment in lines.get_segments()]
    sizes = walked["by_input"][4][:5]
    np.testing.assert_allclose(tops, np.array(sizes) / sum(sizes))
    with pytest.raises(ValueError, match="there are 9 steps"):
        report.plot_credit(walked, step=9)
    with pytest.raises(ValueError, match="no step was recorded"):
        report.plot_credit({"losses": []})


def test_curves_are_those_of_the_history(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY)
    ax = report.plot_loss(path)
    np.testing.assert_array_equal(drawn(ax, "training"), [2.0, 1.5, 1.0, 0.5])
    np.testing.assert_array_equal(drawn(ax, "validation"), [1.75, 0.75])
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {
        "training", "validation", "taken up again", "not a finite number",
    }  # fmt: skip
    ax = report.plot_gradient_norm(path)
    np.testing.assert_array_equal(drawn(ax, "before clipping"), [3.0, 0.5, np.nan, 0.25])
    np.testing.assert_array_equal(drawn(ax, "clipped"), [3.0])
    ax.figure.savefig(tmp_path / "norm.png")
    assert (tmp_path / "norm.png").stat().st_size > 5000
