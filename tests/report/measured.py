"""What a small network's gradient flow and walk really are, as a run records them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

import throughtime as tt
from throughtime.flow.walk import walk

STEPS = 30
SQUARED = nn.MSELoss(reduction="none")


@cache
def measured(cell: str = "lstm", layers: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give `flow.json`, with three updates over a training, and `walk.json`; not to be changed."""
    torch.manual_seed(0)
    network = tt.Network(cell, 1, 5, 1, num_layers=layers, dtype=torch.float64)
    x = torch.randn(STEPS + 1, 3, 1, dtype=torch.float64)
    inputs, targets = x[:-1], x[1:]
    over_training = []
    for update, shrunk in ((0, 0.5), (20, 0.8), (40, 1.0)):
        scaled = tt.Network(cell, 1, 5, 1, num_layers=layers, dtype=torch.float64)
        scaled.load_state_dict({k: v * shrunk for k, v in network.state_dict().items()})
        found = tt.flow(scaled, inputs, targets, SQUARED)
        by_layer = [
            {"lag": list(one.lag), "median": list(one.median), "horizon": one.horizon()}
            for one in found.layers
        ]
        over_training.append({"update": update, "epoch": update // 4, "layers": by_layer})
    years = [str(1900 + step) for step in range(STEPS + 1)]
    walked = walk(
        network, inputs[:, :1], targets[:, :1], SQUARED, labels=years[1:], input_labels=years[:-1]
    )
    flow = tt.flow(network, inputs, targets, SQUARED).as_dict()
    return {**flow, "over_training": over_training}, walked.as_dict()
