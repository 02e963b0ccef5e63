"""How well a text was expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Stream
from throughtime.data.tasks.asked import cross_entropy
from throughtime.data.text import Vocabulary
from throughtime.estimators.symbol_network import encoded
from throughtime.nn import Network

AT_ONCE = 2000
"""Steps of rows that one forward pass runs over: what memory holds of a text."""


@dataclass(frozen=True)
class TextScore:
    """The length of a text under a model: what a code by its probabilities would take.

    Attributes:
        bits: -log2 of the probability of all symbols but the first, each given those before it.
        symbols: How many symbols that is.
        characters: How many characters they stand for.
        unknown: How many of the symbols have no number of their own; their price is in the bits.
    """

    bits: float
    symbols: int
    characters: int
    unknown: int

    @property
    def bits_per_character(self) -> float:
        """Comparable whatever the symbols are."""
        return self.bits / max(self.characters, 1)

    @property
    def bits_per_symbol(self) -> float:
        """The cross entropy, in bits."""
        return self.bits / self.symbols

    @property
    def perplexity(self) -> float:
        """`2 ** bits_per_symbol`: among how many equally likely symbols the model might choose."""
        return float(2.0 ** min(self.bits_per_symbol, 1023.0))

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "bits_per_character": self.bits_per_character,
            "bits_per_symbol": self.bits_per_symbol,
            "perplexity": self.perplexity,
            "symbols": self.symbols,
            "characters": self.characters,
            "unknown": self.unknown,
        }


@torch.no_grad()
def score_of(network: Network, vocabulary: Vocabulary, numbers: Tensor, rows: int = 1) -> TextScore:
    """Score a text that is run through a network once, the state carried on.

    Args:
        network: What `network_of_symbols` made; it is left in evaluation mode.
        vocabulary: What the numbers stand for.
        numbers: Of two symbols or more, [T].
        rows: Parts that are read side by side, each from a state of zeros: faster, and a little
            worse.
    """
    network.eval()
    state, nats, symbols = None, 0.0, 0
    for chunk in Stream((numbers[:-1], numbers[1:]), rows, max(1, AT_ONCE // rows)):
        logits, state = network(encoded(network, chunk.inputs, vocabulary.unknown), state)
        losses = cross_entropy(logits, chunk.targets.to(logits.device).long())  # [T, B]
        if chunk.lengths is not None:
            valid = torch.arange(len(losses))[:, None] < chunk.lengths
            losses = losses[valid.to(losses.device)]
        nats += float(losses.double().sum())
        symbols += losses.numel()
    predicted, unknown = numbers[1:], vocabulary.unknown
    missing = 0 if unknown is None else int((predicted == unknown).sum())
    bits = nats / math.log(2) + missing * vocabulary.unknown_bits
    return TextScore(bits, symbols, vocabulary.characters(predicted), missing)
