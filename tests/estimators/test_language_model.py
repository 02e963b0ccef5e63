"""A language model learns, scores and writes; networks of 8 to 16 units, about four seconds."""

import copy
import inspect
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import throughtime as tt
from throughtime.cells import registry as cells
from throughtime.data import DataError, Text
from throughtime.data.tasks.asked import cross_entropy
from throughtime.estimators import LanguageModel, SavedError, SettingsError
from throughtime.estimators.parameters import NotFittedError
from throughtime.estimators.saved import digest_of
from throughtime.nn import Network
from throughtime.nn.embedded import EmbeddedNetwork
from throughtime.storage import StorageError, read_sealed, write_sealed
from throughtime.train import Checkpoint

PHRASE = "to be or not to be; "
TEXT = PHRASE * 40
QUICK = {"hidden": 8, "window": 8, "batch_size": 4, "epochs": 1}


@pytest.fixture(scope="module")
def learned() -> LanguageModel:
    """A model that has learned a phrase by heart, in double precision."""
    return LanguageModel(
        hidden=16, window=40, batch_size=4, epochs=25, learning_rate=0.03, dropout=0.0,
        weight_dropout=0.0, dtype="float64",
    ).fit(TEXT)  # fmt: skip


def plain_bits(model: LanguageModel, text: str) -> float:
    """Score a text by the network called once, symbol by symbol over the probabilities."""
    numbers = model.vocabulary_.encode(text).long()
    with torch.no_grad():
        logits, _ = model.network_.eval()(numbers[:-1, None])
    p = torch.softmax(logits[:, 0].double(), 1)
    return -sum(math.log2(p[t, n]) for t, n in enumerate(numbers[1:].tolist()))


def test_it_learns_by_heart_and_writes_on(learned: LanguageModel) -> None:
    assert learned.bits_per_character(TEXT) < 0.3
    written = learned.generate(40, prompt=PHRASE, temperature=0)
    assert written == (PHRASE * 2)[:40]
    assert learned.history_[-1].epoch == 25
    assert learned.outcome_.best_validation_loss is not None


def test_the_score_is_that_of_the_plain_way(learned: LanguageModel) -> None:
    score = learned.evaluate(TEXT)
    assert score.bits == pytest.approx(plain_bits(learned, TEXT), rel=1e-11)
    assert (score.symbols, score.characters, score.unknown) == (799, 799, 0)
    assert score.perplexity == pytest.approx(2 ** (score.bits / 799))
    assert learned.score(TEXT) == -score.bits_per_character
    assert learned.perplexity(TEXT) == score.perplexity


def test_a_score_in_pieces_and_of_a_longer_text_is_the_same(
    learned: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = learned.evaluate(TEXT).bits
    monkeypatch.setattr("throughtime.estimators.text_score.AT_ONCE", 7)
    assert learned.evaluate(TEXT).bits == pytest.approx(whole, rel=1e-11)


def test_an_unknown_character_costs_what_it_takes_to_name_it(learned: LanguageModel) -> None:
    score = learned.evaluate(PHRASE + "é" + PHRASE)
    assert score.unknown == 1
    named = math.log2(1_114_112 - 2048 - len(set(TEXT)))
    assert score.bits == pytest.approx(plain_bits(learned, PHRASE + "é" + PHRASE) + named)
    with pytest.warns(UserWarning, match="never learned, 'é'"):
        written = learned.generate(200, prompt="to é", temperature=3.0, seed=0)
    assert set(written) <= set(TEXT)


def test_flow_and_walk_are_those_of_the_network_above_its_embedding(
    learned: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("throughtime.estimators.text_flow.FLOW_STEPS", 40)
    text = TEXT[:-1] + "\n"
    network, numbers = learned.network_, learned.vocabulary_.encode(TEXT[:-1] + "t").long()
    assert isinstance(network, EmbeddedNetwork)
    columns = network.columns(numbers[:-1, None]).detach()
    _, state = network.above()(columns[:-40])
    told = learned.flow(TEXT[:-1] + "t")
    found = tt.flow(
        network.above(), columns[-40:], numbers[-40:, None], cross_entropy,
        tuple(part.detach() for part in state),
    )  # fmt: skip
    assert told.layers[0].median == pytest.approx(found.layers[0].median, rel=1e-9)
    walk = learned.walk(text)
    assert walk is not None
    assert "".join(walk.input_labels).endswith("or not to be;")
    assert walk.labels[-2:] == [";", "#0"]  # a line's end was never learned
    last = -learned.network_(numbers[:-1, None])[0][-2, 0].log_softmax(0)[numbers[-2]].detach()
    assert walk.losses[-2] == pytest.approx(float(last), rel=1e-5)
    monkeypatch.setattr("throughtime.estimators.text_flow.WALKED", 3)
    assert learned.walk(text) is None


def test_what_is_written_hangs_on_the_seed_alone(learned: LanguageModel) -> None:
    def written(seed: int) -> str:
        return learned.generate(50, prompt="to ", temperature=1.5, seed=seed)

    assert written(1) == written(1) != written(2)
    assert "".join(learned.writing(50, "to ", 1.5, seed=1)) == written(1)
    assert learned.generate(3, seed=0)[0] == TEXT[0]
    assert learned.generate(0) == ""


def test_a_long_prompt_in_one_call_is_one_step_by_step(learned: LanguageModel) -> None:
    long, state = TEXT[:60], None
    for number in learned.vocabulary_.encode(long).long():
        with torch.no_grad():
            logits, state = learned.network_.eval()(number.view(1, 1), state)
    likeliest = int(logits.flatten()[1:].argmax()) + 1
    assert learned.generate(1, long, temperature=0) == learned.vocabulary_.decode([likeliest])


def test_symbols_are_drawn_as_often_as_they_are_expected(learned: LanguageModel) -> None:
    from throughtime.estimators.sampling import Sampling

    logits = torch.tensor([2.0, 0.0, 1.0, -1.0])
    generator = torch.Generator().manual_seed(0)
    for sampling in (Sampling(0.7), Sampling(1.0, top_k=2), Sampling(1.0, top_p=0.8)):
        p = sampling.probabilities(logits, never=0)
        drawn = Counter(sampling.draw(logits, generator, never=0) for _ in range(3000))
        assert drawn[0] == 0
        for symbol, share in enumerate(p.tolist()):
            assert drawn[symbol] / 3000 == pytest.approx(share, abs=0.04)  # 4 standard errors


@pytest.mark.parametrize("cell", cells)
def test_every_cell_learns_text(cell: str) -> None:
    model = LanguageModel(cell=cell, **QUICK).fit(TEXT[:200])
    assert math.isfinite(model.bits_per_character(TEXT[:50]))
    assert len(model.generate(5, "to", seed=0)) == 5


@pytest.mark.parametrize(
    "method",
    ["tbptt:8", "tbptt:2:6", "random:8:4", "adaptive:0.2:2:8", "checkpointed:slots=2", "rtrl:4",
     "snap:1:4", "uoro:0:4", "eprop:4"],
)  # fmt: skip
def test_gradient_methods_learn_text(method: str) -> None:
    model = LanguageModel(
        cell="gru" if method[0] != "e" else "lstm", method=method, embedding=0, dropout=0.0,
        weight_dropout=0.0,
        **QUICK | {"epochs": 2},
    ).fit(TEXT)  # fmt: skip
    first, last = model.history_[0].loss, model.history_[-1].loss
    assert last < first


class Kept(list[Checkpoint]):
    def due(self, improved: bool) -> bool:
        return True

    def save(self, checkpoint: Checkpoint) -> None:
        self.append(checkpoint)


@pytest.mark.parametrize("method", ["bptt", "adaptive:0.2:2:8"])
def test_a_training_is_gone_on_with_to_the_same_bits(method: str) -> None:
    def made() -> LanguageModel:
        return LanguageModel(method=method, **QUICK | {"epochs": 2, "hidden": 4})

    kept = Kept()
    whole = made().fit(TEXT[:300], checkpoints=kept).network_.state_dict()
    middle = [checkpoint for checkpoint in kept if not checkpoint.complete and checkpoint.carried]
    assert len(middle) > 3
    for checkpoint in (middle[1], middle[-2]):
        again = made().fit(TEXT[:300], resume=checkpoint).network_.state_dict()
        assert all(torch.equal(whole[name], again[name]) for name in whole)
    start = {"start": 10**6, "stream": middle[0].place["own"]["stream"]}
    strange = replace(middle[0], place={"given": 1, "own": start})
    with pytest.raises(StorageError, match="cannot begin at 1000000"):
        made().fit(TEXT[:300], resume=strange)


def test_columns_or_an_embedding() -> None:
    one_hot = LanguageModel(embedding=0, **QUICK).fit(TEXT)
    assert type(one_hot.network_) is Network
    assert one_hot.network_.recurrent.input_size == one_hot.vocabulary_.size
    embedded = LanguageModel(embedding=5, layers=2, **QUICK).fit(TEXT)
    assert isinstance(embedded.network_, EmbeddedNetwork)
    assert embedded.network_.embedding.weight.shape == (one_hot.vocabulary_.size, 5)
    for model in (one_hot, embedded):
        assert len(model.generate(4, "to", seed=1)) == 4


@pytest.mark.parametrize("embedding", [0, None])
def test_what_is_unknown_is_read_as_zeros(embedding: int | None) -> None:
    from throughtime.estimators.symbol_network import columns

    model = LanguageModel(embedding=embedding, **QUICK).fit(TEXT)
    x = columns(model.network_, torch.tensor([0, 1]), unknown=0)
    assert not x[0].any()
    assert x[1].any()


def test_bytes(tmp_path: Path) -> None:
    text = Text("t", ("grün " * 100).encode(), "memory")
    model = LanguageModel("bytes", **QUICK).fit(text)
    score = model.evaluate(text)
    assert (score.symbols, score.characters) == (599, 499)
    assert score.bits_per_character == pytest.approx(score.bits / 499)


def test_the_vocabulary_is_of_what_is_learned_alone() -> None:
    model = LanguageModel(validation=0.1, **QUICK).fit("ab" * 90 + "c" * 20)
    assert model.vocabulary_.unseen("abc") == "c"


def test_fitting_again_is_the_same_to_the_bit_and_leaves_the_random_state() -> None:
    before = torch.random.get_rng_state()
    first, second = (LanguageModel(**QUICK).fit(TEXT) for _ in range(2))
    other = LanguageModel(**QUICK, seed=1).fit(TEXT)
    assert torch.equal(torch.random.get_rng_state(), before)
    state = first.network_.state_dict()
    assert all(torch.equal(state[k], v) for k, v in second.network_.state_dict().items())
    assert any(not torch.equal(state[k], v) for k, v in other.network_.state_dict().items())


def test_parameters_are_read_and_set_as_scikit_learn_does() -> None:
    model = LanguageModel(hidden=7, dropout=0.1)
    assert set(model.get_params()) == set(inspect.signature(LanguageModel).parameters)
    assert repr(model) == "LanguageModel(hidden=7, dropout=0.1)"
    again = type(model)(**copy.deepcopy(model.get_params()))
    assert again.get_params() == model.get_params()
    assert model.set_params(cell="gru") is model
    assert model.cell == "gru"
    with pytest.raises(ValueError, match="no parameter units; it has vocabulary, cell"):
        model.set_params(units=3)


def test_scikit_learn_clones_it() -> None:
    base = pytest.importorskip("sklearn.base")
    model = LanguageModel(**QUICK).fit(TEXT[:100])
    cloned = base.clone(model)
    assert cloned.get_params() == model.get_params()
    assert not hasattr(cloned, "network_")


WRONG = {
    "hidden": (0, "hidden must be a whole number"), "cell": ("lstn", "lstm"),
    "dropout": (1.0, "below 1; got 1.0"), "weight_dropout": (-0.1, "weight_dropout is a share"),
    "embedding": (-1, "embedding is a number of columns"),
    "validation": (1.0, "validation is a share"), "method": ("bttp", "unknown gradient method"),
    "optimizer": ("adams", "known are"), "vocabulary": ("words", "known are characters, bytes"),
    "window": (1.5, "window must be"), "patience": (0, "patience must be"),
    "learning_rate": ("a", "learning_rate must be a number, got 'a'"),
    "clip": (True, "clip must be a number"), "seed": (1.5, "seed must be a number"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["dropout", "weight_dropout", "validation"])
@pytest.mark.parametrize("value", ["a", None, [0.1], np.array([0.1, 0.2])])
def test_a_share_that_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} is a share from 0, below 1; got"):
        LanguageModel(**{name: value}).fit(TEXT)


@pytest.mark.parametrize("text", [[TEXT, TEXT], 3, None, ("a", "b")])
def test_what_is_no_text_is_refused(text: Any, learned: LanguageModel) -> None:
    for call in (LanguageModel(**QUICK).fit, learned.evaluate, learned.flow):
        with pytest.raises(DataError, match="one text is expected, str or bytes; got"):
            call(text)


@pytest.mark.parametrize("name", WRONG)
def test_a_parameter_that_is_wrong_is_refused_when_it_fits(name: str) -> None:
    value, message = WRONG[name]
    model = LanguageModel(**{name: value})
    with pytest.raises(SettingsError, match=message):
        model.fit(TEXT)
    with pytest.raises(NotFittedError, match="learned nothing yet"):
        model.generate(1)


def test_a_method_that_does_not_take_the_network_says_so() -> None:
    with pytest.raises(SettingsError, match="method 'rtrl' does not take this network"):
        LanguageModel(cell="gru", method="rtrl", **QUICK).fit(TEXT)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "text is empty"), ("to be", "a window of 8 steps takes 9"), (b"to be", "bytes came")],
)
def test_a_text_that_cannot_be_learned(text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LanguageModel(**QUICK).fit(text)
    with pytest.raises(DataError, match=r"0 character\(s\) to validate on"):
        LanguageModel(**QUICK, validation=0.01).fit("to be or not to be")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"length": -1}, "length"), ({"length": 1, "temperature": -1.0}, "temperature"),
        ({"length": 1, "temperature": math.nan}, "temperature"),
        ({"length": 1, "top_k": 0}, "top_k"),
        ({"length": 1, "top_p": 0.0}, "top_p"), ({"length": 1, "seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_at_once(
    learned: LanguageModel, asked: dict[str, float], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        learned.writing(**asked)


def test_saved_and_loaded_it_is_the_same(learned: LanguageModel, tmp_path: Path) -> None:
    learned.save(tmp_path)
    again = LanguageModel.load(tmp_path)
    assert again.get_params() == learned.get_params()
    assert again.evaluate(TEXT) == learned.evaluate(TEXT)
    assert again.generate(30, seed=3) == learned.generate(30, seed=3)


def _config(change: dict[str, object], seal: bool = True) -> Callable[[Path], None]:
    """Change a configuration, as one who knows how to seal it would, or one who does not."""

    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | change
        (folder / "config.json").write_text(json.dumps(config))
        if seal:
            weights = folder / "model.safetensors"
            write_sealed(weights, read_sealed(weights).tensors, {"model": digest_of(config)})

    return damage


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    "weights cut short": (_cut, "is damaged"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json"),
    "a list": (lambda f: (f / "config.json").write_text("[1]"), "has format 'list'"),
    "a forecaster": (
        lambda f: (f / "config.json").write_text("{}"),
        "and a language model of a text",
    ),
    "changed": (_config({"opening": 1}, seal=False), "do not belong together"),
    "another format": (_config({"format": 9}), "format 9, this version reads format 1"),
    "no parameters": (_config({"network": {"units": 3}}), "config.json is damaged"),
    "an absurd size": (_config({"network": {"hidden": 10**30}}), "does not hold this"),
    "absurdly many": (_config({"network": {"layers": 10**9}}), "does not hold this"),
    "an absurd width": (_config({"network": {"embedding": 10**13}}), "does not hold this"),
    "no such opening": (_config({"opening": 999}), "opening 999"),
    "another vocabulary": (_config({"vocabulary": {"name": "bytes"}}), "does not hold this"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_refused(learned: LanguageModel, tmp_path: Path, name: str) -> None:
    damage, message = DAMAGE[name]
    learned.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(SavedError, match=message):
        LanguageModel.load(tmp_path)
