"""A training kept by MLflow, with MLflow where it is installed, and what it is told where not."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import run
from throughtime.report.mlflow import MLflow
from throughtime.train import Row


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What a client of MLflow is asked to do, in its place."""
    calls: list[tuple[str, Any]] = []

    class RefusedError(Exception):
        pass

    class Client:
        def get_experiment_by_name(self, name: str) -> Any:
            if name == "refused":
                raise RefusedError("no store")
            return None

        def __getattr__(self, name: str) -> Any:
            def call(*given: Any, **named: Any) -> Any:
                calls.append((name, (given, named)))
                return type("", (), {"info": type("", (), {"run_id": "r"})})

            return call

    def module(**content: Any) -> Any:
        return type("", (), content)

    parts: dict[str, Any] = {
        "mlflow": module(),
        "mlflow.tracking": module(MlflowClient=Client),
        "mlflow.entities": module(
            Param=lambda *given: given, Metric=lambda name, value, at, step: (name, value, step)
        ),
        "mlflow.exceptions": module(MlflowException=RefusedError),
    }
    for name, part in parts.items():
        monkeypatch.setitem(sys.modules, name, part)
    return calls


OPTIONS = ["--target", "level", "--epochs", "2", "--hidden", "3"]


def test_all_of_a_training_is_told(
    told: list[tuple[str, Any]], tide_csv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = run("train", tide_csv, *OPTIONS, "--out", out, "--mlflow", "tides")
    assert result.exit_code == 0, result.stderr
    names = [name for name, _ in told]
    assert names[:3] == ["create_experiment", "create_run", "log_batch"]
    assert names[-2:] == ["log_artifacts", "set_terminated"]
    config = json.loads((out / "config.json").read_text())
    settings = config["network"] | config["training"]
    assert told[2][1][1]["params"] == [(key, str(value)) for key, value in settings.items()]
    figures = [f for name, (_, named) in told[3:] if name == "log_batch" for f in named["metrics"]]
    history = [line.split(",") for line in (out / "history.csv").read_text().splitlines()[1:]]
    losses = [(step, value) for name, value, step in figures if name == "loss"]
    assert losses == [(int(row[0]), float(row[2])) for row in history]
    assert {name for name, *_ in figures} == {
        "loss", "gradient_norm", "clipped", "learning_rate", "validation_loss", "horizon/layer_0",
    }  # fmt: skip
    assert told[-2][1][0] == ("r", str(out))
    assert told[-1][1][0] == ("r", "FINISHED")


def test_no_more_is_sent_at_once_than_is_taken(told: list[tuple[str, Any]]) -> None:
    kept = MLflow("e", "n", {})
    for update in range(1, 602):
        kept.after_update(Row(update, 1, 0.5, 1.0, False, 0.1, None, 0.0), 1)
    kept.after_epoch(Row(601, 1, 0.5, 1.0, False, 0.1, 0.4, 0.0))
    sizes = [len(named["metrics"]) for name, (_, named) in told[3:] if name == "log_batch"]
    assert sizes == [1000, 1000, 405]


def test_a_failed_training_is_said_to_have_failed(
    told: list[tuple[str, Any]], tide_csv: Path, tmp_path: Path
) -> None:
    wild = ["--optimizer", "sgd", "--learning-rate", "1e6", "--clip", "0", "--cell", "elman_relu"]
    result = run(
        "train", tide_csv, *OPTIONS, *wild, "--patience", "0", "--out", tmp_path / "run",
        "--mlflow", "e",
    )  # fmt: skip
    assert result.exit_code == 2
    assert told[-1] == ("set_terminated", (("r", "FAILED"), {}))


def test_a_store_that_refuses_is_said(
    told: list[tuple[str, Any]], tide_csv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = run("train", tide_csv, *OPTIONS, "--out", out, "--mlflow", "refused")
    assert result.exit_code == 2
    assert "MLflow cannot be written to: no store" in result.stderr
    assert not out.exists()


def test_without_mlflow_it_is_said(
    tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    result = run("train", tide_csv, *OPTIONS, "--out", tmp_path / "run", "--mlflow", "e")
    assert result.exit_code == 2
    assert "throughtime[mlflow]" in result.stderr


def test_mlflow_itself_keeps_it(
    tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = pytest.importorskip("mlflow.tracking", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "kept").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    result = run("train", tide_csv, *OPTIONS, "--out", tmp_path / "run", "--mlflow", "tides")
    assert result.exit_code == 0, result.stderr
    client = tracking.MlflowClient()
    (kept,) = client.search_runs([client.get_experiment_by_name("tides").experiment_id])
    assert kept.info.status == "FINISHED"
    assert kept.data.params["hidden"] == "3"
    names = {file.path for file in client.list_artifacts(kept.info.run_id)}
    assert {"model.safetensors", "report.html"} <= names
