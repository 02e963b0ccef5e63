"""One sequence read in order, a few steps at a time: from arrays, or step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array: TypeAlias = "Tensor | npt.NDArray[Any]"
Sequence: TypeAlias = "tuple[Array, Array] | Iterable[tuple[Any, Any]]"


class Reader:
    """A sequence, and how far it has been read.

    Args:
        sequence: Inputs [T, I] and targets [T, O], or an iterable of steps, (x [I], d [O]).
        where: What it is, for messages.

    Raises:
        TypeError: It is neither.
        ValueError: Inputs and targets differ in their steps, or there are none.
    """

    def __init__(self, sequence: Sequence, where: str) -> None:
        self.where, self.at = where, 0
        self._arrays: tuple[Array, Array] | None = None
        self._steps: Iterator[Any] = iter(())
        if is_pair(sequence):
            self._arrays = sequence[0], sequence[1]
            check_arrays(*self._arrays, where)
        elif isinstance(sequence, Iterable) and not isinstance(sequence, Tensor | np.ndarray | str):
            self._steps = iter(sequence)
        else:
            raise TypeError(
                f"{where} is a {type(sequence).__name__}; give a pair (inputs [T, I], targets "
                "[T, O]), or an iterable of steps (x [I], d [O])"
            )

    def take(self, most: int) -> tuple[Tensor, Tensor] | None:
        """Read on.

        Args:
            most: How many steps at most.

        Returns:
            Inputs [n, I] and targets [n, O]; None at the end.

        Raises:
            ValueError: Steps are no pairs of tensors of one shape.
        """
        if self._arrays is not None:
            inputs, targets = (_part(a, self.at, self.at + most) for a in self._arrays)
        else:
            steps = list(islice(self._steps, most))
            if not steps:
                return None
            try:
                inputs, targets = (
                    torch.stack([torch.as_tensor(part) for part in parts])
                    for parts in zip(*steps, strict=True)
                )
            except (TypeError, ValueError, RuntimeError) as error:
                raise ValueError(
                    f"{self.where}: after step {self.at}, a step is no pair (x [I], d [O]) shaped "
                    f"as the others: {error}"
                ) from error
            check_arrays(inputs, targets, self.where)
        self.at += len(inputs)
        return (inputs, targets) if len(inputs) else None

    @property
    def of_arrays(self) -> bool:
        """Whether any step can be gone to."""
        return self._arrays is not None

    def go_to(self, step: int) -> None:
        """Go to a step.

        Raises:
            ValueError: The sequence is read step by step, or is shorter.
        """
        if self._arrays is None:
            raise ValueError(
                f"{self.where} is read step by step; a position can be taken up in arrays alone"
            )
        if step > len(self._arrays[0]):
            raise ValueError(
                f"{self.where} has {len(self._arrays[0])} steps and was read up to {step}: it is "
                "not the same as before"
            )
        self.at = step


def is_pair(sequence: Any) -> TypeGuard[tuple[Array, Array]]:
    """Whether something is a pair of arrays."""
    return (
        isinstance(sequence, tuple | list)
        and len(sequence) == 2
        and all(isinstance(part, Tensor | np.ndarray) for part in sequence)
    )


def check_arrays(inputs: Array, targets: Array, where: str) -> None:
    """Refuse arrays that are no sequence.

    Raises:
        ValueError: They differ in their steps or have none, or steps have no columns.
    """
    shapes = f"inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}"
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or len(inputs) == 0:
        raise ValueError(f"{where} needs a target for each of one or more steps; got {shapes}")
    if inputs.ndim == 1 and torch.as_tensor(inputs[:1]).is_floating_point():
        raise ValueError(
            f"{where} has {shapes}; inputs are [T, I], so give a single column as inputs[:, None]; "
            "if these are the inputs of one step, the source gives steps: put it into a list, as "
            "the one sequence it is"
        )


def _part(array: Array, start: int, stop: int) -> Tensor:
    """Give some steps as a tensor; an array on disk is read no further."""
    part = array[start:stop]
    return part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
