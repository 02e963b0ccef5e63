"""Changes over some rows in C: the rows before stand in the state, the oldest is written over."""

from __future__ import annotations

from throughtime.export.c_header.scaling import forward_of, inverse_of
from throughtime.export.described import Described


def fields(described: Described) -> list[str]:
    """Name what goes along with the states."""
    if described.changes is None:
        return []
    rows = described.changes.rows
    return [
        f"    double before[{rows}][{described.input_size}]; /* the rows before, transformed */",
        "    int rows; /* how many there are, and behind them the place of the oldest */",
    ]


def start(described: Described) -> list[str]:
    """Write the beginning of a sequence."""
    if described.changes is None:
        return []
    return [
        f"    for (int place = 0; place < {described.changes.rows}; ++place) {{",
        f"        for (int i = 0; i < {described.input_size}; ++i) {{",
        "            state->before[place][i] = 0.0;",
        "        }",
        "    }",
        "    state->rows = 0;",
    ]


def inwards(described: Described) -> list[str]:
    """Write the way from `input` to `change`; there is no output before a change is known.

    Raises:
        ExportError: The transform of the target has no counterpart in C.
    """
    changes, width = described.changes, described.input_size
    assert changes is not None
    target = forward_of(changes.transform).format("input[0]")
    return [
        f"    double level[{width}], change[{width}];",
        f"    const int place = state->rows % {changes.rows};",
        f"    for (int i = 0; i < {width}; ++i) {{",
        f"        level[i] = i == 0 ? {target} : input[i];",
        f"        change[i] = level[i] - (i < {changes.columns} ? state->before[place][i] : 0.0);",
        "        state->before[place][i] = level[i];",
        "    }",
        f"    const int counted = state->rows >= {changes.rows};",
        f"    state->rows = counted ? {changes.rows} + (place + 1) % {changes.rows} : place + 1;",
        "    if (!counted) {",
        "        output[0] = NAN;",
        "        return;",
        "    }",
    ]


def outwards(described: Described) -> list[str]:
    """Write the way from the change that is forecast, in `output`, to the value.

    Raises:
        ExportError: The transform of the target has no counterpart in C.
    """
    changes = described.changes
    assert changes is not None
    lines = [f"    output[0] += state->before[state->rows % {changes.rows}][0];"]
    if changes.transform != "none":
        lines.append(f"    output[0] = {inverse_of(changes.transform).format('output[0]')};")
    return lines
