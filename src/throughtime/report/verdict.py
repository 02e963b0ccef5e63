"""The answer in words: how good the network is, and how far back the gradient reached."""

from collections.abc import Sequence

from throughtime.report.numerals import number, percent, places, short
from throughtime.report.record import Run
from throughtime.report.recorded_flow import Flow
from throughtime.report.scores import MODEL, PeriodScores, better, scores_by_period, written
from throughtime.report.wording import capital, counted, forecaster, listed, metric, shown

# More test periods than this are left to the table.
_SPOKEN = 4
# And more baselines than this.
_COMPARED = 6


def verdict(run: Run) -> str:
    """Return the run's result in one sentence.

    Args:
        run: What the run recorded.
    """
    scores = scores_by_period(run.metrics)
    first = next((s for s in scores if s.values), None)
    said = scored(first) if first else "The run has no test scores"
    reach = gradient_reach(run.flow) if run.flow else None
    return f"{said}; {reach}." if reach else f"{said}."


def scored(scores: PeriodScores) -> str:
    """Return the network's score on one period beside those of the baselines."""
    measure = scores.leading_measure() or "score"
    values = scores.values.get(measure, {})
    count = places(values.values())
    period = shown(scores.period, 60)
    own = values.get(MODEL)
    if own is None:
        said = f"On {period} the network has no {metric(measure)}"
    else:
        said = f"On {period} the network's {metric(measure)} is {written(measure, own, count)}"
    others = {who: score for who, score in values.items() if who != MODEL and score is not None}
    beside = [
        f"{forecaster(who)} {'has ' if index == 0 else ''}{written(measure, score, count)}"
        for index, (who, score) in enumerate(others.items())
    ]
    if len(beside) > _COMPARED:
        beside = [*beside[:_COMPARED], f"{counted(len(beside) - _COMPARED)} more in the table"]
    return f"{said}; {listed(beside)}" if beside else said


def comparison(scores: Sequence[PeriodScores]) -> str:
    """Return who forecast better on which test period, an equal outcome said once."""
    outcomes: dict[str, list[str]] = {}
    for period in scores[:_SPOKEN]:
        said = _outcome(period)
        if said:
            outcomes.setdefault(said, []).append(shown(period.period, 60))
    sentences = [f"{said} on {listed(periods)}" for said, periods in outcomes.items()]
    return " ".join(f"{capital(sentence)}." for sentence in sentences)


def _outcome(scores: PeriodScores) -> str | None:
    measure = scores.leading_measure()
    if measure is None:
        return None
    values = {name: score for name, score in scores.values[measure].items() if score is not None}
    own = values.pop(MODEL, None)
    if own is None or not values:
        return None
    ahead = _named([name for name, score in values.items() if better(measure, score, own)])
    level = _named([name for name, score in values.items() if score == own])
    if ahead:
        return f"{listed(ahead)} {'is' if len(ahead) == 1 else 'are'} better than the network"
    if level:
        return f"the network is level with {listed(level)}"
    if len(values) == 1:
        return f"the network is better than {forecaster(next(iter(values)))}"
    return f"the network is the best of the {counted(len(values) + 1)}"


def _named(forecasters: Sequence[str]) -> list[str]:
    named = [forecaster(name) for name in forecasters[:_COMPARED]]
    left = len(forecasters) - len(named)
    return [*named, f"{counted(left)} more"] if left else named


def gradient_reach(flow: Flow) -> str | None:
    """Return how far back the gradient reached, as a clause; None without a measured layer."""
    layers = [layer for layer in flow.layers if len(layer.lag)]
    if not layers:
        return None
    share = percent(flow.fraction)
    steps = flow.steps if flow.steps is not None else max(max(layer.lag) for layer in layers)
    reached = [layer.horizon for layer in layers if layer.horizon is not None]
    within = f"within the {short(steps)} steps looked at"
    if not reached:
        return f"the gradient does not fall to {share} {within}"
    low, high = min(reached), max(reached)
    many = "step" if high == 1 else "steps"
    if len(layers) == 1 or (low == high and len(reached) == len(layers)):
        return f"the gradient falls to {share} after {short(low)} {many}"
    if len(reached) < len(layers):
        rest = len(layers) - len(reached)
        return (
            f"the gradient falls to {share} after {_span(low, high)} {many} in "
            f"{counted(len(reached))} of {counted(len(layers))} layers, "
            f"and in {counted(rest)} not {within}"
        )
    if len(layers) <= 3:
        each = [f"{short(layer.horizon)} ({shown(layer.name, 40)})" for layer in layers]
        return f"the gradient falls to {share} after {listed(each)} steps"
    return f"the gradient falls to {share} after {_span(low, high)} {many}, depending on the layer"


def _span(low: float, high: float) -> str:
    return short(low) if low == high else f"{short(low)} to {short(high)}"


def interruption(run: Run) -> str | None:
    """Return a sentence if the run was cut short, by a person or by numbers that are none."""
    training = run.metrics.get("training")
    if not isinstance(training, dict) or training.get("stopped") not in ("interrupted", "failed"):
        return None
    parts = [
        f"{short(float(training[key]))} {key}"
        for key in ("epochs", "updates")
        if isinstance(training.get(key), int | float)
    ]
    after = f" after {listed(parts)}" if parts else ""
    if training["stopped"] == "failed":
        why = f": {shown(training['failure'], 300)}" if training.get("failure") else ""
        best = number(training.get("best_epoch"))
        kept = "" if best is None else f" The weights and figures are those of epoch {short(best)}."
        return f"Training failed{after}{why}.{kept}"
    return f"Training was interrupted{after}. The figures are those of what was reached by then."
