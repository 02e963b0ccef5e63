"""Panels of gradient flow: what is drawn is what was recorded. About 5 s."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

import throughtime as tt
from throughtime import report
from throughtime.flow import Flow

squared = nn.MSELoss(reduction="none")
OTHERS = {  # of a run's forecasts, a walk, a history
    "plot_forecast", "plot_credit", "plot_unrolled", "plot_weight_gradient", "plot_loss",
    "plot_gradient_norm",
}  # fmt: skip
PANELS = {
    name: getattr(report, name)
    for name in report.__all__
    if name.startswith("plot_") and name not in OTHERS
}


@pytest.fixture(scope="module")
def flow() -> Flow:
    torch.manual_seed(0)
    network = tt.Network("lstm", 1, 4, 1, num_layers=2)
    return tt.flow(network, *torch.randn(2, 30, 3, 1), squared)


@pytest.fixture(scope="module")
def figures(flow: Flow) -> dict[str, Any]:
    return json.loads(json.dumps(flow.as_dict(), allow_nan=False))


def drawn(ax: Axes, label: str) -> np.ndarray:
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return np.asarray(line.get_ydata(), dtype=float)


@pytest.mark.parametrize("plot", PANELS.values(), ids=PANELS)
def test_every_panel_draws_on_a_new_axis_or_the_one_given(
    plot: Callable[..., Axes], flow: Flow, figures: dict[str, Any], tmp_path: Path
) -> None:
    ax = plot(flow)
    assert ax.get_title(loc="left")
    assert ax.lines or ax.patches or ax.collections
    figure = Figure()
    given = figure.add_subplot()
    assert plot(figures, given) is given
    for name, drawing in (("new", ax.figure), ("given", figure)):
        drawing.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_lines_are_the_recorded_figures(figures: dict[str, Any]) -> None:
    lower, upper = figures["layers"]
    ax = report.plot_by_lag(figures)
    np.testing.assert_array_equal(drawn(ax, "layer 0"), lower["median"])
    np.testing.assert_array_equal(drawn(ax, "layer 1"), upper["median"])
    ax = report.plot_discarded(figures)
    np.testing.assert_array_equal(drawn(ax, "share discarded"), figures["discarded"]["share"])
    ax = report.plot_jacobian(figures, layer=0)
    np.testing.assert_array_equal(drawn(ax, "row 1"), lower["jacobian"]["largest"][1])
    ax = report.plot_lyapunov(figures)
    np.testing.assert_array_equal(drawn(ax, "layer 1"), upper["lyapunov"]["exponents"])
    ax = report.plot_paths(figures, layer=0)
    np.testing.assert_array_equal(drawn(ax, "the carry path alone"), lower["paths"]["carry"])


def test_the_triangle_is_the_recorded_table(figures: dict[str, Any]) -> None:
    (mesh,) = report.plot_triangle(figures, layer=0).collections
    table = np.array(figures["layers"][0]["triangle"]["mean"], dtype=float)
    np.testing.assert_array_equal(np.asarray(mesh.get_array().filled(np.nan)), table)
    assert np.isnan(table[0, 1:]).all()


def test_bars_of_gates_add_up_to_the_whole(figures: dict[str, Any]) -> None:
    ax = report.plot_gates(figures)
    gates = figures["layers"][1]["gates"]
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(3, len(gates))
    np.testing.assert_allclose(widths.sum(0), 1.0)
    np.testing.assert_allclose(widths[0], [gate["low"] for gate in gates])


def test_a_layer_that_is_not_there_is_refused(flow: Flow) -> None:
    with pytest.raises(ValueError, match="there are 2 layers"):
        report.plot_gates(flow, layer=2)


def test_one_step_of_one_unit_is_drawn_too() -> None:
    network = tt.Network("structural_context", 1, 1, 1)
    flow = tt.flow(network, torch.ones(1, 1, 1), torch.ones(1, 1, 1), squared)
    for plot in PANELS.values():
        plot(flow).figure.canvas.draw()


def test_what_grew_beyond_all_numbers_is_drawn_as_far_as_it_is_known() -> None:
    network = tt.Network("elman_relu", 1, 2, 1, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_hh_l0.fill_(50.0)
        for name in ("weight_ih_l0", "bias_ih_l0"):
            getattr(network.recurrent, name).zero_()
        network.recurrent.bias_hh_l0.fill_(1e-150)
    zeros = torch.zeros(100, 1, 1, dtype=torch.float64)
    flow = tt.flow(network, zeros, zeros + 1, squared)
    assert flow.layers[0].by_lag.overflow is not None
    for plot in PANELS.values():
        plot(flow).figure.canvas.draw()
