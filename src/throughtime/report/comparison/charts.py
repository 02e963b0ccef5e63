"""The charts of a comparison: the loss by steps and by seconds, and how near the gradients are."""

from __future__ import annotations

from collections.abc import Sequence

from throughtime.report.chart import Area, Chart, Line, Rule, draw
from throughtime.report.comparison.recorded import Comparison, Course, Values
from throughtime.report.numerals import short
from throughtime.report.scale import Scale, linear, logarithmic
from throughtime.report.wording import shown

LOOKS = 8
"""How many methods can be told apart by colour and dashes; `comparison.css` has them."""


def role(place: int) -> str:
    """Give the look of a method by its place."""
    return f"method-{place % LOOKS}"


def loss_by_steps(comparison: Comparison) -> Chart:
    """Draw the held-out loss by time steps run through."""
    return _losses(
        comparison, "loss-steps", [c.steps for c in comparison.courses], "time steps trained on"
    )


def loss_by_seconds(comparison: Comparison) -> Chart:
    """Draw the held-out loss by seconds of training."""
    return _losses(
        comparison, "loss-seconds", [c.seconds for c in comparison.courses], "seconds of training"
    )


def cosines(comparison: Comparison) -> Chart:
    """Draw the cosine of the angle to full backpropagation's gradient."""
    courses = comparison.courses
    return _drawn(
        "cosine",
        "Cosine of the angle to the gradient of full BPTT",
        courses,
        [c.seconds for c in courses],
        [c.cosine for c in courses],
        "seconds of training",
        "Cosine of the angle to the gradient of full BPTT",
        Scale(min(-0.05, *_known(c.cosine[1] for c in courses), 0.0) - 0.02, 1.03),
        [Rule("the same direction", y=1.0), Rule("at right angles", y=0.0)],
    )


def ratios(comparison: Comparison) -> Chart:
    """Draw the norm of a method's gradient by that of full backpropagation."""
    courses = comparison.courses
    y = logarithmic([1.0, *_known(c.norm_ratio[0] for c in courses)])
    return _drawn(
        "ratio",
        "Norm of the gradient, by that of full BPTT",
        courses,
        [c.seconds for c in courses],
        [c.norm_ratio for c in courses],
        "seconds of training",
        "Norm of the gradient by that of full BPTT, logarithmic",
        y,
        [Rule("the same length", y=1.0)],
        areas=False,
    )


def _losses(comparison: Comparison, key: str, x: Sequence[Sequence[float]], x_label: str) -> Chart:
    courses = comparison.courses
    # A loss that explodes must not press the others flat.
    first = max((c.loss[0][0] or 0.0 for c in courses if c.loss[0]), default=1.0) or 1.0
    values = [min(v, 30 * first) for v in _known(c.loss[0] for c in courses)]
    positive = all(v > 0 for v in values)
    y = logarithmic(values) if positive else linear(values)
    return _drawn(
        key,
        f"Held-out loss by {x_label}",
        courses,
        x,
        [c.loss for c in courses],
        x_label,
        "Loss of held-out sequences" + (", logarithmic" if y.log else ""),
        y,
        [],
    )


def _drawn(
    key: str,
    title: str,
    courses: Sequence[Course],
    x: Sequence[Sequence[float]],
    y: Sequence[tuple[Values, Values, Values]],
    x_label: str,
    y_label: str,
    scale: Scale,
    rules: Sequence[Rule],
    areas: bool = True,
) -> Chart:
    lines, bands, said = [], [], []
    for place, (course, across, (middle, low, high)) in enumerate(zip(courses, x, y, strict=True)):
        name = shown(course.method, 40)
        known = [v for v in middle if v is not None]
        if not known:
            continue
        lines.append(
            Line(name, role(place), list(zip(across, middle, strict=True)), dots=len(known) == 1)
        )
        if areas and low != high:
            bands.append(Area("", role(place), list(zip(across, low, high, strict=True))))
        said.append(f"{name}: first {short(known[0])}, last {short(known[-1])}.")
    return draw(
        key,
        title=title,
        description=" ".join(said) or "Nothing was recorded.",
        x=linear([v for across in x for v in across], margin=0.0),
        y=scale,
        x_label=x_label,
        y_label=y_label,
        lines=lines,
        areas=bands,
        rules=rules,
    )


def _known(several: object) -> list[float]:
    return [v for values in several if values for v in values if v is not None]  # type: ignore[attr-defined]
