"""One answer a sequence in C: what is read out of all steps so far."""

from __future__ import annotations

from throughtime.export.described import Described


def fields(described: Described) -> list[str]:
    """Name what goes along with the states."""
    if not described.counted:
        return []
    what = "sum" if described.pooling == "mean" else "largest"
    return [
        f"    float pooled[{described.read_size}]; /* the {what} over the steps so far */",
        "    long steps; /* how many there were */",
    ]


def start(described: Described) -> list[str]:
    """Write the beginning of a sequence."""
    if not described.counted:
        return []
    return [
        f"    for (int j = 0; j < {described.read_size}; ++j) {{",
        "        state->pooled[j] = 0.0f;",
        "    }",
        "    state->steps = 0;",
    ]


def after_step(described: Described, h: str) -> tuple[list[str], str]:
    """Write what becomes of it with the last layer's outputs h; give where what is read stands."""
    if not described.counted:
        return [], h
    width = described.read_size
    if described.pooling == "mean":
        lines = [
            f"    float read[{width}];",
            "    ++state->steps;",
            f"    for (int j = 0; j < {width}; ++j) {{",
            f"        state->pooled[j] += {h}[j];",
            "        read[j] = state->pooled[j] / (float)state->steps;",
            "    }",
        ]
        return lines, "read"
    lines = [
        f"    for (int j = 0; j < {width}; ++j) {{",
        f"        if (state->steps == 0 || !({h}[j] <= state->pooled[j])) {{",
        f"            state->pooled[j] = {h}[j];",
        "        }",
        "    }",
        "    ++state->steps;",
    ]
    return lines, "state->pooled"
