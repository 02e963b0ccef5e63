"""A recurrent layer run one step a call: inference on a stream, as soon as each input is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from throughtime import engine
from throughtime.nn.one_step import Packed, Readout, frozen, packed, plain_step, recurrences
from throughtime.nn.shapes import whole_number

if TYPE_CHECKING:
    from throughtime.nn.as_torch import OnOurEngines
    from throughtime.nn.layers import Stack
    from throughtime.nn.recurrent import Recurrent, State


class Stepper:
    """A layer or network that is given one step a call; `layer.stepper(batch_size)` makes it.

    The numbers are those of the layer in evaluation mode: no dropout, zoneout by its expectation.
    The weights are copied when the stepper is made, and again by `refresh`; what becomes of the
    layer's own in between changes nothing. Autograd records nothing, autocast is not followed, no
    hooks are called, and no NaN is looked for: that would take longer than the step.

    Where the native engine runs the layer, a call costs little more than its arithmetic. Where
    it does not (`tt.engine.explain(layer, x)` says why) the engine that does is called as the layer
    calls it.

    A stepper serves one thread at a time; several in several threads know nothing of each other.

    Attributes:
        batch_size: Rows, B.
        input_size: Inputs a step, I.
        dtype: Of inputs, states and outputs.
        device: Where they are.
        engine: The name of the engine that runs it, by what was chosen when the weights were taken.

    Example:
        >>> import torch
        >>> import throughtime as tt
        >>> network = tt.Network("lstm", input_size=2, hidden_size=16, output_size=1)
        >>> stepper = network.stepper()
        >>> for x in torch.zeros(5, 2):  # as they come in
        ...     y = stepper(x)
        >>> tuple(y.shape)
        (1,)
    """

    def __init__(
        self,
        layer: Recurrent | OnOurEngines,
        batch_size: int = 1,
        readout: Callable[[], Readout] | None = None,
    ) -> None:
        if layer.bidirectional:
            raise ValueError(
                "a stepper goes forward in time, and with bidirectional=True a layer reads a "
                "sequence from its end too; call the layer on whole sequences"
            )
        self._layer = layer
        self._readout = readout
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.input_size = layer.input_size
        self._states: tuple[Tensor, ...] | None = None
        self._packed: Packed | None
        self._frozen: tuple[Stack, Readout | None] | None
        self.refresh()

    def __call__(self, x: Tensor | np.ndarray[Any, Any]) -> Tensor:
        """Run one step.

        Args:
            x: Inputs, [B, I], or [I] for a batch of one row; a tensor or an array of numpy.

        Returns:
            The outputs, a new tensor: [B, H], or [H] for [I]; O columns for a network.

        Raises:
            TypeError: x is neither a tensor nor an array.
            ValueError: Its shape, dtype or device is not the stepper's.
            RuntimeError: The stepper is at work in another thread.
        """
        if type(x) is not Tensor:
            x = _as_tensor(x)
        shape = x.shape
        if shape == self._rows:
            single = False
        elif shape == self._row:
            single = True
        else:
            self._refuse(x)
        step = self._step
        if x.dtype is not self.dtype or (not x.is_cpu if step else x.device != self.device):
            self._refuse(x)
        if step is None:
            y = self._plain(x.reshape(self._rows))
            return y[0] if single else y
        if not x.is_contiguous() or x.is_neg():
            x = x.detach().resolve_neg().contiguous()
        y = torch.empty_like(self._like_row if single else self._like)
        address = x.data_ptr()
        if not address and x.numel():
            raise RuntimeError("the input has no memory: its storage has been freed or resized")
        step(address, y.data_ptr())
        return y if self._left is None else self._left(y)

    @property
    def state(self) -> State:
        """The states after the last step, a copy: [layers, B, H], or a tuple of several.

        They are what the layer takes and gives, so that it may run over a sequence before
        (`_, stepper.state = layer(x)`) or after. A state that is set may leave out B if that is 1.

        Raises:
            TypeError: A state that is set is no tensor.
            ValueError: Their number, a shape, dtype or device does not fit.
        """
        states = tuple(state.clone() for state in self._own_states())
        return states if len(states) > 1 else states[0]

    @state.setter
    def state(self, value: State) -> None:
        names, own_states = self._layer.cell.states, self._own_states()
        given = tuple(value) if isinstance(value, tuple | list) else (value,)
        if len(given) != len(names):
            raise ValueError(
                f"cell {self._layer.cell.name!r} carries {len(names)} state(s), "
                f"{', '.join(names)}; got {len(given)}"
            )
        fitting = []
        for name, own, new in zip(names, own_states, given, strict=True):
            if not isinstance(new, Tensor):
                raise TypeError(f"state {name} should be a tensor, got {type(new).__name__}")
            rows = new.unsqueeze(1) if new.dim() == 2 and self.batch_size == 1 else new
            if rows.shape != own.shape:
                raise ValueError(
                    f"state {name} must be [layers, B, H] = {list(own.shape)}, got "
                    f"{list(new.shape)}"
                )
            if new.dtype != own.dtype or new.device != own.device:
                raise ValueError(
                    f"state {name} is {new.dtype} on {new.device}; the stepper's is {own.dtype} on "
                    f"{own.device}"
                )
            fitting.append(rows.detach())
        with torch.no_grad():
            for own, rows in zip(own_states, fitting, strict=True):
                own.copy_(rows)

    @torch.no_grad()
    def reset(self, rows: int | Sequence[int] | Tensor | None = None) -> None:
        """Set the state to zero, of all rows or of some.

        Args:
            rows: A number, several, or a mask, [B]; all if None.

        Raises:
            IndexError: There is no such row.
        """
        for state in self._own_states():
            if rows is None:
                state.zero_()
            else:
                state[:, rows] = 0

    def refresh(self) -> None:
        """Take the layer's weights as they are now, their dtype and device too; the state stays."""
        # What is made in inference mode could not be written to outside of it.
        with torch.inference_mode(False), torch.no_grad():
            self._take()

    def _take(self) -> None:
        layer = self._layer
        weight = next(layer.parameters(), torch.empty(0))
        dtype, device = weight.dtype, weight.device
        stack = layer.stack(training=False)
        readout = None if self._readout is None else self._readout()
        if self._states is None:
            states = self._zeros(dtype, device)
        else:
            states = tuple(state.to(device, dtype) for state in self._states)
        x = torch.empty(1, self.batch_size, self.input_size, dtype=dtype, device=device)
        layers = recurrences(stack, x, states)
        others = {engine.choose(layer).engine for layer in layers} - {"native"}
        if others:
            self._packed, self._frozen = None, frozen(stack, readout)
        else:
            self._packed, self._frozen = packed(layers, readout), None
            width = self._packed.width
            self._like = torch.empty(self.batch_size, width, dtype=dtype, device=device)
            self._like_row, self._left = self._like[0], self._packed.left
        self._step = self._packed.step if self._packed else None
        self.engine = min(others, default="native")
        self.dtype, self.device = dtype, device
        self._states = states
        self._rows = (self.batch_size, self.input_size)
        self._row = (self.input_size,) if self.batch_size == 1 else None

    def _zeros(self, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        layer, places = self._layer, (self._layer.num_layers, self.batch_size)
        P = layer.weights(0).P
        widths = [layer.hidden_size for _ in layer.cell.states]
        if P is not None:
            widths[0] = len(P)
        return tuple(torch.zeros(*places, width, dtype=dtype, device=device) for width in widths)

    def _own_states(self) -> tuple[Tensor, ...]:
        assert self._states is not None
        return self._states

    def _plain(self, x: Tensor) -> Tensor:
        assert self._frozen is not None
        stack, readout = self._frozen
        return plain_step(stack, readout, x, self._own_states())

    def _refuse(self, x: Tensor) -> NoReturn:
        if x.shape not in (self._rows, self._row):
            or_row = f", or [I] = {list(self._row)}" if self._row else ""
            raise ValueError(
                f"the input of one step must be [B, I] = {list(self._rows)}{or_row}; got "
                f"{list(x.shape)}. Whole sequences are the layer's own business: "
                "y, stepper.state = layer(x, stepper.state)"
            )
        if x.dtype != self.dtype:
            raise ValueError(
                f"input is {x.dtype}, the stepper's weights are {self.dtype}; convert it: "
                f"x.to({self.dtype}), or x.astype of a numpy array"
            )
        raise ValueError(f"input is on {x.device}, the stepper on {self.device}; move it")

    def __del__(self) -> None:
        self._packed = self._step = None
        engine.release()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a stepper cannot be copied or pickled; make another with layer.stepper() and give it "
            "the state: other.state = stepper.state"
        )

    def __repr__(self) -> str:
        layer = self._layer
        return (
            f"Stepper({layer.cell.name}, {self.input_size}, {layer.hidden_size}, "
            f"batch_size={self.batch_size}, engine={self.engine})"
        )


def _as_tensor(x: object) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        # torch wants to write, and knows no negative strides
        given = x if x.flags.c_contiguous and x.flags.writeable else x.copy()
        return torch.from_numpy(given)
    raise TypeError(
        f"the input of one step should be a tensor or an array of numpy, got {type(x).__name__}"
    )
