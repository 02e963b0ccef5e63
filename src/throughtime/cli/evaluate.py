"""`throughtime evaluate`: a trained classifier tested on other recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.classifying import evaluate_classifier, print_told
from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train FOLDER`.")],
    folder: Annotated[
        Path, typer.Argument(help="Labelled recordings: LABEL_*.wav, or LABEL/*.wav.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Test a trained classifier on a folder of labelled recordings.

    Example: throughtime evaluate runs/digits-20260101-120000 new-recordings
    """
    from throughtime.estimators.saved_sequences import holds_sequences

    if (run / "config.json").is_file() and not holds_sequences(run):
        raise UsageError(
            f"{run} holds no classifier; the scores of a forecaster are in its metrics.json, and "
            "`throughtime predict` forecasts another file"
        )
    metrics = evaluate_classifier(run, folder)
    if as_json:
        print(json.dumps({"run": str(run), **metrics}, allow_nan=False))
    else:
        print_told(metrics)
