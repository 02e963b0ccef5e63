"""How far back in time gradients reach: the norm of dE_s/dS_t by the lag s - t."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import Trajectory, Unrolled, roll_back, unroll
from throughtime.gradients.method import Loss, check_sequences
from throughtime.gradients.objective import elementwise
from throughtime.nn import Network
from throughtime.nn.shapes import check_input, check_state


class NoFlowError(ValueError):
    """There is no gradient to follow: it is zero everywhere, or not finite."""


@dataclass(frozen=True)
class LayerFlow:
    """The gradient that one layer's states receive, by lag.

    Norms are relative to the one at lag 0, of the same loss and row.

    Attributes:
        name: "layer 0" is the one next to the input.
        lag: Steps between the loss and the state.
        median: Over losses and rows.
        lower: The 10 % quantile.
        upper: The 90 % quantile.
    """

    name: str
    lag: tuple[int, ...]
    median: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def horizon(self, fraction: float = 0.01) -> int | None:
        """Give the first lag at which the median has fallen to a fraction of that at lag 0.

        Returns:
            Steps; None if it has not within the lags looked at.
        """
        return next(
            (lag for lag, norm in zip(self.lag, self.median, strict=True) if norm <= fraction), None
        )


@dataclass(frozen=True)
class Flow:
    """How gradients flow through a network, layer by layer.

    Attributes:
        layers: From the input up.
        losses: The steps whose losses were followed back.
    """

    layers: tuple[LayerFlow, ...]
    losses: tuple[int, ...]

    def horizon(self, fraction: float = 0.01) -> int | None:
        """Give the horizon of the layer that reaches furthest; None if beyond the lags seen."""
        horizons = [layer.horizon(fraction) for layer in self.layers]
        if any(horizon is None for horizon in horizons):
            return None
        return max(horizon for horizon in horizons if horizon is not None)

    def as_dict(self, fraction: float = 0.01) -> dict[str, Any]:
        """Give plain figures for JSON."""
        return {
            "fraction": fraction,
            "steps": max(len(layer.lag) for layer in self.layers),
            "losses": list(self.losses),
            "layers": [
                {
                    "name": layer.name,
                    "lag": list(layer.lag),
                    "median": list(layer.median),
                    "lower": list(layer.lower),
                    "upper": list(layer.upper),
                    "horizon": layer.horizon(fraction),
                }
                for layer in self.layers
            ],
        }


def flow(
    model: Network,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any = None,
    samples: int = 32,
) -> Flow:
    """Measure exactly how far back the gradient of a network reaches on given sequences.

    For losses E_s at sampled steps s of the later half, the gradient dE_s/dS_t with respect to all
    states of a layer at each earlier step t is computed by the recursion of backpropagation through
    time, and its norm noted by the lag s - t. Lags that every sampled loss has are reported.

    Args:
        model: A network that runs forward in time only.
        inputs: [T, B, I]
        targets: [T, B, O]
        loss: Elementwise.
        state: What the network carries before the first step.
        samples: How many losses to follow back at most.

    Returns:
        Norms by lag for each layer; see `Flow`.

    Raises:
        TypeError: The model is no `Network`.
        ValueError: It is bidirectional (a loss then reaches forward too) or batch-first, or the
            sequence is empty or does not fit the network.
        NoFlowError: No loss has a gradient, or one is not finite.
    """
    if not isinstance(model, Network):
        raise TypeError(f"flow needs a throughtime.Network, got {type(model).__name__}")
    if model.recurrent.bidirectional or model.batch_first:
        raise ValueError("flow needs a network with bidirectional=False and batch_first=False")
    check_sequences(inputs, targets, None)
    if samples < 1:
        raise ValueError(f"flow needs at least one sample, got {samples}")
    with torch.no_grad():
        runs = _unroll_layers(model, inputs, state)
    T, B = inputs.shape[:2]
    with torch.enable_grad():
        outputs = runs[-1][1].outputs.requires_grad_()
        losses = elementwise(loss, model.read(outputs), targets).sum()
    (explicit,) = torch.autograd.grad(losses, outputs)  # [T, B, H]: dE_s/dh_s
    chosen = torch.linspace(T // 2, T - 1, min(samples, T - T // 2)).round().long()
    S, H = len(chosen), model.recurrent.hidden_size

    # One row for each pair of a sampled loss and a sequence; only that loss enters the row.
    seeds = explicit.new_zeros(T, S, B, H)
    seeds[chosen, torch.arange(S)] = explicit[chosen]
    seeds = seeds.view(T, S * B, H)
    layers: list[LayerFlow] = []
    with torch.no_grad():
        for number in reversed(range(len(runs))):
            recurrence = _repeated_recurrence(runs[number][0], S)
            trajectory = _repeated_trajectory(runs[number][1].trajectory, S)
            final = [torch.zeros_like(s) for s in recurrence.state]
            gradients = roll_back(recurrence, trajectory, seeds, final)
            norms = torch.cat(gradients.after, 2).norm(dim=2).view(T, S, B)
            layers.insert(0, _by_lag(f"layer {number}", norms, chosen))
            assert gradients.x is not None  # all derivatives are wanted
            seeds = gradients.x
    return Flow(tuple(layers), tuple(chosen.tolist()))


def _unroll_layers(model: Network, inputs: Tensor, state: Any) -> list[tuple[Recurrence, Unrolled]]:
    layer = model.recurrent
    check_input(layer, inputs)
    states = check_state(layer, inputs, state, single=False)
    runs = []
    x = inputs
    for number in range(layer.num_layers):
        own = tuple(s[number] for s in states)
        recurrence = Recurrence(layer.cell, x, own, layer.weights(number))
        runs.append((recurrence, unroll(recurrence)))
        x = runs[-1][1].outputs
    return runs


def _repeated_recurrence(recurrence: Recurrence, times: int) -> Recurrence:
    """Repeat the rows of a recurrence."""
    return replace(
        recurrence,
        x=recurrence.x.repeat(1, times, 1),
        state=tuple(s.repeat(times, 1) for s in recurrence.state),
    )


def _repeated_trajectory(trajectory: Trajectory, times: int) -> Trajectory:
    """Repeat the rows of a trajectory."""
    return Trajectory(
        states=tuple(s.repeat(1, times, 1) for s in trajectory.states),
        kept=tuple(k.repeat(1, times, 1) for k in trajectory.kept),
    )


def _by_lag(name: str, norms: Tensor, chosen: Tensor) -> LayerFlow:
    """Arrange norms [T, S, B] by lag, relative to lag 0."""
    lags = range(int(chosen[0]) + 1)
    if not bool(norms.isfinite().all()):
        raise NoFlowError(
            f"the gradient at {name} is not finite; check inputs, targets and weights for NaN"
        )
    rows: list[Tensor] = []
    for place, s in enumerate(chosen.tolist()):
        back = norms[: s + 1, place].flip(0)[: len(lags)]  # [lags, B]
        rows.extend(column / column[0] for column in back.unbind(1) if column[0] > 0)
    if not rows:
        raise NoFlowError("every sampled loss has a gradient of zero; there is nothing to follow")
    table = torch.stack(rows).double()  # [S * B, lags]

    def quantile(share: float) -> tuple[float, ...]:
        return tuple(torch.quantile(table, share, dim=0).tolist())

    return LayerFlow(name, tuple(lags), quantile(0.5), quantile(0.1), quantile(0.9))
