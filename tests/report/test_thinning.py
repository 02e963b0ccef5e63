import math

from throughtime.report.thinning import thin


def test_short_lines_keep_every_point_and_gap() -> None:
    assert thin([(0, 1.0), (1, None), (2, 2.0), (3, 3.0)]) == [[(0, 1.0)], [(2, 2.0), (3, 3.0)]]
    assert thin([]) == []
    assert thin([(0, None)]) == []


def test_spikes_survive() -> None:
    points = [(float(x), math.sin(x / 999)) for x in range(100_000)]
    points[70_001] = (70_001.0, 50.0)
    points[30_003] = (30_003.0, -50.0)
    (line,) = thin(points, columns=300)
    assert len(line) <= 1200
    assert points[70_001] in line
    assert points[30_003] in line
    assert line[0] == points[0]
    assert line[-1] == points[-1]
    assert line == sorted(line)


def test_a_wide_gap_survives() -> None:
    points = [(float(x), None if 4000 <= x < 6000 else 1.0) for x in range(10_000)]
    before, after = thin(points, columns=100)
    assert before[-1][0] == 3999
    assert after[0][0] == 6000


def test_points_at_one_place() -> None:
    assert thin([(1.0, float(y)) for y in range(3000)], columns=10) == [[(1.0, 0.0), (1.0, 2999.0)]]
