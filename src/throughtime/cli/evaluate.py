"""`throughtime evaluate`: a trained model scored on what it has not learned from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.estimators.saved import LANGUAGE_MODEL, SEQUENCE_CLASSIFIER, read_configuration


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
    kind = read_configuration(run, LANGUAGE_MODEL, SEQUENCE_CLASSIFIER)["estimator"]
    if kind == LANGUAGE_MODEL:
        _text(run, source, encoding, pattern, as_json)
        return
    if encoding is not None or pattern is not None:
        raise UsageError("recordings have no encoding and no pattern; leave them out")
    _recordings(run, Path(source), as_json)


def _text(run: Path, source: str, encoding: str | None, pattern: str | None, as_json: bool) -> None:
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
    text = read_text(source, encoding, **({} if pattern is None else {"pattern": pattern}))
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


def _recordings(run: Path, folder: Path, as_json: bool) -> None:
    from throughtime.cli.told import print_told
    from throughtime.data.audio import read_labelled
    from throughtime.estimators.saved_classifier import load_of_recordings
    from throughtime.estimators.told import Told

    classifier, features, config = load_of_recordings(run)
    classes = classifier.classes_.tolist()
    data = read_labelled(folder, features, known=classes)
    probabilities = classifier.predict_proba(list(data.sequences))
    told = Told(tuple(classes), data.labels, probabilities, config.get("commonest"))
    if as_json:
        found = {"run": str(run), "source": data.source, **told.as_dict()}
        print(json.dumps(found, allow_nan=False))
    else:
        print_told(told.as_dict())
