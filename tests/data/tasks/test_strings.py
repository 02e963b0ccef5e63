"""Strings of the languages, against their grammars written once more."""

import re

import pytest
import torch

from throughtime.data.tasks import Counting, EmbeddedReber
from throughtime.data.tasks.strings import Strings

# The Reber grammar as an expression: state 3 is T*V, then P back by X, or V; state 4 is X or S.
LOOP = "(?:T*VP X)*".replace(" ", "")
THIRD = f"{LOOP}T*V(?:V|PS)"
REBER = re.compile(f"B(?:TS*X(?:S|X{THIRD})|P{THIRD})E")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def embedded(string: str) -> bool:
    inner = REBER.fullmatch(string[2:-2])
    return string[0] + string[-1] == "BE" and string[1] == string[-2] in "TP" and bool(inner)


def test_drawn_strings_are_in_the_grammar() -> None:
    task = EmbeddedReber(T=30)
    strings = [task.string(draw) for draw in [generator()] for _ in range(2000)]
    assert all(embedded(string) for string in strings)
    assert max(map(len, strings)) <= 30
    assert len(set(strings)) > 300
    sides = sum(string[1] == "T" for string in strings)
    assert sides == pytest.approx(1000, abs=100)
    for string in strings[:50]:
        assert len(task.legal(string)) == len(string) - 1


def test_legal_symbols_are_those_with_which_strings_go_on() -> None:
    """After each beginning, what came next in any string drawn is what is said to be legal."""
    task = EmbeddedReber()
    seen: dict[str, set[str]] = {}
    said: dict[str, set[str]] = {}
    draw = generator()
    for _ in range(4000):
        string = task.string(draw)
        for step, symbols in enumerate(task.legal(string)):
            begin = string[: step + 1]
            seen.setdefault(begin, set()).add(string[step + 1])
            said[begin] = set(symbols)
    assert all(seen[begin] <= said[begin] for begin in said)
    short = [begin for begin in said if len(begin) < 7]
    assert len(short) > 30
    assert all(seen[begin] == said[begin] for begin in short)


@pytest.mark.parametrize(
    ("string", "place"),
    [
        ("BTBTXSETE", None),
        ("BPBPVVEPE", None),
        ("BTBTXSEPE", "after 'BTBTXSE' comes 'P' for one of T"),
        ("BTBTXTETE", "after 'BTBTX' comes 'T' for one of X, S"),
        ("BTBTXSETEE", "comes 'E' for one of nothing"),
        ("BTBTXSET", "ends where one of E must follow"),
    ],
)
def test_other_strings_are_refused(string: str, place: str | None) -> None:
    if place is None:
        assert embedded(string)
        EmbeddedReber().legal(string)
    else:
        assert not embedded(string)
        with pytest.raises(ValueError, match=place):
            EmbeddedReber().legal(string)


def test_counting() -> None:
    task = Counting(T=8)
    draw = generator()
    strings = {task.string(draw) for _ in range(100)}
    assert strings == {"SabT", "SaabbT", "SaaabbbT"}
    assert task.legal("SaabbT") == ["a", "ab", "ab", "b", "T"]
    for wrong in ("ST", "SaabT", "SabaT", "abT"):
        with pytest.raises(ValueError, match="none of the strings"):
            task.legal(wrong)


@pytest.mark.parametrize("task", [EmbeddedReber(), Counting()])
def test_strings_of_ones_own_are_laid_as_drawn_ones(task: Strings) -> None:
    draw = generator()
    ours = task.laid([task.string(draw) for _ in range(7)])
    drawn = task.batch(7, generator())
    assert torch.equal(ours.inputs, drawn.inputs)
    assert torch.equal(ours.targets, drawn.targets)
    assert ours.lengths is not None
    assert drawn.lengths is not None
    assert torch.equal(ours.lengths, drawn.lengths)
    with pytest.raises(ValueError, match="give one or more"):
        task.laid([])
    with pytest.raises(ValueError, match="'BTQ' is no"):
        task.laid([task.string(draw), "BTQ"])


@pytest.mark.parametrize("task", [EmbeddedReber(), Counting()])
def test_a_string_is_known_if_all_legal_symbols_come_first(task: Strings) -> None:
    batch = task.batch(12, generator())
    assert batch.lengths is not None
    T, B, width = batch.inputs.shape
    letters = task.alphabet
    known = torch.rand(T, B, width) * 0.1
    for row, stop in enumerate(batch.lengths.tolist()):
        string = "".join(letters[i] for i in batch.inputs[:stop, row].argmax(-1))
        string += letters[int(batch.targets[stop - 1, row])]
        for step, symbols in enumerate(task.legal(string)):
            for symbol in symbols:
                known[step, row, letters.index(symbol)] += 1
    score = task.score(known, batch.targets, batch.lengths)
    assert task.solved(score)
    wrong = known.clone()
    last = int(batch.lengths[0]) - 1
    wrong[last, 0, 1] = 3  # an illegal symbol at the end of one string
    assert task.score(wrong, batch.targets, batch.lengths) == pytest.approx(1 / 12)
    beyond = known.clone()
    for row, stop in enumerate(batch.lengths.tolist()):
        beyond[stop:, row] = float("nan")
    assert task.score(beyond, batch.targets, batch.lengths) == 0
