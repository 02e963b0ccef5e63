"""Gradient methods by name; a new one is a file of its own and one line in `registry`."""

from throughtime.gradients.bptt import BPTT
from throughtime.gradients.checkpointed import CheckpointedBPTT
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.method import GradientMethod, Loss, Update
from throughtime.gradients.tbptt import TBPTT

registry: dict[str, type[GradientMethod]] = {
    "bptt": BPTT,
    "checkpointed": CheckpointedBPTT,
    "tbptt": TBPTT,
}

__all__ = [
    "BPTT",
    "TBPTT",
    "CheckpointedBPTT",
    "Clipping",
    "GradientMethod",
    "Loss",
    "Update",
    "registry",
]
