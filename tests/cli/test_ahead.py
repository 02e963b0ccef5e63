"""Rows to come on the command line: predict --horizon, and backtest."""

import csv
import json
import math
import random
from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.data.test_future import months

QUICK = ["--epochs", "4", "--hidden", "3"]


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten years of months of two shops, and the price, which is known in advance."""
    path = tmp_path_factory.mktemp("sales") / "sales.csv"
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["month", "shop", "sold", "price"])
        for shop, size in (("north", 100), ("south", 10)):
            for place, month in enumerate(months(120, "%Y-%m")):
                price = 1 + draw.random()
                season = 2 + math.sin(2 * math.pi * place / 12)
                writer.writerow([month, shop, f"{size * season / price:.4f}", f"{price:.4f}"])
    return path


@pytest.fixture(scope="module")
def coming(sales: Path) -> Path:
    path = sales.with_name("coming.csv")
    rows = [f"2010-0{m},{shop},1.{m}" for shop in ("north", "south") for m in (1, 2, 3)]
    path.write_text("month,shop,price\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(sales: Path) -> Path:
    out = sales.with_name("run")
    result = run(
        "train", sales, "--target", "sold", "--series", "shop", "--known", "price",
        "--output", "gaussian", "--difference", "12", *QUICK, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    return out


def test_a_run_says_what_it_reads(trained: Path) -> None:
    network = json.loads((trained / "config.json").read_text())["network"]
    assert network["calendar"] == "year"
    assert network["known"] == ["price"]
    assert (network["output"], network["difference"]) == ("gaussian", 12)


def test_what_was_trained_on_is_gone_on_with(
    trained: Path, sales: Path, coming: Path, tmp_path: Path
) -> None:
    out = tmp_path / "f.csv"
    asked = ["--horizon", "3", "--level", "80,95", "--future", coming]
    result = run("predict", trained, *asked, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "Forecast of sold" in result.stdout
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    levels = ["lower-80", "upper-80", "lower-95", "upper-95"]
    assert list(rows[0]) == ["shop", "month", "predicted", *levels]
    assert [(row["shop"], row["month"]) for row in rows] == [
        (shop, month) for shop in ("north", "south") for month in ("2010-01", "2010-02", "2010-03")
    ]
    for row in rows:
        lowest, low, middle, high, highest = (
            float(row[name])
            for name in ("lower-95", "lower-80", "predicted", "upper-80", "upper-95")
        )
        assert lowest < low < middle < high < highest
    named = run("predict", trained, sales, *asked, "--out", tmp_path / "g.csv", "--json")
    assert (tmp_path / "g.csv").read_bytes() == out.read_bytes()
    told = json.loads(named.stdout)
    assert told["series"] == 2
    assert len(told["rows"]) == 6
    other = run("predict", trained, *asked, "--seed", "1", "--out", tmp_path / "h.csv")
    assert other.exit_code == 0
    assert (tmp_path / "h.csv").read_bytes() != out.read_bytes()


def test_row_by_row_the_next_hangs_on_what_is_not_given(
    trained: Path, sales: Path, tmp_path: Path
) -> None:
    result = run("predict", trained, sales, "--out", tmp_path / "p.csv", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["next"] == {"north": None, "south": None}
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] == "" for row in rows[:14]] == [True] * 13 + [False]


def test_such_a_run_is_evaluated_measured_and_gone_on_with(trained: Path, sales: Path) -> None:
    for arguments in (
        ["evaluate", trained, sales, "--last", "10"],
        ["flow", trained],
        ["explain", trained, "--data", sales, "--steps", "2"],
        ["resume", trained, "--epochs", "5"],
    ):
        result = run(*arguments)
        assert result.exit_code == 0, (arguments, result.stderr)


def test_the_time_column_is_the_one_trained_with(tmp_path: Path) -> None:
    path = tmp_path / "sold.csv"
    days = [f"2024-{month:02}-{day:02}" for month in (1, 3) for day in range(1, 32)][:31]
    rows = [f"{place % 3},{day},{10 + place % 7}" for place, day in enumerate(days)]
    path.write_text("price,zeit,sold\n" + "\n".join(rows) + "\n")
    out = tmp_path / "run"
    asked = ["train", path, "--target", "sold", "--time", "zeit", "--known", "price", *QUICK]
    result = run(*asked, "--calendar", "week", "--out", out)
    assert result.exit_code == 0, result.stderr
    for arguments in (["predict", out, path, "--out", tmp_path / "p.csv"], ["evaluate", out, path]):
        result = run(*arguments)
        assert result.exit_code == 0, result.stderr
    coming = tmp_path / "coming.csv"
    for month, expected in ((2, 0), (12, 2)):
        coming.write_text(f"price,zeit\n1,2024-{month:02}-01\n1,2024-{month:02}-02\n")
        ahead = ["predict", out, path, "--horizon", "2", "--future", coming]
        result = run(*ahead, "--out", tmp_path / "f.csv")
        assert result.exit_code == expected, result.stderr


def test_a_backtest_of_another_file_whose_first_rows_were_learned(
    trained: Path, sales: Path, tmp_path: Path
) -> None:
    asked = ["backtest", trained, "--horizon", "6", "--windows", "3", "--out", tmp_path / "b.csv"]
    assert run(*asked, "--data", sales).exit_code == 0


def test_a_backtest_stands_beside_naive_forecasts(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.csv"
    asked = ["backtest", trained, "--horizon", "6", "--windows", "3", "--out", out]
    result = run(*asked)
    assert result.exit_code == 0, result.stderr
    for word in ("model", "persistence", "seasonal-naive", "MASE", "CRPS", "in 95 %"):
        assert word in result.stdout
    assert "a season of 12" in result.stdout
    told = json.loads(run(*asked, "--json").stdout)
    assert (told["horizon"], told["step"], told["season"]) == (6, 6, 12)
    assert len(told["mae_by_step"]["model"]) == 6
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 6
    assert rows[0]["month"] == "2008-07"
    errors = [abs(float(row["model"]) - float(row["observed"])) for row in rows]
    assert told["scores"]["model"]["mae"] == pytest.approx(sum(errors) / len(errors))


def test_to_refit_trains_at_each_moment(trained: Path, tmp_path: Path) -> None:
    result = run(
        "backtest", trained, "--horizon", "6", "--windows", "2", "--refit",
        "--out", tmp_path / "b.csv",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "window 2 of 2" in result.stderr


def test_users_errors(trained: Path, sales: Path, coming: Path, tmp_path: Path) -> None:
    known = ["predict", trained, "--horizon", "3", "--future", coming]
    short = tmp_path / "short.csv"
    short.write_text("month,shop,price\n2010-01,north,1\n2010-01,south,1\n")
    sparse = tmp_path / "sparse.csv"
    rows = [f"2010-{m:02},{shop},1.5" for shop in ("north", "south") for m in (1, 3, 5)]
    sparse.write_text("month,shop,price\n" + "\n".join(rows) + "\n")
    late = tmp_path / "late.csv"
    late.write_text(coming.read_text().replace("2010-0", "2011-0"))
    for arguments, expected in (
        (["predict", trained], "give --horizon"),
        (["predict", trained, sales, "--level", "80"], "--level: give --horizon too"),
        (["predict", trained, "--horizon", "3"], "give a file of them with --future"),
        ([*known, "--level", "high"], "--level takes percents such as 80,95; got 'high'"),
        ([*known, "--level", "100"], "between 0 and 100"),
        ([*known, "--series", "shop"], "the run knows its series; leave --series out"),
        ([*known, "--time", "week"], "has no column 'week' to take as the time"),
        ([*known, "--out", coming], "is a file that is read"),
        ([*known, "--out", sales], "has learned from; name another file with --out"),
        ([*known, "--out", tmp_path / "no" / "p.csv"], "cannot be written"),
        ([*known[:-1], short], "has 1 rows to come of 'north'; 3 are to be forecast"),
        ([*known[:-1], sparse], "which is not the step of the rows before"),
        ([*known[:-1], late], "begin with '2011-01'; '2010-01' follows '2009-12'"),
        ([*known[:-1], sales.with_name("none.csv")], "no such file"),
        (["backtest", trained, "--horizon", "6", "--windows", "9"], "rows that the model was"),
        (["backtest", trained, "--horizon", "6", "--windows", "9", "--data", sales], "rows that"),
        (["backtest", trained, "--horizon", "60", "--windows", "9"], "before the first"),
        (["backtest", trained, "--horizon", "6", "--level", ","], "--level takes percents"),
        (["train", sales, "--target", "sold", "--series", "shop", "--known", "cost"], "'cost'"),
        (["train", sales, "--target", "sold", "--series", "shop", "--calendar", "moon"], "week"),
        (["train", sales, "--target", "sold", "--series", "shop", "--output", "x"], "gaussian"),
        (["train", sales, "--target", "sold", "--series", "shop", "--difference", "90"], "change"),
        (["train", "book.txt", "--output", "gaussian"], "--output means nothing for a text"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert expected in " ".join(result.stderr.split()), result.stderr
    assert not (tmp_path / "p.csv").exists()
