"""Gradient methods by name; a new one is a file of its own and one line in `registry`."""

from throughtime.gradients.bptt import BPTT
from throughtime.gradients.method import GradientMethod, Loss, Update

registry: dict[str, type[GradientMethod]] = {
    "bptt": BPTT,
}

__all__ = ["BPTT", "GradientMethod", "Loss", "Update", "registry"]
