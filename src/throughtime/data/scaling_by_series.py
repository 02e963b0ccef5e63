"""Many series on one scale: each target by its own series, covariates by all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.faults import listed, quoted
from throughtime.data.scaling import Scaling, malformed


@dataclass(frozen=True)
class ScalingBySeries:
    """A scaling for each of many series.

    A target is measured on its own series, so that a small one counts as much as a large one.
    Covariates are measured on all series together, so that what is constant in each, such as the
    size of a shop, still tells them apart.

    Attributes:
        of: The scaling of each series, by its name; they differ in the target alone.
    """

    of: Mapping[str, Scaling]

    @classmethod
    def fit(
        cls,
        series: Iterable[tuple[str, Tensor, range]],
        transform: str = "none",
        counts: bool = False,
    ) -> ScalingBySeries:
        """Measure mean and standard deviation on some rows of each series and on no others.

        Args:
            series: For each its name, its values [T, C] with the target first, and the rows.
            transform: One of `transforms`, for the targets.
            counts: Whether targets are counts; see `Scaling.of_counts`.

        Returns:
            The scaling of each.

        Raises:
            DataError: The transform does not take a value of a target, or it is no count.
            ValueError: There is no series; or one has no such rows.
        """
        targets = {}

        def covariates() -> Iterator[Tensor]:
            for name, values, rows in series:
                own = values[:, :1]
                try:
                    targets[name] = (
                        Scaling.of_counts(own, rows)
                        if counts
                        else Scaling.fit(own, rows, transform)
                    )
                except DataError as error:
                    raise DataError(f"series {quoted(name)}: {error}") from None
                yield values[rows.start : rows.stop, 1:]  # [R, C - 1]

        shared = Scaling.fit_parts(covariates())
        return cls({name: _joined(target, shared) for name, target in targets.items()})

    @property
    def columns(self) -> int:
        """How many columns are scaled."""
        return next(iter(self.of.values())).columns

    def check(self, names: Iterable[str], source: str) -> None:
        """Refuse series whose scale is not known.

        Args:
            names: Of series that are to be scaled.
            source: Where they come from, for the message.

        Raises:
            DataError: It names all that were not trained on.
        """
        unseen = [name for name in names if name not in self.of]
        if unseen:
            raise DataError(
                f"{source}: the model was not trained on the series "
                f"{listed(map(quoted, unseen), shown=10)}, whose scale it cannot know; it knows "
                f"{listed(map(quoted, self.of), shown=10)}.\n"
                "To mend: leave the rows of other series out, or train with them. Where a file "
                "holds several series, name the column that tells them apart (series)."
            )

    def for_series(self, name: str) -> Scaling:
        """Give the scaling of a series.

        Raises:
            DataError: It was not among those measured.
        """
        self.check([name], "the data")
        return self.of[name]

    def as_dict(self) -> dict[str, object]:
        """The scalings in a form that JSON can hold; what is shared stands once."""
        first = next(iter(self.of.values()))
        return {
            "transform": first.transform,
            "covariates": {"center": list(first.center[1:]), "scale": list(first.scale[1:])},
            "series": {name: [own.center[0], own.scale[0]] for name, own in self.of.items()},
        }

    @classmethod
    def from_dict(cls, saved: object) -> ScalingBySeries:
        """Rebuild scalings from what `as_dict` gave.

        Args:
            saved: What was read from a file; it is not trusted.

        Raises:
            DataError: It is not what `as_dict` gives.
        """
        if not isinstance(saved, Mapping) or set(saved) != {"transform", "covariates", "series"}:
            raise malformed(f"transform, covariates and series were expected, not {saved!r:.80}")
        shared, series = saved["covariates"], saved["series"]
        if not isinstance(shared, Mapping) or set(shared) != {"center", "scale"}:
            raise malformed(f"covariates must have center and scale, not {shared!r:.80}")
        if not all(isinstance(part, list) for part in shared.values()):
            raise malformed("center and scale of the covariates must be lists of numbers")
        if not isinstance(series, Mapping) or not series:
            raise malformed(f"series must have the target's scale by name, not {series!r:.80}")
        of = {}
        for name, own in series.items():
            if not isinstance(own, list) or len(own) != 2:
                raise malformed(f"series {name!r:.80} must have center and scale, not {own!r:.80}")
            of[name] = Scaling.from_dict(
                {
                    "transform": saved["transform"],
                    "center": [own[0], *shared["center"]],
                    "scale": [own[1], *shared["scale"]],
                }
            )
        return cls(of)


def _joined(target: Scaling, covariates: Scaling) -> Scaling:
    return Scaling(
        target.center + covariates.center, target.scale + covariates.scale, target.transform
    )
