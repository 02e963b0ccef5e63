"""Gradient methods by name; a new one is a file of its own and one line in `registry`."""

from throughtime.gradients.bptt import BPTT
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.method import GradientMethod, Loss, Update
from throughtime.gradients.rtrl import RTRL
from throughtime.gradients.snap import SnAp
from throughtime.gradients.tbptt import TBPTT
from throughtime.gradients.uoro import UORO

registry: dict[str, type[GradientMethod]] = {
    "bptt": BPTT,
    "tbptt": TBPTT,
    "rtrl": RTRL,
    "snap": SnAp,
    "uoro": UORO,
}

__all__ = [
    "BPTT",
    "RTRL",
    "TBPTT",
    "UORO",
    "Clipping",
    "GradientMethod",
    "Loss",
    "SnAp",
    "Update",
    "registry",
]
