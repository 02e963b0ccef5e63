"""Kill trainings at random moments, go on with them, and compare with one that was left alone.

Each training is a process of its own, ended by SIGKILL at a moment drawn uniformly from the time
that an uninterrupted one takes, from its first instruction to its last result. What lies there is
loaded and gone on with, half of the time to be killed again. At the end there must be the same
bytes of weights and the same history, and nothing left over.

    python benchmarks/kills.py --kills 50
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

from throughtime.cli.app import app, loaded
from throughtime.cli.machine import processor, versions
from throughtime.estimators import load
from throughtime.estimators.saved import CHECKPOINT, WEIGHTS
from throughtime.train import read_checkpoint

EVERY = 0.1
"""Seconds between checkpoints: many, so that many of the kills fall into one."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument(
        "--slack", type=float, default=1.0, help="seconds that may be lost beyond an interval"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("train", "resume"):
        loaded(name)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder) / "tide.csv")
        chance = random.Random(asked.seed)
        Kills(Path(folder), asked.epochs, asked.slack, chance).run(asked.kills)


def draw(path: Path) -> None:
    """Write a series of 400 rows."""
    noise = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["hour", "level"])
        for t in range(400):
            writer.writerow([t, f"{5 + 2 * math.sin(t * 0.57) + noise.gauss(0, 0.3):.4f}"])


class Kills:
    """Trainings in a folder, killed and gone on with."""

    def __init__(self, folder: Path, epochs: int, slack: float, chance: random.Random) -> None:
        self.folder, self.epochs, self.slack, self.chance = folder, epochs, slack, chance
        self.stages: Counter[str] = Counter()
        self.lost = 0.0

    def train(self, run: Path) -> list[str]:
        """Give the command: a method that draws, in batches that are shuffled."""
        return [
            "train", str(self.folder / "tide.csv"), "--target", "level", "--hidden", "6",
            "--window", "30", "--method", "random:10", "--schedule", "cosine",
            "--epochs", str(self.epochs), "--patience", str(self.epochs),
            "--checkpoint-every", str(EVERY), "--out", str(run),
        ]  # fmt: skip

    def run(self, kills: int) -> None:
        """Kill so many times, and print what was seen."""
        whole = self.folder / "whole"
        began = time.perf_counter()
        assert wait(start(self.train(whole), self.folder)) == 0
        takes = time.perf_counter() - began
        expected = (whole / WEIGHTS).read_bytes(), history(whole)
        names = sorted(path.name for path in whole.iterdir())
        done = number = 0
        while done < kills:
            number += 1
            run = self.folder / f"run-{number}"
            command = self.train(run)
            while True:
                if self.killed(command, run, self.chance.uniform(0, takes)):
                    done += 1
                if run.exists():
                    command = ["resume", str(run), "--checkpoint-every", str(EVERY)]
                if done >= kills or self.chance.random() < 0.5:
                    break
            status = wait(start(command, self.folder))
            assert status in (0, 2), f"{command} ended with {status}: {self.said()}"
            assert status == 0 or "is finished" in self.said(), self.said()
            assert (run / WEIGHTS).read_bytes() == expected[0], f"{run}: other weights"
            assert history(run) == expected[1], f"{run}: another history"
            assert sorted(path.name for path in run.iterdir()) == names, list(run.iterdir())
            left = [path.name for path in self.folder.iterdir() if path.name.startswith(".")]
            assert not left, left
        print(
            f"{done} kills in {number} trainings of {takes:.1f} s: {dict(self.stages)}.\n"
            f"Every folder loaded and was gone on with; weights equal byte by byte, histories row "
            f"by row, nothing left over.\nAt most {self.lost:.2f} s of training were lost, with a "
            f"checkpoint every {EVERY} s.\n{processor()}, {versions('throughtime', 'torch')}"
        )

    def killed(self, command: list[str], run: Path, after: float) -> bool:
        """Kill a process after so many seconds; False if it had ended."""
        began = time.time()
        process = start(command, self.folder)
        time.sleep(after)
        os.kill(process, signal.SIGKILL)
        killed = time.time()
        if wait(process) >= 0:
            return False
        if not run.exists():
            self.stages["before there was a folder"] += 1
            return True
        checkpoint, _ = read_checkpoint(run / CHECKPOINT)
        if checkpoint.best_epoch:  # there is no model before
            load(run)
        if checkpoint.complete and checkpoint.epoch == self.epochs:
            self.stages["while results were written"] += 1
        else:
            self.stages["in training" if command[0] == "train" else "gone on with"] += 1
            written = (run / CHECKPOINT).stat().st_mtime
            if written >= began:  # it writes one before it learns anything
                self.lost = max(self.lost, killed - written)
                assert self.lost <= EVERY + self.slack, f"{self.lost:.2f} s are lost"
        return True

    def said(self) -> str:
        """Give what the last process printed."""
        return (self.folder / "said.txt").read_text()


def start(command: list[str], folder: Path) -> int:
    """Run a command in a process of its own, which has the libraries loaded already."""
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        said = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        app(command)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:  # noqa: BLE001  # a child must not go on as its parent
        print(repr(error), file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(process: int) -> int:
    """Give the exit status; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def history(run: Path) -> list[dict[str, str]]:
    """Read a history but for its seconds and where it was taken up again."""
    with (run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("seconds", "resumed")} for row in rows]


if __name__ == "__main__":
    main()
