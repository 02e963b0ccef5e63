"""The report: one self-contained HTML page, and pictures, from a run's recorded results.

Nothing here knows a model: a run folder is read as it lies. matplotlib and jinja2 are imported when
a picture or a page is asked for, so that importing this package costs nothing.
"""

from throughtime.report.flow_plots import (
    plot_by_lag,
    plot_discarded,
    plot_gates,
    plot_jacobian,
    plot_lyapunov,
    plot_paths,
    plot_singular_values,
    plot_triangle,
)
from throughtime.report.forecast import plot_forecast, write_forecast
from throughtime.report.history_plots import plot_gradient_norm, plot_loss
from throughtime.report.page import write_report
from throughtime.report.predictions import Predictions, read_predictions
from throughtime.report.walk_plots import plot_credit, plot_unrolled, plot_weight_gradient

__all__ = [
    "Predictions",
    "plot_by_lag",
    "plot_credit",
    "plot_discarded",
    "plot_forecast",
    "plot_gates",
    "plot_gradient_norm",
    "plot_jacobian",
    "plot_loss",
    "plot_lyapunov",
    "plot_paths",
    "plot_singular_values",
    "plot_triangle",
    "plot_unrolled",
    "plot_weight_gradient",
    "read_predictions",
    "write_forecast",
    "write_report",
]
