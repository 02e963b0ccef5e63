"""What a page says of a run that hangs on what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import number, short
from throughtime.report.record import Run, mapping
from throughtime.report.recorded_flow import column
from throughtime.report.tables import setting
from throughtime.report.wording import shown

_COLUMNS = 12
"""Columns whose scaling is told."""


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    Attributes:
        scores: What stands over the tables of scores.
        by: The head of their first column.
        of: What they are means over.
        origins: What the figures rest on, as terms and their explanations.
        step: How long a step is, as a sentence; empty where a step is a row or symbol.
    """

    scores: str
    by: str
    of: str
    origins: tuple[tuple[str, str], ...]
    step: str = ""


def kind_of(run: Run) -> Kind:
    """Give the kind of a run; one whose configuration names no estimator is a forecaster's."""
    known = {"LanguageModel": _text, "SequenceClassifier": _recordings, "SequenceRegressor": _pair}
    estimator = run.config.get("estimator")
    return known.get(estimator if isinstance(estimator, str) else "", _series)(run)


def _series(run: Run) -> Kind:
    found = [("Target", shown(run.config.get("target") or "the series"))]
    several = isinstance(run.config.get("series"), str)
    for term, key in (("Source", "source"), ("Covariates", "covariates")):
        if run.config.get(key) not in (None, "", [], {}):
            found.append((term, setting(run.config[key])))
    if not several and (scaling := mapping(run.config.get("scaling"))):
        found.append(("Scaling", _scaling(run, scaling)))
    if several:
        by = f"the target of each series ({shown(run.config['series'], 40)}) by itself, covariates"
        found.append(("Scaling", f"{by} over all of them together; see config.json"))
    variance = number(run.metrics.get("reference_variance"))
    arv = "Average relative variance: the mean squared error over the reference variance"
    if variance is not None:
        arv += f", {short(variance)}"
    if run.metrics.get("variance_source"):
        arv += f" ({shown(run.metrics['variance_source'], 200)})"
    if not several:
        found.append(("ARV", f"{arv}. 1 is a forecast no better than the mean; lower is better."))
    found.append(("MSE, MAE", "Mean squared and mean absolute error in the target's own unit."))
    mase = "Mean absolute scaled error: over that of persistence on the series' training rows"
    found.append(("MASE", f"{mase}{', averaged over the series' if several else ''}."))
    return Kind(
        "Errors on the test periods; lower is better. The best of each column is set bold and "
        "marked.",
        "Forecast by",
        "rows",
        tuple(found),
    )


def _scaling(run: Run, scaling: dict[str, Any]) -> str:
    """Say what each column is scaled by; of a scaling of another form, what stands there."""
    covariates = run.config.get("covariates")
    names = [run.config.get("target"), *(covariates if isinstance(covariates, list) else [])]
    ends = [scaling.get(name) for name in ("center", "scale")]
    columns = [column(end) for end in ends if isinstance(end, list)]
    if len(columns) != 2 or any(len(values) != len(names) for values in columns):
        return setting(scaling)
    rows = list(zip(names, *columns, strict=True))
    said = [
        f"{shown(name, 40)}: less {short(center)}, over {short(scale)}"
        for name, center, scale in rows[:_COLUMNS]
    ]
    left = len(rows) - len(said)
    said += [f"{left} more columns in config.json"] if left else []
    transform = scaling.get("transform")
    after = f"; after the transform {shown(transform, 40)}" if transform != "none" else ""
    return f"{'; '.join(said)}{after if transform else ''}."


def _text(run: Run) -> Kind:
    found = [("Source", shown(run.config.get("source") or "a text"))]
    vocabulary = mapping(run.config.get("vocabulary")).get("name")
    if vocabulary:
        found.append(("Symbols", shown(vocabulary, 40)))
    held = mapping(run.metrics.get("held_out"))
    counts = [
        f"{short(count)} {name}"
        for name in ("characters", "symbols", "unknown")
        if (count := number(held.get(name))) is not None
    ]
    if counts:
        found.append(("Held-out text", f"The last of the text: {', '.join(counts)}."))
    found += [
        (
            "Bits per character",
            "-log2 of the probability that the network gives the held-out text, each symbol "
            "expected from all before it, over its characters.",
        ),
        ("Perplexity", "2 to the bits per symbol."),
        (
            "The xz compressor",
            "What xz takes for the held-out text once it has read what was learned.",
        ),
        ("Loss", "Of a symbol, in nats: bits per symbol times ln 2."),
    ]
    return Kind(
        "How well the held-out text was expected; lower is better. The best of each column is set "
        "bold and marked.",
        "Model",
        "rows",
        tuple(found),
    )


def _recordings(run: Run) -> Kind:
    found = [("Source", shown(run.config.get("source") or "sequences"))]
    classes = run.config.get("classes")
    if isinstance(classes, list):
        found.append(("Classes", setting(classes)))
    features, step = mapping(run.config.get("features")), ""
    bands, rate, seconds = (number(features.get(name)) for name in ("bands", "rate", "step"))
    if seconds:
        step = f"A step is {short(1000 * seconds)} ms."
    if bands and rate and seconds:
        found.append(
            (
                "Features",
                f"{short(bands)} log-mel bands every {short(1000 * seconds)} ms, of recordings at "
                f"{short(rate)} Hz.",
            )
        )
    found += [
        ("Accuracy", "The share of the held-out recordings whose class is told."),
        (
            "Log loss",
            "The mean of -ln of the probability that is given to the true class; ln of the number "
            "of classes for one who knows nothing.",
        ),
        ("The commonest class", "What is right if the commonest class is told of every recording."),
        ("Loss", "Of a recording as it is learned from: changed and smoothed as the settings say."),
        ("Each tested recording", "What it was told to be is in predictions.csv."),
    ]
    return Kind(
        "How well held-out recordings were told apart; higher accuracy and lower log loss are "
        "better. The best of each column is set bold and marked.",
        "Told by",
        "recordings",
        tuple(found),
        step,
    )


def _pair(run: Run) -> Kind:
    found, step = [("Source", shown(run.config.get("source") or "sequences"))], ""
    if rate := number(run.config.get("rate")):
        found.append(("Rate", f"{short(rate)} samples a second."))
        step = f"A step is a sample, {short(1000 / rate)} ms."
    found += [
        (
            "Error-to-signal ratio",
            "The squared errors over the squares of the held-out output: 0 % at best, 100 % for "
            "silence; without a filter before it.",
        ),
        (
            "The input at its best level",
            "What one factor makes of the input: the one that fits best where the network has "
            "learned, by least squares.",
        ),
        ("MAE", "Mean absolute error in the recording's own unit, 1 being full scale."),
        (
            "Loss",
            "The squared error in units of the output's standard deviation; steps of a warm-up "
            "carry none.",
        ),
        ("To listen to", "The held-out output as the network plays it is in predictions.wav."),
    ]
    return Kind(
        "How near the held-out output was met; lower is better. The best of each column is set "
        "bold and marked.",
        "Output by",
        "samples",
        tuple(found),
        step,
    )
