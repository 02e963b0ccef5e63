"""Symbols in C: what their numbers stand for, and the columns that the layers read of them."""

from __future__ import annotations

from throughtime.data.text import ByteValues, Characters, Vocabulary
from throughtime.export.c_header import numbers
from throughtime.export.described import Described, Symbols


def declarations(symbols: Symbols, name: str) -> str:
    """Write the vocabulary, as far as C holds it, and the embedding."""
    found = _vocabulary(symbols.vocabulary, name)
    if symbols.table is None:
        return found
    shape = list(symbols.table.shape)
    return f"{found}\n{numbers.array(f'{name}_embedding', symbols.table, f'embedding, {shape}')}"


def _vocabulary(vocabulary: Vocabulary, name: str) -> str:
    if isinstance(vocabulary, Characters):
        return _characters(vocabulary, name)
    if isinstance(vocabulary, ByteValues):
        return "/* The number of a symbol is the value of a byte. */\n"
    return (
        "/* The numbers of symbols are those of the tokenizer that the network was trained with; "
        "it is not in\n   this file. */\n"
    )


def _characters(vocabulary: Characters, name: str) -> str:
    codes = [str(code) for code in vocabulary.as_dict()["codes"]]
    count = vocabulary.size
    return f"""\
/* The code point of each symbol; number 0, of code point -1, stands for all other characters. */
static const long {name}_symbols[{count}] = {{
{numbers.rows(["-1", *codes], columns=12)}
}};

/* The number of a character, by its code point. */
static inline int {name}_number(long code)
{{
    int low = 1, high = {count};
    while (low < high) {{
        const int middle = low + (high - low) / 2;
        if ({name}_symbols[middle] < code) {{
            low = middle + 1;
        }} else {{
            high = middle;
        }}
    }}
    return low < {count} && {name}_symbols[low] == code ? low : 0;
}}
"""


def first_layer(described: Described, symbols: Symbols, name: str, states: str) -> list[str]:
    """Write the call of the first layer for the number `symbol`.

    With one column a symbol the product with all of them is one column of the weights: the layer is
    told that it has that input alone, and none where nothing is known of the symbol.

    Args:
        described: The model.
        symbols: Its symbols.
        name: What the names of functions begin with.
        states: The states of the layer, as arguments.
    """
    known = f"symbol >= 0 && symbol < {symbols.count}"
    if symbols.table is not None:
        E = symbols.table.shape[1]
        return [
            f"    static const float nothing[{E}] = {{0.0f}};",
            f"    const float *x = {known} ? &{name}_embedding[(long)symbol * {E}] : nothing;",
            f"    {name}_layer(&{name}_layer_0, x, {states});",
        ]
    if described.layers[0][0].W is None:  # the equations read no input
        return ["    (void)symbol;", f"    {name}_layer(&{name}_layer_0, 0, {states});"]
    if symbols.vocabulary.unknown is not None:
        known += f" && symbol != {symbols.vocabulary.unknown}"
    rows = len(described.cell.input_gates) * described.hidden_size
    return [
        "    const float one = 1.0f;",
        f"    {name}_weights column = {name}_layer_0;",
        f"    column.inputs = {known};",
        f"    column.W += column.inputs ? (long)symbol * {rows} : 0;",
        f"    {name}_layer(&column, &one, {states});",
    ]
