"""How races ended, as tables, records and words: what a reader needs to judge the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from throughtime.cli.machine import surroundings
from throughtime.cli.racing.contenders import JAX, LOOP, OURS, TORCH
from throughtime.cli.racing.jax_scan import installed
from throughtime.cli.racing.peak import Peak
from throughtime.cli.racing.race import Races, Result

_NEAR_ONE = 0.15
"""How far from 1 torch's time against itself may lie on a machine that is at rest."""

_RATIOS = {TORCH: "x torch", LOOP: "x loop", JAX: "x jax"}


def summary(races: Races, peak: Peak) -> dict[str, Any]:
    """Give the machine, the versions and what was asked for."""
    return {
        **surroundings(races.threads),
        "dtype": str(races.dtype).removeprefix("torch."),
        "lengths": races.ragged,
        "repeats": races.repeats,
        "peak_gflops": None if peak.rate is None else peak.rate / 1e9,
    }


def as_record(result: Result, peak: Peak) -> dict[str, Any]:
    """Give all that is known of a race, for JSON."""
    return {
        "cell": result.cell,
        **dict(zip("BTIH", result.size, strict=True)),
        "step": "training" if result.training else "inference",
        "engine": result.engine,
        "rounds": result.rounds,
        "microseconds_a_time_step": result.microseconds,
        "times_as_fast_as": {
            name: result.times_as_fast(name) for name in result.microseconds if name != OURS
        },
        "yardstick": result.yardstick,
        "yardstick_against_itself": result.against_itself,
        "gflops": result.rate / 1e9,
        "share_of_peak": peak.share(result.rate),
        "largest_difference": result.differs,
    }


def heading(races: Races, peak: Peak) -> str:
    """State machine, threads, versions and how the times were taken."""
    known = summary(races, peak)
    lines = [
        machine_line(known),
        f"{versions_line(known)}; {known['dtype']}"
        + (
            "; rows of 10 to T steps, padded in and out, packed by torch.nn in between"
            if races.ragged
            else ""
        ),
        f"Results equal; in turn, each called once untimed and then timed; median of "
        f"{races.repeats} rounds or more",
    ]
    if peak.rate is not None:
        lines.append(peak_line(peak))
    if not installed():
        lines.append("JAX is not installed; pip install jax to race it too")
    return "\n".join(lines)


def machine_line(known: dict[str, Any]) -> str:
    """State processor, threads and instruction set of `surroundings`."""
    isa = known["instruction_set"]
    return f"{known['processor']}, {known['cores']} cores, {known['threads']} threads; " + (
        f"instruction set {isa}" if isa else "WITHOUT the native engine"
    )


def versions_line(known: dict[str, Any]) -> str:
    """State the versions of `surroundings`."""
    return ", ".join(f"{name} {number}" for name, number in known["versions"].items())


def peak_line(peak: Peak) -> str:
    """State the peak that was measured."""
    return (
        f"Multiply-adds in registers, all threads, at their best: {(peak.rate or 0) / 1e9:.0f} "
        "GFLOP/s (the peak)"
    )


def table(results: Sequence[Result], peak: Peak) -> tuple[list[str], list[list[str]]]:
    """Give titles and rows; only columns of contenders who raced."""
    raced = [n for n in (OURS, TORCH, LOOP, JAX) if any(n in r.microseconds for r in results)]
    others = [name for name in raced if name != OURS]
    titles = ["cell", "B, T, I, H", *raced, *(_RATIOS[name] for name in others)]
    titles += ["itself", "peak"]
    rows = []
    for result in results:
        row = [result.cell, str(result.size)]
        row += [_figures(result.microseconds.get(name)) for name in raced]
        row += [_figures(result.times_as_fast(name)) for name in others]
        row.append(f"{result.against_itself:.2f}")
        share = peak.share(result.rate)
        row.append("" if share is None else f"{100 * share:.0f} %")
        rows.append(row)
    return titles, rows


def notes(results: Sequence[Result]) -> list[str]:
    """Explain the columns, and say what in these results is to be doubted."""
    if not results:
        return []
    found = [
        "x: how many times as fast throughtime is as the other. itself: torch raced against "
        "itself, 1.00 on a machine at rest. peak: throughtime's matrix products (6 T B H (Gx I + "
        "Gh H) operations a training step, a third for inference) as a share of the multiply-adds "
        "that the processor can do."
    ]
    restless = [r for r in results if abs(r.against_itself - 1) > _NEAR_ONE]
    if restless:
        found.append(
            f"Torch against itself is off by more than {_NEAR_ONE} in {len(restless)} of "
            f"{len(results)} races: other processes disturb; repeat those on a machine at rest."
        )
    slow = sorted({r.cell for r in results if r.engine != "native"})
    if slow:
        found.append(f"Not on the native engine: {', '.join(slow)}; throughtime doctor says more.")
    return found


def _figures(number: float | None) -> str:
    """Write a number with three figures."""
    if number is None:
        return ""
    return (
        f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"
    )
