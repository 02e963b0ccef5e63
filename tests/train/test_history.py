import csv
from pathlib import Path

from throughtime.train import History, Row


def row(update: int) -> Row:
    return Row(update, (update + 1) // 2, 0.1, 2.0 / 3.0, update == 1, 0.01, None, 0.5)


def test_the_file_holds_every_row_and_empty_cells_for_what_is_missing(tmp_path: Path) -> None:
    history = History()
    for update in (1, 2, 3, 4):
        history.append(row(update))
        if update % 2 == 0:
            history.validate(0.25)
    history.write(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "update", "epoch", "loss", "gradient_norm", "clipped", "learning_rate", "validation_loss",
        "seconds", "resumed",
    ]  # fmt: skip
    assert [r["validation_loss"] for r in rows] == ["", "0.25", "", "0.25"]
    assert [r["clipped"] for r in rows] == ["1", "0", "0", "0"]
    assert float(rows[0]["gradient_norm"]) == 2.0 / 3.0  # nothing is rounded
    assert len(history) == 4
    assert history[-1].validation_loss == 0.25


def test_columns_of_an_earlier_version_have_no_resumptions() -> None:
    columns = History([row(1), row(2)]).columns()
    del columns["resumed"]
    assert list(History.from_columns(columns)) == [row(1), row(2)]
