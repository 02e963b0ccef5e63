import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.estimators.test_classifier import problem
from throughtime.estimators import SavedError, SequenceClassifier
from throughtime.train.run_folder import RunFolderError

X, Y = problem()


@pytest.fixture(scope="module")
def fitted() -> SequenceClassifier:
    return SequenceClassifier(hidden=4, epochs=2, class_weight={"up": 2.0}).fit(X, Y)


@pytest.fixture
def saved(fitted: SequenceClassifier, tmp_path: Path) -> Path:
    fitted.save(tmp_path / "model")
    return tmp_path / "model"


def test_what_is_loaded_tells_the_same(fitted: SequenceClassifier, saved: Path) -> None:
    loaded = SequenceClassifier.load(saved)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.get_params() == fitted.get_params()
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]
    loaded.set_params(epochs=1).fit(X, Y)  # it may learn again


@pytest.mark.parametrize("classes", [[1, 2], [0.0, 1.0], [False, True], ["1", "2"]])
def test_classes_keep_their_type(classes: list[Any], tmp_path: Path) -> None:
    y = [classes[label == "up"] for label in Y]
    SequenceClassifier(hidden=2, epochs=1).fit(X, y).save(tmp_path / "model")
    told = SequenceClassifier.load(tmp_path / "model").predict(X)
    assert {type(name) for name in told.tolist()} == {type(classes[0])}


def test_a_folder_that_is_taken_is_left_alone(fitted: SequenceClassifier, saved: Path) -> None:
    before = (saved / "config.json").read_bytes()
    with pytest.raises(RunFolderError, match="not an empty folder"):
        fitted.save(saved)
    assert (saved / "config.json").read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def _unseal(folder: Path) -> None:
    """Leave the weights without the digest that would tell of any change at once."""
    save_file(load_file(folder / "model.safetensors"), folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    del config["sealed"]
    (folder / "config.json").write_text(json.dumps(config))


def _edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        _unseal(folder)
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return spoil


def _nan_weight(folder: Path) -> None:
    _unseal(folder)
    weights = load_file(folder / "model.safetensors")
    weights["readout.bias"][0] = torch.nan
    save_file(weights, folder / "model.safetensors")


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
    "no JSON": (lambda f: (f / "config.json").write_text("{") and None, "damaged"),
    "deep JSON": (lambda f: (f / "config.json").write_text("[" * 10**5) and None, "damaged"),
    "a list": (lambda f: (f / "config.json").write_text("[]") and None, "format 'list'"),
    "format": (_edit(lambda c: c.update(format=99)), "format 99"),
    "estimator": (_edit(lambda c: c.update(estimator="os.system")), "os.system"),
    "parameter": (_edit(lambda c: c["training"].update(hiden=3)), "hiden"),
    "cell": (_edit(lambda c: c["network"].update(cell="x")), "gru"),
    "hidden": (_edit(lambda c: c["network"].update(hidden=5)), "does not hold this"),
    "absurd": (_edit(lambda c: c["network"].update(hidden=10**9)), "1000000000 and 2 units"),
    "layers": (_edit(lambda c: c["network"].update(layers=10**9)), "1000000000 layers"),
    "columns": (_edit(lambda c: c.update(columns=7)), "7 columns"),
    "scaling": (_edit(lambda c: c.update(scaling=3)), "scaling"),
    "classes": (_edit(lambda c: c.update(classes=["up"])), "two or more"),
    "more classes": (_edit(lambda c: c.update(classes=["a", "b", "c"])), "does not hold this"),
    "nested classes": (_edit(lambda c: c.update(classes=[["a"], ["b"]])), "text or of numbers"),
    "torn": (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 9) and None, "too large"),
    "NaN": (_nan_weight, "readout.bias holds what is no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_folder_is_refused(name: str, saved: Path) -> None:
    spoil, said = SPOILED[name]
    spoil(saved)
    with pytest.raises(SavedError, match=said):
        SequenceClassifier.load(saved)


def test_what_was_changed_since_it_was_saved_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    config["classes"].reverse()
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(SavedError, match="do not belong together"):
        SequenceClassifier.load(saved)


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
                assert SequenceClassifier.load(saved).predict(X).shape == (40,)
        (saved / name).write_bytes(whole)
