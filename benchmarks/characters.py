"""Characters of the Python documentation: bits a character of the last tenth, held out.

    python benchmarks/characters.py [--seeds 1] [--plain] [--validate] [--set NAME=VALUE ...]

Learns `pydoc_data.topics`, which is in every Python, but for its last tenth, by `LanguageModel`
with the settings below, and scores the held-out tenth in one pass. `--plain` trains the same
network by a loop over torch.nn.LSTM, for comparison. `--validate` leaves the last tenth alone,
learns 81 % and scores the 9 % that follow, where settings are to be chosen. `--set` changes one.
"""

import argparse
import ast
import pydoc_data.topics
import statistics
import time
from typing import Any

import torch
from rich.console import Console
from torch import nn

from markdown_table import markdown_table
from throughtime.cli.machine import surroundings
from throughtime.data.text import HELD_OUT, last_share
from throughtime.estimators import LanguageModel
from throughtime.estimators.compressed import xz_bits
from throughtime.train import Progress

SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "hidden": 256,
    "embedding": 128,
    "dropout": 0.5,
    "weight_dropout": 0.12,
    "window": 100,
    "batch_size": 16,
    "epochs": 27,
    "learning_rate": 0.006,
    "optimizer": "adamw",
    "schedule": "cosine",
    "weight_decay": 0.01,
    "clip": 1.0,
    "validation": 0.0,
}


def parts(validate: bool) -> tuple[str, str]:
    """Give what is learned, and what it is scored on."""
    text = "".join(pydoc_data.topics.topics.values())
    if validate:
        text = text[: last_share(text, HELD_OUT)]
    place = last_share(text, HELD_OUT)
    return text[:place], text[place:]


def ours(known: str, held: str, settings: dict[str, Any]) -> tuple[float, float, float]:
    """Give the bits a character of what is held out; seconds of learning, and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    with Progress(settings["epochs"], Console(stderr=True), every=10.0) as progress:
        model = LanguageModel(**settings).fit(known, callbacks=[progress])
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    return model.bits_per_character(held), seconds, worked


class Plain(nn.Module):
    """Embedding, torch's LSTM, dropout, readout."""

    def __init__(self, symbols: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, settings["embedding"])
        self.recurrent = nn.LSTM(settings["embedding"], settings["hidden"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.readout = nn.Linear(settings["hidden"], symbols)

    def forward(self, x: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Give logits and states."""
        h, state = self.recurrent(self.embedding(x), state)
        return self.readout(self.dropout(h)), state


def plain(known: str, held: str, settings: dict[str, Any]) -> tuple[float, float, float]:
    """Do the same by a loop over torch.nn.LSTM, every pass cut at the same places."""
    torch.manual_seed(settings["seed"])
    number = {symbol: i for i, symbol in enumerate(sorted({*known, *held}))}
    model = Plain(len(number), settings)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings["epochs"])
    numbers = torch.tensor([number[symbol] for symbol in known])
    rows, window = settings["batch_size"], settings["window"]
    steps = (len(numbers) - 1) // rows
    x = numbers[: steps * rows].view(rows, steps).t()
    d = numbers[1 : steps * rows + 1].view(rows, steps).t()
    started, worked = time.perf_counter(), time.process_time()
    for _ in range(settings["epochs"]):
        state = None
        for at in range(0, steps, window):
            logits, state = model(x[at : at + window], state)
            state = tuple(s.detach() for s in state)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), d[at : at + window].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            optimizer.step()
        schedule.step()
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    model.eval()
    with torch.no_grad():
        numbers = torch.tensor([number[symbol] for symbol in held])
        logits, _ = model(numbers[:-1, None])
        nats = nn.functional.cross_entropy(logits[:, 0], numbers[1:])
    return float(nats) / float(torch.tensor(2.0).log()), seconds, worked


def main() -> None:
    """Train once a seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = dict(SETTINGS)
    for setting in arguments.set:
        name, _, value = setting.partition("=")
        settings[name] = ast.literal_eval(value) if value[:1].isdigit() else value
    known, held = parts(arguments.validate)
    print(f"{surroundings(arguments.threads)}\n{settings}")
    print(f"{len(known):,} characters learned, {len(held):,} scored")
    print(f"xz: {xz_bits(held, known) / len(held):.3f} bits a character", flush=True)
    found, rows = [], []
    for seed in range(arguments.seeds):
        run = plain if arguments.plain else ours
        bits, seconds, worked = run(known, held, settings | {"seed": seed})
        found.append(bits)
        rows.append([str(seed), f"{bits:.3f}", f"{seconds:.0f}", f"{worked:.0f}"])
        print(
            f"seed {seed}: {bits:.4f} bits a character, {seconds:.0f} s, {worked:.0f} s of the "
            "processor",
            flush=True,
        )
    rows.append(["median", f"{statistics.median(found):.3f}", "", ""])
    print(
        markdown_table(
            ["seed", "bits a character", "seconds of training", "of the processor"], rows
        )
    )


if __name__ == "__main__":
    main()
