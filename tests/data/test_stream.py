"""Streams against sequences laid out by hand: order, resets, carried states, positions, memory."""

from __future__ import annotations

import itertools
import json
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import throughtime as tt
from throughtime.data import Batch, Chunk, Stream
from throughtime.train import train

squared = torch.nn.MSELoss(reduction="none")


def numbered(*lengths: int) -> list[tuple[Tensor, Tensor]]:
    """Sequences whose input says sequence and step, 100 i + t; the target is its negative."""
    xs = [100.0 * i + torch.arange(float(T))[:, None] for i, T in enumerate(lengths)]
    return [(x, -x) for x in xs]


def stepwise(sequence: tuple[Tensor, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    return iter(zip(*sequence, strict=True))


def rows_of(chunks: list[Chunk]) -> tuple[list[list[int]], list[list[int]]]:
    """What each row read, and the steps at which it was started anew."""
    B = chunks[0].inputs.shape[1]
    values: list[list[int]] = [[] for _ in range(B)]
    resets: list[list[int]] = [[] for _ in range(B)]
    for chunk in chunks:
        T = len(chunk.inputs)
        for row in range(B):
            stop = T if chunk.lengths is None else int(chunk.lengths[row])
            if chunk.reset is not None:
                at = chunk.reset[:, row].nonzero()[:, 0].tolist()
                resets[row] += [len(values[row]) + t for t in at]
                assert all(t < stop for t in at), "a row is started anew in its padding"
            values[row] += chunk.inputs[:stop, row, 0].int().tolist()
            assert torch.equal(chunk.targets[:stop, row], -chunk.inputs[:stop, row])
    return values, resets


def same(mine: Chunk, other: Chunk) -> bool:
    return all(
        (a is None and b is None) or (torch.equal(a, b) if isinstance(a, Tensor) else a == b)
        for a, b in zip(vars(mine).values(), vars(other).values(), strict=True)
    )


@pytest.mark.parametrize("k1", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("steps", [False, True])
def test_a_row_that_is_free_takes_the_next_sequence_at_that_step(k1: int, steps: bool) -> None:
    """Row 0 reads 0 (5 steps), then 2 (3), then 4 (2); row 1 reads 1 (6), then 3 (6)."""
    sequences: list[Any] = numbered(5, 6, 3, 6, 2)
    source = [stepwise(s) for s in sequences] if steps else sequences
    chunks = list(Stream(source, rows=2, k1=k1))
    values, resets = rows_of(chunks)
    assert values[0] == [*range(5), 200, 201, 202, 400, 401]
    assert values[1] == [*range(100, 106), *range(300, 306)]
    assert resets == [[0, 5, 8], [0, 6]]
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks[:-1]:
        assert len(chunk.inputs) == k1
    full = [chunk for chunk in chunks if chunk.lengths is None]
    assert len(full) >= 10 // k1  # padding stands at the end and nowhere else


def test_fewer_sequences_than_rows() -> None:
    (chunk,) = Stream(numbered(3, 1), rows=4, k1=5)
    assert chunk.lengths is not None
    assert chunk.lengths.tolist() == [3, 1, 0, 0]
    assert len(chunk.inputs) == 3
    assert list(Stream([], rows=2, k1=5)) == []


def test_one_long_array_is_cut_into_parts_that_follow_each_other() -> None:
    x = torch.arange(11.0)[:, None]
    chunks = list(Stream((x, -x), rows=3, k1=2))
    values, resets = rows_of(chunks)
    assert values == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert resets == [[0], [0], [0]]
    assert [None if c.lengths is None else c.lengths.tolist() for c in chunks] == [None, [2, 2, 1]]


def test_arrays_on_disk_and_classes(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(40, dtype=np.float32)[:, None])
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    tokens = torch.arange(40)
    chunks = list(Stream((x, tokens), rows=2, k1=10))
    assert torch.equal(chunks[1].targets[:, 1], tokens[30:])
    assert torch.equal(chunks[1].inputs[:, 1, 0], tokens[30:].float())
    tokens_alone = next(iter(Stream((tokens[:-1], tokens[1:]), rows=3, k1=4)))
    assert tokens_alone.inputs.shape == (4, 3)


def train_on(model: tt.Network, chunks: Iterator[Chunk], state: Any = None) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for c in chunks:
        for update in tt.BPTT()(model, c.inputs, c.targets, squared, state, c.lengths, c.reset):
            optimizer.step()
            optimizer.zero_grad()
            state = update.state
        losses.append(update.loss)
    return losses


def test_training_over_chunks_is_truncated_bptt_over_the_whole() -> None:
    x = torch.randn(120, 2, 1)
    rows = (x.transpose(0, 1).reshape(240, 1), x.roll(1, 0).transpose(0, 1).reshape(240, 1))
    one, other = tt.Network("lstm", 1, 4, 1), tt.Network("lstm", 1, 4, 1)
    other.load_state_dict(one.state_dict())
    train_on(one, iter(Stream(rows, rows=2, k1=20)))
    optimizer = torch.optim.SGD(other.parameters(), lr=0.05)
    for _ in tt.TBPTT(20)(other, x, x.roll(1, 0), squared):
        optimizer.step()
        optimizer.zero_grad()
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_longer_chunks_hold_several_updates_and_longer_windows() -> None:
    x = torch.randn(96, 1)
    stream = Stream((x[:-1], x[1:]), rows=1, k1=4, chunk=32)
    model, state = tt.Network("gru", 1, 4, 1), None
    windows = []
    for c in stream:
        for update in tt.TBPTT(4, 12)(model, c.inputs, c.targets, squared, state):
            windows.append(update.info["window"])
            state = update.state
    assert windows == 2 * [4, 8, 12, 12, 12, 12, 12, 12] + [4, 8, 12, 12, 12, 12, 12, 11]
    with pytest.raises(ValueError, match="chunk of 30 steps is no multiple of k1 = 4"):
        Stream((x, x), rows=1, k1=4, chunk=30)


def test_batches_equal_sequences_one_by_one() -> None:
    """Rows that start anew inside a chunk give what each sequence gives by itself."""
    model = tt.Network("gru", 1, 5, 1).double()
    sequences = [(torch.randn(T, 1).double(), torch.randn(T, 1).double()) for T in (5, 6, 3, 6, 2)]
    alone = sum(
        float(squared(model(x[:, None])[0].detach(), d[:, None]).sum()) for x, d in sequences
    )
    total, state = 0.0, None
    for c in Stream(sequences, rows=2, k1=4):
        (update,) = tt.BPTT(reduce="sum")(
            model, c.inputs, c.targets, squared, state, c.lengths, c.reset
        )
        total, state = total + update.loss, update.state
    assert total == pytest.approx(alone, rel=1e-12)


def test_a_pass_starts_anew_whatever_state_it_is_given() -> None:
    x = torch.randn(40, 1)
    stream, model = Stream((x, x), rows=2, k1=10), tt.Network("gru", 1, 4, 1)
    first = [float(u.loss) for u in updates(model, stream, None)]
    second = [float(u.loss) for u in updates(model, stream, torch.randn(1, 2, 4))]
    assert first == second


def updates(model: tt.Network, stream: Stream, state: Any) -> Iterator[tt.Update]:
    for c in stream:
        for update in tt.BPTT()(model, c.inputs, c.targets, squared, state, c.lengths, c.reset):
            state = update.state
            yield update


def test_an_evaluation_in_the_middle_leaves_the_training_alone() -> None:
    x = torch.randn(80, 1)

    def losses(evaluate: bool) -> list[float]:
        torch.manual_seed(0)
        model, stream, found = tt.Network("gru", 1, 4, 1), Stream((x, x), rows=2, k1=10), []
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for update in updates(model, stream, None):
            optimizer.step()
            optimizer.zero_grad()
            found.append(update.loss)
            if evaluate:
                state = None
                for c in stream:  # another pass over the same stream
                    with torch.no_grad():
                        _, state = model(c.inputs, state)
        return found

    assert losses(True) == losses(False)


def test_a_changed_number_of_rows_is_refused() -> None:
    x, model = torch.randn(40, 1), tt.Network("gru", 1, 4, 1)
    *_, last = updates(model, Stream((x, x), rows=2, k1=10), None)
    with pytest.raises(ValueError, match="from a batch of another size, begin with state=None"):
        next(updates(model, Stream((x, x), rows=4, k1=10), last.state))


# Shuffling.


def test_shuffled_sequences_are_another_order_each_pass() -> None:
    stream = Stream(numbered(*[2] * 20), rows=1, k1=4, shuffle=True)
    passes = [rows_of(list(stream))[0][0] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1])
    assert passes[0] != passes[1]
    assert passes[0] != sorted(passes[0])
    pairs = zip(passes[0][::2], passes[0][1::2], strict=True)
    assert all(b == a + 1 for a, b in pairs), "a sequence is torn"
    again = Stream(numbered(*[2] * 20), rows=1, k1=4, shuffle=True)
    assert rows_of(list(again))[0][0] == passes[0]


def test_what_cannot_be_shuffled_is_refused() -> None:
    x = torch.zeros(10, 1)
    with pytest.raises(ValueError, match=r"read in order.*as a list"):
        Stream((x, x), rows=2, k1=5, shuffle=True)
    with pytest.raises(ValueError, match="only a list of sequences can be shuffled"):
        Stream(iter(numbered(2)), rows=2, k1=5, shuffle=True)


def test_the_loop_carries_the_state_and_refuses_shuffled_chunks() -> None:
    x = torch.randn(60, 1)
    stream = Stream((x, x), rows=2, k1=10)

    def run(batches: Any) -> list[float]:
        torch.manual_seed(0)
        model = tt.Network("gru", 1, 4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        outcome = train(model, batches, squared, tt.BPTT(), optimizer, epochs=2)
        return [row.loss for row in outcome.history]

    torch.manual_seed(0)
    model = tt.Network("gru", 1, 4, 1)
    expected = [*train_on(model, iter(stream)), *train_on(model, iter(stream))]
    assert run(lambda: stream) == pytest.approx(expected, rel=1e-6)
    chunks = list(stream)
    plain = [Batch(c.inputs, c.targets, c.lengths) for c in chunks]
    assert run(lambda: plain) != pytest.approx(expected, rel=1e-6)  # each from its own start
    with pytest.raises(ValueError, match=r"chunk 0 of a stream came after chunk 1.*shuffling"):
        run(lambda: [chunks[1], chunks[0], chunks[2]])


# Positions.


@pytest.mark.parametrize("after", [0, 1, 2, 4])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_position_is_taken_up_again(after: int, shuffle: bool) -> None:
    def stream() -> Stream:
        return Stream(numbered(5, 6, 3, 6, 2, 4), rows=2, k1=3, shuffle=shuffle)

    first = stream()
    list(first)
    chunks = iter(first)  # the second pass, in another order
    for _ in range(after):
        next(chunks)
    saved = json.loads(json.dumps(chunks.state_dict()))
    resumed = iter(stream())
    resumed.load_state_dict(saved)
    rest = list(chunks)
    assert len(rest) >= 1
    for mine, other in zip(resumed, rest, strict=True):
        assert same(mine, other)


def test_a_position_in_one_long_array() -> None:
    x = torch.randn(50, 1)
    chunks = iter(Stream((x, -x), rows=2, k1=4))
    next(chunks)
    resumed = iter(Stream((x, -x), rows=2, k1=4))
    resumed.load_state_dict(chunks.state_dict())
    assert all(same(mine, other) for mine, other in zip(resumed, chunks, strict=True))
    with pytest.raises(ValueError, match=r"'rows': 2.*this one has.*'rows': 5"):
        iter(Stream((x, -x), rows=5, k1=4)).load_state_dict(chunks.state_dict())


def test_a_position_where_steps_only_pass_by_is_refused() -> None:
    for source in (iter(numbered(5)), [stepwise(numbered(5)[0])]):
        chunks = iter(Stream(source, rows=1, k1=2))
        next(chunks)
        with pytest.raises(ValueError, match="taken up again in arrays"):
            chunks.state_dict()


# Endless sources.


def test_memory_does_not_grow_with_the_stream() -> None:
    """10^7 steps, from a generator; then as many of one array of which there is but one number."""
    alive: list[Any] = []
    made = 0

    def source() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        nonlocal made
        for i in range(10_000):
            made += 1
            x = np.full((1000, 1), i, dtype=np.float32)
            yield x, -x

    peaks = []
    tracemalloc.start()
    try:
        for chunk in Stream(source, rows=10, k1=5000):
            alive = [ref for ref in alive if ref() is not None]
            alive.append(weakref.ref(chunk.inputs))
            assert len(alive) <= 2, "chunks outlive their turn"
            assert made <= 50 * (chunk.number + 1) + 10, "more is read than is given"
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert len(peaks) == 200
    assert max(peaks[1:]) < 1.2 * peaks[1]

    long = torch.zeros(1, 1).expand(10_000_000, 1)
    count = sum(chunk.inputs.numel() for chunk in Stream((long, long), rows=10, k1=5000))
    assert count == 10_000_000


def test_a_generator_of_steps_without_end_is_read_no_further_than_needed() -> None:
    read = [0, 0]

    def endless(row: int) -> Iterator[tuple[Tensor, Tensor]]:
        for t in itertools.count():
            read[row] += 1
            x = torch.tensor([100.0 * row + t])
            yield x, -x

    chunks = list(itertools.islice(Stream([endless(0), endless(1)], rows=2, k1=7), 3))
    assert read == [21, 21]
    values, resets = rows_of(chunks)
    assert values == [list(range(21)), list(range(100, 121))]
    assert resets == [[0], [0]]


def test_a_second_pass_over_what_is_used_up_is_refused() -> None:
    stream = Stream(iter(numbered(3)), rows=1, k1=3)
    list(stream)
    with pytest.raises(ValueError, match=r"source is an iterator.*a function"):
        iter(stream)
    inner = Stream([stepwise(numbered(3)[0])], rows=1, k1=3)
    list(inner)
    with pytest.raises(ValueError, match="sequence 0 is an iterator"):
        list(inner)
    made = Stream(lambda: iter(numbered(3)), rows=1, k1=3)
    assert len(list(made)) == len(list(made)) == 1


# What is refused.


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            [(torch.zeros(3, 1), torch.zeros(2, 1))],
            r"sequence 0 needs a target.*\(3, 1\).*\(2, 1\)",
        ),
        ([(torch.zeros(0, 1), torch.zeros(0, 1))], "sequence 0 needs a target"),
        ([(torch.zeros(3), torch.zeros(3))], r"inputs\[:, None\]; if these are the inputs of one"),
        (
            [*numbered(2), (torch.zeros(2, 2), torch.zeros(2, 1))],
            r"sequence 1 .*\[2\].*before.*\[1\]",
        ),
        ([[(torch.zeros(1), torch.zeros(1)), (torch.zeros(2), torch.zeros(1))]], "after step 0"),
    ],
)
def test_sequences_that_do_not_fit_are_named(source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(Stream(source, rows=1, k1=2))


def test_other_sources_are_refused() -> None:
    x = torch.zeros(3, 1)
    with pytest.raises(TypeError, match="got a int"):
        Stream(3, rows=1, k1=2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sequence 0 is a Tensor"):
        list(Stream([x], rows=1, k1=2))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="3 steps cannot be cut into 4 rows"):
        Stream((x, x), rows=4, k1=2)
    for name in ("rows", "k1"):
        with pytest.raises(ValueError, match=f"{name} is a whole number"):
            Stream((x, x), **{"rows": 1, "k1": 2, name: 0})
