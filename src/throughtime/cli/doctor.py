"""`throughtime doctor`: what is installed here, and whether it computes rightly."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from throughtime.cli.errors import reports_errors
from throughtime.cli.machine import cores, instruction_sets, processor, versions

_BUILD = (
    "recurrent layers run on the reference engine, which is slow. To mend: install the package "
    "again with a C++ compiler at hand (on Debian: apt install g++; on macOS: xcode-select "
    "--install), pip install --force-reinstall --no-deps throughtime, or pip install . in its "
    "source"
)
_WRONG = (
    "the native engine does not compute what the reference does on this machine. To mend: set "
    "THROUGHTIME_ISA to a narrower instruction set and ask the doctor again, or build the package "
    'anew; until then, `with throughtime.engine.use("reference"):` is slow and right'
)


@dataclass(frozen=True)
class Findings:
    """What there is, and what of it is not well.

    Attributes:
        facts: What there is, by name.
        engines: Of each engine, in the order in which they are tried, "there" or why it is not.
        trials: The self-test, a row a comparison.
        faults: What is not well and how to mend it.
    """

    facts: dict[str, Any]
    engines: dict[str, str]
    trials: list[dict[str, Any]]
    faults: list[str]


@reports_errors
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed here, and test the native engine against the reference.

    Ends with status 0 if all is well, and 1 if not.

    Example: throughtime doctor
    """
    findings = examine()
    if as_json:
        print(json.dumps({"well": not findings.faults, **asdict(findings)}))
    else:
        _show(findings)
    for fault in findings.faults:
        print(f"throughtime: {fault}", file=sys.stderr)
    raise SystemExit(1 if findings.faults else 0)


def examine() -> Findings:
    """Look at the machine, the versions and the engines, and run the self-test."""
    import torch

    from throughtime.cli.self_test import self_test
    from throughtime.engine import engines
    from throughtime.engine.native_module import module

    faults = []
    facts: dict[str, Any] = {
        **versions("throughtime", "torch", "numpy"),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "THROUGHTIME_ISA": os.environ.get("THROUGHTIME_ISA"),
        "instruction_set": None,
        "instruction_sets": [] if module is None else list(module.instruction_sets()),
    }
    usable = module is not None
    try:
        facts["instruction_set"], _ = instruction_sets()
    except ValueError as error:
        usable = False
        faults.append(f"{error}; set it to one of these, or unset it")
    there = {name: _missing(name) or "there" for name in engines}
    if module is None:
        faults.append(f"{there['native']}; {_BUILD}")
    trials = [{**asdict(t), "passed": t.passed} for t in self_test()] if usable else []
    if not all(trial["passed"] for trial in trials):
        faults.append(_WRONG)
    return Findings(facts, there, trials, faults)


def _missing(name: str) -> str | None:
    """Say why an engine cannot run the plainest call that there is; None if it can."""
    import torch

    from throughtime.engine import Recurrence, engines
    from throughtime.nn import Recurrent

    layer = Recurrent("elman", 1, 1)
    plainest = Recurrence(layer.cell, torch.zeros(1, 1, 1), (torch.zeros(1, 1),), layer.weights(0))
    return engines[name].why_not(plainest)


def _show(findings: Findings) -> None:
    facts = findings.facts
    names = ("throughtime", "torch", "numpy", "python")
    lines = {
        "versions": ", ".join(f"{name} {facts[name]}" for name in names if name in facts),
        "platform": facts["platform"],
        "processor": f"{facts['processor']}, {facts['cores']} cores",
        "threads": facts["threads"],
        "instruction set": _instruction_set(facts),
        "engines": "; ".join(f"{name}: {state}" for name, state in findings.engines.items()),
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:<{width}}  {value}")
    if findings.trials:
        print("\nThe native engine against the reference: sequences of several lengths, both")
        print("directions, outputs, states and all gradients; largest relative difference\n")
    for trial in findings.trials:
        shape = ", ".join(f"{name} {n}" for name, n in zip("TBIH", trial["shape"], strict=True))
        verdict = trial["failure"] or (
            f"{trial['relative']:.1e} of {trial['allowed']:.0e} allowed"
            + ("" if trial["passed"] else f", in {trial['worst']}")
        )
        print(
            f"{'ok   ' if trial['passed'] else 'WRONG'}  {trial['cell']:<13}  {shape:<24}  "
            f"{trial['dtype']}  {verdict}"
        )
    if not findings.faults:
        print("\nAll is well.")


def _instruction_set(facts: dict[str, Any]) -> str:
    available, asked = facts["instruction_sets"], facts["THROUGHTIME_ISA"]
    if not available:
        return "none: the native engine is not there"
    return f"{facts['instruction_set'] or 'none'} (of {', '.join(available)}; " + (
        "THROUGHTIME_ISA chooses)" if asked is None else f"THROUGHTIME_ISA is {asked!r})"
    )
