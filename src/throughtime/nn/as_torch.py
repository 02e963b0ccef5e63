"""RNN, GRU and LSTM that replace those of `torch.nn` line for line.

They are torch's own classes: constructor, parameters, checks, pickling and all else are inherited.
What is ours is the forward call, which runs the cell's equations on the engines of this package.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from throughtime import cells
from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.nn.layers import Stack


class _OnOurEngines(torch.nn.RNNBase):
    """What RNN, GRU and LSTM share: torch's forward call with our engines inside."""

    @property
    def cell(self) -> Cell:
        """The cell whose equations the layer runs."""
        return cells.registry[_CELLS[self.mode]]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Run the layers; arguments, results and errors are those of `torch.nn`.

        On a CUDA device torch's own kernels (cuDNN) run instead.
        """
        data = input.data if isinstance(input, PackedSequence) else input
        if data.is_cuda:
            return super().forward(input, hx)
        self._update_flat_weights()  # torch's checks read them; functional_call changes them
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, [T, B, I] or [T, I], got "
                f"{input.dim()}D: {list(input.shape)}"
            )
        single = input.dim() == 2
        x = input.unsqueeze(0 if self.batch_first else 1) if single else input
        states = self._states(hx, x, x.shape[0 if self.batch_first else 1], single)
        self.check_forward_args(x, self._as_torch(states), None)
        x = x.transpose(0, 1) if self.batch_first else x
        if len(x) == 0:
            raise RuntimeError(
                f"Expected sequence length to be larger than 0 in {type(self).__name__}; got "
                f"{list(input.shape)}"
            )
        y, after = self._stack().run(x, states)
        if single:
            y, after = y.squeeze(1), tuple(s.squeeze(1) for s in after)
        elif self.batch_first:
            y = y.transpose(0, 1)
        return y, self._as_torch(after)

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        rows = int(packed.batch_sizes[0])
        states = self._states(hx, packed.data, rows, single=False)
        self.check_forward_args(packed.data, self._as_torch(states), packed.batch_sizes)
        x, lengths = pad_packed_sequence(packed)  # rows in the caller's order, as the states are
        y, after = self._stack().run(x, states, lengths)
        if packed.sorted_indices is not None:
            y = y.index_select(1, packed.sorted_indices)
            lengths = lengths[packed.sorted_indices.cpu()]
        data = pack_padded_sequence(y, lengths).data
        indices = (packed.sorted_indices, packed.unsorted_indices)
        return PackedSequence(data, packed.batch_sizes, *indices), self._as_torch(after)

    def _states(self, hx: Any, x: Tensor, rows: int, single: bool) -> tuple[Tensor, ...]:
        """Give the states before the first step as a tuple of [layers * directions, B, ·]."""
        names = self.cell.states
        if hx is None:
            places = self.num_layers * (2 if self.bidirectional else 1)
            widths = (self.proj_size or self.hidden_size, self.hidden_size)
            return tuple(
                torch.zeros(places, rows, width, dtype=x.dtype, device=x.device)
                for _, width in zip(names, widths, strict=False)
            )
        states = (hx,) if len(names) == 1 else tuple(hx)
        if len(states) != len(names) or not all(isinstance(s, Tensor) for s in states):
            form = "a tensor" if len(names) == 1 else f"a tuple of {len(names)} tensors"
            found = f" of {len(states)}" if isinstance(hx, tuple | list) else ""
            raise RuntimeError(
                f"{type(self).__name__} takes the state(s) {', '.join(names)} as {form}, got "
                f"{type(hx).__name__}{found}"
            )
        dimensions = 2 if single else 3
        if any(s.dim() != dimensions for s in states):
            kind = "unbatched 2-D" if single else "batched 3-D"
            found = ", ".join(f"{s.dim()}-D" for s in states)
            raise RuntimeError(
                f"For {kind} input, the state(s) {', '.join(names)} should also be {dimensions}-D "
                f"but got {found} tensors"
            )
        return tuple(s.unsqueeze(1) for s in states) if single else states

    def _as_torch(self, states: tuple[Tensor, ...]) -> Any:
        return states if len(states) > 1 else states[0]

    def _stack(self) -> Stack:
        dropout = self.dropout if self.training else 0.0
        return Stack(self.cell, self._weights, self.num_layers, self.bidirectional, dropout)

    def _weights(self, layer: int, reverse: bool) -> Weights:
        suffix = f"_l{layer}" + ("_reverse" if reverse else "")
        return Weights(
            W=getattr(self, f"weight_ih{suffix}"),
            U=getattr(self, f"weight_hh{suffix}"),
            b=getattr(self, f"bias_ih{suffix}") if self.bias else None,
            c=getattr(self, f"bias_hh{suffix}") if self.bias else None,
            P=getattr(self, f"weight_hr{suffix}") if self.proj_size else None,
        )


_CELLS = {"RNN_TANH": "elman", "RNN_RELU": "elman_relu", "GRU": "gru", "LSTM": "lstm"}


class RNN(_OnOurEngines, torch.nn.RNN):
    """`torch.nn.RNN` on this package's engines: same arguments, numbers and checkpoints."""


class GRU(_OnOurEngines, torch.nn.GRU):
    """`torch.nn.GRU` on this package's engines: same arguments, numbers and checkpoints."""


class LSTM(_OnOurEngines, torch.nn.LSTM):
    """`torch.nn.LSTM` on this package's engines: same arguments, numbers and checkpoints."""
