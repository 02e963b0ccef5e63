"""How far back gradients reach, as a table for people."""

from __future__ import annotations

from typing import Any

_WINDOWS = (1, 2, 5, 10, 20, 50, 100, 200)


def print_flow(found: dict[str, Any], of: str) -> None:
    """Print horizons, what truncation discards, verdicts and advice.

    Args:
        found: What `throughtime.Flow.as_dict` gives.
        of: What was measured.
    """
    from rich.console import Console
    from rich.table import Table

    from throughtime.report.numerals import MISSING, percent, short

    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{of}; {_followed(found)} followed back over {found['steps']} lags",
        markup=False,
    )
    table = Table(
        title="Gradients of a step's loss by earlier states"
        if found["pooling"] is None
        else "Gradients of what enters at a step by earlier states",
        title_justify="left",
    )
    table.add_column("layer")
    for title in (
        f"falls to {percent(found['fraction'])} after", "factor a step", "top exponent",
    ):  # fmt: skip
        table.add_column(title, justify="right")
    for layer in found["layers"]:
        horizon, spectrum = layer["horizon"], layer.get("lyapunov")
        exponents = spectrum["exponents"] if spectrum else []
        table.add_row(
            layer["name"],
            f"more than {max(layer['lag'])} steps" if horizon is None else f"{horizon} steps",
            short(layer["growth"]),
            short(exponents[0]) if exponents else MISSING,
        )
    console.print(table)
    discarded = found.get("discarded")
    if discarded:
        console.print(_discarded_table(discarded))
    for layer in found["layers"]:
        judged = layer.get("verdict")
        if judged:
            console.print(
                f"{layer['name']} is {judged['kind']}: {judged['evidence']}", markup=False
            )
    for advice in found.get("advice", []):
        console.print(
            f"{advice['where']}: {advice['do']}, because {advice['why']}; {advice['figure']} is "
            f"{short(advice['now'])} and would be {short(advice['then'])}",
            markup=False,
        )


def _followed(found: dict[str, Any]) -> str:
    count = len(found["losses"])
    if found["pooling"] is None:
        return f"{count} losses"
    return f"the loss of each sequence, from {count} steps where it enters,"


def _discarded_table(discarded: dict[str, Any]) -> Any:
    from rich.table import Table

    from throughtime.report.numerals import MISSING, fixed, percent

    table = Table(title="What truncation after so many steps discards", title_justify="left")
    for title in ("steps looked back", "of the gradient", "cosine to the full one"):
        table.add_column(title, justify="right")
    rows = list(zip(discarded["k2"], discarded["share"], discarded["cosine"], strict=True))
    # Of a long sequence some windows alone are recorded: the nearest are shown.
    nearest = {min(rows, key=lambda row: abs(row[0] - window)) for window in _WINDOWS}
    for k2, share, cosine in sorted(nearest):
        lost = MISSING if share is None else percent(share) if share >= 1e-5 else "< 0.001 %"
        table.add_row(str(k2), lost, fixed(cosine, 3))
    return table
