"""`throughtime evaluate`: a trained model scored on what it has not learned from."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.estimators.saved import (
    LANGUAGE_MODEL,
    SEQUENCE_CLASSIFIER,
    SEQUENCE_REGRESSOR,
    read_configuration,
)

_PERIOD = "given"


@reports_errors
def evaluate(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder of `throughtime train`."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            help="Of a forecaster: a built-in series or a file of series. Of a language model: a "
            "text file, a folder of them, or -. Of a classifier: a folder of labelled recordings, "
            "LABEL_*.wav or LABEL/*.wav. Of a regressor: one recording."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(help="Of a regressor: the recording that is to be made of the first one."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Series: time column; recognised by its name if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Series: column that tells several apart; the one trained with."),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            help="Series: score so many rows, the last of each; if left out, all that "
            "have rows before them to be forecast from.",
            min=1,
        ),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a text's characters; utf-8.")] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Which files of a folder of text; *.txt.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score a trained model on what it has not learned from: a series, a text or recordings.

    Of series: the errors of forecasts one step ahead, beside persistence. Of a text: bits a
    character, and perplexity. Of recordings: accuracy and log loss, and what each class was taken
    for; of one recording made of another, the error-to-signal ratio.

    Example: throughtime evaluate runs/book-20260101-120000 another-book.txt
    """
    known = None, LANGUAGE_MODEL, SEQUENCE_CLASSIFIER, SEQUENCE_REGRESSOR
    kind = read_configuration(run, *known).get("estimator")
    of_series = {"time": time, "series": series, "last": last}
    of_text = {"encoding": encoding, "pattern": pattern}
    of_pair = {"target": target}
    if kind is None:
        _refuse({**of_text, **of_pair}, "series")
        _series(run, source, time, series, last, as_json)
    elif kind == LANGUAGE_MODEL:
        _refuse({**of_series, **of_pair}, "a text")
        _text(run, source, encoding, pattern, as_json)
    elif kind == SEQUENCE_REGRESSOR:
        _refuse({**of_series, **of_text}, "recordings")
        _pair(run, source, target, as_json)
    else:
        _refuse({**of_series, **of_text, **of_pair}, "recordings that are told apart")
        _recordings(run, Path(source), as_json)


def _refuse(options: Mapping[str, object], of: str) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{', '.join(given)} means nothing for {of}; leave it out")


def _series(
    run: Path, source: str, time: str | None, column: str | None, last: int | None, as_json: bool
) -> None:
    from throughtime.data import Dataset, Member, Split, persistence, read_many, sources
    from throughtime.estimators import Comparison, load
    from throughtime.estimators.made_on_demand import of_each
    from throughtime.estimators.saved_forecaster import time_of

    forecaster, config = load(run)
    column = column if column is not None else config.get("series")
    if source in sources:
        _refuse({"time": time, "series": column}, "a built-in series")
        found = tuple(member.series for member in sources[source]().members)
        if found[0].target != config["target"]:
            raise UsageError(
                f"{run} forecasts {config['target']!r}, which {source} does not have; give a file "
                "that has it"
            )
    else:
        least = 2 + forecaster.settings.difference
        recorded = time_of(config, time)
        found = read_many(source, config["target"], recorded, column, minimum_rows=least)
    first = 1 + forecaster.settings.difference  # nothing stands before the first rows of a series
    if last is not None:
        _refuse_or_tell_fewer(last, [len(one) - first for one in found])
    predicted = forecaster.predict_many(found)

    def scored(rows: int) -> Split:
        start = first if last is None else max(first, rows - last)
        # None of the rows is known to have been learned: there is nothing to scale a MASE by.
        return Split(range(0), range(0), {_PERIOD: range(start, rows)})

    comparison = Comparison(
        Dataset(
            source, tuple(Member(one, scored(len(one))) for one in found), series_column=column
        ),
        {
            "model": [ahead for ahead, _ in predicted],
            "persistence": of_each(found, lambda at: persistence(found[at].values[:, 0])),
        },
    )
    scores = {name: periods[_PERIOD] for name, periods in comparison.scores().items()}
    if as_json:
        told = {"run": str(run), "source": source, "series": len(found), "scores": scores}
        print(json.dumps(told, allow_nan=False))
        return
    model = scores["model"]
    if model is None:
        raise UsageError(f"{run} has no finite forecast of some row of {source}")
    of = found[0].target if len(found) == 1 else f"{found[0].target} of {len(found)} series"
    print(f"{source}, {model['count']:,} rows of {of} forecast one step ahead")
    for name, score in scores.items():
        if score is not None:
            print(
                f"{name}: mean absolute error {score['mae']:.4g}, root mean squared error "
                f"{math.sqrt(score['mse']):.4g}"
            )


def _refuse_or_tell_fewer(last: int, scored: Sequence[int]) -> None:
    """Refuse to score more rows than any series has; tell how many series have fewer."""
    fewer = sum(rows < last for rows in scored)
    if fewer == len(scored):
        of = "the series has" if len(scored) == 1 else "the longest series has"
        raise UsageError(
            f"--last {last} is more rows than can be scored: {of} {max(scored)} with rows before "
            "them to be forecast from; give so many or fewer, or leave --last out for all"
        )
    if fewer:
        print(
            f"throughtime: {fewer} of {len(scored)} series have fewer than {last} rows to score; "
            "all of theirs are scored",
            file=sys.stderr,
        )


def _pair(run: Path, source: str, target: str | None, as_json: bool) -> None:
    from throughtime.cli.pair_run import scores_of, told
    from throughtime.data.audio import read_input, read_pair
    from throughtime.estimators.saved_regressor import load_of_pair

    if target is None:
        raise UsageError(f"name with --target the recording that is to be made of {source}")
    regressor, rate = load_of_pair(run)
    pair = read_pair(source, target)
    if pair.rate != rate:
        read_input(source, rate)  # it says what is wrong
    scores, _ = scores_of(regressor, pair)
    if as_json:
        print(json.dumps({"run": str(run), "source": pair.source, "scores": scores}))
    else:
        print(told(scores, pair.seconds))


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
