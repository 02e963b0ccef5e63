"""What `FlowProbe` costs a training: the processor's time with it and without, in turn.

    python benchmarks/flow_probe.py [--rounds 9] [--threads 1]

The first training is that of `throughtime train sunspots`, with the probe that it has; the second
is longer and wider: a GRU of 64 units, 32 rows of 100 steps. Each is run with and without the
probe, in an order that changes from round to round; compared is the process's user time (the probe
itself goes by the clock on the wall), and the difference is the median of the rounds'. What the
looks took is also timed by itself, as a share of the training that they are part of. The first
round is not counted; the weights that come out are compared, and have to be the same.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

import throughtime as tt
from markdown_table import markdown_table
from throughtime.cli.machine import surroundings
from throughtime.cli.racing.outcome import machine_line, versions_line
from throughtime.data import Batch, load
from throughtime.estimators import SeriesModel
from throughtime.estimators.series_flow import probe_of
from throughtime.estimators.settings import Settings
from throughtime.flow.probe import FlowProbe
from throughtime.train import train
from throughtime.train.history import Row

Trained = tuple[list[Tensor], "Watched"]
"""The weights that came out, and the probe."""


class Watched:
    """A probe whose time of the processor is taken.

    Attributes:
        probe: The probe.
        seconds: Of the processor, that it took.
    """

    def __init__(self, probe: FlowProbe) -> None:
        self.probe, self.seconds = probe, 0.0

    def after_update(self, row: Row, steps: int) -> None:
        """Look, if it is time to."""
        begun = time.process_time()
        self.probe.after_update(row, steps)
        self.seconds += time.process_time() - begun

    def after_epoch(self, row: Row) -> None:
        """Do nothing."""


def main() -> None:
    """Train in turn with and without the probe, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    known = surroundings(asked.threads)
    print(f"{machine_line(known)}\n{versions_line(known)}\n")
    titles = ["training", "without, s", "with the probe, s", "difference", "looks", "in looks"]
    rows = [row(name, run, asked.rounds) for name, run in CASES.items()]
    print(markdown_table(titles, rows))


def row(name: str, run: Callable[[bool], Trained], rounds: int) -> list[str]:
    """Run a training in turn with and without the probe; give a row of the table."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    looks, shares = [], []
    for number in range(rounds + 1):
        found = {}
        for probed in (False, True) if number % 2 else (True, False):
            begun = os.times().user
            found[probed], watched = run(probed)
            taken = os.times().user - begun
            if number:
                seconds[probed].append(taken)
            if number and probed:
                looks.append(len(watched.probe.looks))
                shares.append(watched.seconds / taken)
        if not all(map(torch.equal, found[True], found[False])):
            raise SystemExit(f"{name}: the probe changed what was learned")
    without, probed_seconds = median(seconds[False]), median(seconds[True])
    pairs = zip(seconds[True], seconds[False], strict=True)
    difference = median(one / other - 1 for one, other in pairs)
    return [
        name,
        f"{without:.2f}",
        f"{probed_seconds:.2f}",
        f"{100 * difference:+.1f} %",
        f"{median(looks):g}",
        f"{100 * median(shares):.1f} %",
    ]


def sunspots(probed: bool) -> Trained:
    """Train as `throughtime train sunspots` does."""
    dataset = load("sunspots")
    forecaster = SeriesModel.for_dataset(dataset, Settings(**dataset.settings))
    watched = Watched(probe_of(forecaster, dataset))
    forecaster.fit(dataset, [watched] if probed else [])
    return weights(forecaster.network), watched


def wide(probed: bool) -> Trained:
    """Train a GRU of 64 units on noise for some hundred updates."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(100, 32, 4), torch.randn(100, 32, 1)
    loss = torch.nn.MSELoss(reduction="none")
    model = tt.Network("gru", 4, 64, 1)
    watched = Watched(FlowProbe(model, inputs[:, :4], targets[:, :4], loss))
    optimizer = torch.optim.Adam(model.parameters())
    batches, callbacks = [Batch(inputs, targets)] * 10, [watched] if probed else []
    train(model, lambda: batches, loss, tt.BPTT(), optimizer, epochs=60, callbacks=callbacks)
    return weights(model), watched


def weights(model: torch.nn.Module) -> list[Tensor]:
    """Give a copy of what was learned."""
    return [parameter.detach().clone() for parameter in model.parameters()]


CASES: dict[str, Callable[[bool], Trained]] = {
    "`throughtime train sunspots`": sunspots,
    "GRU, 64 units, 32 rows of 100 steps, 600 updates": wide,
}

if __name__ == "__main__":
    main()
