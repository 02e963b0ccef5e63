"""What the measures say in words: a verdict on each layer, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from throughtime.report.numerals import short
from throughtime.report.recorded_flow import Advice, Flow
from throughtime.report.wording import capital, shown

_LAYERS = 12
_PIECES = 8
_LONGEST = 400


@dataclass(frozen=True)
class Judged:
    """A layer's verdict: one word, and the figures it rests on."""

    name: str
    kind: str
    evidence: str


@dataclass(frozen=True)
class Advised:
    """A piece of advice, why it is given, and the figure that would change."""

    where: str
    do: str
    why: str
    change: str


def judgements(flow: Flow) -> list[Judged]:
    """Give the verdict on each layer that has one."""
    return [
        Judged(
            capital(shown(layer.name, 60)),
            shown(layer.verdict.kind, 40),
            _sentence(layer.verdict.evidence),
        )
        for layer in flow.layers[:_LAYERS]
        if layer.verdict is not None
    ]


def advice(flow: Flow) -> list[Advised]:
    """Give what was advised."""
    return [_advised(piece) for piece in flow.advice[:_PIECES]]


def _advised(piece: Advice) -> Advised:
    change = ""
    if piece.figure and piece.then is not None:
        change = f"{shown(piece.figure, 120)}: {short(piece.now)} now, {short(piece.then)} then"
    do = capital(shown(piece.do, _LONGEST))
    return Advised(shown(piece.where, 60), do, _sentence(piece.why), change)


def _sentence(text: str) -> str:
    said = capital(shown(text, _LONGEST))
    return f"{said}." if said and not said.endswith((".", "…")) else said
