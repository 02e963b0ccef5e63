"""Fewer points for the same picture.

A line of a hundred thousand points is drawn on a few hundred columns of pixels. Of the points in a
column only four can be told apart: the first, the least, the greatest and the last (Jugel et al.
2014, "M4"). Spikes stay visible.
"""

from collections.abc import Sequence

Point = tuple[float, float]
COLUMNS = 400


def thin(points: Sequence[tuple[float, float | None]], columns: int = COLUMNS) -> list[list[Point]]:
    """Return the unbroken pieces of a line, with at most four points a column.

    Args:
        points: Pairs of x, ascending, and y; None breaks the line.
        columns: Into how many columns the range of x is cut.

    Returns:
        Pieces of one point or more. Where points share a column, a gap shows only if the whole
        column is empty.
    """
    if len(points) <= 4 * columns:
        return _split(points)
    low, high = points[0][0], points[-1][0]
    width = (high - low) / columns or 1.0
    cells: list[list[Point]] = [[] for _ in range(columns)]
    for x, y in points:
        if y is not None:
            cells[max(0, min(int((x - low) / width), columns - 1))].append((x, y))
    kept: list[tuple[float, float | None]] = []
    for cell in cells:
        kept.extend(_corners(cell) if cell else [(low, None)])
    return _split(kept)


def _corners(cell: Sequence[Point]) -> list[Point]:
    rows = range(len(cell))
    least = min(rows, key=lambda row: cell[row][1])
    greatest = max(rows, key=lambda row: cell[row][1])
    return [cell[row] for row in sorted({0, least, greatest, len(cell) - 1})]


def _split(points: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    pieces: list[list[Point]] = [[]]
    for x, y in points:
        if y is not None:
            pieces[-1].append((x, y))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]
