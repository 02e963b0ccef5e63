"""Language models as ONNX graphs and as C, beside what they score a text: about five seconds."""

import ctypes
import json
import math
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.export.compiled import COMPILER, Header, answers, needs_compiler
from tests.export.running import Array, Running
from throughtime.data.text import Characters, Vocabulary
from throughtime.estimators import LanguageModel
from throughtime.estimators.symbol_network import encoded
from throughtime.export import ExportError, to_c, to_onnx

LEARNED = "to be or not to be, that is the question: é " * 12
READ = "to be, whether ZXé is nobler? "
"""It has characters that were not learned."""


class Words(Vocabulary):
    """As of a tokenizer: what its numbers stand for is known to it alone."""

    name, symbol = "tokens", "token"
    words = ("to", "be", "or", "not", "other")

    @property
    def size(self) -> int:
        return len(self.words)

    def encode(self, text: str | bytes) -> Tensor:
        words = [word.strip(",:?") for word in str(text).split()]
        known = [self.words.index(word) if word in self.words else 4 for word in words]
        return torch.tensor(known, dtype=torch.uint8)

    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        yield from (f"{self.words[number]} " for number in numbers)

    def characters(self, numbers: Tensor) -> int:
        return sum(len(self.words[number]) + 1 for number in numbers.tolist())

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "tokenizer": json.dumps(self.words)}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Words":
        return cls()


KINDS: dict[str, dict[str, Any]] = {
    "embedded": {"cell": "gru", "embedding": 3, "layers": 2},
    "one-hot": {"cell": "lstm", "embedding": 0},
    "one-hot by a loop": {"cell": "leaky", "embedding": 0, "layers": 2},
    "bytes": {"cell": "slstm", "embedding": 0, "vocabulary": "bytes"},
    "embedded bytes": {"cell": "elman", "embedding": 4, "vocabulary": "bytes", "dtype": "float64"},
    "tokens": {"cell": "gru", "embedding": 2, "vocabulary": Words()},
}


def fitted(**parameters: Any) -> LanguageModel:
    few = {"hidden": 6, "window": 8, "batch_size": 4, "epochs": 3, "learning_rate": 0.05}
    return LanguageModel(**{**few, **parameters}).fit(LEARNED)


@pytest.fixture(scope="module")
def models() -> dict[str, LanguageModel]:
    return {what: fitted(**parameters) for what, parameters in KINDS.items()}


def numbers(model: LanguageModel, text: str = READ) -> Array:
    """Give the numbers of a text's symbols, int64 [T]."""
    return model.vocabulary_.encode(text).long().numpy()


@torch.no_grad()
def expected(model: LanguageModel, read: Array) -> Array:
    """Give the logarithms of probabilities that a model gives after each of [T, B] symbols."""
    inputs = encoded(model.network_.eval(), torch.from_numpy(read), model.vocabulary_.unknown)
    return torch.log_softmax(model.network_(inputs)[0].double(), -1).numpy()


@pytest.mark.parametrize("what", KINDS)
def test_a_graph_expects_a_text_as_the_model_does(
    what: str, models: dict[str, LanguageModel]
) -> None:
    model = models[what]
    read = numbers(model)
    rows = np.stack([read, read[::-1]], 1)  # [T, B]
    running = Running(model)
    np.testing.assert_allclose(running.whole(rows), expected(model, rows), atol=1e-5)
    steps = Running(model, streaming=True)
    assert not steps.operators & {"RNN", "GRU", "LSTM", "Scan", "Loop"}
    np.testing.assert_allclose(steps.steps(rows), expected(model, rows), atol=1e-5)

    # the score of the text is theirs too
    logarithms = running.whole(read[:-1, None])[:, 0]
    unknown = model.vocabulary_.unknown
    price = model.vocabulary_.unknown_bits * int((read[1:] == unknown).sum() if unknown == 0 else 0)
    bits = price - logarithms[np.arange(len(read) - 1), read[1:]].sum() / math.log(2)
    assert bits == pytest.approx(model.evaluate(READ).bits, rel=1e-5)


def test_states_go_in_and_out_and_rows_have_lengths(models: dict[str, LanguageModel]) -> None:
    model = models["one-hot by a loop"]
    read = numbers(model)[:, None]
    running = Running(model)
    first, state = running.call(read[:7], running.start(1))
    second, _ = running.call(read[7:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), expected(model, read), atol=1e-5)
    ragged, lengths = Running(model, lengths=True), np.array([4], np.int32)
    _, stopped = ragged.call(read, ragged.start(1), sequence_lens=lengths)
    _, there = running.call(read[:4], running.start(1))
    np.testing.assert_allclose(stopped["state_h"], there["state_h"], atol=1e-6)


def test_the_vocabulary_travels_with_a_graph(models: dict[str, LanguageModel]) -> None:
    notes = Running(models["one-hot"]).notes
    assert (notes["estimator"], notes["vocabulary"]) == ("LanguageModel", "characters")
    vocabulary = models["one-hot"].vocabulary_
    assert isinstance(vocabulary, Characters)
    assert json.loads(notes["symbols"]) == [None, *vocabulary.symbols]
    assert notes["unknown"] == "0"
    assert json.loads(notes["symbols"])[int(notes["opening"])] == "t"
    assert Running(models["bytes"]).notes["vocabulary"] == "bytes"
    assert json.loads(Running(models["tokens"]).notes["tokenizer"]) == [*Words.words]


def test_a_wrong_graph_would_be_seen(models: dict[str, LanguageModel]) -> None:
    read = numbers(models["embedded"])[:, None]
    found = Running(models["embedded"]).whole(read)
    np.testing.assert_allclose(found, expected(models["embedded"], read), atol=1e-5)
    other = fitted(**KINDS["embedded"], seed=1)
    assert np.abs(found - expected(other, read)).max() > 1e-2
    blind = models["one-hot"]
    at_unknown = expected(blind, np.array([[0]]))
    assert np.abs(at_unknown - expected(blind, np.array([[1]]))).max() > 1e-3


@needs_compiler
def test_a_header_expects_a_text_as_the_model_does(
    models: dict[str, LanguageModel], tmp_path: Path
) -> None:
    headers, wanted = [], []
    for place, model in enumerate(models.values()):
        read = numbers(model)
        sequences = [read.astype(np.int32), read[5:].astype(np.int32)]
        text = to_c(model, f"book_{place}")
        V = model.vocabulary_.size
        headers.append(Header(f"book_{place}", text, sequences, V, "float32"))
        wanted.append([expected(model, s[:, None].astype(np.int64))[:, 0] for s in sequences])
    # A header that takes another symbol's column is seen.
    one_hot = headers[list(KINDS).index("one-hot")]
    wrong = one_hot.text.replace("(long)symbol * ", "(long)(symbol ^ 1) * ")
    assert wrong != one_hot.text
    wrong = wrong.replace("book_1", "wrong").replace("BOOK_1", "WRONG")
    headers.append(Header("wrong", wrong, one_hot.sequences, one_hot.outputs, "float32"))
    *found, of_wrong = answers(headers, tmp_path)
    for what, own, given in zip(KINDS, found, wanted, strict=True):
        for f, w in zip(own, given, strict=True):
            np.testing.assert_allclose(f, w, atol=1e-5, err_msg=what)
    assert np.abs(of_wrong[0] - wanted[1][0]).max() > 1e-2


@needs_compiler
def test_a_header_reads_what_is_no_symbol_as_nothing_known(
    models: dict[str, LanguageModel], tmp_path: Path
) -> None:
    headers = []
    for what in ("one-hot", "embedded", "bytes"):
        V = models[what].vocabulary_.size
        name = what.replace("-", "_")
        text = to_c(models[what], name)
        for number in (V, -1, 2**31 - 1, -(2**31)):
            given = [np.array([number, 1], np.int32)]
            headers.append(Header(name, text, given, V, "float32"))
    found = [answers([header], tmp_path)[0][0] for header in headers]
    for outside in (*found[:4], *found[4:8], *found[8:]):
        assert np.isfinite(outside).all()
    for start in (0, 4):  # as the number of all other characters, whose columns are zeros
        model = models[("one-hot", "embedded")[start // 4]]
        for outside in found[start : start + 4]:
            wanted = expected(model, np.array([[0], [1]]))[:, 0]
            np.testing.assert_allclose(outside, wanted, atol=1e-5)


@needs_compiler
def test_the_vocabulary_is_in_a_header(models: dict[str, LanguageModel], tmp_path: Path) -> None:
    vocabulary = models["one-hot"].vocabulary_
    assert isinstance(vocabulary, Characters)
    (tmp_path / "book.h").write_text(to_c(models["one-hot"], "book"), encoding="utf-8")
    (tmp_path / "book.c").write_text(
        '#include "book.h"\nint number(long code) { return book_number(code); }\n'
        "long symbol(int number) { return book_symbols[number]; }\n"
    )
    subprocess.run(
        [str(COMPILER), "-shared", "-fPIC", "book.c", "-o", "book.so", "-lm"],
        cwd=tmp_path,
        check=True,
    )
    library = ctypes.CDLL(str(tmp_path / "book.so"))
    library.symbol.restype = ctypes.c_long
    library.number.argtypes = [ctypes.c_long]
    for number, character in enumerate(vocabulary.symbols, start=1):
        assert library.number(ord(character)) == number
        assert library.symbol(number) == ord(character)
    assert library.symbol(0) == -1
    for stranger in ("Z", "\0", "\U0010ffff"):
        assert library.number(ord(stranger)) == 0
    assert "value of a byte" in to_c(models["bytes"], "bytes")
    assert "tokenizer" in to_c(models["tokens"], "tokens")


def test_what_cannot_be_exported_is_said(models: dict[str, LanguageModel]) -> None:
    with pytest.raises(ExportError, match="has learned nothing yet"):
        to_c(LanguageModel())
    with pytest.raises(ExportError, match=r"export the LanguageModel that it is of"):
        to_onnx(models["embedded"].network_)  # type: ignore[arg-type]

    class Doubled(tt.Network):
        def forward(self, *arguments: Any) -> Any:
            y, state = super().forward(*arguments)
            return 2 * y, state

    other = fitted(embedding=0)
    other.network_.__class__ = Doubled
    with pytest.raises(ExportError, match="forward call of its own"):
        to_c(other)
