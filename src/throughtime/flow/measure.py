"""The measures of gradient flow, taken together of one network on given sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.flow.advice import Advice, for_layer, for_network
from throughtime.flow.backward_by_lag import Collector, backward_by_lag
from throughtime.flow.by_lag import ByLagCollector
from throughtime.flow.discarded import Truncation, TruncationCollector
from throughtime.flow.gates import gates
from throughtime.flow.jacobian import Jacobian, JacobianCollector, chunks
from throughtime.flow.lyapunov import LyapunovCollector, LyapunovSpectrum
from throughtime.flow.networks import unrolled_networks
from throughtime.flow.paths import PathsCollector
from throughtime.flow.result import Flow, LayerFlow
from throughtime.flow.step_adjoint import StepAdjoint
from throughtime.flow.triangle import TriangleCollector
from throughtime.flow.unrolled import Readout, UnrolledNetwork
from throughtime.flow.verdict import state_growth, verdict
from throughtime.gradients.method import Loss
from throughtime.nn.shapes import whole_number

_CUBES = 4e9
"""Multiplications that a matrix decomposition at every step of a row may take."""


def flow(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any = None,
    lengths: Tensor | Sequence[int] | None = None,
    readout: Readout | None = None,
    samples: int = 256,
    rows: int = 2,
) -> Flow:
    """Measure exactly how the gradients of a network flow back through given sequences.

    The gradient dE_s/dS_t of each step's loss by all states of a layer at each earlier step is
    computed by the recursion of backpropagation through time. Nothing is learned and nothing
    changed: the network runs in evaluation mode, and no `.grad` is touched.

    Args:
        model: A `Network`, or a layer of `throughtime.nn`, that runs forward in time only; or the
            `PooledNetwork` of estimators of sequences, in one direction or both, whose one loss a
            sequence is followed from where it enters (see `flow.pooled_network`).
        inputs: [T, B, I]; numbers of symbols, [T, B], where the network embeds them.
        targets: [T, B, ...]
        loss: Elementwise.
        state: What the network carries before the first step.
        lengths: Valid steps of each row, [B]; what lies beyond is never looked at.
        readout: What the outputs [..., H] of a layer are read by, step by step, before the loss;
            a `Network` has its own.
        samples: How many losses to follow back at most. Of more, evenly spaced ones are taken, the
            last among them, and the result says so.
        rows: How many rows of the batch, the longest ones, Jacobians are formed for; of large
            layers along the last steps only, and the result says along which.

    Returns:
        The figures of each layer; see `Flow`.

    Raises:
        TypeError: The model has no recurrent layer of this package.
        ValueError: It is bidirectional (a loss then reaches forward too), batch-first or projects
            its state, or the sequences are empty or do not fit.
        NoFlowError: No loss has a gradient; or inputs, activations or gradients are not finite,
            and where that begins is named.

    Example:
        >>> import torch, throughtime as tt
        >>> network = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(40, 2, 1), torch.ones(40, 2, 1)
        >>> flow = tt.flow(network, x, d, torch.nn.MSELoss(reduction="none"))
        >>> flow.layers[0].lag[-1], flow.layers[0].verdict.kind
        (20, 'vanishing')
    """
    samples, rows = whole_number("samples", samples, 1), whole_number("rows", rows, 1)
    networks = unrolled_networks(model, inputs, targets, loss, state, lengths, readout, samples)
    measured = [_measured(network, rows) for network in networks]
    return Flow(
        layers=tuple(layer for layers, _, _ in measured for layer in layers),
        losses=tuple(networks[0].losses.tolist()),
        every=all(network.every for network in networks),
        truncation=measured[0][1],
        advice=tuple(advice for _, _, found in measured for advice in found),
        pooling=networks[0].pooling,
    )


def _measured(
    network: UnrolledNetwork, rows: int
) -> tuple[list[LayerFlow], Truncation | None, list[Advice]]:
    adjoints = tuple(
        StepAdjoint.of(recurrence, run.trajectory)
        for recurrence, run in zip(network.recurrences, network.runs, strict=True)
    )
    places = range(len(adjoints))
    triangles = [TriangleCollector(place, network) for place in places]
    by_lag = [ByLagCollector(place, network.losses) for place in places]
    paths = [
        PathsCollector(place, adjoints[place], seen.count, seen.last, network.lengths)
        for place, seen in enumerate(by_lag)
    ]
    truncation = TruncationCollector(network, adjoints) if network.truncatable else None
    collectors: list[Collector] = [*triangles, *by_lag, *paths]
    if truncation is not None:
        collectors.append(truncation)
    for lag in backward_by_lag(network, adjoints):
        for collector in collectors:
            if lag.finite:
                collector.note(lag)
            else:
                collector.overflow(lag)
    with torch.no_grad():
        layers = []
        for place, (recurrence, run) in enumerate(
            zip(network.recurrences, network.runs, strict=True)
        ):
            lags = by_lag[place].result()
            last = by_lag[place].last
            tangent = _along_the_sequence(adjoints[place], network.lengths, last, rows)
            growing = state_growth(run.trajectory.states, network.lengths)
            layers.append(
                LayerFlow(
                    network.names[place],
                    lags,
                    triangles[place].result(),
                    *tangent,
                    paths=paths[place].result(),
                    gates=gates(recurrence, run.trajectory, network.lengths),
                    truncation=None if truncation is None else truncation.result(place),
                    verdict=verdict(lags, tangent[1], growing),
                )
            )
    whole = None if truncation is None else truncation.result()
    return layers, whole, list(_advice(network, layers, whole))


def _advice(
    network: UnrolledNetwork, layers: Sequence[LayerFlow], truncation: Truncation | None
) -> Iterator[Advice]:
    for layer, recurrence in zip(layers, network.recurrences, strict=True):
        U = recurrence.weights.U
        yield from for_layer(
            layer.name, recurrence.cell, U, layer.verdict, layer.paths, layer.gates
        )
    if network.truncatable:
        verdicts = [layer.verdict for layer in layers]
        yield from for_network(verdicts, truncation, network.count, int(network.lengths.max()))


def _along_the_sequence(
    adjoint: StepAdjoint, lengths: Tensor, last: int, count: int
) -> tuple[Jacobian | None, LyapunovSpectrum | None]:
    """Form the Jacobians of a layer's steps on the longest rows, and measure them."""
    rows = lengths.argsort(descending=True, stable=True)[:count].tolist()
    rows = [row for row in rows if int(lengths[row]) > 1]
    if not rows:
        return None, None
    stop = min(int(lengths[row]) for row in rows)
    n = sum(state.shape[-1] for state in adjoint.states)
    steps = range(max(1, stop - max(16, int(_CUBES / n**3))), stop)
    jacobian = JacobianCollector(rows, steps, last)
    lyapunov = LyapunovCollector(len(steps))
    for part, found in chunks(adjoint.on_rows(rows, stop), steps):
        jacobian.note(part, found)
        lyapunov.note(part, found)
    return jacobian.result(), lyapunov.result()
