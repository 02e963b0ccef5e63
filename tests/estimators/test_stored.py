"""`tt.load` and `tt.save`: a model comes back as what it was."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import throughtime as tt
from tests.estimators.conftest import series
from throughtime.data import dataset
from throughtime.estimators import NotFittedError, SavedError, SeriesModel, Settings
from throughtime.estimators import save as save_series
from throughtime.train.run_folder import RunFolderError

X = np.random.default_rng(0).normal(size=(6, 5, 2))
TEXT = "to be or not to be; " * 20

WAVE = np.sin(np.arange(60.0))

MODELS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "forecaster": (
        lambda: tt.Forecaster(hidden=3, epochs=1).fit(WAVE),
        lambda model: model.predict(4, level=[80], X=WAVE).to_numpy()[:, 1:].astype(float),
    ),
    "language model": (
        lambda: tt.LanguageModel(hidden=3, window=8, batch_size=2, epochs=1).fit(TEXT),
        lambda model: model.bits_per_character("or to be"),
    ),
    "classifier": (
        lambda: tt.SequenceClassifier(hidden=3, epochs=1).fit(X, ["a", "b"] * 3),
        lambda model: model.predict_proba(X),
    ),
    "regressor": (
        lambda: tt.SequenceRegressor(hidden=3, epochs=1, per="step").fit(X, X[..., 0]),
        lambda model: model.predict(X),
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_what_is_loaded_is_what_was_saved(what: str, tmp_path: Path) -> None:
    make, answer = MODELS[what]
    model = make()
    tt.save(model, tmp_path / "above" / "model")
    loaded = tt.load(str(tmp_path / "above" / "model"))
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(answer(loaded), answer(model))
    files = sorted(path.name for path in (tmp_path / "above" / "model").iterdir())
    assert files == ["config.json", "model.safetensors"]


def test_a_run_of_a_series_is_loaded(tmp_path: Path) -> None:
    tide = dataset(series())
    model = SeriesModel.for_dataset(tide, Settings(hidden=3))
    save_series(model, tide, tmp_path, "0.0.0")
    loaded = tt.load(tmp_path)
    assert isinstance(loaded, tt.Forecaster)
    tt.save(loaded, tmp_path / "again")
    assert tt.load(tmp_path / "again").predict(2, X=tide).equals(loaded.predict(2, X=tide))
    assert loaded.model_.predict(tide.series)[1] == model.predict(tide.series)[1]


def test_a_folder_is_never_mixed_with_another(tmp_path: Path) -> None:
    model = MODELS["language model"][0]()
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="not an empty folder"):
        tt.save(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        tt.save(tt.SequenceClassifier(), tmp_path / "model")
    with pytest.raises(TypeError, match=r"a Network is not saved here; one of Forecaster, Lang"):
        tt.save(tt.Network("gru", 1, 2, 1), tmp_path / "model")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SavedError, match="no run folder"):
        tt.load(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 1, "estimator": "Oracle"}')
    with pytest.raises(SavedError, match="an estimator 'Oracle'"):
        tt.load(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 99}')
    with pytest.raises(SavedError, match="has format 99, this version reads format 1"):
        tt.load(tmp_path)


def test_public_names_are_there_and_are_loaded_when_they_are_used() -> None:
    code = (
        "import sys, throughtime as tt\n"
        "assert 'torch' not in sys.modules and 'throughtime.estimators' not in sys.modules\n"
        "assert set(tt.__all__) <= set(dir(tt))\n"
        "assert tt.SequenceClassifier and 'throughtime.estimators' in sys.modules\n"
        "assert all(hasattr(tt, name) for name in tt.__all__)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
