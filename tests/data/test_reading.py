from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from throughtime.data import DataError, read_series

Write = Callable[..., Path]


def test_reads_target_covariates_and_times(write: Write) -> None:
    path = write("Year,wet,v,place\n1700,1,5,a\n1701,2,6.5,b\n1702,3,-7e1,b\n", "rain.csv")
    series = read_series(path, target="v")
    assert series.name == "rain"
    assert series.columns == ("v", "wet")
    assert series.time_name == "Year"
    assert series.times == ("1700", "1701", "1702")
    assert series.source == str(path)
    expected = torch.tensor([[5, 1], [6.5, 2], [-70, 3]], dtype=torch.float64)
    torch.testing.assert_close(series.values, expected, rtol=0, atol=0)


@pytest.mark.parametrize("separator", [",", ";", "\t", ", ", " ; "])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_dialects(separator: str, mark: str, end: str, quote: str, write: Write) -> None:
    if quote and separator == " ; ":
        quote = ""  # a space after a closing quote belongs to no dialect
    rows = [["year", "v"], ["1", "5.25"], ["2", "6"], ["3", "7"]]
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    series = read_series(write(mark + end.join(lines) + end))
    assert series.time_name == "year"
    assert series.values[:, 0].tolist() == [5.25, 6, 7]


def test_decimal_commas_with_semicolons(write: Write) -> None:
    series = read_series(write("year;v;w\n1;5,25;1\n2;-6;2\n3;7,5e1;3\n"), target="v")
    assert series.values[:, 0].tolist() == [5.25, -6, 75]
    assert series.values[:, 1].tolist() == [1, 2, 3]


def test_commas_in_a_column_with_points_are_not_decimal(write: Write) -> None:
    with pytest.raises(ValueError, match=r"line 3: column 'v': '1,234' is text"):
        read_series(write("year;v\n1;5.25\n2;1,234\n3;6.5\n"))


def test_separator_inside_a_name(write: Write) -> None:
    series = read_series(
        write('date;"temp; C";rain, mm\n2020-01-01;1;2\n2020-01-02;2;3\n'), "temp; C"
    )
    assert series.columns == ("temp; C", "rain, mm")


def test_rows_are_counted_where_there_is_no_time(write: Write) -> None:
    series = read_series(write("v\n5\n7\n6\n"))
    assert (series.time_name, series.times) == ("row", ("1", "2", "3"))


def test_rows_are_counted_on_demand(write: Write) -> None:
    series = read_series(write("year,v\n1,5\n9,7\n3,6\n"), target="v", time="row")
    assert series.times == ("1", "2", "3")
    assert series.columns == ("v", "year")


def test_first_column_of_dates_is_the_time(write: Write) -> None:
    series = read_series(write("when,v\n2020-01-01,5\n2020-01-02,7\n2020-01-03,6\n"))
    assert series.time_name == "when"
    assert series.columns == ("v",)


def test_first_column_of_numbers_is_not_the_time(write: Write) -> None:
    series = read_series(write("pressure,v\n1013.05,5\n1012.11,7\n1014.02,6\n"), target="v")
    assert series.time_name == "row"
    assert series.covariates == ("pressure",)


def test_nameless_first_column_is_the_time(write: Write) -> None:
    series = read_series(write(",v\n0,5\n1,7\n2,6\n"))
    assert (series.time_name, series.columns) == ("index", ("v",))


def test_target_may_be_called_time(write: Write) -> None:
    series = read_series(write("lap,time\n1,61.5\n2,60.25\n3,62\n"), target="time")
    assert series.columns == ("time", "lap")


def test_seasonal_month_is_a_covariate(write: Write) -> None:
    rows = "".join(f"{row % 12 + 1},{row}\n" for row in range(36))
    series = read_series(write(f"month,v\n{rows}"), target="v")
    assert (series.time_name, series.columns) == ("row", ("v", "month"))


def test_constant_covariate_and_sparse_labels_are_no_faults(write: Write) -> None:
    series = read_series(write("year,v,w,event\n1,5,1,\n2,6,1,flood\n3,7,1,\n"), target="v")
    assert series.covariates == ("w",)


def test_named_time_column_wins(write: Write) -> None:
    series = read_series(write("date,t,v\n2020-01-01,1,5\n2020-01-02,2,6\n"), target="v", time="t")
    assert series.time_name == "t"


def test_truth_is_0_and_1_if_nothing_else_is_in_the_column(write: Write) -> None:
    path = write("year,v,w,x\n1,5,TRUE,true\n2,6,false,maybe\n3,7,False,true\n")
    series = read_series(path, target="v")
    assert series.columns == ("v", "w")
    assert series.values[:, 1].tolist() == [1, 0, 0]
    with pytest.raises(DataError, match="line 3: column 'w': empty cell"):
        read_series(write("year,v,w\n1,5,TRUE\n2,6,\n3,7,False\n"), target="v")


def test_bars_part_columns_too(write: Write) -> None:
    assert read_series(write("year|v\n1|5\n2|6\n")).values[:, 0].tolist() == [5, 6]
