"""A text written on by a network, symbol by symbol."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from throughtime.data.text import Characters, Vocabulary
from throughtime.estimators.sampling import Sampling
from throughtime.estimators.settings import SettingsError
from throughtime.estimators.symbol_network import columns, encoded
from throughtime.nn import Network


def text_after(
    prompt: str,
    network: Network,
    vocabulary: Vocabulary,
    opening: int,
    length: int,
    sampling: Sampling,
    seed: int | None,
) -> Iterator[str]:
    """Write on from a prompt; arguments are checked at once.

    Args:
        prompt: What comes before.
        network: What `network_of_symbols` made.
        vocabulary: Its symbols.
        opening: The first symbol where nothing comes before.
        length: Symbols to write.
        sampling: How they are drawn.
        seed: The same gives the same text; None for another each time.

    Yields:
        Text in whole characters.

    Raises:
        SettingsError: A number is out of range.
    """
    length = length.item() if isinstance(length, np.generic) else length
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise SettingsError(f"length is a number of symbols, 0 or more; got {length!r}")
    numbers = vocabulary.encode(prompt)
    if isinstance(vocabulary, Characters) and (unseen := vocabulary.unseen(prompt)):
        warnings.warn(
            f"the prompt has characters that were never learned, {unseen!r}; they are passed over "
            "as unknown",
            stacklevel=3,
        )
    draw, unknown = sampling.generator(seed), vocabulary.unknown
    return vocabulary.decoded(write_on(network, numbers, opening, length, sampling, draw, unknown))


@torch.no_grad()
def write_on(
    network: Network,
    prompt: Tensor,
    opening: int,
    length: int,
    sampling: Sampling,
    generator: torch.Generator,
    unknown: int | None,
) -> Iterator[int]:
    """Draw one symbol after the other, the state carried in a `network.stepper()`.

    Args:
        network: What `network_of_symbols` made; it is left in evaluation mode.
        prompt: Numbers of what comes before, [T].
        opening: The first symbol where nothing comes before.
        length: Symbols to write.
        sampling: How they are drawn.
        generator: Where chance comes from.
        unknown: The number that is never drawn.

    Yields:
        Numbers of symbols.
    """
    network.eval()
    stepper = network.stepper()
    number = int(prompt[-1]) if len(prompt) else opening
    if len(prompt) > 1:
        _, stepper.state = network(encoded(network, prompt[:-1, None], unknown))
    if length and not len(prompt):
        yield number
        length -= 1
    for _ in range(length):
        logits = stepper(columns(network, torch.tensor([number]), unknown))
        number = sampling.draw(logits.flatten().cpu(), generator, never=unknown)
        yield number
