"""What a page says of where the losses are that gradients were followed from."""

from __future__ import annotations

from dataclasses import dataclass

from throughtime.report.recorded_flow import Flow

_WHERE = {
    "last": "at each sequence's last step",
    "mean": "at every step, by way of the mean",
    "max": "by way of the maximum, at the steps where units have theirs",
}


@dataclass(frozen=True)
class Entry:
    """The words for a loss a step, or for one loss a sequence that enters by a pool.

    Attributes:
        pooled: What comes before all else of one loss a sequence; else empty.
        at: What a loss step s is called on an axis.
        source: What is followed back, in the genitive.
        later: Why there is nothing above the diagonal.
    """

    pooled: str
    at: str
    source: str
    later: str


def entry_of(flow: Flow) -> Entry:
    """Give the words for what was measured."""
    if flow.pooling is None:
        return Entry("", "loss step", "one step's loss", "a loss does not depend on later states")
    pooled = f"Each sequence has one loss. It enters the recurrence {_WHERE[flow.pooling]}"
    pooled += ", and is followed back from there."
    if any("backward" in layer.name for layer in flow.layers):
        pooled += (
            " The backward direction reads sequences from their end: its steps are counted from "
            "there, and earlier ones lie further on in the sequence."
        )
    return Entry(pooled, "entry step", "what enters at one step", "it is not reached from there")
