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
from throughtime.report.page import write_report
from throughtime.report.predictions import Predictions, read_predictions

__all__ = [
    "Predictions",
    "plot_by_lag",
    "plot_discarded",
    "plot_forecast",
    "plot_gates",
    "plot_jacobian",
    "plot_lyapunov",
    "plot_paths",
    "plot_singular_values",
    "plot_triangle",
    "read_predictions",
    "write_forecast",
    "write_report",
]
