"""Gradient methods by name; a new one is a file of its own and one line in `registry`."""

from throughtime.gradients.adaptive_tbptt import AdaptiveTBPTT
from throughtime.gradients.bptt import BPTT
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.evolution import EvolutionStrategy
from throughtime.gradients.method import GradientMethod, Loss, Update
from throughtime.gradients.random_tbptt import RandomTBPTT
from throughtime.gradients.tbptt import TBPTT

registry: dict[str, type[GradientMethod]] = {
    "bptt": BPTT,
    "tbptt": TBPTT,
    "adaptive": AdaptiveTBPTT,
    "random": RandomTBPTT,
    "evolution": EvolutionStrategy,
}

__all__ = [
    "BPTT",
    "TBPTT",
    "AdaptiveTBPTT",
    "Clipping",
    "EvolutionStrategy",
    "GradientMethod",
    "Loss",
    "RandomTBPTT",
    "Update",
    "registry",
]
