"""What a header says of itself: what it is, how it is called, what goes in and comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping

from throughtime.export.described import Described


def input_type(described: Described) -> str:
    """Give the type of inputs: in the units of the data they are not rounded."""
    if described.symbols is not None:
        return "int"
    return "float" if described.scaling is None else "double"


def output_type(described: Described) -> str:
    """Give the type of outputs, likewise."""
    return "float" if described.target_scaling is None else "double"


def introduction(described: Described, name: str, notes: Mapping[str, str]) -> str:
    """Write the comment at the head.

    Args:
        described: The model.
        name: What all names in the header begin with.
        notes: What else is to be told.
    """
    cell, count = described.cell.name, len(described.layers)
    layers = "1 layer" if count == 1 else f"{count} layers"
    inputs, outputs = input_type(described), output_type(described)
    input_size, output_size = f"{name.upper()}_INPUTS", f"{name.upper()}_OUTPUTS"
    if described.symbols is not None:
        declared = [f"{inputs} symbol;", f"{outputs} output[{output_size}];"]
        given = "symbol"
    elif inputs == outputs:
        declared, given = [f"{inputs} input[{input_size}], output[{output_size}];"], "input"
    else:
        declared = [f"{inputs} input[{input_size}];", f"{outputs} output[{output_size}];"]
        given = "input"
    start, step = f"{name}_start(&state);", f"{name}_step(&state, {given}, output);"
    lines = [
        f"/* A recurrent network, cell {cell}, {layers} of {described.hidden_size} units: one step "
        "a call.",
        "",
        f"       {name}_state state;",
        *(f"       {line}" for line in declared),
        "",
        f"       {start.ljust(len(step))}    all states zero: a new sequence",
        f"       {step}    once for each step",
        "",
        f"   Weights take {_bytes(described):,} bytes of constants. Written by Throughtime.",
        *_inwards(described),
        *_outwards(described),
    ]
    if notes:
        lines += ["", "   What else is known of it:"]
        lines += [
            f"       {_in_comment(key)}: {_in_comment(value)}" for key, value in notes.items()
        ]
    return "\n".join(lines) + " */\n"


def _inwards(described: Described) -> list[str]:
    """Say what goes in."""
    if described.symbols is not None:
        vocabulary = described.symbols.vocabulary
        return [
            "",
            f"   Input: the number of a {vocabulary.symbol}, from 0 to "
            f"{described.symbols.count - 1}; any other is read as nothing known.",
            f"   The text that was learned begins with number {described.notes['opening']}.",
        ]
    if described.columns:
        ahead = json.loads(described.notes.get("of the next step", "[]"))
        named = [
            f"       input[{place}]   {_in_comment(column)}"
            + (", of the next step" if column in ahead else "")
            for place, column in enumerate(described.columns)
        ]
        if described.changes is not None:
            rows = described.changes.rows
            named.append(f"   Changes over {rows} of them are read: the first {rows} give NAN.")
        return ["", "   Inputs, in their own units:", *named]
    if described.scaling is None:
        return []
    return ["", "   Inputs, in the units of the sequences that it has learned from."]


def _outwards(described: Described) -> list[str]:
    """Say what comes out."""
    so_far = "" if described.pooling is None else " of the sequence so far"
    if described.symbols is not None:
        return [
            "   Output: the natural logarithm of the probability of each symbol to come, by number."
        ]
    if described.outputs:
        unit = ", in the same unit" if described.columns else so_far
        named = [
            f"       output[{place}]  {_in_comment(output)}"
            for place, output in enumerate(described.outputs)
        ]
        return [f"   Output{unit}:", *named]
    if described.target_scaling is None:
        return []
    answer = "the answer to this step" if described.pooling is None else f"the answer{so_far}"
    return [f"   Output: {answer}, in the units of the targets."]


def _in_comment(text: str) -> str:
    """Give a text that neither ends a comment nor begins one."""
    text = " ".join(text.split()).encode("utf-8", "backslashreplace").decode()
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def _bytes(described: Described) -> int:
    tensors = [
        tensor
        for (weights,) in described.layers
        for tensor in (weights.W, weights.U, weights.b, weights.c, weights.P, *weights.units)
    ]
    if described.readout is not None:
        tensors += [described.readout.V, described.readout.v]
    if described.symbols is not None:
        tensors.append(described.symbols.table)
    return 4 * sum(tensor.numel() for tensor in tensors if tensor is not None)
