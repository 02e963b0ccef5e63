"""An entry of a registry, made from a line of text: "tbptt:10:50"."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

Made = TypeVar("Made")


class NamedError(ValueError):
    """Nothing has that name, or does not take the arguments; the message says what there is."""


def named(text: str, registry: Mapping[str, type[Made]], what: str, **given: Any) -> Made:
    """Make an entry from its name and its arguments, apart by colons.

    Arguments are in the order of the constructor, or `name=value`: "tbptt:10:50", "adaptive:0.2",
    "checkpointed:64MB", "es:64:0.05:shaping=none"; "adding:T=50".

    Args:
        text: The name in the registry, and arguments.
        registry: What there is, by name.
        what: What the entries are called, for messages.
        given: Further arguments for entries that take them; they give way to those of the text.

    Raises:
        NamedError: The name is unknown, or the entry does not take the arguments.
    """
    name, *arguments = (part.strip() for part in text.split(":"))
    if name not in registry:
        raise NamedError(f"unknown {what} {name!r}; known are {', '.join(registry)}")
    kind = registry[name]
    signature = inspect.signature(kind)
    by_place = [_value(argument) for argument in arguments if "=" not in argument]
    by_name = [argument.partition("=") for argument in arguments if "=" in argument]
    keys = [key.strip() for key, _, _ in by_name]
    if twice := [key for key in dict.fromkeys(keys) if keys.count(key) > 1]:
        raise NamedError(f"{what} {text!r}: {twice[0]} is given twice; give it once")
    try:
        found = signature.bind(
            *by_place, **{key.strip(): _value(value) for key, _, value in by_name}
        ).arguments
        taken = {key: value for key, value in given.items() if key in signature.parameters}
        return kind(**{**taken, **found})
    except (TypeError, ValueError, ImportError) as error:
        raise NamedError(f"{what} {text!r}: {error}; {_taken(name, signature)}") from None


def _taken(name: str, signature: inspect.Signature) -> str:
    parameters = [f"{p.name}={p.default!r}" for p in signature.parameters.values()]
    return f"{name} takes {', '.join(parameters)}" if parameters else f"{name} takes no arguments"


def _value(text: str) -> Any:
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"none": None, "true": True, "false": False}.get(text.lower(), text)
