"""What a gradient method is: a call that leaves gradients in `.grad` each time it yields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Update:
    """Gradients stand complete in `.grad`: clip, step, zero, go on.

    Attributes:
        loss: The loss that was differentiated.
        state: What the network carries after the last step covered, cut from its history.
        steps: The steps whose losses the update covers.
        info: Figures of the method.
    """

    loss: float
    state: Any
    steps: range
    info: dict[str, float] = field(default_factory=dict)


class GradientMethod(ABC):
    """A way to differentiate a recurrent network through time.

    A method works on any module of the form `(inputs, state) -> (outputs, state)`, time first. It
    adds to `.grad` as `Tensor.backward` does, never zeroes, and never steps an optimiser.

    Attributes:
        exact: Whether the updates of a method with its default arguments and `reduce="sum"` add up
            to the exact gradient of a sequence, at fixed weights and where its window, if it has
            one, holds the whole sequence.
        any_module: Whether it takes any module of that form, or only networks and layers of this
            package, whose cells it differentiates itself.
        whole_step: Whether what stands in `.grad` is the way from the weights that the method
            proposes next, and no slope: it wants `torch.optim.SGD(lr=1)`, unclipped.
    """

    exact: ClassVar[bool]
    any_module: ClassVar[bool] = True
    whole_step: bool = False

    @abstractmethod
    def __call__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> Iterator[Update]:
        """Yield each time the gradients stand complete in `.grad`.

        Args:
            model: `(inputs, state) -> (outputs, state)`; called with `lengths=` if they are given.
            inputs: [T, B, ...]
            targets: [T, B, ...]
            loss: Elementwise: `loss(outputs, targets)` keeps the dimensions [T, B, ...], as torch's
                losses do with `reduction="none"`.
            state: What the network carries before the first step; None for its own start. It is
                cut from its history; a leaf that requires a gradient (a learned start) receives it.
            lengths: Valid steps of each row, [B]; what lies beyond is not part of the loss, nor of
                the number that a mean divides by.
            reset: Rows that start anew, from a state of zeros, before a step, [T, B]: what a stream
                gives where one sequence ends and the next begins. No gradient flows back across.
                The tensors of a state then have the rows in the last dimension but one, as
                [layers, B, H] and [B, H] do, or in the first; where both have as many entries as
                there are rows it is refused, unless the model is one of torch's layers or ours.

        Raises:
            ValueError: Shapes do not fit, or the loss is reduced already.
            FloatingPointError: The loss, or its derivative by the outputs, is not finite, and no
                gradient has been touched; or a complete gradient is not, which names its parameter.
        """

    def state_dict(self) -> dict[str, Any]:
        """Give what outlasts a call: drawn numbers, averages. Its arguments are not part of it.

        Raises:
            ValueError: It cannot be saved.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave of a method with the same arguments.

        Raises:
            ValueError: It is the state of another method.
        """
        check_keys(self, state, ())


def check_keys(method: GradientMethod, state: dict[str, Any], keys: Sequence[str]) -> None:
    """Refuse the state of another method.

    Raises:
        ValueError: With both sides' names.
    """
    if set(state) != set(keys):
        raise ValueError(
            f"{method!r} goes on from {', '.join(keys) or 'nothing'}; the state given has "
            f"{', '.join(state) or 'nothing'}"
        )


def is_number(value: object) -> bool:
    """Whether what was given for a number is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_sequences(
    inputs: Tensor, targets: Tensor, lengths: Tensor | Sequence[int] | None
) -> Tensor | None:
    """Refuse sequences whose steps or rows do not fit each other.

    Returns:
        The lengths as a tensor.

    Raises:
        TypeError: One is no tensor.
        ValueError: With both sides' shapes.
    """
    for name, given in (("inputs", inputs), ("targets", targets)):
        if not isinstance(given, Tensor):
            raise TypeError(
                f"{name} are a tensor, [T, B, ...]; got {type(given).__name__}: give "
                "torch.as_tensor of it"
            )
    if inputs.dim() < 2 or targets.dim() < 2 or inputs.shape[:2] != targets.shape[:2]:
        raise ValueError(
            "inputs and targets must agree in their first two dimensions, [T, B, ...]; got "
            f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    T, B = inputs.shape[:2]
    if T == 0 or B == 0:
        raise ValueError(f"there is nothing to learn from in inputs of {tuple(inputs.shape)}")
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths)
    if (
        lengths.shape != (B,)
        or torch.is_floating_point(lengths)
        or lengths.dtype == torch.bool
        or int(lengths.max()) > T
        or int(lengths.min()) < 0
        or int(lengths.sum()) == 0
    ):
        raise ValueError(
            f"lengths must be integers between 0 and {T}, one for each of the {B} rows and not all "
            f"0; got {lengths.tolist()}"
        )
    return lengths
