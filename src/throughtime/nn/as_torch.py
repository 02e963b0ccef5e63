"""RNN, GRU and LSTM that replace those of `torch.nn` line for line.

They are torch's own classes: constructor, parameters, checks, pickling and all else are inherited.
What is ours is the forward call, which runs the cell's equations on the engines of this package.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from throughtime import cells
from throughtime.equations import Cell
from throughtime.nn.layers import Stack
from throughtime.nn.packed import through_padding
from throughtime.nn.stepper import Stepper
from throughtime.nn.tracing import Untraced, is_symbol
from throughtime.nn.weights import NamedWeights


class OnOurEngines(NamedWeights, Untraced, torch.nn.RNNBase):
    """What RNN, GRU and LSTM share: torch's forward call with our engines inside."""

    @property
    def cell(self) -> Cell:
        """The cell whose equations the layer runs."""
        return cells.registry[_CELLS[self.mode]]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Run the layers; arguments, results and errors are those of `torch.nn`.

        On every device but the CPU torch's own kernels run instead (cuDNN's, say). Dropout between
        the layers of packed sequences draws other random numbers than torch's from the same seed.
        """
        if is_symbol(input):
            return self._as_node(input, hx)
        data = input.data if isinstance(input, PackedSequence) else input
        if not isinstance(data, Tensor):
            raise AttributeError(
                f"{type(self).__name__}: the input should be a tensor or a PackedSequence, got "
                f"{type(data).__name__}"
            )
        if data.device.type != "cpu":
            return super().forward(input, hx)
        self._refuse_tracing()
        if not torch.compiler.is_compiling() or torch.compiler.is_dynamo_compiling():
            self._update_flat_weights()  # torch's checks read them; functional_call changes them
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, "
                f"{'[B, T, I]' if self.batch_first else '[T, B, I]'} or [T, I], got "
                f"{input.dim()}D: {list(input.shape)}"
            )
        single = input.dim() == 2
        x = input.unsqueeze(0 if self.batch_first else 1) if single else input
        rows = x.shape[0 if self.batch_first else 1]
        states = self._zeros(x, rows) if hx is None else self._given(hx, single)
        self._check(x, states, None)
        x = x.transpose(0, 1) if self.batch_first else x
        if x.shape[0] == 0:
            raise RuntimeError(
                f"Expected sequence length to be larger than 0 in {type(self).__name__}; got "
                f"{list(input.shape)}"
            )
        y, after = self._run(x, states)
        if single:
            y, after = y.squeeze(1), tuple(s.squeeze(1) for s in after)
        elif self.batch_first:
            y = y.transpose(0, 1)
        return y, self._as_torch(after)

    def stepper(self, batch_size: int = 1) -> Stepper:
        """Run one step a call, as soon as its input is there; see `Recurrent.stepper`.

        Raises:
            ValueError: The layer runs in both directions; or no row is asked for.
        """
        return Stepper(self, batch_size)

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        if self.mode == "LSTM" and isinstance(hx, Tensor):
            raise TypeError("LSTM takes the states h, c as a tuple of 2 tensors, got Tensor")
        rows = int(packed.batch_sizes[0])
        states = self._zeros(packed.data, rows) if hx is None else self._given(hx, single=False)
        try:
            self._check(packed.data, states, packed.batch_sizes)
        except ValueError as fault:
            if self.mode == "LSTM":  # torch leaves this check to its kernel, which raises the other
                raise RuntimeError(str(fault)) from None
            raise
        y, after = through_padding(packed, lambda x, lengths: self._run(x, states, lengths))
        return y, self._as_torch(after)

    def _zeros(self, x: Tensor, rows: int) -> tuple[Tensor, ...]:
        """Give states of zeros, [layers * directions, B, ·] each."""
        places = self.num_layers * (2 if self.bidirectional else 1)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)
        return tuple(
            torch.zeros(places, rows, width, dtype=x.dtype, device=x.device)
            for _, width in zip(self.cell.states, widths, strict=False)
        )

    def _given(self, hx: Any, single: bool) -> tuple[Tensor, ...]:
        """Give the states that were passed as a tuple of [layers * directions, B, ·]."""
        names = self.cell.states
        try:
            states = (hx,) if len(names) == 1 else (hx[0], hx[1])
            found = [s.dim() for s in states]
            count = 1 if len(names) == 1 else len(hx)
        except (AttributeError, IndexError, TypeError) as fault:
            raise type(fault)(self._wrong_form(hx)) from None
        dimensions = 2 if single else 3
        if any(number != dimensions for number in found):
            kind = "unbatched 2-D" if single else "batched 3-D"
            raise RuntimeError(
                f"For {kind} input, the state{'s'[: len(names) - 1]} {', '.join(names)} should "
                f"also be {dimensions}-D but got {', '.join(f'{number}-D' for number in found)}"
            )
        if count != len(names):
            raise RuntimeError(self._wrong_form(hx))
        if len(names) > 1 and isinstance(hx, Tensor) and not single:
            raise TypeError(self._wrong_form(hx))
        return tuple(s.unsqueeze(1) for s in states) if single else states

    def _wrong_form(self, hx: Any) -> str:
        names = self.cell.states
        form = "state h as a tensor" if len(names) == 1 else "states h, c as a tuple of 2 tensors"
        found = f" of {len(hx)}" if isinstance(hx, tuple | list) else ""
        return f"{type(self).__name__} takes the {form}, got {type(hx).__name__}{found}"

    def _check(self, x: Tensor, states: tuple[Tensor, ...], batch_sizes: Tensor | None) -> None:
        self.check_forward_args(x, self._as_torch(states), batch_sizes)
        for kind, tensors in (("hidden", states), ("parameter", self._flat_weights)):
            for tensor in tensors:
                if tensor is not None and tensor.device != x.device:
                    raise RuntimeError(
                        f"Input and {kind} tensors are not at the same device, found input tensor "
                        f"at {x.device} and {kind} tensor at {tensor.device}"
                    )
        for state in states:
            if state.dtype != x.dtype and not torch.is_autocast_enabled("cpu"):
                raise RuntimeError(
                    f"{type(self).__name__} state dtype ({state.dtype}) does not match input dtype "
                    f"({x.dtype}). Convert the state: state.to({x.dtype})"
                )

    def _run(
        self, x: Tensor, states: tuple[Tensor, ...], lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the layers; under autocast, with results in the dtypes in which torch gives them."""
        stack = self.stack(self.training)
        if not torch.is_autocast_enabled("cpu"):
            return stack.run(x, states, lengths)
        if any(t is not None and t.dtype not in _CAST for t in (x, *states, *self._flat_weights)):
            with torch.autocast("cpu", enabled=False):  # torch casts nothing wider than float32
                return stack.run(x, states, lengths)
        y, after = stack.run(x, states, lengths)
        narrow = torch.get_autocast_dtype("cpu")
        # Products come narrow from torch's kernels, sums with a wider state do not.
        wide = torch.promote_types(narrow, states[-1].dtype)
        of_one_kernel = (
            torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
            and lengths is None
            and x.numel() > 0
        ) and not self.proj_size
        if self.mode == "GRU":
            dtypes = [wide]
        elif self.mode == "LSTM" and not of_one_kernel:
            dtypes = [narrow if self.proj_size else wide, wide]
        else:
            dtypes = [narrow] * len(states)
        after = tuple(s.to(dtype) for s, dtype in zip(after, dtypes, strict=True))
        return y.to(dtypes[0]), after

    def _as_torch(self, states: tuple[Tensor, ...]) -> Any:
        return states if len(states) > 1 else states[0]

    def stack(self, training: bool) -> Stack:
        """Give the layers as they are to be run, in training or not."""
        dropout = self.dropout if training else 0.0
        return Stack(self.cell, self.weights, self.num_layers, self.bidirectional, dropout)


_CAST = (torch.float32, torch.float16, torch.bfloat16)

_CELLS = {"RNN_TANH": "elman", "RNN_RELU": "elman_relu", "GRU": "gru", "LSTM": "lstm"}


class RNN(OnOurEngines, torch.nn.RNN):
    """`torch.nn.RNN` on this package's engines: same arguments, numbers and checkpoints.

    Two things differ: dropout between the layers of packed sequences draws other random numbers
    from the same seed, and TorchScript (`torch.jit.script`, `torch.jit.trace`, deprecated in torch)
    refuses the layer; `convert_(model, back=True)` comes first. `torch.compile` runs the layer, as
    all that descends from torch's, outside of its graphs; inside, as one operator a layer and
    direction, with `torch._dynamo.config.allow_rnn = True`, or as a `Recurrent`.
    """


class GRU(OnOurEngines, torch.nn.GRU):
    """`torch.nn.GRU` on this package's engines: same arguments, numbers and checkpoints.

    Two things differ: dropout between the layers of packed sequences draws other random numbers
    from the same seed, and TorchScript (`torch.jit.script`, `torch.jit.trace`, deprecated in torch)
    refuses the layer; `convert_(model, back=True)` comes first. `torch.compile` runs the layer, as
    all that descends from torch's, outside of its graphs; inside, as one operator a layer and
    direction, with `torch._dynamo.config.allow_rnn = True`, or as a `Recurrent`.
    """


class LSTM(OnOurEngines, torch.nn.LSTM):
    """`torch.nn.LSTM` on this package's engines: same arguments, numbers and checkpoints.

    Two things differ: dropout between the layers of packed sequences draws other random numbers
    from the same seed, and TorchScript (`torch.jit.script`, `torch.jit.trace`, deprecated in torch)
    refuses the layer; `convert_(model, back=True)` comes first. `torch.compile` runs the layer, as
    all that descends from torch's, outside of its graphs; inside, as one operator a layer and
    direction, with `torch._dynamo.config.allow_rnn = True`, or as a `Recurrent`.
    """
