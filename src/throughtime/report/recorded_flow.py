"""What `flow.json` holds of gradient flow, read with nothing taken for granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from throughtime.report.numerals import number

Column = list[float | None]


@dataclass(frozen=True)
class Triangle:
    """|dE_s/dS_t|: a row for each loss step s, a column for each state step t."""

    losses: Sequence[float]
    steps: Sequence[float]
    median: Sequence[Column]
    lower: Sequence[Column]
    upper: Sequence[Column]
    every: bool


@dataclass(frozen=True)
class Truncation:
    """What windows of `k2` steps discard: the share of the gradient, the cosine of what is left."""

    k2: Sequence[float]
    share: Column
    cosine: Column


@dataclass(frozen=True)
class Spectrum:
    """Singular values of products of Jacobians: a row for each lag, a column for each rank."""

    lag: Sequence[float]
    ranks: Sequence[float]
    values: Sequence[Column]


@dataclass(frozen=True)
class Paths:
    """The share of the gradient that the carry path brought, by lag, and of each way, by step."""

    lag: Sequence[float]
    share: Column
    step: dict[str, float | None]
    kept: dict[str, float | None]


@dataclass(frozen=True)
class Gate:
    """The values of one squashing function: shares near the ends, units that never leave them."""

    name: str
    operation: str
    mean: float | None
    low: float | None
    high: float | None
    stuck_low: Sequence[float]
    stuck_high: Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """One word for a layer's gradient flow, and the figures that it rests on."""

    kind: str
    evidence: str


@dataclass(frozen=True)
class Advice:
    """Something to change, why, and the figure that would change with it: now and then."""

    where: str
    do: str
    why: str
    figure: str
    now: float | None
    then: float | None


@dataclass(frozen=True)
class LayerFlow:
    """How the gradient that reaches one layer's state falls with the lag.

    `median`, `lower` and `upper` are norms relative to lag 0; `horizon` is the lag at which the
    median has fallen to the flow's fraction, None where it does not within the window.
    """

    name: str
    lag: Sequence[float]
    median: Column
    lower: Column
    upper: Column
    horizon: float | None
    growth: float | None = None
    triangle: Triangle | None = None
    truncation: Truncation | None = None
    spectrum: Spectrum | None = None
    exponents: Column = field(default_factory=list)
    paths: Paths | None = None
    gates: Sequence[Gate] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Snapshot:
    """The gradient by lag at one update of the training; a layer is lag, median and horizon.

    `kept` is the network that training ended with, measured like the rest of the flow.
    """

    update: float
    layers: Sequence[tuple[Sequence[float], Column, float | None]]
    kept: bool = False


@dataclass(frozen=True)
class Flow:
    """How far back gradients reached: `steps` were looked at, `fraction` defines the horizon.

    `pooling` is None where each step has its own loss; else how a sequence's one loss enters.
    """

    fraction: float
    steps: float | None
    layers: Sequence[LayerFlow]
    truncation: Truncation | None = None
    over_training: Sequence[Snapshot] = ()
    advice: Sequence[Advice] = ()
    pooling: str | None = None


POOLINGS = ("last", "mean", "max")


def read_flow(found: dict[str, Any]) -> Flow:
    """Read the object that `flow.json` is; what is missing or misshapen in it is left out."""
    return Flow(
        fraction=number(found.get("fraction")) or 0.01,
        steps=number(found.get("steps")),
        layers=[_layer(layer) for layer in objects(found.get("layers"))],
        truncation=_truncation(found.get("discarded")),
        over_training=[_snapshot(one) for one in objects(found.get("over_training"))],
        advice=[_advice(one) for one in objects(found.get("advice"))],
        pooling=next((name for name in POOLINGS if name == found.get("pooling")), None),
    )


def objects(value: object) -> list[dict[str, Any]]:
    """Give a list of JSON objects; an entry that is none is an empty one."""
    if not isinstance(value, list):
        return []
    return [entry if isinstance(entry, dict) else {} for entry in value]


def column(value: object) -> Column:
    """Give a list of numbers, None where an entry is none."""
    return [number(entry) for entry in value] if isinstance(value, list) else []


def known(value: object) -> list[float]:
    """Give the numbers of a list."""
    return [entry for entry in column(value) if entry is not None]


def columns(value: object, rows: int, width: int) -> list[Column]:
    """Give a table of so many rows and columns, None where there is no number."""
    listed = value if isinstance(value, list) else []
    found = [column(row) for row in listed[:rows]] + [[]] * (rows - len(listed))
    return [(row + [None] * width)[:width] for row in found]


def beside(value: object, count: int) -> Column:
    """Give a column of so many numbers."""
    return (column(value) + [None] * count)[:count]


def _layer(found: dict[str, Any]) -> LayerFlow:
    lags = column(found.get("lag"))
    lyapunov = found.get("lyapunov")
    return LayerFlow(
        name=str(found.get("name", "layer")),
        lag=[index if lag is None else lag for index, lag in enumerate(lags)],
        median=beside(found.get("median"), len(lags)),
        lower=beside(found.get("lower"), len(lags)),
        upper=beside(found.get("upper"), len(lags)),
        horizon=number(found.get("horizon")),
        growth=number(found.get("growth")),
        triangle=_triangle(found.get("triangle")),
        truncation=_truncation(found.get("discarded")),
        spectrum=_spectrum(found.get("jacobian")),
        exponents=column(lyapunov.get("exponents")) if isinstance(lyapunov, dict) else [],
        paths=_paths(found.get("paths")),
        gates=[_gate(gate) for gate in objects(found.get("gates"))],
        verdict=_verdict(found.get("verdict")),
    )


def _verdict(found: object) -> Verdict | None:
    if not isinstance(found, dict) or not found.get("kind"):
        return None
    return Verdict(str(found["kind"]), str(found.get("evidence") or ""))


def _advice(found: dict[str, Any]) -> Advice:
    where, do, why, figure = (
        str(found.get(name) or "") for name in ("where", "do", "why", "figure")
    )
    return Advice(where, do, why, figure, number(found.get("now")), number(found.get("then")))


def _triangle(found: object) -> Triangle | None:
    if not isinstance(found, dict):
        return None
    losses, steps = known(found.get("losses")), known(found.get("steps"))
    if not losses or not steps or sorted(losses) != losses or sorted(steps) != steps:
        return None
    median, lower, upper = (
        columns(found.get(name), len(losses), len(steps)) for name in ("median", "lower", "upper")
    )
    return Triangle(losses, steps, median, lower, upper, found.get("every") is True)


def _truncation(found: object) -> Truncation | None:
    if not isinstance(found, dict):
        return None
    k2 = known(found.get("k2"))
    if not k2 or sorted(k2) != k2:
        return None
    share, cosine = (beside(found.get(name), len(k2)) for name in ("share", "cosine"))
    return Truncation(k2, share, cosine)


def _spectrum(found: object) -> Spectrum | None:
    if not isinstance(found, dict):
        return None
    lag, ranks = known(found.get("lag")), known(found.get("ranks"))
    if not lag or not ranks or sorted(lag) != lag:
        return None
    return Spectrum(lag, ranks, columns(found.get("singular_values"), len(lag), len(ranks)))


def _paths(found: object) -> Paths | None:
    if not isinstance(found, dict):
        return None
    lag = known(found.get("lag"))
    share = beside(found.get("share"), len(lag))
    return Paths(lag, share, _named(found.get("step")), _named(found.get("kept")))


def _named(found: object) -> dict[str, float | None]:
    if not isinstance(found, dict):
        return {}
    return {str(name): number(value) for name, value in found.items()}


def _gate(found: dict[str, Any]) -> Gate:
    return Gate(
        name=str(found.get("name", "gate")),
        operation=str(found.get("operation", "")),
        mean=number(found.get("mean")),
        low=number(found.get("low")),
        high=number(found.get("high")),
        stuck_low=known(found.get("stuck_low")),
        stuck_high=known(found.get("stuck_high")),
    )


def _snapshot(found: dict[str, Any]) -> Snapshot:
    layers = []
    for layer in objects(found.get("layers")):
        lag = known(layer.get("lag"))
        layers.append((lag, beside(layer.get("median"), len(lag)), number(layer.get("horizon"))))
    return Snapshot(number(found.get("update")) or 0.0, layers)
