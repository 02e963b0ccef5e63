import pytest

from throughtime.report.scale import Scale, linear, logarithmic


def test_linear_ticks_are_round() -> None:
    assert [label for _, label in Scale(1920.5, 1979.5).ticks()] == [
        "1930", "1940", "1950", "1960", "1970",
    ]  # fmt: skip
    assert [label for _, label in Scale(-0.25, 0.25).ticks(5)] == [
        "\N{MINUS SIGN}0.2",
        "\N{MINUS SIGN}0.1",
        "0.0",
        "0.1",
        "0.2",
    ]


def test_logarithmic_ticks_are_powers_of_ten() -> None:
    assert [label for _, label in Scale(1e-9, 2.0, log=True).ticks(5)] == [
        "10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1",
    ]  # fmt: skip
    assert [label for _, label in Scale(0.1, 2.0, log=True).ticks(5)] == [
        "0.1", "0.2", "0.5", "1", "2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [[], [None], [0.0], [3.0], [3.0, 3.0], [1e308, -1e308], [1e-300, 1e300], [5e-324], [-1.0, 0.0]],
)
@pytest.mark.parametrize("scale", [linear, logarithmic])
def test_any_values_have_a_scale(scale: type, values: list[float | None]) -> None:
    made = scale(values)
    assert made.low < made.high
    assert all(0.0 <= made.place(value) <= 1.0 for value in values if value is not None)
    assert made.ticks()


def test_places_stay_inside() -> None:
    assert Scale(1.0, 100.0, log=True).place(10.0) == pytest.approx(0.5)
    assert Scale(1.0, 100.0, log=True).place(0.0) == 0.0
    assert Scale(0.0, 1.0).place(2.0) == 1.0


def test_lines_may_run_outside() -> None:
    assert Scale(0.0, 1.0).place(2.0, slack=3.0) == 2.0
    assert Scale(1.0, 100.0, log=True).place(0.1, slack=3.0) == pytest.approx(-0.5)
    assert Scale(0.0, 1.0).place(9.0, slack=3.0) == 4.0
