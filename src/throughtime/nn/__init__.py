"""Recurrent layers and networks as torch modules."""

from throughtime.nn import init
from throughtime.nn.network import Network, activations
from throughtime.nn.recurrent import Recurrent

__all__ = ["Network", "Recurrent", "activations", "init"]
