"""Training sequences changed at random, in ways that do not change what they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class Augmentation:
    """Changes a sequence of scaled features anew each time that it is learned from.

    Random numbers come from torch's generator. With all at 0 a sequence stays as it is.

    Attributes:
        stretch: It is resampled to between 1 - stretch and 1 + stretch of its length, linearly
            (speed perturbation: Ko et al. 2015).
        noise: Standard deviation of Gaussian noise that is added to every value.
        offset: Standard deviation of one number that is added to a whole sequence: for logarithmic
            features, how loud it is.
        masked_columns: At most so many neighbouring columns are set to 0, the mean (SpecAugment:
            Park et al. 2019).
        masked_steps: At most so large a share of neighbouring steps is set to 0, likewise.
    """

    stretch: float = 0.0
    noise: float = 0.0
    offset: float = 0.0
    masked_columns: int = 0
    masked_steps: float = 0.0

    def __call__(self, sequence: Tensor) -> Tensor:
        """Change a sequence, [T, I]; its number of steps may become another, at least one."""
        T, columns = sequence.shape
        if self.stretch:
            factor = 1 + self.stretch * (2 * float(torch.rand(())) - 1)
            T = max(1, round(factor * T))
            sequence = interpolate(sequence.T[None], size=T, mode="linear")[0].T
        if self.offset:
            sequence = sequence + self.offset * torch.randn(()).to(sequence)
        if self.noise:
            sequence = sequence + self.noise * torch.randn_like(sequence)
        for axis, most in (
            (1, min(self.masked_columns, columns - 1)),
            (0, int(self.masked_steps * T)),
        ):
            if most > 0:
                width = int(torch.randint(most + 1, ()))
                start = int(torch.randint(sequence.shape[axis] - width + 1, ()))
                sequence = sequence.clone()
                sequence.narrow(axis, start, width).zero_()
        return sequence
