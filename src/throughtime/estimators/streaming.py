"""A trained regressor on a stream: answers as samples come in, the state carried in between."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from throughtime.data import DataError, Scaling
from throughtime.nn import Network

_SHORT = 32
"""Steps of a block that are taken one by one, at most: a call of the network costs more."""


class SampleStream:
    """Gives the answer of every step as soon as its input is there.

    Inputs come one step at a time or in blocks of any sizes, and the answers are those of `predict`
    on the whole. The weights are copied when the stream is made; `network.stepper()` runs it.

    Args:
        network: Of one direction.
        scaling: Of inputs.
        target_scaling: Of answers.
        flat: Whether an answer is a number, and not a row of columns.

    Example:
        >>> import numpy as np
        >>> from throughtime.estimators import SequenceRegressor
        >>> x = np.random.default_rng(0).normal(size=(4, 60, 1))
        >>> regressor = SequenceRegressor(per="step", hidden=4, epochs=2).fit(x, x[..., 0])
        >>> stream = regressor.stream()
        >>> pieces = [stream(x[0, :1]), stream(x[0, 1:20]), stream(x[0, 20:])]
        >>> bool(np.allclose(np.concatenate(pieces), regressor.predict(x)[0], atol=1e-5))
        True
    """

    def __init__(
        self, network: Network, scaling: Scaling, target_scaling: Scaling, flat: bool
    ) -> None:
        self._network, self._flat = network.eval(), flat
        self._stepper = network.stepper()
        device = self._stepper.device
        self._elsewhere = None if device.type == "cpu" else device
        # Of one sample, arithmetic in numpy takes a tenth of what torch takes.
        dtype = np.dtype(str(self._stepper.dtype).removeprefix("torch."))
        self._center, self._scale = (
            np.array(part, dtype) for part in (scaling.center, scaling.scale)
        )  # [I]
        self._target_center, self._target_scale = (
            np.array(part) for part in (target_scaling.center, target_scaling.scale)
        )  # [O]

    @property
    def columns(self) -> int:
        """Inputs a step, I."""
        return len(self._center)

    def __call__(self, block: Any) -> npt.NDArray[np.float64]:
        """Go on by some steps.

        Args:
            block: Their inputs, [n, I], or [n] for one column.

        Returns:
            Their answers, [n, O], or [n]; in the units of the targets.

        Raises:
            DataError: The block is of another shape, or holds what is no finite number.
        """
        stepper = self._stepper
        scaled = (self._given(block) - self._center) / self._scale
        n, x = len(scaled), torch.from_numpy(scaled)
        if self._elsewhere is not None:
            x = x.to(self._elsewhere)
        if n > _SHORT:
            with torch.no_grad():
                y, stepper.state = self._network(x[:, None], stepper.state)
            y = y[:, 0]
        elif n == 1:
            y = stepper(x)
        else:
            steps = [stepper(row) for row in x]
            y = torch.stack(steps) if steps else x.new_empty(0, len(self._target_center))
        if self._elsewhere is not None:
            y = y.cpu()
        answers: npt.NDArray[np.float64] = y.numpy().astype(np.float64)
        answers *= self._target_scale
        answers += self._target_center
        return answers[:, 0] if self._flat else answers

    def _given(self, block: Any) -> npt.NDArray[Any]:
        x = np.asarray(block, self._center.dtype)
        if x.ndim == 1 and self.columns == 1:
            x = x[:, None]
        if x.ndim != 2 or x.shape[1] != self.columns:
            also = " or [n]" if self.columns == 1 else ""
            raise DataError(f"a block is [n, {self.columns}]{also}, and came as {list(x.shape)}")
        if np.count_nonzero(np.isfinite(x)) < x.size:  # of one number, half the time of `all`
            step = int(np.argwhere(~np.isfinite(x))[0, 0])
            raise DataError(f"step {step} of the block holds what is no finite number")
        return x

    def reset(self) -> None:
        """Begin anew, as before the first step."""
        self._stepper.reset()


def real_time_factor(
    stream: SampleStream, rate: float, block: int = 128, seconds: float = 1.0, repeats: int = 5
) -> float:
    """Measure how long a stream takes for a signal, as a share of how long the signal lasts.

    Below 1 it keeps up. Noise is given block by block; the stream is begun anew before and after.

    Args:
        stream: What is measured.
        rate: Steps a second of the signal.
        block: Steps a call.
        seconds: Length of the signal.
        repeats: Times; the median counts.

    Raises:
        ValueError: A number is not positive, or the signal is shorter than a block.
    """
    blocks = int(rate * seconds) // block if block > 0 else 0
    if blocks < 1 or repeats < 1:
        raise ValueError(
            f"rate, block, seconds and repeats must be positive, and the signal a block at least; "
            f"got {rate}, {block}, {seconds} and {repeats}"
        )
    generator = torch.Generator().manual_seed(0)
    signal = torch.randn(blocks, block, stream.columns, generator=generator).numpy()
    taken = []
    for _ in range(repeats):
        stream.reset()
        before = time.perf_counter()
        for piece in signal:
            stream(piece)
        taken.append(time.perf_counter() - before)
    stream.reset()
    return statistics.median(taken) * rate / (blocks * block)
