"""A text as what a language model is trained on: its symbols, and chunks of a stream of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data import DataError, Stream
from throughtime.data.text import ByteValues, Characters, Tokens, Vocabulary
from throughtime.estimators.settings import SettingsError
from throughtime.gradients import GradientMethod

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


def last_share(text: str | bytes, share: float) -> int:
    """Give where the last share of a text begins; 0.1 of 90 is 9, whatever binary fractions say."""
    return len(text) - math.floor(share * len(text) + 1e-9)


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


def cut_anew(numbers: Tensor, rows: int, window: int, k1: int, chunk: int) -> Stream:
    """Give the stream of one pass, which begins a random part of a window further on.

    So the chunks of a text that is read many times are not the same ones each time.

    Args:
        numbers: A text, [T], longer than a window.
        rows: Read side by side, at most; fewer where the text is too short for a window each.
        window: Steps.
        k1: Steps between updates.
        chunk: Steps of a chunk.
    """
    steps = len(numbers) - 1
    rows = max(1, min(rows, steps // window))
    spare = min(window, steps - rows * window + 1)  # every row keeps a window
    start = int(torch.randint(spare, ()))
    return Stream((numbers[start:-1], numbers[start + 1 :]), rows, k1, chunk)
