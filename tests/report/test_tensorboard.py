import sys
from pathlib import Path

import pytest

from tests.cli.conftest import run
from throughtime.report.tensorboard import TensorBoard


def test_a_training_is_written(tide_csv: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = tmp_path / "logs"
    result = run(
        "train", tide_csv, "--target", "level", "--epochs", "2", "--hidden", "3",
        "--out", tmp_path / "run", "--tensorboard", logs,
    )  # fmt: skip
    assert result.exit_code == 0
    found = EventAccumulator(str(logs))
    found.Reload()
    tags = found.Tags()
    scalars = {"loss", "gradient_norm", "clipped", "learning_rate", "validation_loss"}
    assert set(tags["scalars"]) == scalars | {"horizon/layer 0"}
    assert tags["images"] == ["gradient by lag"]
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()[1:]
    losses = [float(row.split(",")[2]) for row in history]
    assert [event.value for event in found.Scalars("loss")] == pytest.approx(losses)


def test_without_tensorboard_it_is_said(
    tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install .throughtime\[tensorboard\]"):
        TensorBoard(tmp_path / "logs")
    result = run(
        "train", tide_csv, "--target", "level", "--epochs", "1", "--hidden", "3",
        "--out", tmp_path / "run", "--tensorboard", tmp_path / "logs",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "throughtime[tensorboard]" in result.stderr
    assert not (tmp_path / "run").exists()
