"""The report's page: what a run recorded, as one HTML file that asks nothing of the web."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.report.confusion import confusion_table
from throughtime.report.curves import clipping, kept_update, loss_chart, norm_chart
from throughtime.report.kinds import Kind, kind_of
from throughtime.report.numerals import grouped, number, short
from throughtime.report.outlook import outlook_chart
from throughtime.report.panels.contents import flow_contents
from throughtime.report.panels.lens import LensPanel, lens
from throughtime.report.panels.played import played_contents
from throughtime.report.panels.sequence_lens import sequence_lens
from throughtime.report.panels.walked import walk_contents
from throughtime.report.record import Run, mapping, read_run
from throughtime.report.scores import scores_by_period
from throughtime.report.script import page_script
from throughtime.report.tables import (
    epoch_table,
    forecast_table,
    score_table,
    settings_table,
)
from throughtime.report.thinning import COLUMNS
from throughtime.report.verdict import comparison, interruption, verdict
from throughtime.report.wording import capital, shown

if TYPE_CHECKING:
    from jinja2 import Environment

FILE = "report.html"
# Test periods beyond these are named and left to the files.
_PERIODS = 12
_LARGEST = 400_000
"""Bytes of a page."""
_DETAILS = (1.0, 0.4, 0.1)
"""Shares of the points and cells of large pictures that are tried in turn, until a page fits."""


def write_report(run: Path) -> Path:
    """Write `report.html` into a run folder.

    The page is one file of at most 400 kB. It loads nothing, runs no script but its own, which only
    adds to what is there without it, and is byte-equal for an equal run folder.

    Args:
        run: A run folder. Only its `config.json` must be there; sections whose files are
            missing are left out.

    Returns:
        Where the page is.

    Raises:
        FileNotFoundError: The folder has no `config.json`.
        ValueError: A file of the folder is not what its name says.
    """
    run = Path(run)
    page = render(read_run(run))
    target = run / FILE
    target.write_bytes(page.encode("utf-8"))
    return target


def render(run: Run) -> str:
    """Return the page of a run.

    Args:
        run: What the run recorded.
    """
    template, page = environment().get_template("page.html"), ""
    told = _told(run)
    for detail in _DETAILS:
        page = template.render(told | _pictured(run, detail))
        if len(page.encode("utf-8")) <= _LARGEST:
            break
    return page


@cache
def environment() -> Environment:
    """Give where the templates of pages are, and how they are filled: what is put in is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("throughtime.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _told(run: Run) -> dict[str, Any]:
    """Give what a page says whatever the detail of its pictures."""
    scores = scores_by_period(run.metrics)
    kind = kind_of(run)
    training = mapping(run.metrics.get("training"))
    history = run.history if run.history is not None and len(run.history) else None
    return {
        "name": shown(run.name),
        "verdict": verdict(run),
        "comparison": comparison(scores),
        "interruption": interruption(run),
        "facts": _facts(run, training),
        "forecast_rows": forecast_table(run.predictions) if run.predictions else None,
        "scores": [
            score_table(score, kind.by, kind.of) for score in scores[:_PERIODS] if score.values
        ],
        "scores_intro": kind.scores,
        "scores_left": max(0, len(scores) - _PERIODS),
        "confusion": confusion_table(run.metrics),
        "step_said": kind.step,
        **walk_contents(run.walk),
        "lens": _lens(run),
        "clipping": clipping(history) if history else "",
        "epochs": epoch_table(history, number(training.get("best_epoch"))) if history else None,
        "settings": [
            table
            for key in ("network", "training")
            if (table := settings_table(capital(key), run.section(key)))
        ],
        "origins": _origins(run, kind),
        "script": page_script(),
    }


def _pictured(run: Run, detail: float) -> dict[str, Any]:
    """Give the pictures whose points are many, in a share of their full detail."""
    target = str(run.config.get("target") or "the series")
    training = mapping(run.metrics.get("training"))
    best_epoch, failed = number(training.get("best_epoch")), training.get("stopped") == "failed"
    history = run.history if run.history is not None and len(run.history) else None
    columns, seen = max(100, int(COLUMNS * detail)), run.predictions
    clip = number(run.section("training").get("clip"))
    return {
        "forecast": outlook_chart(seen, seen.titled(target), columns) if seen else None,
        **played_contents(run.played, detail),
        **flow_contents(run.flow, kept_update(history, best_epoch) if history else None, detail),
        "loss": loss_chart(history, best_epoch, failed, columns) if history else None,
        "norm": norm_chart(history, clip, failed, columns) if history else None,
    }


def _lens(run: Run) -> LensPanel | None:
    """Give the lens on whole sequences, or on the steps of a walk."""
    if run.credit is not None:
        return sequence_lens(run.credit)
    return None if run.walk is None else lens(run.walk)


def _facts(run: Run, training: dict[str, Any]) -> list[str]:
    network = run.section("network")
    facts = []
    if "cell" in network:
        facts.append(shown(str(network["cell"]).upper(), 40))
    for count, unit in (
        (network.get("hidden"), "hidden units"),
        (training.get("parameters"), "parameters"),
        (training.get("updates"), "updates"),
        (training.get("epochs"), "epochs"),
    ):
        found = number(count)
        if found is not None:
            facts.append(f"{grouped(int(found))} {unit if found != 1 else unit[:-1]}")
    seconds = number(training.get("seconds"))
    if seconds is not None:
        facts.append(f"{short(seconds)} s")
    return facts


def _origins(run: Run, kind: Kind) -> list[tuple[str, str]]:
    """Return what the figures rest on, as terms and their explanations."""
    found = list(kind.origins)
    if run.history is not None:
        found.append(("history.csv", f"{grouped(len(run.history))} updates"))
    if run.predictions is not None:
        recorded = f"{grouped(len(run.predictions))} rows"
        if run.predictions.series:
            several = f"{grouped(run.predictions.count)} series"
            recorded += f" of {shown(run.predictions.series, 40)}, the longest of {several}"
        found.append(("predictions.csv", recorded))
    if run.flow is not None:
        count = len(run.flow.layers)
        found.append(
            ("flow.json", f"{grouped(count)} {'layer' if count == 1 else 'layers'} measured")
        )
    if run.credit is not None:
        count = len(run.credit.sequences)
        counted = "sequence" if count == 1 else "sequences"
        found.append(("credit.json", f"{grouped(count)} {counted} looked at"))
    if run.played is not None:
        count = sum(len(one.target) for one in run.played.excerpts)
        found.append(("played.json", f"{grouped(count)} samples drawn"))
    found.append(("Written by", f"throughtime {shown(run.config.get('throughtime', ''), 40)}"))
    return found
