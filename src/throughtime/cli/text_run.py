"""A language model from its text to its run folder, told to a person on the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError, status

if TYPE_CHECKING:
    from throughtime.data import Text
    from throughtime.estimators import LanguageModel
    from throughtime.train import Outcome
    from throughtime.train.run_folder import RunFolder

ENDINGS = (".txt", ".text", ".md", ".rst", ".tex")
"""Of files that are taken for text without being told."""
TEST = 0.1
"""The share of a text, its last, that is held out."""
_NARROW = 64
"""Units below which a second thread costs more than it gains."""


def is_text(source: str, task: str | None) -> bool:
    """Whether a source is to be learned as text.

    Args:
        source: What was named.
        task: "series" or "text"; None to infer it: standard input, a folder, or a file's ending.

    Raises:
        UsageError: The task is unknown.
    """
    if task not in (None, "series", "text"):
        raise UsageError(f"unknown task {task!r}; known are series, text")
    if task is not None:
        return task == "text"
    path = Path(source)
    return source == "-" or path.suffix.lower() in ENDINGS or path.is_dir()


def train_text(
    source: str,
    asked: dict[str, Any],
    encoding: str | None,
    pattern: str | None,
    validation_share: float | None,
    test_share: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Learn a text but for its last share, score the model on that, record it, print the score.

    Args:
        source: A file, a folder, or "-".
        asked: Parameters of `LanguageModel` that were given.
        encoding: Of the characters; UTF-8 if None.
        pattern: Which files of a folder; `read_text`'s own if None.
        validation_share: Of the text; the model's own if None.
        test_share: Of the text; a tenth if None.
        out: The run folder; its default place if None.
        as_json: Whether to print JSON.

    Raises:
        UsageError: A share is out of range, or the training failed.
        SystemExit: With status 130, after Ctrl-C.
    """
    from throughtime.data import read_text
    from throughtime.estimators import LanguageModel
    from throughtime.estimators.text_stream import last_share
    from throughtime.train.run_folder import RunFolder, uninterrupted
    from throughtime.train.stopping import terminable

    test = TEST if test_share is None else test_share
    model = LanguageModel(**asked, **_validation(validation_share, test, asked))
    model.check()
    if model.vocabulary == "bytes":
        if encoding is not None:
            raise UsageError("bytes have no encoding; leave out --encoding")
    else:
        encoding = encoding or "utf-8"
    text = read_text(source, encoding, **({} if pattern is None else {"pattern": pattern}))
    learned = last_share(text.content, test)
    if len(text) - learned < 2:
        raise UsageError(
            f"{text.source} has {len(text)} characters, of which {len(text) - learned} would be "
            f"held out; 2 or more are needed. To mend: give a longer text, or a larger --test-share"
        )
    known, held = text.content[:learned], text.content[learned:]
    _use_threads(model)
    with terminable(), RunFolder(text.name, out) as folder:
        outcome = _fit(model, known, text)
        with uninterrupted():
            model.save(folder.path)
            outcome.history.write(folder.path / "history.csv")
            folder.keep()
        try:
            metrics = _save_results(folder, model, known, held)
        except KeyboardInterrupt as stop:
            print(
                f"throughtime: interrupted while the model was scored; it is saved in "
                f"{folder.final}, without a score",
                file=sys.stderr,
            )
            raise SystemExit(status(stop)) from None
    _conclude(folder.final, metrics, outcome, as_json)


def _validation(share: float | None, test: float, asked: dict[str, Any]) -> dict[str, Any]:
    """Give the share of what is learned that a share of the whole text is."""
    if not 0 < test < 1:
        raise UsageError(f"--test-share is {test}; a share above 0 and below 1 is expected")
    if asked.get("patience", 1) is None:  # 0 was given: all is learned from, for all epochs
        if share:
            raise UsageError("--patience 0 learns from all; leave out --validation-share")
        return {"validation": 0.0}
    if share is None:
        return {}
    if not 0 <= share < 1 - test:
        raise UsageError(
            f"--validation-share is {share} and --test-share {test}; shares from 0 are expected "
            "that together leave something to learn from"
        )
    return {"validation": share / (1 - test)}


def _use_threads(model: LanguageModel) -> None:
    from throughtime.cli.machine import use_threads

    if model.hidden < _NARROW:
        use_threads(model.hidden, model.batch_size)


def _fit(model: LanguageModel, known: str | bytes, text: Text) -> Outcome:
    from rich.console import Console

    from throughtime.train import Progress

    console = Console(stderr=True)
    console.print(
        f"{text.source}: {len(text):,} {'bytes' if model.vocabulary == 'bytes' else 'characters'}; "
        f"learned from the first {len(known):,}, scored on the rest\n"
        f"{model.cell} of {model.hidden} units, {model.layers} layer(s); {model.optimizer}, "
        f"{'backpropagation' if model.method == 'bptt' else model.method} through {model.window} "
        "steps",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    with Progress(model.epochs, console) as progress:
        outcome = model.fit(known, callbacks=[progress]).outcome_
    if outcome.best_epoch:
        return outcome
    if outcome.stopped == "interrupted":
        print("throughtime: interrupted before the first epoch; nothing is saved", file=sys.stderr)
        raise SystemExit(130)
    raise UsageError(
        f"training failed before there was a model worth saving, nothing is saved: "
        f"{outcome.failure}"
    )


def _save_results(
    folder: RunFolder, model: LanguageModel, known: str | bytes, held: str | bytes
) -> dict[str, Any]:
    from throughtime.estimators.compressed import xz_bits
    from throughtime.estimators.saved import write_json

    score, outcome = model.evaluate(held), model.outcome_
    characters = max(model.vocabulary_.characters(model.vocabulary_.encode(held)), 1)
    metrics = {
        "scores": {
            "model": score.as_dict(),
            "xz": {"bits_per_character": xz_bits(held, known) / characters},
        },
        "training": {
            "epochs": outcome.history[-1].epoch,
            "updates": len(outcome.history),
            "best_epoch": outcome.best_epoch,
            "best_validation_loss": outcome.best_validation_loss,
            "stopped": outcome.stopped,
            "seconds": round(outcome.seconds, 3),
            "parameters": sum(p.numel() for p in model.network_.parameters()),
        },
    }
    write_json(folder.path / "metrics.json", metrics)
    return metrics


def _conclude(place: Path, metrics: dict[str, Any], outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"run": str(place), **metrics}, allow_nan=False))
    else:
        score, xz = metrics["scores"]["model"], metrics["scores"]["xz"]
        print(
            f"held out, {score['characters']:,} characters: {score['bits_per_character']:.3f} bits "
            f"a character (xz: {xz['bits_per_character']:.3f}), perplexity "
            f"{score['perplexity']:.2f}"
        )
        print(f"the run: {place}; to write on: throughtime generate {place} --length 500")
    if outcome.stopped == "interrupted":
        print(
            f"throughtime: interrupted in epoch {outcome.history[-1].epoch}; the best model so far "
            f"(epoch {outcome.best_epoch}) is saved in {place}",
            file=sys.stderr,
        )
        raise SystemExit(130)
    if outcome.stopped == "failed":
        raise UsageError(
            f"training failed after epoch {outcome.best_epoch}: {outcome.failure}. The model of "
            f"epoch {outcome.best_epoch} is saved in {place}"
        )
