"""The most multiply-adds that the processor can do, as measured here."""

from __future__ import annotations

import torch

_ROUNDS, _TIMES = 1 << 20, 4
"""A million rounds take 3 to 20 ms."""


class Peak:
    """The best rate of multiply-adds in registers that was seen so far.

    It stands for what can be reached, so the best of several short measurements counts. Whoever
    measures again between races is the less disturbed by what else the machine does.

    Args:
        dtype: torch.float32 or torch.float64.
        threads: Threads that multiply and add.

    Attributes:
        rate: Floating-point operations a second, two for each multiply-add; None before the first
            measurement, and where the native module is not there.
    """

    def __init__(self, dtype: torch.dtype, threads: int) -> None:
        self.dtype, self.threads = dtype, threads
        self.rate: float | None = None

    def measure(self) -> None:
        """Measure once more, for less than 0.1 s, with the instruction set that the engine uses."""
        from throughtime.engine.native_module import instruction_set, module

        if module is None:
            return
        measured = getattr(module, f"peak_{str(self.dtype).removeprefix('torch.')}")
        for _ in range(_TIMES):
            rate = measured(instruction_set(), self.threads, _ROUNDS) * 1e9
            self.rate = max(rate, self.rate or 0.0)

    def share(self, rate: float) -> float | None:
        """Give a rate as a part of the peak; None where there is none."""
        return None if self.rate is None else rate / self.rate
