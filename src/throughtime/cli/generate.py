"""`throughtime generate`: a trained language model writes on, as it comes."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import reports_errors


@reports_errors
def generate(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train` on a text.")],
    prompt: Annotated[
        str, typer.Option(help="What comes before; without it the learned text's first symbol.")
    ] = "",
    length: Annotated[int, typer.Option(help="Symbols to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 likely symbols become likelier; 0 takes the likeliest.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(help="Draw among so many of the likeliest symbols.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw among the likeliest of so much probability.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same writes the same; another each time if left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print prompt and text as JSON, at the end.")
    ] = False,
) -> None:
    """Write on from a prompt by a trained language model.

    Example: throughtime generate runs/book-20260101-120000 --prompt "Once " --temperature 0.7
    """
    import torch

    from throughtime.estimators import LanguageModel

    torch.set_num_threads(1)  # a step of one row is short
    model = LanguageModel.load(run)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pieces = model.writing(length, prompt, temperature, top_k, top_p, seed)
    for warning in caught:
        print(f"throughtime: {warning.message}", file=sys.stderr)
    if as_json:
        print(json.dumps({"prompt": prompt, "text": "".join(pieces)}))
        return
    try:
        _show(prompt)
        for piece in pieces:
            _show(piece)
    except KeyboardInterrupt:
        print()
        raise SystemExit(130) from None
    print()


def _show(text: str) -> None:
    """Write at once, whatever the terminal's encoding has no sign for replaced."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
