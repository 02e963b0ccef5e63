"""`throughtime evaluate`: a trained model scored on what it has not learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def evaluate(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder of `throughtime train` on a text or on recordings."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            help="Of a language model: a text file, a folder of them, or -. Of a classifier: a "
            "folder of labelled recordings, LABEL_*.wav or LABEL/*.wav."
        ),
    ],
    encoding: Annotated[str | None, typer.Option(help="Of a text's characters; utf-8.")] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Which files of a folder of text; *.txt.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a trained language model on a text, or a classifier on labelled recordings.

    Of a text: bits a character, and perplexity. Of recordings: accuracy and log loss, and what each
    class was taken for.

    Example: throughtime evaluate runs/book-20260101-120000 another-book.txt
    """
    from throughtime.estimators.saved import kind_of

    match kind_of(run):
        case "LanguageModel":
            from throughtime.cli.text_run import evaluate_text

            evaluate_text(run, source, encoding, pattern, as_json)
        case "SequenceClassifier":
            from throughtime.cli.recordings_run import evaluate_classifier

            if encoding is not None or pattern is not None:
                raise UsageError("recordings have no encoding and no pattern; leave them out")
            evaluate_classifier(run, Path(source), as_json)
        case kind:
            raise UsageError(
                f"{run} holds a {kind}; its scores are in {run / 'metrics.json'}, and `throughtime "
                "predict` forecasts another file"
            )
