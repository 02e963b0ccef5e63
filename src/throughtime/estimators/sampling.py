"""One symbol drawn from what a network expects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.estimators.settings import SettingsError


@dataclass(frozen=True)
class Sampling:
    """How the next symbol is drawn from the logits of all.

    Attributes:
        temperature: What the logits are divided by: below 1 likely symbols become likelier; 0 takes
            the likeliest.
        top_k: Draw among so many of the likeliest symbols; None for all (Fan, Lewis & Dauphin
            2018).
        top_p: Draw among the fewest symbols that together have at least this probability, after the
            temperature; None for all (nucleus sampling, Holtzman et al. 2020).

    Raises:
        SettingsError: A number is out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise SettingsError(f"temperature must be 0 or more, got {self.temperature!r}")
        if self.top_k is not None and (
            isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 1
        ):
            raise SettingsError(f"top_k is a number of symbols, at least 1; got {self.top_k!r}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise SettingsError(f"top_p is a probability above 0, at most 1; got {self.top_p!r}")

    def probabilities(self, logits: Tensor, never: int | None = None) -> Tensor:
        """Give the probability with which each symbol is drawn.

        Args:
            logits: Finite, [V].
            never: A symbol that is not to be drawn.

        Returns:
            [V], float64.
        """
        logits = logits.double()
        if never is not None:
            logits = logits.clone()
            logits[never] = -math.inf
        logits = logits - logits.max()
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logits.argmax(), len(logits)).double()
        p = torch.softmax(logits / self.temperature, 0)
        if self.top_k is None and self.top_p is None:
            return p
        sorted_p, order = p.sort(descending=True, stable=True)
        if self.top_k is not None:
            sorted_p[self.top_k :] = 0
        if self.top_p is not None:
            sorted_p /= sorted_p.sum()
            before = sorted_p.cumsum(0) - sorted_p  # of the likelier ones together
            sorted_p[before >= self.top_p] = 0
        return torch.zeros_like(p).index_copy_(0, order, sorted_p / sorted_p.sum())

    def draw(self, logits: Tensor, generator: torch.Generator, never: int | None = None) -> int:
        """Draw a symbol; see `probabilities`."""
        return int(torch.multinomial(self.probabilities(logits, never), 1, generator=generator))

    def generator(self, seed: int | None) -> torch.Generator:
        """Give what chance comes from: the same for a seed, another each time for None.

        Raises:
            SettingsError: The seed is none.
        """
        generator = torch.Generator()
        if seed is None:
            generator.seed()
            return generator
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise SettingsError(f"seed must be between 0 and 2**63 - 1, got {seed!r}")
        return generator.manual_seed(seed)
