import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.data import Dataset
from throughtime.estimators import SavedError, SeriesModel, Settings, load, save
from throughtime.estimators.saved import CONFIG, WEIGHTS, write_json

settings = Settings(hidden=3, layers=2, cell="lstm_peephole", dtype="float64", seed=4)


@pytest.fixture
def saved(tide: Dataset, tmp_path: Path) -> tuple[SeriesModel, Path]:
    forecaster = SeriesModel.for_dataset(tide, settings)
    save(forecaster, tide, tmp_path, "0.0.0")
    return forecaster, tmp_path


def test_what_comes_back_forecasts_the_same(saved: tuple[SeriesModel, Path], tide: Dataset) -> None:
    forecaster, folder = saved
    again, config = load(folder)
    assert torch.equal(again.predict(tide.series)[0][1:], forecaster.predict(tide.series)[0][1:])
    assert (config["target"], config["covariates"], config["time"]) == ("level", ["wind"], "hour")


def test_equal_forecasters_give_equal_bytes(tide: Dataset, tmp_path: Path) -> None:
    contents = []
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        (tmp_path / name).mkdir()
        forecaster = SeriesModel.for_dataset(tide, replace(settings, seed=seed))
        save(forecaster, tide, tmp_path / name, "0.0.0")
        contents.append((tmp_path / name / WEIGHTS).read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(saved: tuple[SeriesModel, Path], name: str) -> None:
    (saved[1] / name).unlink()
    with pytest.raises(SavedError, match=f"has no {name}"):
        load(saved[1])


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"training": None},
        {"network": {"cell": "gruu"}},
        {"network": {"hidden": "three"}},
        {"scaling": {"center": [0.0], "scale": [1.0]}},
        {"scaling": {"center": [0.0, 1.0], "scale": [0.0, 1.0]}},
        {"covariates": 3},
        {"series": 5},
        {"series": "place"},
        {"target": 5},
        {"covariates": ["wind", "rain"]},
        {"network": {"hidden": 5}},
    ],
)
def test_a_damaged_configuration_is_refused(
    saved: tuple[SeriesModel, Path], change: dict[str, Any]
) -> None:
    config = json.loads((saved[1] / CONFIG).read_text())
    for key, value in change.items():
        config[key] = (
            {**config[key], **value} if key in ("network", "training") and value else value
        )
    (saved[1] / CONFIG).write_text(json.dumps(config))
    with pytest.raises(SavedError, match=r"config\.json|safetensors"):
        load(saved[1])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[]", b"\x00" * 100])
def test_damaged_bytes_are_refused(
    saved: tuple[SeriesModel, Path], name: str, content: bytes
) -> None:
    (saved[1] / name).write_bytes(content)
    with pytest.raises(SavedError, match=name):
        load(saved[1])


def test_json_never_holds_what_strict_readers_refuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
