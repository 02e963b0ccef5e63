"""A recurrent network whose inputs are numbers of symbols, each with learned columns of its own."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from throughtime.equations import Cell
from throughtime.nn.network import Network
from throughtime.nn.recurrent import State


class EmbeddedNetwork(Network):
    """A `Network` over an embedding of symbols, for vocabularies too large for a column a symbol.

    Args:
        cell: A cell or the name of one.
        symbols: How many symbols there are, V.
        embedding_size: Columns of the embedding, E.
        hidden_size: Units a layer, H.
        output_size: Outputs a step, O.
        nothing: The number of a symbol that stands for nothing known: zeros, and never learned.
        more: As for `Network`.

    Raises:
        ValueError: A size is out of range.
        CellError: No cell has that name.

    Example:
        >>> import torch
        >>> network = EmbeddedNetwork("gru", 1000, 16, hidden_size=32, output_size=1000)
        >>> y, h = network(torch.zeros(50, 2, dtype=torch.int32))
        >>> tuple(y.shape)
        (50, 2, 1000)
    """

    def __init__(
        self,
        cell: str | Cell,
        symbols: int,
        embedding_size: int,
        hidden_size: int,
        output_size: int,
        nothing: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(cell, embedding_size, hidden_size, output_size, **more)
        like = self.readout.weight
        self.embedding = nn.Embedding(
            symbols, embedding_size, nothing, device=like.device, dtype=like.dtype
        )

    def columns(self, x: Tensor) -> Tensor:
        """Give the columns of symbols: [...] to [..., E]."""
        found: Tensor = self.embedding(x)
        return found

    def above(self) -> Network:
        """Give the network above the embedding, which reads columns: these very layers."""
        found = Network.__new__(Network)
        nn.Module.__init__(found)
        found.recurrent, found.readout = self.recurrent, self.readout
        found.output_activation = self.output_activation
        found.readout_dropout = self.readout_dropout
        return found

    def forward(  # type: ignore[override] # numbers are not packed
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run the network over time.

        Args:
            x: Numbers of symbols, int32 or int64, [T, B] ([B, T] with `batch_first`).
            state: As for `Network`, like all that follows.
            lengths: Valid steps of each row; beyond them numbers must be some symbol's too.

        Returns:
            The outputs at every step, and the states after the last.
        """
        return super().forward(self.columns(x), state, lengths)
