"""A recurrent network whose outputs answer for the sequence up to each step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from throughtime.equations import Cell
from throughtime.nn.network import Network
from throughtime.nn.recurrent import Recurrent
from throughtime.nn.shapes import share, whole_number

POOLINGS = ("last", "mean", "max")


class PooledNetwork(nn.Module):
    """`Y_t = V pool(h_1, ..., h_t) + v`: recurrent layers, pooled over the steps so far.

    What stands at a row's last step is the answer for the whole sequence; what stands before is the
    answer so far. Because the pool goes along with the state, the network is of the form that
    gradient methods take, and may be run in pieces.

    Args:
        cell: A cell or the name of one.
        input_size: Inputs a step, I.
        hidden_size: Units a layer, H.
        output_size: Outputs, O.
        pooling: "last" takes the outputs of the step itself (of the reverse direction, those of the
            first step, which is its last), "mean" and "max" those of all steps so far.
        num_layers: As for `Recurrent`.
        dropout: Share of each layer's outputs, and of what is pooled, dropped while training.
        bidirectional: Whether layers run in both directions.
        device: Where the parameters live.
        dtype: Their floating type.

    Raises:
        ValueError: A size or share is out of range, or the pooling is unknown.
        CellError: No cell has that name.

    Example:
        >>> import torch
        >>> network = PooledNetwork("gru", input_size=3, hidden_size=8, output_size=2)
        >>> y, state = network(torch.zeros(20, 4, 3))
        >>> tuple(y.shape)
        (20, 4, 2)
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        output_size: int,
        pooling: str = "mean",
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"unknown pooling {pooling!r}; known are {', '.join(POOLINGS)}")
        self.pooling = pooling
        self.recurrent = Recurrent(
            cell,
            input_size,
            hidden_size,
            num_layers=num_layers,
            dropout=share("dropout", dropout) if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
        )
        self.dropout = nn.Dropout(share("dropout", dropout))
        columns = hidden_size * (2 if bidirectional else 1)
        output_size = whole_number("output_size", output_size, 1)
        self.readout = nn.Linear(columns, output_size, device=device, dtype=dtype)

    @classmethod
    def of_last_states(cls, network: Network) -> PooledNetwork:
        """Give a network in one direction, whose last output is meant, as one that reads the last.

        Layers and readout are the network's own, not copies.
        """
        layer, readout = network.recurrent, network.readout
        found = cls(
            layer.cell,
            layer.input_size,
            layer.hidden_size,
            readout.out_features,
            pooling="last",
            num_layers=layer.num_layers,
            device="meta",
        )
        found.recurrent, found.readout = layer, readout
        return found

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run the network over time.

        Args:
            x: Inputs, [T, B, I].
            state: What an earlier call gave, to go on from there; None at the start.
            lengths: Valid steps of each row, [B]; None where all are.

        Returns:
            The answer so far at every step, [T, B, O]; beyond a row's length it means nothing. And
            the state: that of the layers, what is pooled, [1, B, columns], and the steps so far,
            [1, B, 1].
        """
        layers, pooled, steps = (None, None, None) if state is None else state
        h, layers = self.recurrent(x, layers, lengths)  # [T, B, columns]
        answers, pooled, so_far = self._read(h, pooled, steps, lengths)
        return answers, (layers, pooled, so_far[-1:].detach())

    def read(self, h: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Give the answers so far from the layers' outputs along whole sequences.

        Args:
            h: [T, B, columns], zero beyond a row's length.
            lengths: Valid steps of each row, [B]; None where all are.

        Returns:
            [T, B, O]
        """
        return self._read(h, None, None, lengths)[0]

    def _read(
        self, h: Tensor, pooled: Tensor | None, steps: Tensor | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Give the answers, what is pooled to go along, and the steps so far."""
        T, B = h.shape[:2]
        valid = torch.full((B,), T, device=h.device) if lengths is None else lengths.to(h.device)
        steps = h.new_zeros(1, B, 1) if steps is None else steps
        pooled = h.new_zeros(1, B, h.shape[2]) if pooled is None else pooled
        counted = torch.arange(1, T + 1, device=h.device)[:, None].clamp(max=valid)  # [T, B]
        so_far = steps + counted[:, :, None]  # [T, B, 1]
        inside = (torch.arange(T, device=h.device)[:, None] < valid)[:, :, None]  # [T, B, 1]
        answered, pooled = self._pooled(h, pooled, steps, so_far, inside)
        return self.readout(self.dropout(answered)), pooled, so_far

    def _pooled(
        self, h: Tensor, before: Tensor, steps: Tensor, so_far: Tensor, inside: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give what is read out at every step, and what goes along to the next piece."""
        if self.pooling == "mean":  # outputs beyond a row's length are zero
            total = before + h.cumsum(0)
            return total / so_far.clamp(min=1), total[-1:]
        if self.pooling == "max":
            lowest = torch.finfo(h.dtype).min
            began = before.masked_fill(steps == 0, lowest)
            highest = torch.cat([began, h.masked_fill(~inside, lowest)]).cummax(0).values
            return highest[1:], highest[-1:]
        if self.recurrent.bidirectional:
            H = self.recurrent.hidden_size
            return torch.cat([h[:, :, :H], h[:1, :, H:].expand(len(h), -1, -1)], -1), before
        return h, before
