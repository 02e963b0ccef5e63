"""The arguments of an estimator's constructor, read and set by name as scikit-learn does."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np


class NotFittedError(ValueError, AttributeError):
    """An estimator was asked for what it only has after `fit`."""


class Parameters:
    """What makes an estimator one of scikit-learn's: it is its constructor's arguments.

    A constructor stores its arguments as they are under their own names and does nothing else; what
    `fit` finds has names that end in an underscore. So `sklearn.base.clone` and whatever searches
    over settings work, and this package does not need scikit-learn.
    """

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the arguments by name; none of them is an estimator, so `deep` changes nothing."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set arguments by name; they count from the next `fit` on.

        Raises:
            ValueError: There is no such argument; none is set.
        """
        names = self._names()
        if unknown := [name for name in parameters if name not in names]:
            raise ValueError(
                f"{type(self).__name__} has no parameter {', '.join(unknown)}; it has "
                f"{', '.join(names)}"
            )
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags  # who asks for them has it

        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def __repr__(self) -> str:
        signature = inspect.signature(type(self)).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not signature[name].default and value != signature[name].default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _take_plain(self) -> None:
        """Turn arguments that are numbers of numpy's, as searches hand them out, into Python's."""
        for name, value in self.get_params().items():
            if isinstance(value, np.generic):
                setattr(self, name, value.item())

    def _fitted(self, name: str) -> Any:
        """Give what `fit` found.

        Raises:
            NotFittedError: It has not been called.
        """
        try:
            return vars(self)[name]
        except KeyError:
            raise NotFittedError(
                f"this {type(self).__name__} has learned nothing yet; call fit first, or load one "
                "that was saved"
            ) from None
