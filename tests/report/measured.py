"""What a small network's gradient flow and walk really are, as a run records them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.flow.walk import walk

STEPS = 30
SQUARED = nn.MSELoss(reduction="none")


def measured(cell: str = "lstm", layers: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give `flow.json`, with three updates over a training, and `walk.json`; not to be changed."""
    return measured_flow(cell, layers), measured_walk(cell, layers)


@cache
def measured_walk(cell: str, layers: int) -> dict[str, Any]:
    """Give `walk.json`."""
    network, inputs, targets = _network(cell, layers)
    years = [str(1900 + step) for step in range(STEPS + 1)]
    found = walk(
        network,
        inputs[:, :1],
        targets[:, :1],
        SQUARED,
        labels=years[1:],
        input_labels=years[:-1],
    )
    return found.as_dict()


@cache
def measured_flow(cell: str, layers: int) -> dict[str, Any]:
    """Give `flow.json`: of three rows, so that there are quantiles."""
    network, inputs, targets = _network(cell, layers)
    weights, over_training = network.state_dict(), []
    for update, shrunk in ((0, 0.5), (20, 0.8), (40, 1.0)):
        scaled, _, _ = _network(cell, layers)
        scaled.load_state_dict({name: weight * shrunk for name, weight in weights.items()})
        found = tt.flow(scaled, inputs, targets, SQUARED)
        by_layer = [
            {"lag": list(one.lag), "median": list(one.median), "horizon": one.horizon()}
            for one in found.layers
        ]
        over_training.append({"update": update, "epoch": update // 4, "layers": by_layer})
    return {**found.as_dict(), "over_training": over_training}


def _network(cell: str, layers: int) -> tuple[tt.Network, Tensor, Tensor]:
    torch.manual_seed(0)
    network = tt.Network(cell, 1, 5, 1, num_layers=layers, dtype=torch.float64)
    x = torch.randn(STEPS + 1, 3, 1, dtype=torch.float64)
    return network, x[:-1], x[1:]
