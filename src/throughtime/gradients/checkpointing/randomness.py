"""The state of random numbers, for runs that are to draw the same ones again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RandomState:
    """Where torch's generators stand, on the CPU and on one device.

    Attributes:
        cpu: As of `torch.get_rng_state`.
        device: The device, if it is another one.
        other: Its state.
    """

    cpu: Tensor
    device: torch.device | None = None
    other: Tensor | None = None

    @classmethod
    def now(cls, device: torch.device) -> RandomState:
        """Take the state, for operations on a device."""
        if device.type in ("cpu", "meta"):
            return cls(torch.get_rng_state())
        other: Tensor = torch.get_device_module(device).get_rng_state(device)
        return cls(torch.get_rng_state(), device, other)

    def restore(self) -> None:
        """Go back to it."""
        torch.set_rng_state(self.cpu)
        if self.device is not None:
            torch.get_device_module(self.device).set_rng_state(self.other, self.device)

    def same(self, as_other: RandomState) -> bool:
        """Whether nothing was drawn between two states."""
        if self.other is not None and as_other.other is not None:
            return torch.equal(self.cpu, as_other.cpu) and torch.equal(self.other, as_other.other)
        return torch.equal(self.cpu, as_other.cpu)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.cpu.nbytes + (0 if self.other is None else self.other.nbytes)
