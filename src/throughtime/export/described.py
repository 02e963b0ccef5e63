"""A model as an export sees it: cell, weights and what lies around them, whatever class it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from throughtime.data import Scaling
from throughtime.data.text import Vocabulary
from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.export.errors import ExportError
from throughtime.nn.one_step import Readout


@dataclass(frozen=True)
class Symbols:
    """What numbers of symbols are read as.

    Attributes:
        vocabulary: What they stand for.
        table: The columns of each symbol, [V, E]; None for a column a symbol (one-hot).
    """

    vocabulary: Vocabulary
    table: Tensor | None

    @property
    def count(self) -> int:
        """How many symbols there are, V."""
        return self.vocabulary.size if self.table is None else len(self.table)


@dataclass(frozen=True)
class Changes:
    """That not rows are read but their changes.

    Attributes:
        rows: Over how many.
        columns: Of how many columns, the first ones; others are read as they are.
        transform: Of the first column, the target, before: one of `throughtime.data.transforms`.
    """

    rows: int
    columns: int
    transform: str


@dataclass(frozen=True)
class Described:
    """A model in evaluation mode, its weights in float32 on the CPU.

    Attributes:
        cell: The cell.
        layers: The weights by layer, then by direction.
        input_size: Inputs a step of the first layer, I.
        hidden_size: Units, H.
        batch_first: Whether input and output are [B, T, ·] instead of [T, B, ·].
        taken: Of each state, the share of its new value that is taken at a step, the rest being the
            old one: the expectation of zoneout. None for all.
        pooling: How one answer is made of the last layer's outputs along a sequence; None for an
            answer at every step.
        readout: What the last layer's outputs, or what is pooled of them, go through; None for a
            layer without a readout.
        symbols: What the input's numbers stand for; None for an input of columns.
        changes: Over which rows changes are read and forecast; None for rows themselves.
        scaling: Of the inputs' columns, or of their changes; None for none.
        target_scaling: Of the outputs' columns, from which they are brought back; None for none.
        columns: The inputs by name, where they have names.
        outputs: What each output is, where that can be said.
        notes: What is told with the file, by name: text, or JSON.
    """

    cell: Cell
    layers: tuple[tuple[Weights, ...], ...]
    input_size: int
    hidden_size: int
    batch_first: bool
    taken: tuple[float, ...] | None = None
    pooling: str | None = None
    readout: Readout | None = None
    symbols: Symbols | None = None
    changes: Changes | None = None
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    columns: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def directions(self) -> int:
        """How many directions each layer runs in."""
        return len(self.layers[0])

    @property
    def widths(self) -> tuple[int, ...]:
        """The columns of each state: H, or those of the projection for the first."""
        P = self.layers[0][0].P
        first = self.hidden_size if P is None else len(P)
        return (first, *[self.hidden_size] * (len(self.cell.states) - 1))

    @property
    def read_size(self) -> int:
        """The columns of the last layer's outputs."""
        return self.directions * self.widths[0]

    @property
    def output_size(self) -> int:
        """The columns of the output."""
        if self.readout is not None and self.readout.V is not None:
            return len(self.readout.V)
        return self.read_size

    @property
    def counted(self) -> bool:
        """Whether what is pooled so far goes along with the states, and the number of steps."""
        return self.pooling in ("mean", "max")


def refuse_directions(described: Described, form: str) -> None:
    """Refuse a model that reads a sequence from its end too.

    Raises:
        ExportError: It does.
    """
    if described.directions > 1:
        raise ExportError(
            f"{form} goes forward in time, one step a call, and with bidirectional=True a layer "
            "reads a sequence from its end too; export it as ONNX for whole sequences, or train "
            "one that goes forward only"
        )
