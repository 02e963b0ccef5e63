"""The gradient by lag: how much of it is left so many steps before the loss."""

from __future__ import annotations

from throughtime.report.chart import Area, Chart, Line, Rule, draw
from throughtime.report.numerals import percent, short
from throughtime.report.recorded_flow import Flow, LayerFlow
from throughtime.report.scale import Scale, linear, logarithmic
from throughtime.report.wording import capital, shown

# Ranges of the gradient below this share of its greatest value say only that it has vanished.
_FLOOR = 1e-12
# A look along the training stretches the axis to this share of the horizon's fraction, no further:
# what it is drawn for is the network that came of it.
_LOOKED = 1e-4
# There is a chart a layer, each with three lines.
_COLUMNS = 120


def lag_scales(flow: Flow, most: int) -> tuple[Scale, Scale] | None:
    """Give the scales that the charts of so many layers share; None where there is no gradient."""
    layers = _drawn(flow, most)
    medians = [m for layer in layers for m in layer.median if m is not None and m > 0]
    looks = [median for one in flow.over_training for _, median, _ in one.layers[:most]]
    least = flow.fraction * _LOOKED
    medians += [max(m, least) for column in looks for m in column if m is not None and m > 0]
    bands = [b for layer in layers for b in (*layer.lower, *layer.upper) if b is not None and b > 0]
    if not layers or not medians:
        return None
    # A quantile that underflows must not stretch the axis away from the medians.
    floor = max(min([flow.fraction, *medians]) / 30, max(medians) * _FLOOR)
    y = logarithmic([flow.fraction, *(max(value, floor) for value in (*medians, *bands))], 0.03)
    return linear([lag for layer in layers for lag in layer.lag], margin=0.0), y


def lag_charts(flow: Flow, most: int, detail: float = 1.0) -> list[Chart]:
    """Draw the gradient by lag, a chart a layer on common scales.

    Args:
        flow: What was measured.
        most: How many layers are drawn.
        detail: The share of the points that the page has room for.
    """
    scales = lag_scales(flow, most)
    if scales is None:
        return []
    return [
        _lag_chart(index, layer, flow, *scales, max(10, int(_COLUMNS * detail)))
        for index, layer in enumerate(_drawn(flow, most))
    ]


def _drawn(flow: Flow, most: int) -> list[LayerFlow]:
    return [layer for layer in flow.layers if len(layer.lag)][:most]


def _lag_chart(index: int, layer: LayerFlow, flow: Flow, x: Scale, y: Scale, columns: int) -> Chart:
    share = percent(flow.fraction)
    rules = [Rule(share, y=flow.fraction)]
    if layer.horizon is not None:
        steps = "step" if layer.horizon == 1 else "steps"
        rules.append(Rule(f"{share} after {short(layer.horizon)} {steps}", x=layer.horizon))
        reach = f"The median falls to {share} after {short(layer.horizon)} {steps}."
    else:
        reach = f"The median does not fall to {share} up to lag {short(max(layer.lag))}."
    return draw(
        f"lag-{index}",
        title=f"Gradient by lag: {shown(layer.name, 80)}",
        description=reach,
        x=x,
        y=y,
        x_label="lag in steps",
        y_label=f"{capital(shown(layer.name, 60))}: gradient norm relative to lag 0, logarithmic",
        lines=[Line("median", "median", list(zip(layer.lag, layer.median, strict=True)))],
        areas=[
            Area(
                "10 % to 90 % of losses and rows",
                "quantiles",
                list(zip(layer.lag, layer.lower, layer.upper, strict=True)),
            )
        ],
        rules=rules,
        columns=columns,
    )
