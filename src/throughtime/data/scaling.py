"""Columns brought to mean 0 and variance 1, as measured on the rows that may be learned from.

The target may be transformed first, so that its errors are of one size at low and high values: the
square root for counts, the logarithm for what grows by shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.stored.scratch import release


@dataclass(frozen=True)
class Transform:
    """An increasing map of the target, and its inverse; `least` is the smallest value it takes."""

    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    least: float = -torch.inf


transforms = {
    "none": Transform(lambda x: x, lambda z: z),
    "sqrt": Transform(torch.sqrt, lambda z: z.clamp(min=0.0).square(), least=0.0),
    "log1p": Transform(torch.log1p, torch.expm1, least=0.0),
}


@dataclass(frozen=True)
class Scaling:
    """An affine map for each column, (value - center) / scale; the target is transformed before.

    Attributes:
        center: The mean of each column on the rows it was fitted on. Length C.
        scale: Their population standard deviation; 1 for a constant column. Length C.
        transform: What is done to the first column, the target, before: one of `transforms`.
    """

    center: tuple[float, ...]
    scale: tuple[float, ...]
    transform: str = "none"

    @classmethod
    def fit(cls, values: Tensor, rows: range, transform: str = "none") -> Scaling:
        """Measure mean and standard deviation on some rows and on no others.

        Args:
            values: The columns, finite. [T, C]
            rows: The rows to measure on.
            transform: One of `transforms`, for the target.

        Returns:
            The scaling of the C columns.

        Raises:
            DataError: The transform does not take a value of the target.
            ValueError: `values` is not [T, C], or `rows` is empty or reaches beyond them.
        """
        if values.ndim != 2:
            raise ValueError(f"values must be [T, C], but came with shape {tuple(values.shape)}")
        if not rows or min(rows) < 0 or max(rows) >= len(values):
            raise ValueError(
                f"rows must lie within the {len(values)} rows of values, but came as {rows}"
            )
        taken = values[rows.start : rows.stop] if rows.step == 1 else values[list(rows)]
        seen = transformed(taken.double(), transform)  # [R, C]
        return cls(
            *_bounded(seen.mean(dim=0), seen.std(dim=0, correction=0), _largest(seen)), transform
        )

    @classmethod
    def fit_parts(cls, parts: Iterable[Tensor]) -> Scaling:
        """Measure mean and standard deviation on rows that come in parts.

        So many parts are joined as hold 16 million numbers, and what is measured of such rows is
        put together (Chan, Golub & LeVeque 1979): no more has to be in memory.

        Args:
            parts: Rows, finite. [T, C] each; at least one row in all

        Returns:
            The scaling of the C columns, without a transform.

        Raises:
            ValueError: There are no parts.
        """
        measured = _measured(parts)
        first = next(measured, None)
        if first is None:
            raise ValueError("there are no rows to measure")
        rows, center, scale, largest = first
        for more, mean, spread, furthest in measured:
            total, off = rows + more, mean - center
            squares = rows * scale.square() + more * spread.square()
            scale = ((squares + off.square() * (rows * more / total)) / total).sqrt()
            center = center + off * (more / total)
            rows, largest = total, torch.maximum(largest, furthest)
        return cls(*_bounded(center, scale, largest))

    @classmethod
    def of_counts(cls, values: Tensor, rows: range) -> Scaling:
        """Measure the mean of a first column of counts, and scale it by that alone.

        A count c is c / mean, so that none stays none; other columns are scaled as by `fit`.

        Raises:
            DataError: The first column has values below 0, or that are not whole.
        """
        counts = values[:, 0]
        if faults := ((counts < 0) | (counts != counts.round())).nonzero().flatten().tolist():
            raise DataError(
                f"The target has {float(counts[faults[0]]):g} in row {faults[0] + 1} of the "
                "series; counts are whole numbers of at least 0.\n"
                "To mend: correct the value, or choose an output that is not of counts, such as "
                "gaussian."
            )
        found = cls.fit(values, rows)
        mean = found.center[0]
        return cls((0.0, *found.center[1:]), (mean if mean > 0 else 1.0, *found.scale[1:]))

    @property
    def columns(self) -> int:
        """How many columns are scaled."""
        return len(self.center)

    def for_series(self, name: str) -> Scaling:
        """Give the scaling of a series: this one, whatever the series is called."""
        return self

    def check(self, names: Iterable[str], source: str) -> None:
        """Refuse no series; see `ScalingBySeries`, which does."""

    def apply(self, values: Tensor) -> Tensor:
        """Scale columns.

        Args:
            values: In the units of the data. [..., C]

        Returns:
            Scaled values, in the dtype and on the device of `values`. [..., C]

        Raises:
            DataError: The transform does not take a value of the target.
            ValueError: `values` has another number of columns.
        """
        if values.ndim == 0 or values.shape[-1] != len(self.center):
            raise ValueError(
                f"values must have {len(self.center)} columns, [..., {len(self.center)}], but came "
                f"with shape {tuple(values.shape)}"
            )
        values = transformed(values, self.transform)
        return (values - values.new_tensor(self.center)) / values.new_tensor(self.scale)

    def invert(self, values: Tensor) -> Tensor:
        """Bring scaled columns back to the units of the data.

        Args:
            values: Scaled. [..., C]

        Returns:
            The same in the units of the data, in the dtype and on the device of `values`. [..., C]
        """
        values = values * values.new_tensor(self.scale) + values.new_tensor(self.center)
        inverse = transforms[self.transform].inverse
        return torch.cat([inverse(values[..., :1]), values[..., 1:]], -1)

    def invert_target(self, values: Tensor) -> Tensor:
        """Bring scaled values of the first column, the target, back to its units.

        Args:
            values: Scaled targets or forecasts of them, any shape.

        Returns:
            The same in the units of the target.
        """
        return transforms[self.transform].inverse(values * self.scale[0] + self.center[0])

    def as_dict(self) -> dict[str, object]:
        """The scaling in a form that JSON can hold."""
        return {
            "transform": self.transform,
            "center": list(self.center),
            "scale": list(self.scale),
        }

    @classmethod
    def from_dict(cls, saved: object) -> Scaling:
        """Rebuild a scaling from what `as_dict` gave.

        Args:
            saved: What was read from a file; it is not trusted.

        Returns:
            The scaling.

        Raises:
            DataError: It is not a mapping of "center" and "scale" to finite numbers, as many in
                both, and of "transform" to a known one, or a scale is not positive.
        """
        if not isinstance(saved, Mapping) or set(saved) != {"center", "scale", "transform"}:
            raise malformed(f"center, scale and transform were expected, but it is {saved!r:.80}")
        if not isinstance(saved["transform"], str) or saved["transform"] not in transforms:
            raise malformed(f"transform must be one of {', '.join(transforms)}")
        center, scale = _numbers(saved["center"], "center"), _numbers(saved["scale"], "scale")
        if len(center) != len(scale):
            raise malformed(f"there are {len(center)} centers and {len(scale)} scales")
        if min(scale) <= 0:
            raise malformed(f"scales must be positive, but one is {min(scale)}")
        return cls(center, scale, saved["transform"])


def transformed(values: Tensor, name: str) -> Tensor:
    """Transform the first column of [..., C] by one of `transforms`.

    Raises:
        DataError: The transform does not take a value of it.
    """
    transform, target = transforms[name], values[..., :1]
    faults = (target < transform.least).flatten().nonzero().flatten()
    if len(faults):
        row = int(faults[0])
        raise DataError(
            f"The target has {float(target.flatten()[row]):g} in row {row + 1} of the series; the "
            f"{name} transform takes values of at least {transform.least:g}.\n"
            "To mend: correct the value, or train without the transform."
        )
    return torch.cat([transform.forward(target), values[..., 1:]], -1)


AT_ONCE = 2**24
"""Numbers on which mean and spread are measured together."""


def _measured(parts: Iterable[Tensor]) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Join parts until they hold so many numbers, and give what is measured of them.

    Yields:
        How many rows there are; the mean of each column, its population standard deviation, and
        its largest magnitude. [C] each
    """
    some: list[Tensor] = []
    numbers = 0
    for part in parts:
        some.append(part)
        numbers += part.numel()
        if numbers > AT_ONCE:
            yield _measure(some)
            some, numbers = [], 0
            release()
    if some:
        yield _measure(some)


def _measure(parts: list[Tensor]) -> tuple[int, Tensor, Tensor, Tensor]:
    rows = torch.cat(parts).double()  # [R, C]
    if not rows.shape[1]:
        return len(rows), rows.new_empty(0), rows.new_empty(0), rows.new_empty(0)
    return len(rows), rows.mean(dim=0), rows.std(dim=0, correction=0), _largest(rows)


def _largest(seen: Tensor) -> Tensor:
    """Give the largest magnitude of each column: [R, C] -> [C]."""
    return torch.maximum(seen.amax(dim=0), -seen.amin(dim=0))


def _bounded(
    center: Tensor, scale: Tensor, largest: Tensor
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give centers and scales, 1 for a column that is constant."""
    # The rounding of a mean gives constant columns a spread of some 1e-16: divided by it they
    # would explode.
    scale = scale.masked_fill(scale <= 1e-12 * largest, 1.0)  # [C]
    return tuple(center.tolist()), tuple(scale.tolist())


def _numbers(saved: object, name: str) -> tuple[float, ...]:
    if not isinstance(saved, list | tuple) or not saved:
        raise malformed(f"{name} must be a list of numbers, but it is {saved!r:.80}")
    for number in saved:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise malformed(f"{name} must hold numbers, but one is {number!r:.80}")
        if (
            not abs(number) <= 1.7976931348623157e308
        ):  # also NaN, and whole numbers too long for a float
            raise malformed(f"{name} must hold finite numbers, but one is {number!r:.80}")
    return tuple(float(number) for number in saved)


def malformed(what: str) -> DataError:
    """Make the error that refuses a saved scaling."""
    return DataError(f"The saved scaling is malformed: {what}.\nTo mend: save the model again.")
