"""Truncated backpropagation through time beside the recipe that everybody copies.

    python benchmarks/truncation.py [--threads 2] [--rounds 5]

An update after every step, looking back on 50: a GRU of 64 units, 32 rows, 100 steps, 16 inputs.
The recipe (discuss.pytorch.org/t/15500) goes through `torch.nn.GRUCell` step by step; its gradients
are wrong from the third step on: what a state has received in earlier rounds is counted again.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

import throughtime as tt

B, T, I, H, WINDOW = 32, 100, 16, 64, 50  # noqa: E741 - the letters of the literature


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    inputs, targets = torch.randn(T, B, I), torch.randn(T, B, H)
    seconds: dict[str, list[float]] = {"TBPTT(1, 50)": [], "the recipe": []}
    runs: dict[str, Callable[[Tensor, Tensor], None]] = dict(
        zip(seconds, (truncated, recipe), strict=True)
    )
    for number in range(options.rounds + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run(inputs, targets)
            if number:  # the first round is not timed
                seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"torch {torch.__version__}, {options.threads} threads, median of {options.rounds}")
    for name, median in medians.items():
        print(f"{name:14} {1000 * median:8.1f} ms")
    print(f"{medians['the recipe'] / medians['TBPTT(1, 50)']:.1f} times as fast")


def truncated(inputs: Tensor, targets: Tensor) -> None:
    """Update after every step."""
    model = tt.nn.GRU(I, H)
    for _ in tt.TBPTT(1, WINDOW)(model, inputs, targets, nn.MSELoss(reduction="none")):
        for parameter in model.parameters():
            parameter.grad = None


def recipe(inputs: Tensor, targets: Tensor) -> None:
    """Do the same as the recipe has it."""
    cell, loss = nn.GRUCell(I, H), nn.MSELoss()
    states: list[tuple[Tensor | None, Tensor]] = [(None, torch.zeros(len(inputs[0]), H))]
    for x, target in zip(inputs, targets, strict=True):
        state = states[-1][1].detach().requires_grad_()
        after = cell(x, state)
        states.append((state, after))
        del states[:-WINDOW]
        for parameter in cell.parameters():
            parameter.grad = None
        loss(after, target).backward(retain_graph=True)
        for place in range(WINDOW - 1):
            if place + 2 > len(states) or states[-place - 2][0] is None:
                break
            received = states[-place - 1][0]
            assert received is not None
            states[-place - 2][1].backward(received.grad, retain_graph=True)


if __name__ == "__main__":
    main()
