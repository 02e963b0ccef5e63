"""Gradient methods by name; a new one is a file of its own and one line in `registry`."""

from throughtime.gradients.adaptive_tbptt import AdaptiveTBPTT
from throughtime.gradients.bptt import BPTT
from throughtime.gradients.checkpointed import CheckpointedBPTT
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.eprop import EProp
from throughtime.gradients.evolution import EvolutionStrategy
from throughtime.gradients.method import GradientMethod, Loss, Update
from throughtime.gradients.random_tbptt import RandomTBPTT
from throughtime.gradients.rflo import RFLO
from throughtime.gradients.rtrl import RTRL
from throughtime.gradients.snap import SnAp
from throughtime.gradients.tbptt import TBPTT
from throughtime.gradients.uoro import UORO

registry: dict[str, type[GradientMethod]] = {
    "bptt": BPTT,
    "checkpointed": CheckpointedBPTT,
    "tbptt": TBPTT,
    "adaptive": AdaptiveTBPTT,
    "random": RandomTBPTT,
    "rtrl": RTRL,
    "snap": SnAp,
    "uoro": UORO,
    "eprop": EProp,
    "rflo": RFLO,
    "es": EvolutionStrategy,
}

__all__ = [
    "BPTT",
    "RFLO",
    "RTRL",
    "TBPTT",
    "UORO",
    "AdaptiveTBPTT",
    "CheckpointedBPTT",
    "Clipping",
    "EProp",
    "EvolutionStrategy",
    "GradientMethod",
    "Loss",
    "RandomTBPTT",
    "SnAp",
    "Update",
    "registry",
]
