"""The published speeds: recurrent layers beside torch.nn and JAX, as a table and a picture.

    python benchmarks/recurrent_layers.py --out runs/speed [--threads 2] [--cells elman,gru,lstm]
        [--sizes "B,T,I,H;..."] [--odd] [--dtype float32] [--repeats 7] [--lengths] [--inference]

The same races as `throughtime bench`, with the same options. Writes table.md (machine, versions and
a table for each kind of step), results.json, and training.png and inference.png into the folder.
"""

import argparse
import json
import sys
from pathlib import Path

from markdown_table import markdown_table
from throughtime.cli.bench import plan
from throughtime.cli.errors import UsageError
from throughtime.cli.racing import DisagreementError, Peak, Result, run
from throughtime.cli.racing.outcome import as_record, heading, notes, summary, table
from throughtime.equations import CellError

COLOURS = ("#1f6feb", "#d1602a", "#8a8a8a", "#3a9a5b")


def main() -> None:
    """Race, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", default="elman,gru,lstm")
    parser.add_argument("--sizes")
    parser.add_argument("--odd", action="store_true")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--lengths", action="store_true")
    parser.add_argument("--inference", action="store_true")
    options = vars(parser.parse_args())
    out: Path = options.pop("out")
    try:
        races = plan(**options)
        peak = Peak(races.dtype, races.threads)
        peak.measure()
        results = []
        for result in run(races, lambda what: print(what, file=sys.stderr)):
            results.append(result)
            peak.measure()
    except (CellError, UsageError) as error:
        parser.error(str(error))
    except DisagreementError as wrong:
        raise SystemExit(str(wrong)) from None
    out.mkdir(parents=True, exist_ok=True)
    records = [as_record(result, peak) for result in results]
    (out / "results.json").write_text(
        json.dumps({**summary(races, peak), "results": records}, indent=1) + "\n"
    )
    parts = ["\n".join(f"- {line}" for line in heading(races, peak).splitlines())]
    for step in ("training", "inference"):
        some = [result for result in results if result.training == (step == "training")]
        if some:
            parts.append(f"A {step} step, microseconds a time step:")
            parts.append(markdown_table(*table(some, peak)))
            draw(some, step, out / f"{step}.png")
    parts += notes(results)
    text = "\n\n".join(parts) + "\n"
    (out / "table.md").write_text(text)
    print(text)


def draw(results: list[Result], step: str, path: Path) -> None:
    """Draw microseconds a time step by size, a panel a cell."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    cells = list(dict.fromkeys(result.cell for result in results))
    figure, panels = plt.subplots(
        1, len(cells), figsize=(4.2 * len(cells), 4.2), sharey=True, squeeze=False
    )
    contenders = list(dict.fromkeys(name for r in results for name in r.microseconds))
    for panel, cell in zip(panels[0], cells, strict=True):
        some = [result for result in results if result.cell == cell]
        width = 0.8 / len(contenders)
        for number, name in enumerate(contenders):
            raced = [
                (i, r.microseconds[name]) for i, r in enumerate(some) if name in r.microseconds
            ]
            panel.bar(
                [i + (number - (len(contenders) - 1) / 2) * width for i, _ in raced],
                [time for _, time in raced],
                width,
                label=name,
                color=COLOURS[number % len(COLOURS)],
            )
        panel.set_title(cell)
        panel.set_yscale("log")
        panel.set_xticks(range(len(some)), [str(r.size) for r in some], rotation=40, ha="right")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", alpha=0.3)
        panel.set_axisbelow(True)
    panels[0][0].set_ylabel(f"microseconds a time step, {step}")
    panels[0][0].legend(frameon=False)
    figure.supxlabel("rows, time steps, inputs, units")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
