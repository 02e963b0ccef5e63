"""A recurrent network: recurrent layers and a readout at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from throughtime.equations import Cell
from throughtime.nn.dropping import kept
from throughtime.nn.one_step import Readout
from throughtime.nn.packed import with_data
from throughtime.nn.recurrent import Recurrent, State
from throughtime.nn.shapes import share, whole_number
from throughtime.nn.stepper import Stepper
from throughtime.nn.tracing import is_symbol

activations: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda y: y,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": nn.functional.softplus,
    "exp": torch.exp,
    "softmax": lambda y: torch.softmax(y, -1),
    "log_softmax": lambda y: torch.log_softmax(y, -1),
}


class Network(nn.Module):
    """`S_t = f(x_t, S_{t-1})`, `Y_t = g(V h_t + v)`: recurrent layers under a linear readout.

    Args:
        cell: A cell or the name of one.
        input_size: Inputs a step, I.
        hidden_size: Units a layer, H.
        output_size: Outputs a step, O.
        output_activation: The name of g: one of `activations`.
        num_layers: As for `Recurrent`, like all that follows.
        bias: Whether to learn biases, the readout's too.
        batch_first: Whether input and output are [B, T, ·].
        dropout: Share of each layer's outputs that is dropped while training, except the last's.
        bidirectional: Whether layers run in both directions.
        recurrent_dropout: As for `Recurrent`, like the next two.
        zoneout: The share of each state that keeps its old value.
        weight_dropout: Share of the recurrent weights that is dropped while training.
        readout_dropout: Share of the last layer's outputs that the readout does not see while
            training, the same ones at every step of a pass (Gal & Ghahramani 2016); other ones at
            every step of packed sequences.
        device: Where the parameters live.
        dtype: Their floating type.

    Raises:
        ValueError: A size is out of range, or the activation is unknown.
        CellError: No cell has that name.

    Example:
        >>> import torch
        >>> network = Network("lstm", input_size=1, hidden_size=16, output_size=1)
        >>> y, (h, c) = network(torch.zeros(50, 2, 1))
        >>> tuple(y.shape), tuple(c.shape)
        ((50, 2, 1), (1, 2, 16))
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        output_size: int,
        output_activation: str = "identity",
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float | Sequence[float] = 0.0,
        weight_dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        readout_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if output_activation not in activations:
            raise ValueError(
                f"unknown output activation {output_activation!r}; known are "
                f"{', '.join(activations)}"
            )
        output_size = whole_number("output_size", output_size, 1)
        self.recurrent = Recurrent(
            cell,
            input_size,
            hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            weight_dropout=weight_dropout,
            device=device,
            dtype=dtype,
        )
        columns = hidden_size * (2 if bidirectional else 1)
        self.readout = nn.Linear(columns, output_size, bias=bias, device=device, dtype=dtype)
        self.output_activation = output_activation
        self.readout_dropout = share("readout_dropout", readout_dropout)

    @property
    def batch_first(self) -> bool:
        """Whether input and output are [B, T, ·]."""
        return self.recurrent.batch_first

    def columns(self, x: Tensor) -> Tensor:
        """Give what the recurrent layers read of inputs: these, unless a subclass has it otherwise.

        Args:
            x: [..., I]

        Returns:
            [..., I]
        """
        return x

    def read(self, h: Tensor) -> Tensor:
        """Give the outputs for outputs of the last layer: `g(V h + v)`.

        Args:
            h: [T, B, H] ([B, T, H] with `batch_first`); or [..., H] of rows that are not steps of
                one another.

        Returns:
            [..., O]
        """
        if self.readout_dropout and self.training:
            h = self._dropped(h)
        return activations[self.output_activation](self.readout(h))

    def _dropped(self, h: Tensor) -> Tensor:
        if is_symbol(h):  # torch.fx knows no shapes
            return nn.functional.dropout(h, self.readout_dropout)
        shape = list(h.shape)
        if h.dim() == 3:
            shape[1 if self.batch_first else 0] = 1  # the same for all steps
        return h * kept(shape, self.readout_dropout, h)

    def extra_repr(self) -> str:
        """Show what the parts do not."""
        shown = {"output_activation": "identity", "readout_dropout": 0.0}
        found = {name: getattr(self, name) for name in shown}
        return ", ".join(f"{name}={v!r}" for name, v in found.items() if v != shown[name])

    def stepper(self, batch_size: int = 1) -> Stepper:
        """Run one step a call, as soon as its input is there; see `Recurrent.stepper`.

        Args:
            batch_size: Rows of every step, B.

        Returns:
            Called with inputs [B, I] it gives outputs [B, O]; its state begins at zero.

        Raises:
            ValueError: The network runs in both directions; or no row is asked for.
        """
        return Stepper(self.recurrent, batch_size, self.as_readout)

    def as_readout(self) -> Readout:
        """Give what `read` does, in pieces unless a subclass does something else."""
        linear: nn.Module = self.readout
        if type(self).read is not Network.read or type(linear).forward is not nn.Linear.forward:
            return Readout(None, None, "", self.read)
        name = self.output_activation
        return Readout(self.readout.weight, self.readout.bias, name, activations[name])

    @overload
    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]: ...

    @overload
    def forward(
        self, x: PackedSequence, state: State | None = None
    ) -> tuple[PackedSequence, State]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: State | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the network over time; arguments, states and errors as for `Recurrent.forward`.

        Returns:
            The outputs at every step, shaped or packed as x with O columns, and the states after
            the last step. Beyond a row's length its outputs are the readout of zeros and mean
            nothing.
        """
        h, state = self.recurrent(x, state, lengths)
        if isinstance(h, PackedSequence):
            return with_data(h, self.read(h.data)), state
        if not is_symbol(h) and h.dim() == 2:  # one sequence
            time = 1 if self.batch_first else 0
            return self.read(h.unsqueeze(1 - time)).squeeze(1 - time), state
        return self.read(h), state
