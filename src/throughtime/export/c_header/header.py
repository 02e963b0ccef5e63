"""A model as one C99 header that needs nothing but `math.h`."""

from __future__ import annotations

from throughtime.export.c_header import layer, numbers, readout, scaling
from throughtime.export.c_header.names import identifier
from throughtime.export.described import Described, Model, describe, refuse_directions


def to_c(model: Model, name: str = "network") -> str:
    """Write a model as a C99 header: its weights in float32, and a function for one step.

    The header declares `NAME_state`, a struct with an array for each state of the cell,
    [layers][units], `NAME_start(state)`, which sets them to zero, and
    `NAME_step(state, input, output)`, which runs one step. It allocates no memory; C++ takes it
    too. Inputs and outputs are float; a forecaster's are double, in the units of its columns and of
    its target, and the output is the forecast of the next step.

    Args:
        model: A `Recurrent`, `RNN`, `GRU`, `LSTM`, `Network` or `SeriesModel`.
        name: What all names in the header begin with.

    Returns:
        The header's text.

    Raises:
        ExportError: The model cannot be exported: it runs in both directions, say; or a name is
            none that C takes.

    Example:
        >>> import throughtime as tt
        >>> header = to_c(tt.nn.GRU(3, 8), "filter")
        >>> "void filter_step(filter_state *state, const float *input, float *output)" in header
        True
    """
    described = describe(model)
    refuse_directions(described, "a C header")
    identifier(name, "the header")
    for state in described.cell.states:
        identifier(state, f"a state of cell {described.cell.name!r}")
    parts = [
        _introduction(described, name),
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H\n\n#include <math.h>\n",
        _declarations(described, name),
        *(layer.weights_of(described, name, place) for place in range(len(described.layers))),
        _readout_weights(described, name),
        layer.arithmetic(described, name),
        layer.layer_function(described, name),
        _start(described, name),
        _step(described, name),
        "#endif\n",
    ]
    return "\n".join(part for part in parts if part)


def _introduction(described: Described, name: str) -> str:
    """Write the comment that says what it is, and how it is called."""
    cell, count = described.cell.name, len(described.layers)
    layers = "1 layer" if count == 1 else f"{count} layers"
    number = _number(described)
    lines = [
        f"/* A recurrent network, cell {cell}, {layers} of {described.hidden_size} units: one step "
        "a call.",
        "",
        f"       {name}_state state;",
        f"       {number} input[{name.upper()}_INPUTS], output[{name.upper()}_OUTPUTS];",
        "",
        f"       {name}_start(&state);                  all states zero: a new sequence",
        f"       {name}_step(&state, input, output);    once for each step",
        "",
        f"   Weights take {_bytes(described):,} bytes of constants. Written by Throughtime.",
    ]
    if described.scaling is not None:
        lines += ["", "   Inputs, in their own units:"]
        lines += [
            f"       input[{place}]   {_in_comment(column)}"
            for place, column in enumerate(described.columns)
        ]
        target = _in_comment(described.columns[0])
        lines += ["   Output, in the same unit:", f"       output[0]  {target} at the next step"]
    return "\n".join(lines) + " */\n"


def _in_comment(text: str) -> str:
    """Give a text that neither ends a comment nor begins one."""
    text = " ".join(text.split())
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def _bytes(described: Described) -> int:
    tensors = [
        tensor
        for (weights,) in described.layers
        for tensor in (weights.W, weights.U, weights.b, weights.c, weights.P, *weights.units)
    ]
    if described.readout is not None:
        tensors += [described.readout.V, described.readout.v]
    return 4 * sum(tensor.numel() for tensor in tensors if tensor is not None)


def _number(described: Described) -> str:
    """Give the type of inputs and outputs: in the units of the data they are not rounded."""
    return "float" if described.scaling is None else "double"


def _declarations(described: Described, name: str) -> str:
    count = len(described.layers)
    first = described.layers[0][0]
    fields = [
        f"    float {state}[{count}][{width}];"
        for state, width in zip(described.cell.states, described.widths, strict=True)
    ]
    pointers = [f"    const float *{field};" for field in layer.fields(first)]
    if first.units:
        pointers.append(f"    const float *units[{len(first.units)}];")
    return "\n".join(
        [
            f"#define {name.upper()}_INPUTS {described.input_size}",
            f"#define {name.upper()}_OUTPUTS {described.output_size}",
            "",
            "/* The states after a step, [layers][units]; may be read, set and copied. */",
            "typedef struct {",
            *fields,
            f"}} {name}_state;",
            "",
            "/* The weights of a layer, column after column. */",
            "typedef struct {",
            "    int inputs;",
            *pointers,
            f"}} {name}_weights;",
            "",
        ]
    )


def _readout_weights(described: Described, name: str) -> str:
    if described.readout is None or described.readout.V is None:
        return ""
    V, v = described.readout.V, described.readout.v
    found = numbers.array(f"{name}_V", V.T.contiguous(), f"readout, V, {list(V.T.shape)}")
    return found if v is None else found + numbers.array(f"{name}_v", v, f"v, {list(v.shape)}")


def _start(described: Described, name: str) -> str:
    """Write the function that begins a sequence."""
    loops = [
        line
        for state, width in zip(described.cell.states, described.widths, strict=True)
        for line in (
            f"        for (int j = 0; j < {width}; ++j) {{",
            f"            state->{state}[layer][j] = 0.0f;",
            "        }",
        )
    ]
    return "\n".join(
        [
            f"static inline void {name}_start({name}_state *state)",
            "{",
            f"    for (int layer = 0; layer < {len(described.layers)}; ++layer) {{",
            *loops,
            "    }",
            "}",
            "",
        ]
    )


def _step(described: Described, name: str) -> str:
    """Write the function of one step: scaling, layers, readout, and the target's own unit."""
    number, states = _number(described), described.cell.states
    first, O = described.widths[0], described.output_size  # noqa: E741
    body, x = [], "input"
    if described.scaling is not None:
        x = "x"
        body += scaling.inwards(described.scaling)
    for place in range(len(described.layers)):
        own = ", ".join(f"state->{state}[{place}]" for state in states)
        body.append(f"    {name}_layer(&{name}_layer_{place}, {x}, {own});")
        x = f"state->{states[0]}[{place}]"
    y = "output" if described.scaling is None else "y"
    if described.scaling is not None:
        body.append(f"    float y[{O}];")
    if described.readout is None or described.readout.V is None:
        body += [f"    for (int i = 0; i < {O}; ++i) {{", f"        {y}[i] = {x}[i];", "    }"]
    else:
        bias = "0" if described.readout.v is None else f"{name}_v"
        body.append(f"    {name}_product({first}, {x}, {O}, {name}_V, {bias}, {y});")
    if described.readout is not None:
        body += readout.activation(name, described.readout.activation, y, O)
    if described.scaling is not None:
        body += scaling.outwards(described.scaling)
    return "\n".join(
        [
            f"static inline void {name}_step({name}_state *state, const {number} *input, "
            f"{number} *output)",
            "{",
            *body,
            "}",
            "",
        ]
    )
