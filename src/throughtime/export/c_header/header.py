"""A model as one C99 header that needs nothing but `math.h`."""

from __future__ import annotations

from collections.abc import Mapping

from throughtime.export.c_header import changes, layer, numbers, pooling, readout, scaling, symbols
from throughtime.export.c_header.introduction import input_type, introduction, output_type
from throughtime.export.c_header.names import identifier
from throughtime.export.described import Described, refuse_directions
from throughtime.export.models import Model, describe


def to_c(model: Model, name: str = "network", *, notes: Mapping[str, str] | None = None) -> str:
    """Write a model as a C99 header: its weights in float32, and a function for one step.

    The header declares `NAME_state`, a struct with an array for each state of the cell,
    [layers][units], `NAME_start(state)`, which sets them to zero, and
    `NAME_step(state, input, output)`, which runs one step. It allocates no memory; C++ takes it
    too. Inputs and outputs are float; what has a scaling is double, in the units of the data:

    - `Forecaster`: inputs its columns, output the target's forecast for the next step; of one that
      has learned changes over m rows it is NAN for the first m.
    - `LanguageModel`: input the number of a symbol, an int, outputs the natural logarithms of the
      probabilities of the next, float; `NAME_symbols` and `NAME_number(code)` are the vocabulary,
      where it is of characters.
    - `SequenceClassifier`: outputs the probabilities of the classes for the sequence so far, float.
    - `SequenceRegressor`: outputs the answer to the step, or for the sequence so far.

    Args:
        model: A `Recurrent`, `RNN`, `GRU`, `LSTM` or `Network`; a `Forecaster`; a `LanguageModel`,
            `SequenceClassifier` or `SequenceRegressor` that has learned.
        name: What all names in the header begin with.
        notes: What else to tell in the comment at its head.

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
        introduction(described, name, notes or {}),
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H\n\n#include <math.h>\n",
        _declarations(described, name),
        *(layer.weights_of(described, name, place) for place in range(len(described.layers))),
        _around(described, name),
        layer.arithmetic(described, name),
        layer.layer_function(described, name),
        _start(described, name),
        _step(described, name),
        "#endif\n",
    ]
    return "\n".join(part for part in parts if part)


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
    inputs = f"#define {name.upper()}_INPUTS {described.input_size}"
    if described.symbols is not None:
        inputs = f"#define {name.upper()}_SYMBOLS {described.symbols.count}"
    return "\n".join(
        [
            inputs,
            f"#define {name.upper()}_OUTPUTS {described.output_size}",
            "",
            "/* The states after a step, [layers][units]; may be read, set and copied. */",
            "typedef struct {",
            *fields,
            *pooling.fields(described),
            *changes.fields(described),
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


def _around(described: Described, name: str) -> str:
    """Write the constants of what lies around the layers."""
    parts = []
    if described.symbols is not None:
        parts.append(symbols.declarations(described.symbols, name))
    if described.scaling is not None:
        parts.append(scaling.constants(described.scaling, name, "input"))
    if described.target_scaling is not None:
        parts.append(scaling.constants(described.target_scaling, name, "output"))
    if described.readout is not None and described.readout.V is not None:
        V, v = described.readout.V, described.readout.v
        parts.append(numbers.array(f"{name}_V", V.T.contiguous(), f"readout, V, {list(V.T.shape)}"))
        if v is not None:
            parts.append(numbers.array(f"{name}_v", v, f"v, {list(v.shape)}"))
    return "\n".join(part for part in parts if part)


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
            *pooling.start(described),
            *changes.start(described),
            "}",
            "",
        ]
    )


def _step(described: Described, name: str) -> str:
    """Write the function of one step: what lies before the layers, they, and what lies behind."""
    states, O = described.cell.states, described.output_size  # noqa: E741
    given, number = input_type(described), output_type(described)
    taken = "int symbol" if described.symbols is not None else f"const {given} *input"

    def own(place: int) -> str:
        return ", ".join(f"state->{state}[{place}]" for state in states)

    body: list[str] = []
    x = "input"
    if described.changes is not None:
        x = "change"
        body += changes.inwards(described)
    if described.scaling is not None:
        body += scaling.inwards(described.scaling, name, x)
        x = "x"
    for place in range(len(described.layers)):
        if place == 0 and described.symbols is not None:
            body += symbols.first_layer(described, described.symbols, name, own(0))
        else:
            body.append(f"    {name}_layer(&{name}_layer_{place}, {x}, {own(place)});")
        x = f"state->{states[0]}[{place}]"
    pooled, x = pooling.after_step(described, x)
    body += pooled
    y = "output" if described.target_scaling is None else "y"
    if described.target_scaling is not None:
        body.append(f"    float y[{O}];")
    if described.readout is None or described.readout.V is None:
        body += [f"    for (int i = 0; i < {O}; ++i) {{", f"        {y}[i] = {x}[i];", "    }"]
    else:
        bias = "0" if described.readout.v is None else f"{name}_v"
        body.append(f"    {name}_product({described.read_size}, {x}, {O}, {name}_V, {bias}, {y});")
    if described.readout is not None:
        body += readout.activation(name, described.readout.activation, y, O)
    if described.target_scaling is not None:
        body += scaling.outwards(described.target_scaling, name)
    if described.changes is not None:
        body += changes.outwards(described)
    return "\n".join(
        [
            f"static inline void {name}_step({name}_state *state, {taken}, {number} *output)",
            "{",
            *body,
            "}",
            "",
        ]
    )
