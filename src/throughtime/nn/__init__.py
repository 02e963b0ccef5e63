"""Recurrent layers and networks as torch modules."""

from throughtime.nn import init
from throughtime.nn.as_torch import GRU, LSTM, RNN
from throughtime.nn.convert import convert_
from throughtime.nn.network import Network, activations
from throughtime.nn.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Network", "Recurrent", "activations", "convert_", "init"]
