"""Sequences without end, or too long for one piece: read chunk by chunk, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Ordered
from typing import Any

import torch
from torch import Tensor

from throughtime.data.batch import Chunk
from throughtime.data.sequences import Array, Reader, Sequence, check_arrays, is_pair


class Stream:
    """Sequences read side by side, a chunk at a time, for a network that carries its state on.

    Each row reads its own sequences one after the other. A row that has come to the end of one
    takes the next of the source that no row has taken, at that very step; if several rows end
    together the upper one takes first. So chunks are full as long as there is something left, and
    rows never swap. `reset` says where sequences begin, also at the very start: a gradient method
    starts these rows anew, whatever state it is given. Chunks hold no more than their steps, and no
    more than that is read ahead, however long the sequences are.

    The state goes on from chunk to chunk in the hands of who trains, so an evaluation in between,
    on another stream, or on another pass over this one, leaves it alone:

        >>> import torch, throughtime as tt
        >>> x = torch.randn(1000, 1)
        >>> stream = Stream((x[:-1], x[1:]), rows=4, k1=25)
        >>> model, method = tt.Network("gru", 1, 8, 1), tt.BPTT()
        >>> loss, state = torch.nn.MSELoss(reduction="none"), None
        >>> optimizer = torch.optim.Adam(model.parameters())
        >>> for c in stream:
        ...     for update in method(model, c.inputs, c.targets, loss, state, c.lengths, c.reset):
        ...         optimizer.step(); optimizer.zero_grad(); state = update.state

    BPTT over chunks of k1 steps is TBPTT(k1) over the whole.

    No gradient flows from one chunk back into the one before. A method that looks back further than
    it steps, such as `TBPTT(k1, k2)` with k2 > k1, needs longer chunks: let `chunk` be several
    times k2. The windows of the first `k2 - k1` steps of each chunk are cut short by its border.

    Args:
        source: One long sequence, as a pair of arrays, inputs [T, I] and targets [T, O] (numpy
            arrays on disk are read as they are needed): it is cut into as many parts as there are
            rows, one after the other as language models have it, the first ones a step longer where
            T is no multiple. Or an iterable of sequences, each such a pair or an iterable of steps
            (x [I], d [O]), of any length. Or a function that gives such an iterable, called for
            every pass.
        rows: Sequences read side by side, B.
        k1: Steps between updates.
        chunk: Steps of a chunk, a multiple of k1; k1 if left out.
        shuffle: Whether each pass reads the sequences of a list in another order.
        seed: For the order.

    Raises:
        TypeError: The source is none.
        ValueError: A number of steps or rows is none; there are fewer steps than rows; what is to
            be shuffled is no list of sequences.
    """

    def __init__(
        self,
        source: tuple[Array, Array] | Iterable[Sequence] | Callable[[], Iterable[Sequence]],
        rows: int,
        k1: int,
        chunk: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        self.rows, self.k1 = _whole("rows", rows), _whole("k1", k1)
        self.chunk = k1 if chunk is None else _whole("chunk", chunk)
        if self.chunk % k1:
            raise ValueError(
                f"a chunk of {chunk} steps is no multiple of k1 = {k1}: an update would be cut "
                "short at the end of each chunk"
            )
        self.shuffle, self.seed, self.passes = shuffle, seed, 0
        whole = is_pair(source)
        if is_pair(source):
            self.source: Any = _parts(source, rows)
        elif callable(source) or isinstance(source, Iterable):
            self.source = source
        else:
            raise TypeError(
                "a stream reads a pair (inputs, targets), an iterable of sequences, or a function "
                f"that gives one; got a {type(source).__name__}"
            )
        if shuffle and (whole or not self.listed):
            raise ValueError(
                "one long sequence is read in order, for its rows carry their state on; to "
                "shuffle, give the sequences that may be read in any order as a list"
                if whole
                else "only a list of sequences can be shuffled, and the source is none; shuffle "
                "where the sequences come from"
            )

    @property
    def listed(self) -> bool:
        """Whether sequences can be read in any order, and a position taken up again."""
        return isinstance(self.source, Ordered)

    def __iter__(self) -> Pass:
        """Begin a pass from the start; passes do not disturb each other.

        Raises:
            ValueError: The source is an iterator, and a pass has begun already.
        """
        self.passes += 1
        if self.passes > 1:
            _once(self.source, "the source")
        return Pass(self, self.passes - 1)

    def order(self, number: int) -> list[int]:
        """Give the order in which a pass reads the sequences of a list."""
        count = len(self.source)
        if not self.shuffle:
            return list(range(count))
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * number)
        return [int(i) for i in torch.randperm(count, generator=generator)]


class Pass:
    """One pass over a stream: an iterator of chunks, and its position."""

    def __init__(self, stream: Stream, number: int) -> None:
        self.stream, self.number = stream, number
        self.chunks = 0  # given so far
        self.taken = 0  # sequences
        self.readers: list[Reader | None] = [None] * stream.rows
        self.indices = [-1] * stream.rows  # which sequence each row reads
        self._shape: Any = None
        self._begin()

    def _begin(self) -> None:
        source = self.stream.source
        if self.stream.listed:
            self._order = self.stream.order(self.number)
        else:
            self._rest = iter(source() if callable(source) else source)

    def __iter__(self) -> Pass:
        return self

    def __next__(self) -> Chunk:
        stream = self.stream
        filled, over = [0] * stream.rows, [False] * stream.rows
        pieces: list[tuple[int, int, tuple[Tensor, Tensor]]] = []
        reset = torch.zeros(stream.chunk, stream.rows, dtype=torch.bool)
        while True:
            # The row that is free first takes first, so that chunks of any length deal alike.
            open_rows = [r for r in range(stream.rows) if filled[r] < stream.chunk and not over[r]]
            if not open_rows:
                break
            row = min(open_rows, key=filled.__getitem__)
            reader = self.readers[row] = self.readers[row] or self._next(row)
            if reader is None:
                over[row] = True
                continue
            begins = reader.at == 0
            piece = reader.take(stream.chunk - filled[row])
            if piece is None:
                self.readers[row] = None
                continue
            self._check(piece, reader.where)
            reset[filled[row], row] = begins
            pieces.append((row, filled[row], piece))
            filled[row] += len(piece[0])
        if not pieces:
            raise StopIteration
        self.chunks += 1
        T = max(filled)
        inputs, targets = (
            pieces[0][2][part].new_zeros(T, stream.rows, *pieces[0][2][part].shape[1:])
            for part in (0, 1)
        )
        for row, at, (x, d) in pieces:
            inputs[at : at + len(x), row] = x
            targets[at : at + len(d), row] = d
        lengths = None if min(filled) == T else torch.tensor(filled)
        begins_any = bool(reset.any())
        return Chunk(inputs, targets, lengths, reset[:T] if begins_any else None, self.chunks - 1)

    def _next(self, row: int) -> Reader | None:
        """Give a row the next sequence; None if there is none."""
        if self.stream.listed:
            if self.taken == len(self._order):
                return None
            index = self._order[self.taken]
            sequence = self.stream.source[index]
        else:
            index = self.taken
            try:
                sequence = next(self._rest)
            except StopIteration:
                return None
        self.taken += 1
        self.indices[row] = index
        if self.number > 0:
            _once(sequence, f"sequence {index}")
        return Reader(sequence, f"sequence {index}")

    def _check(self, piece: tuple[Tensor, Tensor], where: str) -> None:
        shape = tuple((tuple(part.shape[1:]), part.dtype) for part in piece)
        self._shape = self._shape or shape
        if shape != self._shape:
            raise ValueError(
                f"{where} has steps of {_shown(shape)}; those before have {_shown(self._shape)}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Give the position after the last chunk given, in plain numbers.

        Raises:
            ValueError: The source is no list and no pair of arrays: only these can be taken up
                again in the middle.
        """
        self._check_listed()
        return {
            "rows": self.stream.rows,
            "sequences": len(self._order),
            "pass": self.number,
            "chunks": self.chunks,
            "taken": self.taken,
            "reading": [
                None if reader is None else [index, reader.at]
                for index, reader in zip(self.indices, self.readers, strict=True)
            ],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a position that `state_dict` gave; what a network carries is not part of it.

        Raises:
            ValueError: The position is one in another stream, or the source cannot be taken up.
        """
        self._check_listed()
        mine = {"rows": self.stream.rows, "sequences": len(self._order)}
        theirs = {name: state.get(name) for name in mine}
        if theirs != mine:
            raise ValueError(f"the position is one in a stream with {theirs}; this one has {mine}")
        self.number, self.chunks, self.taken = state["pass"], state["chunks"], state["taken"]
        self.stream.passes = max(self.stream.passes, self.number + 1)
        self._begin()
        for row, reading in enumerate(state["reading"]):
            self.readers[row] = None
            if reading is not None:
                index, at = reading
                reader = Reader(self.stream.source[index], f"sequence {index}")
                reader.go_to(at)
                self.indices[row], self.readers[row] = index, reader

    def _check_listed(self) -> None:
        if not self.stream.listed or not all(r is None or r.of_arrays for r in self.readers):
            raise ValueError(
                "a position can be taken up again in arrays, or a list of them; an iterable "
                "has to be read from its start"
            )


def _parts(source: tuple[Array, Array], rows: int) -> list[tuple[Array, Array]]:
    """Cut one sequence into parts, one after the other."""
    inputs, targets = source
    check_arrays(inputs, targets, "the source")
    T = len(inputs)
    if rows > T:
        raise ValueError(f"{T} steps cannot be cut into {rows} rows; give fewer rows")
    ends = [(T // rows) * (row + 1) + min(row + 1, T % rows) for row in range(rows)]
    begins = [0, *ends[:-1]]
    return [(inputs[a:b], targets[a:b]) for a, b in zip(begins, ends, strict=True)]


def _once(source: Any, what: str) -> None:
    if isinstance(source, Iterator):
        raise ValueError(
            f"{what} is an iterator, which can be read once, and another pass over it has begun; "
            "go on with that one (chunks = iter(stream)), or give as the source a function that "
            "makes its sequences anew"
        )


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number, at least 1; got {value!r}")
    return value


def _shown(shape: Any) -> str:
    (x, x_type), (d, d_type) = shape
    return f"inputs {list(x)}, {x_type}, and targets {list(d)}, {d_type}"
