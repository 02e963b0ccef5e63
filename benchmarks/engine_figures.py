"""Every figure that the native engine is held to, measured in one run.

    python benchmarks/engine_figures.py [--only torch,peak] [--threads 2] [--repeats 7]
        [--out runs/engine_figures]

float32 unless a row says otherwise. Results are compared before anything is timed; candidates take
turns, each called once untimed and then timed; medians. Prints what was promised, what is seen and
whether that reaches it, and writes the same with machine, versions, instruction set and peak to
figures.md and figures.json. JAX is raced where it is installed. Takes about ten minutes.
"""

import argparse
import json
import sys
from pathlib import Path

from figures import GROUPS
from figures.figure import as_markdown, as_record
from figures.measuring import Measuring
from throughtime.cli.machine import surroundings, using_threads
from throughtime.cli.racing import DisagreementError
from throughtime.cli.racing.jax_scan import use_threads
from throughtime.cli.racing.outcome import machine_line, peak_line, versions_line


def main() -> None:
    """Measure, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"groups apart by commas: {', '.join(GROUPS)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("runs/engine_figures"))
    asked = parser.parse_args()
    names = list(GROUPS) if asked.only is None else asked.only.split(",")
    for name in names:
        if name not in GROUPS:
            parser.error(f"--only: no group is called {name!r}; known are {', '.join(GROUPS)}")
    if min(asked.threads, asked.repeats) < 1:
        parser.error("--threads and --repeats are whole numbers from 1")
    measuring = Measuring(
        asked.threads, asked.repeats, lambda what: print(what, file=sys.stderr, flush=True)
    )
    use_threads(asked.threads)
    figures = []
    try:
        with using_threads(asked.threads):
            measuring.peak.measure()
            for name in GROUPS:
                if name in names:
                    figures += [(name, figure) for figure in GROUPS[name](measuring)]
                    measuring.peak.measure()
    except DisagreementError as wrong:
        raise SystemExit(str(wrong)) from None
    known = surroundings(asked.threads)
    rate = measuring.peak.rate
    lines = [machine_line(known), versions_line(known), f"median of {asked.repeats} rounds or more"]
    lines += [] if rate is None else [peak_line(measuring.peak)]
    text = "\n".join(f"- {line}" for line in lines)
    text += "\n\n" + as_markdown([figure for _, figure in figures]) + "\n"
    record = {
        **known,
        "repeats": asked.repeats,
        "peak_gflops": None if rate is None else rate / 1e9,
        "figures": [{"group": name, **as_record(figure)} for name, figure in figures],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "figures.md").write_text(text)
    (asked.out / "figures.json").write_text(json.dumps(record, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
