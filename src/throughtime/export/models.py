"""Whatever can be exported, looked at: layers and networks, and what has learned with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from torch import nn

from throughtime.data import Scaling, ScalingBySeries
from throughtime.data.faults import listed
from throughtime.data.text import Characters, Vocabulary
from throughtime.estimators import (
    Forecaster,
    LanguageModel,
    NotFittedError,
    SequenceClassifier,
    SequenceRegressor,
    SeriesModel,
)
from throughtime.export.described import Changes, Described, Symbols
from throughtime.export.errors import ExportError
from throughtime.export.networks import (
    Layers,
    as_float32,
    describe_network,
    describe_pooled,
    refuse_own_forward,
)
from throughtime.nn.embedded import EmbeddedNetwork

Model = Layers | Forecaster | SeriesModel | LanguageModel | SequenceClassifier | SequenceRegressor
"""What can be exported."""


def describe(model: Model) -> Described:
    """Look at a model.

    Args:
        model: A layer of any cell, a network, or an estimator that has learned.

    Raises:
        ExportError: It is none of these; or it has a forward call, or a readout, of its own, whose
            operations nothing is known of; or it has no inputs, or has learned nothing.
    """
    try:
        if isinstance(model, Forecaster):
            return _series_model(model._fitted("model_"))
        if isinstance(model, SeriesModel):
            return _series_model(model)
        if isinstance(model, LanguageModel):
            return _language_model(model)
        if isinstance(model, SequenceClassifier):
            return _classifier(model)
        if isinstance(model, SequenceRegressor):
            return _regressor(model)
    except NotFittedError as error:
        raise ExportError(str(error)) from error
    if isinstance(model, EmbeddedNetwork):
        raise ExportError(
            "EmbeddedNetwork reads numbers of symbols, which say nothing without a vocabulary; "
            "export the LanguageModel that it is of, or network.above(), which reads their columns"
        )
    return describe_network(model)


def _series_model(model: SeriesModel) -> Described:
    scaling = model.scaling
    if isinstance(scaling, ScalingBySeries):
        raise ExportError(
            "the forecaster has learned several series, each of a scale of its own; name the "
            f"one to export (series): {listed(scaling.of, shown=10)}"
        )
    rows, settings = model.rows, model.settings
    changes = None
    if settings.difference:
        changes = Changes(settings.difference, len(rows.columns), settings.transform)
    calendar = len(rows.calendar.columns)  # comes as the network reads it
    ahead = [name for name, read in zip(rows.inputs, rows.ahead.tolist(), strict=True) if read]
    return replace(
        describe_network(model.of_target()),
        changes=changes,
        scaling=replace(
            scaling,
            center=scaling.center + (0.0,) * calendar,
            scale=scaling.scale + (1.0,) * calendar,
        ),
        target_scaling=Scaling(scaling.center[:1], scaling.scale[:1], scaling.transform),
        columns=rows.inputs,
        outputs=(f"{model.columns[0]} at the next step",),
        notes={
            "columns": json.dumps(rows.inputs),
            "target": model.columns[0],
            **({"of the next step": json.dumps(ahead)} if ahead else {}),
            **({"changes over": str(settings.difference)} if changes else {}),
        },
    )


def _language_model(model: LanguageModel) -> Described:
    network, vocabulary = model._fitted("network_"), model.vocabulary_
    table = None
    inside = network
    if isinstance(network, EmbeddedNetwork):
        refuse_own_forward(network, EmbeddedNetwork)
        table, inside = as_float32(network.embedding.weight), network.above()
    found = describe_network(inside)
    assert found.readout is not None  # a network has one
    return replace(
        found,
        readout=replace(found.readout, activation="log_softmax"),
        symbols=Symbols(vocabulary, table),
        notes={
            "estimator": "LanguageModel",
            "output": "natural logarithm of the probability of each symbol to come",
            **_notes_of(vocabulary),
            "opening": str(model.opening_),
        },
    )


def _notes_of(vocabulary: Vocabulary) -> dict[str, str]:
    """Give what turns text into numbers and back."""
    notes = {"vocabulary": vocabulary.name}
    if isinstance(vocabulary, Characters):
        notes["symbols"] = json.dumps([None, *vocabulary.symbols])
    if vocabulary.unknown is not None:
        notes["unknown"] = str(vocabulary.unknown)
    saved = vocabulary.as_dict()
    if "tokenizer" in saved:
        notes["tokenizer"] = saved["tokenizer"]
    return notes


def _classifier(model: SequenceClassifier) -> Described:
    found = describe_pooled(model._fitted("network_"))
    assert found.readout is not None  # a network has one
    classes = model.classes_.tolist()
    try:
        told = json.dumps(classes)
    except TypeError as error:
        raise ExportError(
            f"classes must be text or numbers to be exported, got {classes!r:.80}"
        ) from error
    return replace(
        found,
        readout=replace(found.readout, activation="softmax"),
        scaling=model.scaling_,
        outputs=tuple(f"probability of {name}" for name in classes),
        notes={"estimator": "SequenceClassifier", "classes": told, **_pooling(found)},
    )


def _regressor(model: SequenceRegressor) -> Described:
    network: nn.Module = model._fitted("network_")
    by_step = model.per == "step"
    found = describe_network(network) if by_step else describe_pooled(network)
    return replace(
        found,
        scaling=model.scaling_,
        target_scaling=model.target_scaling_,
        notes={"estimator": "SequenceRegressor", "per": model.per, **_pooling(found)},
    )


def _pooling(found: Described) -> dict[str, Any]:
    return {} if found.pooling is None else {"pooling": found.pooling}
