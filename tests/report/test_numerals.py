import pytest

from throughtime.report.numerals import fixed, grouped, number, percent, places, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        (0.0, "0"),
        (17.0, "17"),
        (0.0408, "0.0408"),
        (140.06, "140"),
        (-1.5, "\N{MINUS SIGN}1.50"),
        (4.2e-10, "4.2\N{MULTIPLICATION SIGN}10⁻¹⁰"),
        (123456.0, "123\u202f456"),
    ],
)
def test_short(value: float | None, text: str) -> None:
    assert short(value) == text


def test_columns_share_their_decimals() -> None:
    assert places([0.0912, 0.123, 0.416]) == 3
    assert places([140.06, 212.3]) == 1
    assert places([0.00123, 0.4]) == 5
    assert places([0.12341, 0.12339]) == 5
    assert places([150_000.0, 416_000.5]) == 0
    assert fixed(150_000.4, 0) == "150\u202f000"
    assert places([None, 0.0]) == 3
    assert fixed(0.0912, 3) == "0.091"
    assert fixed(-2.0, 1) == "\N{MINUS SIGN}2.0"
    assert fixed(1e-9, 3) == "10⁻⁹"


@pytest.mark.parametrize("value", [None, True, "", "nan", "inf", "x", [], "9" * 400])
def test_what_is_not_a_number(value: object) -> None:
    assert number(value) is None


def test_counts_and_shares() -> None:
    assert grouped(1200) == "1200"
    assert grouped(100_000) == "100\u202f000"
    assert percent(0.01) == "1 %"
    assert percent(1 / 3) == "33.3 %"
