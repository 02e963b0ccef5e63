import contextlib
import random
from pathlib import Path

import numpy as np
import pytest

from tests.estimators.test_regressor import STEP, means, smoothed
from tests.estimators.test_saved_classifier import _edit, _nan_weight
from throughtime.estimators import SavedError, SequenceClassifier, SequenceRegressor

X, Y = smoothed()


@pytest.fixture(scope="module")
def fitted() -> SequenceRegressor:
    return SequenceRegressor(hidden=4, epochs=1, cell="lstm", **STEP, window=9, warm_up=2).fit(X, Y)


@pytest.fixture
def saved(fitted: SequenceRegressor, tmp_path: Path) -> Path:
    fitted.save(tmp_path / "model")
    return tmp_path / "model"


def test_what_is_loaded_answers_the_same(fitted: SequenceRegressor, saved: Path) -> None:
    loaded = SequenceRegressor.load(saved)
    for a, b in zip(loaded.predict(X), fitted.predict(X), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(loaded.stream()(X[0]), fitted.stream()(X[0]))
    assert loaded.get_params() == fitted.get_params()
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]
    loaded.fit(X, Y)  # it may learn again


def test_of_whole_sequences_too(tmp_path: Path) -> None:
    sequences, y = means(12)
    regressor = SequenceRegressor(hidden=3, epochs=1, pooling="max").fit(
        sequences, np.stack([y, y], 1)
    )
    regressor.save(tmp_path / "model")
    loaded = SequenceRegressor.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(sequences), regressor.predict(sequences))
    with pytest.raises(SavedError, match="a classifier of sequences is needed here"):
        SequenceClassifier.load(tmp_path / "model")


SPOILED = {
    "parameter": (_edit(lambda c: c["training"].update(hiden=3)), "hiden"),
    "window": (_edit(lambda c: c["training"].update(window=-1)), "window must be"),
    "hidden": (_edit(lambda c: c["network"].update(hidden=5)), "does not hold this"),
    "absurd": (_edit(lambda c: c["network"].update(hidden=10**9)), "1000000000 and 1 units"),
    "per": (_edit(lambda c: c["network"].update(per="row")), "unknown per"),
    "columns": (_edit(lambda c: c.update(columns=7)), "7 columns"),
    "outputs": (_edit(lambda c: c.update(outputs=None)), "None columns"),
    "flat": (_edit(lambda c: c.update(flat=3)), "flat is 3"),
    "target scaling": (_edit(lambda c: c.update(target_scaling=3)), "scaling"),
    "no scaling": (_edit(lambda c: c.pop("scaling")), "damaged"),
    "NaN": (_nan_weight, "readout.bias holds what is no number"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_folder_is_refused(name: str, saved: Path) -> None:
    spoil, said = SPOILED[name]
    spoil(saved)
    with pytest.raises(SavedError, match=said):
        SequenceRegressor.load(saved)


def test_what_was_changed_since_it_was_saved_is_refused(saved: Path) -> None:
    config = (saved / "config.json").read_text()
    (saved / "config.json").write_text(config.replace('"flat": true', '"flat": false'))
    with pytest.raises(SavedError, match="do not belong together"):
        SequenceRegressor.load(saved)


def test_mutated_bytes_are_refused_or_harmless(saved: Path) -> None:
    draw = random.Random(0)
    for name in ("config.json", "model.safetensors"):
        whole = (saved / name).read_bytes()
        for _ in range(60):
            spoiled = bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                spoiled[draw.randrange(len(spoiled))] = draw.randrange(256)
            (saved / name).write_bytes(spoiled[: draw.choice([len(whole), draw.randrange(2000)])])
            with contextlib.suppress(SavedError):
                assert len(SequenceRegressor.load(saved).predict(X)) == len(X)
        (saved / name).write_bytes(whole)
