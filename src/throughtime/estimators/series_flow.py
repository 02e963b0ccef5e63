"""How far back the gradients of a forecaster reach, on the last rows that it learns from.

Of several series the longest is looked at.
"""

from __future__ import annotations

import torch
from torch import Tensor

from throughtime.data import Dataset
from throughtime.estimators.series_model import SeriesModel
from throughtime.flow import Flow, flow
from throughtime.flow.probe import FlowProbe
from throughtime.flow.walk import Walk, walk

FLOW_STEPS = 300
"""Steps on which gradient flow is measured: what it needs of memory grows with them."""
PROBE_STEPS = 72
"""Steps on which it is looked at while a network is trained."""


def flow_of(model: SeriesModel, dataset: Dataset) -> Flow:
    """Measure how far back the gradient reaches, on the last training rows.

    Raises:
        NoFlowError: There is no gradient, or it is not finite.
    """
    before, inputs, targets = _measured(model, dataset)
    state = None
    if len(before):
        with torch.no_grad():
            _, state = model.network(before)
    return flow(model.network, inputs, targets, model.rows.loss, state)


def probe_of(model: SeriesModel, dataset: Dataset) -> FlowProbe:
    """Give a callback that looks at the gradient by lag while a forecaster is trained.

    It looks at the last rows of those that `flow_of` measures, from the network's own start: a look
    has to be cheap, and its cost grows with the steps.
    """
    _, inputs, targets = _measured(model, dataset)
    looked_at = inputs[-PROBE_STEPS:], targets[-PROBE_STEPS:]
    return FlowProbe(model.network, *looked_at, model.rows.loss)


def walk_of(model: SeriesModel, dataset: Dataset) -> Walk:
    """Walk through the last training rows, as many as a window has and a page can show.

    Raises:
        FloatingPointError: A loss or a state is not finite.
        NoFlowError: There is no gradient.
    """
    before, inputs, targets = _measured(model, dataset)
    steps = min(model.settings.window, len(inputs))
    before = torch.cat([before, inputs[:-steps]])
    state = None
    if len(before):
        with torch.no_grad():
            _, state = model.network(before)
    times, stop = dataset.series.times, dataset.split.train.stop
    return walk(
        model.network,
        inputs[-steps:],
        targets[-steps:],
        model.rows.loss,
        state,
        labels=times[stop - steps : stop],
        input_labels=times[stop - 1 - steps : stop - 1],
    )


def _measured(model: SeriesModel, dataset: Dataset) -> tuple[Tensor, Tensor, Tensor]:
    """Give the rows that flow is measured on, as inputs and targets, and those before them."""
    stop = dataset.split.train.stop - model.settings.difference
    rows = model.scaled(dataset.series)[:stop, None]  # [T, 1, R]
    inputs, asked = model.rows.read(rows), model.rows.asked(rows)
    start = max(0, len(inputs) - FLOW_STEPS)
    return inputs[:start], inputs[start:], asked[start:]
