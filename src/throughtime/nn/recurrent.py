"""A recurrent layer of any cell, called as those of `torch.nn` are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from throughtime import cells
from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.nn.dropping import kept
from throughtime.nn.layers import Stack
from throughtime.nn.packed import through_padding
from throughtime.nn.shapes import (
    check_input,
    check_lengths,
    check_state,
    flag,
    share,
    tensor_input,
    whole_number,
    zoneout_shares,
)
from throughtime.nn.stepper import Stepper
from throughtime.nn.tracing import Untraced, is_symbol
from throughtime.nn.weights import NamedWeights

State = Tensor | tuple[Tensor, ...]


class Recurrent(NamedWeights, Untraced):
    """Layers of a recurrent cell over time.

    `S_t = f(W x_t + b, U h_{t-1} + c, S_{t-1})`, with the cell's equations f. Parameters are named
    and laid out as in `torch.nn` (`weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`,
    `_reverse` for the other direction); a cell's own vectors follow by their name (`p_i_l0`).

    Args:
        cell: A cell or the name of one.
        input_size: Inputs a step, I.
        hidden_size: Units, H.
        num_layers: Layers, each fed with the outputs of the one below.
        bias: Whether to learn biases.
        batch_first: Whether input and output are [B, T, ·] instead of [T, B, ·].
        dropout: Share of each layer's outputs that is dropped while training, except the last's.
        bidirectional: Whether a second set of weights runs from the last step to the first; its
            outputs stand behind the others', so that outputs have 2 H columns.
        recurrent_dropout: Share of the state that is dropped inside the recurrent product while
            training, the same units at every step of a sequence (Gal & Ghahramani 2016).
        zoneout: Probability with which a unit keeps its old state at a step while training; its
            expectation is used otherwise (Krueger et al. 2017). One number for all states, or one
            for each, in the cell's order; 0 for states that the cell declares to change together.
        weight_dropout: Share of the recurrent weights that is dropped while training, other ones in
            each pass, the same for all steps and rows of it (Wan et al. 2013; Merity et al. 2018).
        device: Where the parameters live.
        dtype: Their floating type.

    Raises:
        ValueError: A size, or a share, is out of range; dropout of the recurrent product, or of its
            weights, of a cell without any; zoneout on states that change together.
        CellError: No cell has that name.

    TorchScript (`torch.jit.script`, `torch.jit.trace`, deprecated in torch) refuses the layer.
    `torch.fx` takes it as one operation. `torch.compile` and `torch.export` take each layer and
    direction that the native engine runs as one operator, for any length and batch that are left
    free; on the reference engine the loop is unrolled for the length that is shown. A program that
    was exported and saved is loaded after `import throughtime.engine`, and after the module of a
    cell of your own. For other runtimes, export it inside `with tt.engine.use("reference")`: as
    torch's own operations, at one length.

    Example:
        >>> import torch
        >>> layer = Recurrent("gru", input_size=3, hidden_size=8)
        >>> y, h = layer(torch.zeros(20, 4, 3))
        >>> tuple(y.shape), tuple(h.shape)
        ((20, 4, 8), (1, 4, 8))
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
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
    ) -> None:
        super().__init__()
        input_size = whole_number("input_size", input_size, 0)
        hidden_size = whole_number("hidden_size", hidden_size, 1)
        num_layers = whole_number("num_layers", num_layers, 1)
        self._cell = cells.find(cell)
        self.dropout = share("dropout", dropout)
        self.recurrent_dropout = share("recurrent_dropout", recurrent_dropout)
        self.weight_dropout = share("weight_dropout", weight_dropout)
        for name in ("recurrent_dropout", "weight_dropout"):
            if getattr(self, name) and not self.cell.recurrent_gates:
                raise ValueError(
                    f"{name} acts on the product with the recurrent weights, and cell "
                    f"{self.cell.name!r} has none; leave it at 0"
                )
        self.zoneout = zoneout_shares(self.cell, zoneout)
        if self.dropout and num_layers == 1:
            warnings.warn(
                "dropout acts between layers and num_layers is 1: it does nothing", stacklevel=2
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = flag("bias", bias)
        self.batch_first = flag("batch_first", batch_first)
        self.bidirectional = flag("bidirectional", bidirectional)
        directions = len(self._directions)
        for layer in range(num_layers):
            width = input_size if layer == 0 else directions * hidden_size
            for direction in self._directions:
                for name, shape in self._shapes(width).items():
                    empty = torch.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(f"{name}_l{layer}{direction}", nn.Parameter(empty))
        self.reset_parameters()

    @property
    def cell(self) -> Cell:
        """The cell whose equations the layer runs."""
        return self._cell

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """Give the parameters of one layer and direction, in torch's order."""
        H = self.hidden_size
        rows, recurrent_rows = H * len(self.cell.input_gates), H * len(self.cell.recurrent_gates)
        shapes: dict[str, tuple[int, ...]] = {}
        if rows:
            shapes["weight_ih"] = (rows, width)
        if recurrent_rows:
            shapes["weight_hh"] = (recurrent_rows, H)
        if rows and self.bias:
            shapes["bias_ih"] = (rows,)
        if recurrent_rows and self.bias:
            shapes["bias_hh"] = (recurrent_rows,)
        return shapes | dict.fromkeys(self.cell.units, (H,))

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from ±1/sqrt(H), in torch's order."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

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
        """Run the layers over time.

        Args:
            x: Inputs [T, B, I], [B, T, I] with `batch_first`, or [T, I] for one sequence; or
                packed sequences, sorted or not.
            state: The states before the first step, [layers * directions, B, H] (without B for one
                sequence); a tuple of these where the cell has several states. Zeros if None. Rows
                stand in the order in which sequences were given to be packed.
            lengths: Valid steps of each row, integers between 0 and T, [B]. Beyond them outputs are
                zero, the state stands still and the input may hold anything. All of T if None.
                Packed sequences have their own.

        Returns:
            The last layer's outputs, shaped or packed as x with H columns (2 H if bidirectional),
            and the states after each row's last step, shaped as `state`.

        Raises:
            TypeError: The input, or a state, is of another type.
            ValueError: A shape, dtype or device does not fit; the message states both sides.
            FloatingPointError: The cell's equations make a NaN of ordinary numbers; instruction,
                gates, layer, step, row and unit are named. Not looked for while `torch.func`,
                forward-mode differentiation or a compiler of torch's is at work.
        """
        if is_symbol(x):
            return self._as_node(x, state, lengths)  # type: ignore[no-any-return]
        self._refuse_tracing()
        if isinstance(x, PackedSequence):
            if lengths is not None:
                raise ValueError("packed sequences have their lengths; leave out `lengths`")
            return through_padding(x, lambda padded, own: self._run(padded, state, own))
        x, single = self._time_major(tensor_input(self, x))
        y, after = self._run(x, state, lengths, single)
        if single:
            return y.squeeze(1), after
        return (y.transpose(0, 1) if self.batch_first else y), after

    def stepper(self, batch_size: int = 1) -> Stepper:
        """Run one step a call, as soon as its input is there: for audio, control, serving.

        Args:
            batch_size: Rows of every step, B.

        Returns:
            Called with inputs [B, I] it gives outputs [B, H]; its state begins at zero.

        Raises:
            ValueError: The layer runs in both directions; or no row is asked for.

        Example:
            >>> import torch
            >>> stepper = Recurrent("gru", input_size=3, hidden_size=8).stepper()
            >>> tuple(stepper(torch.zeros(3)).shape), tuple(stepper.state.shape)
            ((8,), (1, 1, 8))
        """
        return Stepper(self, batch_size)

    def _run(
        self, x: Tensor, state: State | None, lengths: Tensor | None, single: bool = False
    ) -> tuple[Tensor, State]:
        """Run the layers over [T, B, I]; the states are those of one sequence if `single`."""
        check_input(self, x)
        lengths = None if lengths is None else check_lengths(lengths, *x.shape[:2])
        y, after = self.stack(self.training).run(x, check_state(self, x, state, single), lengths)
        if single:
            after = tuple(s.squeeze(1) for s in after)
        return y, after if len(after) > 1 else after[0]

    def stack(self, training: bool) -> Stack:
        """Give the layers as they are to be run, in training or not."""
        return Stack(
            self.cell,
            self._weights_left if self.weight_dropout and training else self.weights,
            self.num_layers,
            self.bidirectional,
            dropout=self.dropout if training else 0.0,
            dropped=self._dropped if self.recurrent_dropout and training else None,
            taken=partial(self._taken, training) if any(self.zoneout) else None,
            refuse_nan=True,
        )

    def _dropped(self, state: Tensor) -> Tensor:
        """Draw the factors on a state [B, H] that hold for a whole sequence."""
        return kept(state.shape, self.recurrent_dropout, state)

    def _weights_left(self, layer: int, reverse: bool = False) -> Weights:
        """Draw which recurrent weights of a layer and direction are left for this pass."""
        weights = self.weights(layer, reverse)
        assert weights.U is not None
        U = weights.U * kept(weights.U.shape, self.weight_dropout, weights.U)
        return replace(weights, U=U)

    def _taken(self, training: bool, T: int, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Draw which new values are taken, at each step; in evaluation, the expected share."""
        return tuple(
            torch.empty(T, *state.shape, dtype=state.dtype, device=state.device).bernoulli_(1 - p)
            if training
            else torch.full_like(state, 1 - p).unsqueeze(0)
            for p, state in zip(self.zoneout, states, strict=True)
        )

    def _time_major(self, x: Tensor) -> tuple[Tensor, bool]:
        if x.dim() == 2:
            return x.unsqueeze(1), True
        return (x.transpose(0, 1) if self.batch_first and x.dim() == 3 else x), False

    def extra_repr(self) -> str:
        """Show the arguments, those at their default left out."""
        return ", ".join(self._shown())

    def _shown(self) -> Iterator[str]:
        yield f"{self.cell.name}, {self.input_size}, {self.hidden_size}"
        for name, default in _DEFAULTS.items():
            if getattr(self, name) != default:
                yield f"{name}={getattr(self, name)}"
        if any(self.zoneout):
            yield f"zoneout={self.zoneout}"


_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "recurrent_dropout": 0.0,
    "weight_dropout": 0.0,
}
