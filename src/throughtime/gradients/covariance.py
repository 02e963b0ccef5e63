"""Covariance matrix adaptation, handed over to the library cmaes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from throughtime.gradients.candidates import Candidates

MOST = 3000
"""Weights above which the covariance matrix is refused: an update takes their cube."""


class CovarianceAdaptation:
    """CMA-ES (Hansen & Ostermeier 2001; Hansen 2016) as the library cmaes has it.

    Args:
        population: Candidates of an update.
        sigma: The standard deviation of the first ones.
        seed: Of the draws.

    Raises:
        ImportError: The library is missing.
    """

    def __init__(self, population: int, sigma: float, seed: int) -> None:
        try:
            from cmaes import CMA
        except ImportError as error:
            raise ImportError(
                'optimizer="cma" needs the library cmaes, which is not installed; get it with: '
                'pip install "throughtime[evolution]"'
            ) from error
        self._make: Any = CMA
        self._settings = {"sigma": sigma, "seed": seed, "population_size": population}
        self._search: Any = None

    def __call__(self, candidates: Candidates) -> list[Tensor]:
        """Evaluate a population; give the way from the mean it leads to, to the weights.

        Raises:
            ValueError: There are too many weights, they are not at the mean that the last update
                led to, or a start is to be learned.
        """
        if candidates.starts:
            raise ValueError(
                'with optimizer="cma" weights are learned and starts are not, and a state that '
                "was given requires a gradient; give it detached"
            )
        points = candidates.points
        here = torch.cat([point.flatten().double().cpu() for point in points])
        if self._search is None:
            if len(here) > MOST:
                raise ValueError(
                    f"covariance adaptation is for small networks, of up to {MOST} weights; this "
                    f"one has {len(here)}; leave out optimizer"
                )
            self._search = self._make(mean=here.numpy(), **self._settings)
        self._check(here, points)
        solutions = []
        for _ in range(self._search.population_size):
            asked = self._search.ask()
            loss = candidates.loss_at(_parts(torch.from_numpy(asked), points))
            solutions.append((asked, loss))
        # The library takes no infinity: those that diverged come after all others.
        largest = max((loss for _, loss in solutions if loss < float("inf")), default=0.0)
        worst = largest + abs(largest) + 1.0
        self._search.tell([(x, min(loss, worst)) for x, loss in solutions])
        mean = _parts(torch.from_numpy(self._search.mean.copy()), points)
        return [point - part for point, part in zip(points, mean, strict=True)]

    def _check(self, here: Tensor, points: list[Tensor]) -> None:
        mean = torch.from_numpy(self._search.mean)
        if mean.shape != here.shape:
            raise ValueError(
                f"the search is one over {len(mean)} weights, the model has {len(here)}; make "
                "another EvolutionStrategy for it"
            )
        precision = max(torch.finfo(point.dtype).eps for point in points)
        away = float((mean - here).abs().max())
        if away > 8 * precision * (1 + float(mean.abs().max())):
            raise ValueError(
                f"the weights are up to {away:.3g} away from the mean that the last update led to; "
                'with optimizer="cma", step with torch.optim.SGD(lr=1), zero gradients before each '
                "call, and do not clip them"
            )


def _parts(vector: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Cut a vector into tensors of the shapes, types and devices of others."""
    parts, at = [], 0
    for tensor in like:
        parts.append(vector[at : at + tensor.numel()].view(tensor.shape).to(tensor))
        at += tensor.numel()
    return parts
