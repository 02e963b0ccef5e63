"""The task whose short-term gradient points the wrong way: which methods solve it, at which rates.

    python benchmarks/decoy.py [--out runs/decoy] [--steps 10000] [--seeds 5]
        [--rates 0.001,0.003,0.01,0.03] [--methods bptt,tbptt:10:10] [--processes 2]

Influence balancing (Tallec & Ollivier 2017, "Unbiased online recurrent optimization", section 5):
one parameter theta, 23 units, 10 of them pushed up and 13 down, learned on one endless sequence,
the state carried on, by plain gradient descent with rate / sqrt(1 + t), t the updates so far. A
seed draws the first theta from N(0, 1), and what a method draws; nothing else is random. All
methods see the same steps, in pieces of 500 that no window crosses: full backpropagation takes one
whole. Methods are named as for `throughtime compare`.

A run has diverged when theta is more than 10^6 off, and solved the task when the mean squared error
of the last step of a fresh sequence is at most 0.01, the task's mark. Writes table.md, results.json
and decoy.png into the folder.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from markdown_table import markdown_table
from throughtime.cli.machine import surroundings
from throughtime.cli.racing.outcome import machine_line, versions_line
from throughtime.data.tasks import InfluenceBalancing
from throughtime.gradients import GradientMethod, registry
from throughtime.named import NamedError, named
from trials import outcomes

TASK = InfluenceBalancing(T=500)
SOLUTION = 1 / (2 * (2 * TASK.positive - TASK.units))  # at rest the output is this multiple of 1
LOST = 1e6
METHODS = "bptt,tbptt:10:10,tbptt:100:100,tbptt:10:60,random:16:every=1:updates=cut,adaptive:0.1"
STYLES = (  # Okabe & Ito's colours; the dashes tell the lines apart in grey
    ("#000000", (0, ())),
    ("#d55e00", (0, (5, 1.5))),
    ("#e69f00", (0, (1, 1.2))),
    ("#56b4e9", (0, (6, 1.5, 1, 1.5))),
    ("#009e73", (0, (3, 1.5))),
    ("#0072b2", (0, (8, 1.5))),
    ("#cc79a7", (0, (1, 3))),
)


@dataclass(frozen=True)
class Trial:
    """One run of a method."""

    method: str
    rate: float
    seed: int
    steps: int


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        trial: Which.
        updates: How many there were.
        off: How far theta was from the solution after each piece of the sequence, the start first,
            until it diverged.
        error: Mean squared error of the last step of a fresh sequence; None if theta diverged.
        window: Steps looked back on in the end, where the method says so.
    """

    trial: Trial
    updates: int
    off: tuple[float, ...]
    error: float | None
    window: float | None

    @property
    def diverged(self) -> bool:
        """Whether theta ran away."""
        return self.error is None

    @property
    def solved(self) -> bool:
        """Whether the task's mark is reached."""
        return self.error is not None and TASK.solved(self.error)

    def __str__(self) -> str:
        trial = self.trial
        end = "diverged" if self.diverged else f"off by {self.off[-1]:.1e}"
        return f"{trial.method}, rate {trial.rate:g}, seed {trial.seed}: {end}"


def main() -> None:
    """Run all, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/decoy"))
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rates", default="0.001,0.003,0.01,0.03")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    methods = asked.methods.split(",")
    try:
        for method in methods:
            named(method, registry, "gradient method")
    except NamedError as error:
        parser.error(str(error))
    trials = [
        Trial(method, float(rate), seed, asked.steps)
        for method in methods
        for rate in asked.rates.split(",")
        for seed in range(asked.seeds)
    ]
    found = outcomes(learn, trials, asked.processes)
    known = surroundings(1)
    text = f"- {machine_line(known)}\n- {versions_line(known)}\n\n{table(found)}\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    record = {**known, "runs": [asdict(outcome) for outcome in found]}
    (asked.out / "results.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    (asked.out / "table.md").write_text(text)
    draw(found, asked.out / "decoy.png")
    print(text)


def learn(trial: Trial) -> Outcome:
    """Learn theta on one endless sequence."""
    model = TASK.network()
    with torch.no_grad():
        model.theta.copy_(torch.randn((), generator=torch.Generator().manual_seed(trial.seed)))
    method, batch = made(trial), TASK.batch(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=trial.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / math.sqrt(1 + t))
    off, state, updates, window = [apart(model)], None, 0, None
    for _ in range(0, trial.steps, TASK.T):
        for update in method(model, batch.inputs, batch.targets, TASK.loss, state):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            state = update.state
            window = update.info.get("k2", update.info.get("window"))
            updates += 1
            if not apart(model) < LOST:
                return Outcome(trial, updates, tuple(off), None, window)
        off.append(apart(model))
    error = TASK.score(model(batch.inputs)[0], batch.targets)
    return Outcome(trial, updates, tuple(off), error, window)


def made(trial: Trial) -> GradientMethod:
    """Make the method of a trial."""
    return named(trial.method, registry, "gradient method", seed=trial.seed)


def apart(model: torch.nn.Module) -> float:
    """Give how far theta is from the solution."""
    (theta,) = model.parameters()
    return abs(float(theta.detach()) - SOLUTION)


def groups(found: list[Outcome]) -> dict[str, dict[float, list[Outcome]]]:
    """Lay the seeds of a method and rate together."""
    laid: dict[str, dict[float, list[Outcome]]] = {}
    for outcome in found:
        rates = laid.setdefault(outcome.trial.method, {})
        rates.setdefault(outcome.trial.rate, []).append(outcome)
    return laid


def merit(seeds: list[Outcome]) -> tuple[int, float]:
    """Rank a rate: by the seeds that solve the task, then by the median distance."""
    distances = [math.inf if o.diverged else o.off[-1] for o in seeds]
    return sum(o.solved for o in seeds), -median(distances)


def table(found: list[Outcome]) -> str:
    """Write a row a method: what came of each rate."""
    laid = groups(found)
    rates = sorted({outcome.trial.rate for outcome in found})
    rows = []
    for method, at in laid.items():
        windows = [o.window for rate in rates for o in at[rate] if o.window and not o.diverged]
        looked = f"{median(windows):.0f}" if windows else "-"
        updates = max(o.updates for rate in rates for o in at[rate])
        rows.append([method, looked, str(updates), *(cell(at[rate]) for rate in rates)])
    titles = ["method", "steps looked back", "updates", *(f"rate {rate:g}" for rate in rates)]
    return markdown_table(titles, rows)


def cell(seeds: list[Outcome]) -> str:
    """Say how many seeds solved the task, and the median distance or how many diverged."""
    diverged = sum(o.diverged for o in seeds)
    what = f"{diverged} diverge" if diverged else f"{median(o.off[-1] for o in seeds):.0e}"
    return f"{sum(o.solved for o in seeds)} of {len(seeds)}; {what}"


def draw(found: list[Outcome], path: Path) -> None:
    """Draw the distance from the solution by steps, for the best rate of each method."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(8.0, 5.4), layout="constrained")
    for number, (method, at) in enumerate(groups(found).items()):
        rate, seeds = max(at.items(), key=lambda item: merit(item[1]))
        colour, dashes = STYLES[number % len(STYLES)]
        for outcome in seeds:
            panel.plot(_steps(outcome.off), outcome.off, color=colour, lw=0.6, alpha=0.45)
        middle = [median(values) for values in zip(*(o.off for o in seeds), strict=False)]
        label = f"{method}, rate {rate:g}"
        panel.plot(_steps(middle), middle, color=colour, ls=dashes, lw=2, label=label)
    panel.set_yscale("log")
    panel.set_xlabel("time steps seen")
    panel.set_ylabel("distance of theta from the solution")
    panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, handlelength=3.5)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _steps(off: Sequence[float]) -> list[int]:
    return [TASK.T * piece for piece in range(len(off))]


if __name__ == "__main__":
    main()
