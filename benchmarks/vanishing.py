"""Which networks learn the adding problem, and how far back gradients reach before and after.

    python benchmarks/vanishing.py [--out runs/vanishing] [--lengths 20,50,150,400]
        [--cells gru,lstm] [--seeds 3] [--updates 5000] [--rate 0.01] [--processes 2]

IRNN (ReLU, started at the identity; Le, Jaitly & Hinton 2015), tanh RNN, GRU, LSTM (forget bias 1)
and LSTM with the chrono start for T steps (Tallec & Ollivier 2018), 32 units each, full
backpropagation through time, 32 sequences an update, gradient norm clipped at 1, Adam. A training
ends when the mean squared error of 500 sequences, looked at after every 100 updates, is at most
0.001; or after --updates. The test is on 1000 others.

The gradient is that of the only loss, at the last step, by all states of the layer (h, and c of an
LSTM) at every step before: `throughtime.flow` on 32 sequences. Its horizon is the lag at which the
median norm has fallen to 1 % of that at lag 0.

Writes table.md, results.json and vanishing.png into the folder. Minutes on two cores.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

import throughtime as tt
from markdown_table import markdown_table
from throughtime.cli.machine import surroundings
from throughtime.cli.racing.outcome import machine_line, versions_line
from throughtime.data.tasks import Adding
from trials import outcomes

HIDDEN, ROWS, FRACTION, GOOD = 32, 32, 0.01, 0.001
RATES = {"tanh": 0.003, "irnn": 0.001, "gru": 0.01, "lstm": 0.01, "chrono": 0.01}
NAMES = {
    "tanh": "tanh RNN",
    "irnn": "IRNN",
    "gru": "GRU",
    "lstm": "LSTM",
    "chrono": "LSTM, chrono start",
}
STYLES = {  # Okabe & Ito's colours; the dashes tell the lines apart in grey
    "tanh": ("#000000", (0, (1, 1.2))),
    "irnn": ("#d55e00", (0, (5, 1.5))),
    "gru": ("#0072b2", (0, ())),
    "lstm": ("#009e73", (0, (6, 1.5, 1, 1.5))),
    "chrono": ("#cc79a7", (0, (10, 2))),
}


@dataclass(frozen=True)
class Trial:
    """One training."""

    cell: str
    T: int
    seed: int
    updates: int
    rate: float


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        trial: Which.
        updates: How many there were.
        error: Mean squared error on the test sequences; None where the training diverged.
        before: Norms of the gradient by lag, relative to lag 0, at the start; empty where no loss
            had a gradient.
        after: The same of the trained network.
        seconds: Of one processor, for the training.
    """

    trial: Trial
    updates: int
    error: float | None
    before: tuple[float, ...]
    after: tuple[float, ...]
    seconds: float

    @property
    def learned(self) -> bool:
        """Whether the test is passed; with a constant answer the error is 0.167."""
        return self.error is not None and self.error <= Adding.mark

    def __str__(self) -> str:
        trial = self.trial
        return (
            f"{NAMES[trial.cell]}, T = {trial.T}, seed {trial.seed}: {answer(self.error)} after "
            f"{self.updates} updates, {self.seconds:.0f} s; horizon "
            f"{written(horizon(self.before), trial.T)} -> {written(horizon(self.after), trial.T)}"
        )


def main() -> None:
    """Train, measure, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/vanishing"))
    parser.add_argument("--lengths", default="20,50,150,400")
    parser.add_argument("--cells", default=",".join(NAMES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=5000)
    parser.add_argument("--rate", type=float, help="instead of each cell's own")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    cells = asked.cells.split(",")
    for cell in cells:
        if cell not in NAMES:
            parser.error(f"--cells: {cell!r} is not among {', '.join(NAMES)}")
    lengths = [int(T) for T in asked.lengths.split(",")]
    trials = [
        Trial(cell, T, seed, asked.updates, asked.rate or RATES[cell])
        for T in sorted(lengths, reverse=True)
        for cell in cells
        for seed in range(asked.seeds)
    ]
    found = outcomes(train, trials, asked.processes)
    known = surroundings(1)
    lines = [machine_line(known), versions_line(known)]
    lines += [f"{sum(o.seconds for o in found):.0f} s of one processor for the trainings"]
    text = "\n".join(f"- {line}" for line in lines) + "\n\n" + table(found) + "\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    record = {**known, "trainings": [asdict(outcome) for outcome in found]}
    (asked.out / "results.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    (asked.out / "table.md").write_text(text)
    draw(found, asked.out / "vanishing.png")
    print(text)


def train(trial: Trial) -> Outcome:
    """Train one network, its gradients measured before and after."""
    task = Adding(trial.T)
    torch.manual_seed(trial.seed)
    model = network(trial.cell, trial.T)
    draws = [torch.Generator().manual_seed(10 * trial.seed + number) for number in range(4)]
    check, test = task.batch(500, draws[1]), task.batch(1000, draws[2])
    before = reach(model, task, draws[3])
    optimizer = torch.optim.Adam(model.parameters(), lr=trial.rate)
    method = tt.BPTT(clip=tt.Clipping(norm=1.0))
    begun, updates, error = time.process_time(), 0, math.inf
    while updates < trial.updates and error > GOOD:
        batch = task.batch(ROWS, draws[0])
        try:
            for _ in method(model, batch.inputs, batch.targets, task.loss):
                optimizer.step()
                optimizer.zero_grad()
        except FloatingPointError:
            return Outcome(trial, updates, None, before, (), time.process_time() - begun)
        updates += 1
        if updates % 100 == 0:
            error = score(model, task, check.inputs, check.targets)
    seconds = time.process_time() - begun
    error = score(model, task, test.inputs, test.targets)
    after = reach(model, task, draws[3])
    return Outcome(trial, updates, error if math.isfinite(error) else None, before, after, seconds)


def network(cell: str, T: int) -> tt.Network:
    """Make a network, started as the literature has it."""
    layers = {"tanh": "elman", "irnn": "elman_relu", "chrono": "lstm"}
    model = tt.Network(layers.get(cell, cell), Adding().input_size, HIDDEN, Adding().output_size)
    if cell == "irnn":
        tt.nn.init.identity_(model.recurrent)
    elif cell == "lstm":
        tt.nn.init.forget_bias_(model.recurrent, 1.0)
    elif cell == "chrono":
        tt.nn.init.chrono_(model.recurrent, T)
    return model


@torch.no_grad()
def score(model: tt.Network, task: Adding, inputs: Tensor, targets: Tensor) -> float:
    """Give the mean squared error of the sums."""
    return task.score(model(inputs)[0], targets)


def reach(model: tt.Network, task: Adding, draws: torch.Generator) -> tuple[float, ...]:
    """Give the median norm of dE/dS_t by lag, for the loss of the last step."""
    batch = task.batch(ROWS, draws)
    try:
        return tt.flow(model, batch.inputs, batch.targets, task.loss).layers[0].median
    except ValueError:  # no gradient, or none that is finite
        return ()


def horizon(norms: tuple[float, ...]) -> float:
    """Give the first lag at which the norm is 1 % of that at lag 0; infinite if there is none.

    NaN where there is no gradient to look at.
    """
    if not norms:
        return math.nan
    return next((lag for lag, norm in enumerate(norms) if norm <= FRACTION), math.inf)


def written(lag: float, T: int) -> str:
    """Write a horizon."""
    if math.isnan(lag):
        return "-"
    return f"> {T - 1}" if lag == math.inf else f"{lag:.0f}"


def answer(error: float | None) -> str:
    """Write a mean squared error."""
    return "diverged" if error is None else f"{error:.4f}"


def groups(found: list[Outcome]) -> dict[tuple[int, str], list[Outcome]]:
    """Lay the seeds of a length and cell together, short lengths first."""
    laid: dict[tuple[int, str], list[Outcome]] = {}
    for outcome in sorted(found, key=lambda outcome: outcome.trial.T):
        laid.setdefault((outcome.trial.T, outcome.trial.cell), []).append(outcome)
    return laid


def table(found: list[Outcome]) -> str:
    """Write a row a length and cell."""
    titles = ["T, cell", "learns", "test MSE, each seed", "updates, median"]
    titles += ["horizon before", "after"]
    rows = []
    for (T, cell), seeds in groups(found).items():
        curves = [[o.before for o in seeds], [o.after for o in seeds]]
        horizons = [[horizon(norms) for norms in some if norms] or [math.nan] for some in curves]
        rows.append(
            [
                f"{T}, {NAMES[cell]}",
                f"{sum(o.learned for o in seeds)} of {len(seeds)}",
                ", ".join(answer(o.error) for o in seeds),
                f"{median(o.updates for o in seeds):.0f}",
                *(written(median(lags), T) for lags in horizons),
            ]
        )
    return markdown_table(titles, rows)


def draw(found: list[Outcome], path: Path) -> None:
    """Draw the norms by lag: a column a length, before above and after below."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    laid = groups(found)
    lengths = list(dict.fromkeys(T for T, _ in laid))
    figure, panels = plt.subplots(
        len(lengths), 2, figsize=(8.0, 2.5 * len(lengths) + 0.6), sharey=True, sharex="row",
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for (T, cell), seeds in laid.items():
        colour, dashes = STYLES[cell]
        for column, curves in enumerate(([o.before for o in seeds], [o.after for o in seeds])):
            panel = panels[lengths.index(T)][column]
            curves = [curve for curve in curves if curve]
            for curve in curves:
                panel.plot(curve, color=colour, lw=0.5, alpha=0.4)
            middle = [median(norms) for norms in zip(*curves, strict=True)]
            panel.plot(middle, color=colour, ls=dashes, lw=2, label=NAMES[cell])
    for panel in panels.flat:
        panel.axvspan(8, 10, color="#d9d9d9", lw=0)
        panel.axhline(FRACTION, color="#777777", lw=0.8)
        panel.set_yscale("log")
        panel.margins(x=0)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set_ylim(1e-8, 1e3)
        panel.spines[["top", "right"]].set_visible(False)
    for row, T in enumerate(lengths):
        panels[row][0].set_ylabel(f"T = {T}\nmedian gradient norm")
    for column, when in enumerate(("before training", "after training")):
        panels[0][column].set_title(when)
        panels[-1][column].set_xlabel("lag: steps before the loss")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
