"""A text as what a language model is trained on: its symbols, and chunks of a stream of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Chunk, DataError, Stream
from throughtime.data.text import ByteValues, Characters, Text, Tokens, Vocabulary
from throughtime.estimators.settings import SettingsError
from throughtime.gradients import GradientMethod

Read = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

UPDATES_OF_A_CHUNK = 4
"""Of methods that step on their own: how much longer than their longest window a chunk is."""


def vocabulary_for(asked: Any, text: str | bytes) -> Vocabulary:
    """Give the vocabulary that was asked for.

    Args:
        asked: "characters" (of the text), "bytes", the path of a tokenizer's file, a
            `tokenizers.Tokenizer`, or a vocabulary as it is.
        text: What is learned from.

    Raises:
        SettingsError: It is none of these.
        DataError: A tokenizer's file cannot be used, or bytes came where characters are needed.
    """
    if isinstance(asked, Vocabulary):
        return asked
    if asked == ByteValues.name:
        return ByteValues()
    if asked == Characters.name:
        if isinstance(text, bytes):
            raise DataError(
                "bytes came where characters are needed; decode them, or take the vocabulary "
                "'bytes'"
            )
        return Characters.of(text)
    if isinstance(asked, Path) or (isinstance(asked, str) and Path(asked).suffix):
        return Tokens.read(asked)
    if hasattr(asked, "encode") and hasattr(asked, "get_vocab"):
        return Tokens(asked)
    raise SettingsError(
        f"unknown vocabulary {asked!r}; known are characters, bytes, and the tokenizer.json of the "
        "tokenizers library"
    )


def content_of(text: object) -> str | bytes:
    """Give what is in one text.

    Raises:
        DataError: It is none, or several.
    """
    content = text.content if isinstance(text, Text) else text
    if not isinstance(content, str | bytes):
        raise DataError(
            f"one text is expected, str or bytes; got {type(content).__name__}.\n"
            "To mend: join several texts to one, or read files with tt.data.read_text."
        )
    return content


def refuse_short(numbers: Tensor, held: Tensor | None, window: int, vocabulary: Vocabulary) -> None:
    """Refuse what is too short to learn from, or to validate on.

    Args:
        numbers: What is learned from, [T].
        held: What is validated on, [T]; None for nothing.
        window: Steps that are looked back on.
        vocabulary: What the numbers stand for.

    Raises:
        DataError: With what there is and what it takes.
    """
    if len(numbers) <= window:
        raise DataError(
            f"there are {len(numbers)} {vocabulary.symbol}(s) to learn from, and a window of "
            f"{window} steps takes {window + 1} or more.\nTo mend: give a longer text, or a "
            f"shorter window{_window(len(numbers))}."
        )
    if held is not None and len(held) < 2:
        raise DataError(
            f"there are {len(held)} {vocabulary.symbol}(s) to validate on, 2 or more are needed.\n"
            "To mend: give a longer text, or another share for validation (0 for none)."
        )


def _window(count: int) -> str:
    return f" ({count - 1} or fewer steps)" if count > 1 else ""


def steps_of(method: GradientMethod, window: int) -> tuple[int, int]:
    """Give the steps between updates, and those of a chunk, that suit a method.

    A method that goes over the whole of what it is given gets a window. One that steps on its own
    gets chunks that are several times what it looks back on, for no gradient crosses their borders.
    """
    k1 = getattr(method, "k1", None)
    back = max(getattr(method, name, 0) or 0 for name in ("k1", "k2", "most", "length"))
    if not back:
        return window, window
    step = k1 or 1
    return step, step * math.ceil(max(window, UPDATES_OF_A_CHUNK * back) / step)


class TextChunks:
    """One pass over a text, chunk by chunk, that begins a random part of a window further on.

    So the chunks of a text that is read many times are not the same ones each time. The pass keeps
    its own place, as one over a `Stream` does.

    Args:
        numbers: A text, [T], longer than a window.
        rows: Read side by side, at most; fewer where the text is too short for a window each.
        window: Steps.
        k1: Steps between updates.
        chunk: Steps of a chunk.
        read: Makes of the numbers of inputs and targets what the network and the loss take.
    """

    def __init__(
        self, numbers: Tensor, rows: int, window: int, k1: int, chunk: int, read: Read
    ) -> None:
        steps = len(numbers) - 1
        self._rows = max(1, min(rows, steps // window))
        self._spare = min(window, steps - self._rows * window + 1)  # every row keeps a window
        self._numbers, self._k1, self._chunk, self._read = numbers, k1, chunk, read
        self._begin(int(torch.randint(self._spare, ())))

    def _begin(self, start: int) -> None:
        pair = self._numbers[start:-1], self._numbers[start + 1 :]
        self._start, self._pass = start, iter(Stream(pair, self._rows, self._k1, self._chunk))

    def __iter__(self) -> TextChunks:
        return self

    def __next__(self) -> Chunk:
        piece = next(self._pass)
        inputs, targets = self._read(piece.inputs, piece.targets)
        return replace(piece, inputs=inputs, targets=targets)

    def state_dict(self) -> dict[str, Any]:
        """Give where the pass began, and the position after the last chunk given."""
        return {"start": self._start, "stream": self._pass.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a position that `state_dict` gave.

        Raises:
            ValueError: It is one in another text.
        """
        start = state["start"]
        if type(start) is not int or not 0 <= start < self._spare:
            raise ValueError(f"a pass over this text cannot begin at {start!r:.80}")
        self._begin(start)
        self._pass.load_state_dict(state["stream"])
