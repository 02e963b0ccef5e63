"""Evolution strategies: a gradient estimated from losses alone, with no backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from throughtime.gradients.candidates import Candidates
from throughtime.gradients.covariance import CovarianceAdaptation
from throughtime.gradients.method import GradientMethod, Loss, Update, check_keys, is_number
from throughtime.gradients.objective import Reduction, check_reduction
from throughtime.gradients.seed import whole_seed


class EvolutionStrategy(GradientMethod):
    """An evolution strategy with antithetic perturbations (Salimans, Ho, Chen & Sutskever 2017).

    The loss of a whole sequence is computed at weights on both sides of the present ones,
    `theta + sigma e_i` and `theta - sigma e_i`, e_i being normal. From these losses alone comes the
    gradient: nothing is differentiated and no graph is made, so memory does not grow with the
    steps, and losses that have no derivative will do.

    Without shaping, `.grad` is an unbiased estimate of the gradient of the loss smoothed by sigma,

        g = 1 / (population sigma) sum_i (E(theta + sigma e_i) - E(theta - sigma e_i)) e_i.

    With "ranks" the losses are replaced by their ranks, from -1/2 for the least to 1/2: a loss that
    explodes counts as the worst and no more. The direction is one of descent as before; the length
    then says nothing of the slope, so use an optimiser that sets its own, or a small learning rate.

    The error of the estimate grows as the square root of the number of weights. It is for networks
    of some hundred weights, for losses without derivatives, and for gradients that explode.

    With `optimizer="cma"` the library cmaes (`pip install "throughtime[evolution]"`) proposes the
    weights (Hansen & Ostermeier 2001). `.grad` is then the way from the mean it proposes to the
    weights as they are, so that a step of `torch.optim.SGD(lr=1)` lands on that mean, which it has
    to: its search goes on from there. Any other step, or gradients that are clipped or were not
    zeroed before, are refused at the next call. Its memory is the square of the number of weights.

    Candidates are run one by one. All of them as one batch over stacked weights
    (`torch.func.vmap`), which the reference engine alone can do, took 1.4 to 5 times as long as the
    native engine took one by one, from 16 units and 100 steps on; with 4 units and 20 steps, a
    quarter to a half of it (benchmarks/evolution_candidates.py).

    A model that draws random numbers, for dropout, draws the same for all candidates of an update.

    Args:
        population: Losses computed for an update; even.
        sigma: The standard deviation of the perturbations, in units of the weights; where cmaes
            starts from.
        seed: Of the perturbations; each call draws on. With cmaes from 0 to 2**32 - 1.
        reduce: "mean" or "sum", as for `BPTT`.
        optimizer: None, or "cma".
        shaping: "ranks", or None for the losses as they are. Covariance adaptation ranks by itself.

    Raises:
        ValueError: The population is no even number from 2, sigma is not positive, the seed no
            whole number in its range, or an option is unknown.
        ImportError: cmaes is wanted and not installed.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(10, 2, 1), torch.ones(10, 2, 1)
        >>> loss = torch.nn.L1Loss(reduction="none")
        >>> (update,) = EvolutionStrategy(population=8)(model, x, d, loss)
        >>> sorted(update.info)
        ['best', 'diverged', 'population']
    """

    exact: ClassVar[bool] = False

    def __init__(
        self,
        population: int = 32,
        sigma: float = 0.02,
        seed: int = 0,
        reduce: Reduction = "mean",
        optimizer: Literal["cma"] | None = None,
        shaping: Literal["ranks"] | None = "ranks",
    ) -> None:
        check_reduction(reduce)
        whole = isinstance(population, int) and not isinstance(population, bool)
        if not whole or population < 2 or population % 2:
            raise ValueError(
                f"population is an even number, at least 2: half of it on each side; got "
                f"{population!r}"
            )
        if not is_number(sigma) or not 0 < sigma < float("inf"):
            raise ValueError(f"sigma must be positive, got {sigma!r}")
        if optimizer not in (None, "cma"):
            raise ValueError(f'optimizer must be None or "cma", got {optimizer!r}')
        if shaping not in (None, "ranks"):
            raise ValueError(f'shaping must be "ranks" or None, got {shaping!r}')
        # The library's own draws come from numpy, which takes fewer seeds.
        self.seed = whole_seed(seed, 0, 2**32 - 1) if optimizer == "cma" else whole_seed(seed)
        self.population, self.sigma = population, float(sigma)
        self.reduce: Reduction = reduce
        self.optimizer, self.shaping = optimizer, shaping
        self._draws = torch.Generator().manual_seed(self.seed)
        self._cma = CovarianceAdaptation(population, sigma, seed) if optimizer == "cma" else None
        self.whole_step = self._cma is not None

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
        """Yield once; see `GradientMethod`.

        The update's loss and state are those of the weights as they are. `Update.info` has
        "population"; "best", the least loss of a candidate; "diverged", how many had one that is
        not finite.

        Raises:
            ValueError: As for `GradientMethod`; or, with cmaes, the weights are not where its last
                update led, or a start is to be learned.
            FloatingPointError: The loss is not finite at the weights as they are; or, without
                shaping, at a candidate's.
        """
        candidates = Candidates(
            model, inputs, targets, loss, state, lengths, reset, self.reduce,
            self.shaping is None and self._cma is None,
        )  # fmt: skip
        value, after = candidates.present()
        candidates.add((self._cma or self._estimate)(candidates))
        info = {"population": float(self.population), **candidates.figures()}
        yield Update(value, after, range(len(inputs)), info)

    def state_dict(self) -> dict[str, Any]:
        """Give where the draws have come to; see `GradientMethod`.

        Raises:
            ValueError: The search is one of cmaes, which has no form but a pickle.
        """
        if self._cma is not None:
            raise ValueError(
                'with optimizer="cma" the search lies in the library cmaes, which saves it as a '
                "pickle alone; train without checkpoints, or without cmaes"
            )
        return {"draws": self._draws.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draw on from there; see `GradientMethod`."""
        check_keys(self, state, ["draws"])
        self._draws.set_state(state["draws"])

    def _estimate(self, candidates: Candidates) -> list[Tensor]:
        noise: list[list[Tensor]] = []
        losses: list[list[float]] = []
        for _ in range(self.population // 2):
            noise.append([self._drawn(point) for point in candidates.points])
            losses.append(
                [
                    candidates.loss_at(
                        [
                            point + sign * self.sigma * e
                            for point, e in zip(candidates.points, noise[-1], strict=True)
                        ]
                    )
                    for sign in (1, -1)
                ]
            )
        values = torch.tensor(losses, dtype=torch.float64)  # [population / 2, 2]
        if self.shaping == "ranks":
            values = ranks(values)
        weights = (values[:, 0] - values[:, 1]) / (self.population * self.sigma)
        gradients = [torch.zeros_like(point) for point in candidates.points]
        for weight, pair in zip(weights.tolist(), noise, strict=True):
            for gradient, e in zip(gradients, pair, strict=True):
                gradient.add_(e, alpha=weight)
        return gradients

    def _drawn(self, point: Tensor) -> Tensor:
        # On the CPU, so that a seed gives the same on every device.
        return torch.randn(point.shape, dtype=point.dtype, generator=self._draws).to(point.device)

    def __repr__(self) -> str:
        shown = f"population={self.population}, sigma={self.sigma}, reduce={self.reduce!r}"
        if self.optimizer is not None:
            return f"EvolutionStrategy({shown}, optimizer={self.optimizer!r})"
        return f"EvolutionStrategy({shown}, shaping={self.shaping!r})"


def ranks(values: Tensor) -> Tensor:
    """Give centred ranks: -1/2 for the least, 1/2 for the largest; equal values share theirs.

    Args:
        values: Of any shape; infinite ones are the largest.
    """
    flat = values.flatten()
    below = (flat[:, None] > flat).sum(1) - (flat[:, None] < flat).sum(1)
    return (below.to(values.dtype) / (2 * max(len(flat) - 1, 1))).view(values.shape)
