"""`throughtime evaluate`: how well a trained language model expects a text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train` on a text.")],
    source: Annotated[str, typer.Argument(help="A text file, a folder of them, or -.")],
    encoding: Annotated[str | None, typer.Option(help="Of the characters; utf-8.")] = None,
    pattern: Annotated[str, typer.Option(help="Which files of a folder.")] = "*.txt",
    as_json: Annotated[bool, typer.Option("--json", help="Print the score as JSON.")] = False,
) -> None:
    """Score a text by a trained language model: bits a character, perplexity.

    Example: throughtime evaluate runs/book-20260101-120000 another-book.txt
    """
    from throughtime.data import read_text
    from throughtime.data.text import ByteValues, Characters
    from throughtime.estimators import LanguageModel

    model = LanguageModel.load(run)
    vocabulary = model.vocabulary_
    if isinstance(vocabulary, ByteValues):
        if encoding is not None:
            raise UsageError(f"{run} has learned bytes, which have no encoding; leave it out")
    else:
        encoding = encoding or "utf-8"
    text = read_text(source, encoding, pattern)
    score = model.evaluate(text)
    if isinstance(vocabulary, Characters) and isinstance(text.content, str) and score.unknown:
        price = f"{score.unknown * vocabulary.unknown_bits / score.bits:.1%} of the bits and more"
        print(
            f"throughtime: {score.unknown} characters were never learned, "
            f"{vocabulary.unseen(text.content)[:40]!r}; they cost {price}",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps({"source": text.source, **score.as_dict()}, allow_nan=False))
        return
    print(
        f"{text.source}, {score.characters:,} characters: {score.bits_per_character:.3f} bits a "
        f"character, perplexity {score.perplexity:.2f} a {vocabulary.symbol}"
    )
