"""Names that would like to be markup, script, style or direction; and runs full of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

PAYLOADS = (
    "<script>taken=1</script>",
    "</title><script>taken=1</script>",
    "</script><script>taken=1</script>",
    "</style><script>taken=1</script>",
    "<img src=x onerror=taken=1>",
    "\"'><img src=x onerror=taken=1>",
    "<svg/onload=taken=1>",
    "<iframe srcdoc='<script>parent.taken=1</script>'></iframe>",
    "<a href=javascript:taken=1>x</a>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=taken=1>",
    "<!--<script>taken=1</script>-->",
    "<![CDATA[<script>taken=1</script>]]>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<base href=https://example.org/>",
    '" onmouseover="taken=1" x="',
    "' onfocus='taken=1' autofocus tabindex='1",
    "{{ 7*7 }}{% raw %}${taken=1}",
    "url(https://example.org/x.png)\u202egnp.exe\u0000",
    "__proto__",
)


def poisoned(value: Any, payloads: Iterator[str]) -> Any:
    """Put payloads in the places of all strings of a JSON value; keys stay."""
    if isinstance(value, str):
        return next(payloads)
    if isinstance(value, list):
        return [poisoned(entry, payloads) for entry in value]
    if isinstance(value, dict):
        return {key: poisoned(entry, payloads) for key, entry in value.items()}
    return value


def hostile_run(
    payloads: Iterator[str], flow: dict[str, Any], walk: dict[str, Any]
) -> dict[str, Any]:
    """Give the files of a run in which every name is a payload."""
    names: dict[str, Any] = {
        "config": {
            "format": 1,
            **dict.fromkeys(("name", "source", "target", "throughtime"), ""),
            "network": {next(payloads): "", "cell": ""},
            "training": {next(payloads): {next(payloads): [""]}},
            "scaling": {next(payloads): ""},
        },
        "metrics": {
            "variance_source": "",
            "scores": {
                name: {next(payloads): {"arv": 0.1, next(payloads): 2.0}}
                for name in ("model", next(payloads))
            },
        },
        "flow": {
            **flow,
            "layers": [
                {
                    **layer,
                    "paths": {
                        **layer["paths"],
                        "step": {next(payloads): 0.5},
                        "kept": {next(payloads): 0.5},
                    },
                }
                for layer in flow["layers"]
            ],
        },
        "walk": walk,
    }
    return {
        **poisoned(names, payloads),
        "predictions": [
            [next(payloads), "part", "observed", next(payloads) + "x", "model"],
            [next(payloads), next(payloads), 1.0, 2.0, 3.0],
            [next(payloads) + "y", next(payloads), 2.0, 3.0, 4.0],
        ],
    }


def hostile_recordings(payloads: Iterator[str], flow: dict[str, Any]) -> dict[str, Any]:
    """Give the files of a run of recordings whose labels and files are payloads."""
    labels = [next(payloads) for _ in range(3)]
    heard = {"steps": 8, "stretch": 1, "share": [0.0, 0.1, 0.4, 0.2, 0.1, 0.1, 0.05, 0.05]}
    return {
        "config": {
            "format": 1,
            "estimator": "SequenceClassifier",
            "classes": labels,
            "features": {"bands": 40, "rate": 8000, "step": 0.01},
            **dict.fromkeys(("name", "source", "throughtime"), next(payloads)),
        },
        "metrics": {
            "scores": {
                "model": {"held-out recordings": {"accuracy": 0.5, "log_loss": 0.7, "count": 4}},
                "commonest class": {"held-out recordings": {"accuracy": 0.25, "count": 4}},
            },
            "confusion": {"classes": labels, "counts": [[1, 1, 0], [0, 1, 0], [1, 0, 0]]},
        },
        "flow": {**flow, "pooling": "mean", "discarded": None},
        "credit": {
            "step": 0.01,
            "unit": next(payloads),
            "sequences": [
                {
                    **heard,
                    "name": next(payloads),
                    "label": label,
                    "told": next(payloads),
                    "level": [1.0, 2.0, None, 3.0, 4.0, 3.0, 2.0, 1.0],
                }
                for label in labels
            ],
        },
        "walk": None,
        "predictions": None,
    }


def played(**changed: Any) -> dict[str, Any]:
    """Give `played.json` of a sine that is met but for its third harmonic."""
    rate, samples = 8000, 400
    target = [math.sin(0.3 * t) for t in range(samples)]
    told = [value + 0.1 * math.sin(0.9 * t) for t, value in enumerate(target)]
    excerpt = {"target": target, "played": told, "error_to_signal": 0.01}
    bands = [1000 * 2 ** (number / 3) for number in range(-4, 5)]
    return {
        "rate": rate,
        "excerpts": [
            {"of": ["loudest"], "start": 2400, **excerpt},
            {"of": ["worst"], "start": 2640, **excerpt},
        ],
        "spectrum": {
            "frequency": bands,
            "target": [0.1] * 9,
            "played": [0.11] * 9,
            "error": [0.001] * 8 + [0.05],
        },
        **changed,
    }


def hostile_pair(
    payloads: Iterator[str], flow: dict[str, Any], walk: dict[str, Any]
) -> dict[str, Any]:
    """Give the files of a run of two recordings in which every name is a payload."""
    found = played()
    names = {
        "config": {
            "format": 1,
            **dict.fromkeys(("name", "source", "throughtime"), ""),
            "data": {"source": "", "target": ""},
        },
        "played": {**found, "excerpts": [{**one, "of": [""]} for one in found["excerpts"]]},
    }
    files: dict[str, Any] = poisoned(names, payloads)
    files["config"] |= {"estimator": "SequenceRegressor", "rate": 8000}
    held, score = next(payloads), {"error_to_signal": 0.01, "mae": 0.05, "count": 600}
    return {
        **files,
        "metrics": {"scores": {"model": {held: score}, next(payloads): {held: score}}},
        "flow": flow,
        "walk": walk,
        "predictions": None,
    }
