"""A layer in C: its weights as arrays, and the function of one step."""

from __future__ import annotations

import textwrap

from throughtime.engine import Weights
from throughtime.export.c_header import numbers, program
from throughtime.export.described import Described


def fields(weights: Weights) -> list[str]:
    """Name the matrices and biases that a layer has."""
    return [field for field in ("W", "b", "U", "c", "P") if getattr(weights, field) is not None]


def weights_of(described: Described, name: str, layer: int) -> str:
    """Write the weights of a layer, as arrays and as the struct that points to them."""
    weights, cell = described.layers[layer][0], described.cell
    arrays, values = [], []
    for field in fields(weights):
        tensor = getattr(weights, field)
        gates = {"W": cell.input_gates, "b": cell.input_gates, "P": ()}.get(
            field, cell.recurrent_gates
        )
        of = f", gates {' '.join(gates)}" if gates else ""
        across = tensor.T.contiguous() if tensor.dim() > 1 else tensor
        place = f"{name}_{field}_{layer}"
        arrays.append(numbers.array(place, across, f"{field}, {list(across.shape)}{of}"))
        values.append(place)
    for unit, vector in zip(cell.units, weights.units, strict=True):
        place = f"{name}_unit_{cell.units.index(unit)}_{layer}"
        arrays.append(numbers.array(place, vector, f"{unit}, {list(vector.shape)}"))
    if weights.units:
        units = [f"{name}_unit_{place}_{layer}" for place in range(len(weights.units))]
        values.append(f"{{{', '.join(units)}}}")
    inputs = described.input_size if layer == 0 else described.widths[0]
    struct = textwrap.fill(
        ", ".join([str(inputs), *values]), 96, initial_indent="    ", subsequent_indent="    "
    )
    arrays.append(f"static const {name}_weights {name}_layer_{layer} = {{\n{struct}\n}};\n")
    return "\n".join(arrays)


def arithmetic(described: Described, name: str) -> str:
    """Write the functions that C lacks, as far as they are used, and the matrix product."""
    used = {instruction.operation for instruction in described.cell.step.instructions}
    if described.readout is not None:
        used.add(described.readout.activation)
    product = f"""\
/* y = weights x + bias, the weights column after column; no bias if that is 0. */
static inline void {name}_product(int columns, const float *x, int rows,
        const float *weights, const float *bias, float *y)
{{
    for (int i = 0; i < rows; ++i) {{
        y[i] = bias ? bias[i] : 0.0f;
    }}
    for (int k = 0; k < columns; ++k, weights += rows) {{
        for (int i = 0; i < rows; ++i) {{
            y[i] += weights[i] * x[k];
        }}
    }}
}}
"""
    products = described.readout is not None and described.readout.V is not None
    products = products or bool({"W", "U", "P"} & {*fields(described.layers[0][0])})
    return program.functions(name, used) + (product if products else "")


def layer_function(described: Described, name: str) -> str:
    """Write the function of one step of one layer."""
    cell, H, weights = described.cell, described.hidden_size, described.layers[0][0]
    present = fields(weights)
    after: list[str] = []

    def product(into: str, gates: int, columns: str, x: str, matrix: str, bias: str) -> list[str]:
        given = f"weights->{bias}" if bias in present else "0"
        call = f"{name}_product({columns}, {x}, {gates * H}, weights->{matrix}, {given}, {into});"
        return [f"    float {into}[{gates * H}];", f"    {call}"]

    declared, calls = [], []
    if "W" in present:
        line, call = product("wx", len(cell.input_gates), "weights->inputs", "x", "W", "b")
        declared.append(line)
        calls.append(call)
    else:
        calls.append("    (void)x;")
    if "U" in present:
        width = str(described.widths[0])
        line, call = product("uh", len(cell.recurrent_gates), width, "state0", "U", "c")
        declared.append(line)
        calls.append(call)
    load = {f"wx.{gate}": _at("wx", p * H) for p, gate in enumerate(cell.input_gates)}
    load |= {f"uh.{gate}": _at("uh", p * H) for p, gate in enumerate(cell.recurrent_gates)}
    load |= {state: f"state{place}[j]" for place, state in enumerate(cell.states)}
    load |= {unit: f"weights->units[{place}][j]" for place, unit in enumerate(cell.units)}
    store = [f"state{place}[j] = {{0}};" for place in range(len(cell.states))]
    if described.taken is not None:
        store = [
            f"state{place}[j] += {numbers.single(share)} * ({{0}} - state{place}[j]);"
            for place, share in enumerate(described.taken)
        ]
    if "P" in present:  # of torch's LSTM alone, which has no zoneout
        declared.append(f"    float raw[{H}];")
        store[0] = "raw[j] = {0};"
        call = f"{name}_product({H}, raw, {described.widths[0]}, weights->P, 0, state0);"
        after.append(f"    {call}")
    states = ", ".join(f"float *state{place}" for place in range(len(cell.states)))
    called = ", ".join(f"state{place} is {state}" for place, state in enumerate(cell.states))
    body = [*declared, *calls, *program.loops(cell, name, H, load, store), *after]
    read = {"W", "U"} & {*present} or {*cell.units} & {*cell.step.inputs}
    unused = [] if read else ["    (void)weights;"]
    return "\n".join(
        [
            f"/* One step of a layer; {called}. */",
            f"static inline void {name}_layer(const {name}_weights *weights, const float *x,",
            f"        {states})",
            "{",
            *unused,
            *body,
            "}",
            "",
        ]
    )


def _at(array: str, start: int) -> str:
    return f"{array}[{start} + j]" if start else f"{array}[j]"
