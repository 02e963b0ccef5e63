"""The page and the picture of a comparison of gradient methods, from what was recorded."""

from throughtime.report.comparison.page import write_comparison_page
from throughtime.report.comparison.picture import plot_comparison, write_comparison_picture
from throughtime.report.comparison.recorded import (
    Comparison,
    Course,
    read_comparison,
)

__all__ = [
    "Comparison",
    "Course",
    "plot_comparison",
    "read_comparison",
    "write_comparison_page",
    "write_comparison_picture",
]
