"""What every vocabulary must hold, and what each is. Costs under a second."""

import math
from collections.abc import Iterable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import DataError
from throughtime.data.text import ByteValues, Characters, Tokens, Vocabulary, vocabulary_of

TEXT = "Grüße, 世界! \U0001f600 to be\r\nor not to be\n" * 3


def byte_pairs() -> Vocabulary:
    """A tokenizer of byte pairs that has read the text."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    return Tokens(tokenizer)


KINDS = {"characters": lambda: Characters.of(TEXT), "bytes": ByteValues, "tokens": byte_pairs}


def check(vocabulary: Vocabulary) -> None:
    """Hold a vocabulary to the contract: there and back, whole characters, saved and made again."""
    numbers = vocabulary.encode(TEXT)
    assert numbers.dtype == (torch.uint8 if vocabulary.size <= 256 else torch.int32)
    assert 0 <= int(numbers.min()) <= int(numbers.max()) < vocabulary.size
    assert vocabulary.decode(numbers.tolist()) == TEXT
    pieces = list(vocabulary.decoded(iter(numbers.tolist())))
    assert "".join(pieces) == TEXT
    assert not any("\ufffd" in piece for piece in pieces)
    assert vocabulary.characters(numbers) == len(TEXT)
    again = vocabulary_of(vocabulary.as_dict())
    assert type(again) is type(vocabulary)
    assert torch.equal(again.encode(TEXT), numbers)


@pytest.mark.parametrize("name", KINDS)
def test_every_vocabulary_holds_the_contract(name: str) -> None:
    check(KINDS[name]())


class _Torn(ByteValues):
    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        for number in numbers:
            yield bytes([number]).decode("utf-8", "replace")


class _Shifted(ByteValues):
    def encode(self, text: str | bytes) -> torch.Tensor:
        return super().encode(text) + 1


@pytest.mark.parametrize("wrong", [_Torn, _Shifted])
def test_the_contract_fails_on_a_wrong_vocabulary(wrong: type[Vocabulary]) -> None:
    with pytest.raises(AssertionError):
        check(wrong())


@given(st.text(min_size=1), st.text())
def test_characters_are_numbered_as_the_naive_way_does(learned: str, text: str) -> None:
    vocabulary = Characters.of(learned)
    naive = [sorted(set(learned)).index(c) + 1 if c in learned else 0 for c in text]
    assert vocabulary.encode(text).tolist() == naive
    assert vocabulary.unseen(text) == "".join(sorted(set(text) - set(learned)))


def test_the_price_of_an_unknown_character_names_it_among_all_others() -> None:
    vocabulary = Characters.of("ab")
    assert vocabulary.unknown == 0
    assert vocabulary.unknown_bits == math.log2(1_114_112 - 2048 - 2)  # surrogates are none
    assert vocabulary.decode([1, 0, 2]) == "a\ufffdb"


def test_bytes_that_are_no_text_are_replaced_and_counted_as_they_begin() -> None:
    vocabulary = ByteValues()
    assert vocabulary.decode([0x61, 0xFF, 0xC3]) == "a\ufffd\ufffd"
    assert vocabulary.characters(vocabulary.encode(b"a\xc3\xb8")) == 2


@pytest.mark.parametrize("name", ["characters", "tokens"])
def test_bytes_where_characters_are_needed_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="bytes came where"):
        KINDS[name]().encode(b"abc")


@pytest.mark.parametrize(
    "saved",
    [
        {"name": "words"}, {"name": "characters", "codes": [98, 97]},
        {"name": "characters", "codes": []}, {"name": "characters", "codes": [True]},
        {"name": "characters", "codes": [97, 97]}, {"name": "characters", "codes": [2**40]},
    ],
)  # fmt: skip
def test_what_is_no_vocabulary_is_refused(saved: dict[str, object]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        vocabulary_of(saved)
