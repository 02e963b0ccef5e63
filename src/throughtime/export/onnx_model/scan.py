"""Any cell over time as ONNX's Scan: a loop whose body is one step."""

from __future__ import annotations

from collections.abc import Sequence

from throughtime.export.described import Described
from throughtime.export.onnx_model.graph import Graph
from throughtime.export.onnx_model.step import Layer, input_product, step


def over_time(
    graph: Graph,
    described: Described,
    layer: int,
    x: str,
    states: Sequence[str],
    lengths: str,
) -> tuple[str, list[str]]:
    """Add a layer, all its directions; arguments and results as for `operators.over_time`.

    `W x + b` is computed for all steps at once, before the loop.
    """
    directions = described.layers[layer]
    first = graph.whole([0])
    outputs, finals = [], []
    for place, weights in enumerate(directions):
        own = Layer(described.cell, weights, described.taken)
        before = [graph.apply("Gather", state, graph.whole(place), axis=0) for state in states]
        output, final = _direction(graph, described, own, x, before, lengths, place == 1)
        outputs.append(output)
        finals.append([graph.apply("Unsqueeze", state, first) for state in final])
    after = [_joined(graph, of_state, 0) for of_state in zip(*finals, strict=True)]
    return _joined(graph, outputs, 2), after


def _joined(graph: Graph, values: Sequence[str], axis: int) -> str:
    return values[0] if len(values) == 1 else graph.apply("Concat", *values, axis=axis)


def _direction(
    graph: Graph,
    described: Described,
    layer: Layer,
    x: str,
    states: Sequence[str],
    lengths: str,
    reverse: bool,
) -> tuple[str, list[str]]:
    product = input_product(graph, layer, x)  # [T, B, Gx * H]
    body = Graph(graph)
    before = [body.fresh("before") for _ in described.cell.states]
    scanned = [x if product is None else product]
    inside = [body.fresh("inputs")]
    if lengths:
        scanned.append(steps_of(graph, x))
        inside.append(body.fresh("t"))
    new = step(body, layer, None if product is None else inside[0], before)
    output = new[0]
    if lengths:
        valid = body.apply("Less", inside[1], body.apply("Unsqueeze", lengths, body.whole([1])))
        new = [body.apply("Where", valid, n, s) for n, s in zip(new, before, strict=True)]
        output = body.apply("Where", valid, output, body.constant(0.0))
    # A value can be a loop's result once only, and only if the body made it.
    results = [body.apply("Identity", value) for value in (*new, output)]

    widths = described.widths
    of_states = [
        [
            body.value(name, "FLOAT", ["batch", width])
            for name, width in zip(names, widths, strict=True)
        ]
        for names in (before, results[:-1])
    ]
    columns = None if product is None else len(described.cell.input_gates) * described.hidden_size
    of_inputs = [body.value(inside[0], "FLOAT", ["batch", columns or "inputs"])]
    if lengths:
        of_inputs.append(body.value(inside[1], "INT32", []))
    loop = body.finished(
        body.fresh("step"),
        [*of_states[0], *of_inputs],
        [*of_states[1], body.value(results[-1], "FLOAT", ["batch", widths[0]])],
        with_constants=False,
    )
    *after, outputs = graph.apply_for(
        len(states) + 1,
        "Scan",
        *states,
        *scanned,
        body=loop,
        num_scan_inputs=len(scanned),
        scan_input_directions=[int(reverse)] * len(scanned),
        scan_output_directions=[int(reverse)],
    )
    return outputs, after


def steps_of(graph: Graph, x: str) -> str:
    """Add the numbers of the steps of [T, ...], 0, 1, ..., T - 1, int32 [T]."""
    T = graph.apply("Gather", graph.apply("Shape", x), graph.whole(0))
    steps = graph.apply("Range", graph.whole(0), T, graph.whole(1))
    return graph.apply("Cast", steps, to=graph.element("INT32"))
