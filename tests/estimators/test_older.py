"""Run folders of every format that there has been load, and answer as they did: two seconds.

Where this fails, a change has made runs of users unreadable, or has changed what they answer.
`older/write.py` writes the folders of a new format beside those that are there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

import throughtime as tt
from tests.estimators.older.answers import answers
from throughtime.estimators.saved import FORMAT
from throughtime.storage.sealed import read_sealed

OLDER = Path(__file__).parent / "older"
FOLDERS = sorted(path.parent for path in OLDER.glob("format-*/*/config.json"))
NAMES = [f"{folder.parent.name}/{folder.name}" for folder in FOLDERS]


def answered(folder: Path, told: dict[str, Any]) -> Any:
    return answers(tt.load(folder), told["asked"])


def like(expected: Any) -> Any:
    """Give what compares nested lists of numbers, ragged ones too."""
    if isinstance(expected, list) and expected and isinstance(expected[0], list):
        return [like(part) for part in expected]
    return pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_an_older_folder_answers_as_it_did(folder: Path) -> None:
    told = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    assert answered(folder, told) == like(told["answers"])
    read_sealed(folder / "model.safetensors")  # its digest holds


def test_there_is_one_of_each_kind_and_format() -> None:
    kinds = {
        (config["format"], config.get("estimator"))
        for config in (json.loads((f / "config.json").read_text("utf-8")) for f in FOLDERS)
    }
    for number in range(1, FORMAT + 1):
        for kind in (None, "LanguageModel", "SequenceClassifier", "SequenceRegressor"):
            assert (number, kind) in kinds


def test_a_text_learned_before_weights_were_dropped_says_that_none_were() -> None:
    (folder, *_) = (f for f in FOLDERS if isinstance(tt.load(f), tt.LanguageModel))
    assert tt.load(folder).weight_dropout == 0
    assert tt.LanguageModel().weight_dropout > 0


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_changed_weight_would_be_seen(folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "run"
    shutil.copytree(folder, changed)
    weights = load_file(changed / "model.safetensors")
    name = next(name for name in weights if name.endswith("weight_hh_l0"))
    weights[name] += 0.01
    save_file(weights, changed / "model.safetensors")  # without a seal, which would tell at once
    config = json.loads((changed / "config.json").read_text("utf-8"))
    del config["sealed"]
    (changed / "config.json").write_text(json.dumps(config))
    told = json.loads((folder / "answers.json").read_text("utf-8"))
    assert answered(changed, told) != like(told["answers"])
