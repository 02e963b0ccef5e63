"""A text written on by a network, symbol by symbol."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.estimators.sampling import Sampling
from throughtime.estimators.symbol_network import columns, encoded
from throughtime.nn import Network


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
