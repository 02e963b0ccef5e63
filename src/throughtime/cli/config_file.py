"""Options of a command from a TOML file, and such a file written from the options themselves."""

from __future__ import annotations

import inspect
import textwrap
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import typer
from typer.models import ParameterInfo

from throughtime.cli.errors import UsageError, reports_errors

_WIDTH = 96  # of comments
_SAID = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
_EMPTY = {int: "0", float: "0.0", bool: "true", str: '""'}


@dataclass(frozen=True)
class Option:
    """An option of a command, as a file has it.

    Attributes:
        name: Its parameter's.
        kind: What its values are: int, float, bool or str.
        section: Where it stands in a file, its panel of the help; empty at the top.
        help: What it does.
        default: What is taken without it, or words for that; None for nothing in particular.
    """

    name: str
    kind: type
    section: str
    help: str
    default: Any


@reports_errors
def from_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a command from a file; those on the command line come first.

    A callback of the option that names the file, which has to be eager.

    Raises:
        UsageError: The file cannot be read; or something in it is no option, or not of its type:
            all of that at once.
    """
    if path is not None:
        callback = context.command.callback
        assert callback is not None
        values = read(path, options_of(callback))
        context.default_map = {**(context.default_map or {}), **values}
    return path


def options_of(command: Callable[..., Any]) -> dict[str, Option]:
    """Give the options of a command by how they are called in a file: all that act after it.

    Args:
        command: The function, its options declared by annotations.
    """
    found = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        annotation, info = get_args(parameter.annotation)
        assert isinstance(info, ParameterInfo)
        if info.is_eager:
            continue
        (kind,) = (one for one in get_args(annotation) or (annotation,) if one is not type(None))
        shown = info.show_default if isinstance(info.show_default, str) else parameter.default
        # In an annotation, the first name that an option declares stands where a default could.
        called = info.default if isinstance(info.default, str) else name.replace("_", "-")
        found[called.removeprefix("--")] = Option(
            name,
            kind if kind in _SAID else str,
            (info.rich_help_panel or "").lower(),
            info.help or "",
            None if shown is inspect.Parameter.empty else shown,
        )
    return found


def read(path: Path, options: Mapping[str, Option]) -> dict[str, Any]:
    """Read a file's values by the names of the command's parameters.

    Args:
        path: The file, TOML.
        options: The command's, by how they are called in the file.

    Raises:
        UsageError: As `from_file` says.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte {error.start}; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from None
    values: dict[str, Any] = {}
    faults = []
    for section, key, value in _entries(content):
        place = f"[{section}] {key}" if section else key
        option = options.get(key.replace("_", "-"))
        if option is None:
            faults.append(f"{place}: there is no such option")
        elif section != option.section:
            belongs = f"under [{option.section}]" if option.section else "above all sections"
            faults.append(f"{place}: it belongs {belongs}")
        elif option.name in values:
            faults.append(f"{place}: it stands there twice")
        elif not _fits(value, option.kind):
            faults.append(f"{place}: {_SAID[option.kind]} is expected, got {value!r:.80}")
        else:
            values[option.name] = value
    if faults:
        unknown = any(fault.endswith("no such option") for fault in faults)
        known = f"\nthe options are {', '.join(options)}" if unknown else ""
        raise UsageError(f"{path} cannot be used:\n  " + "\n  ".join(faults) + known)
    return values


def written(
    command: Callable[..., Any],
    file: str,
    values: Mapping[str, str],
    defaults: Mapping[str, Any],
    leave_out: Collection[str],
) -> str:
    """Write a file with every option of a command, its help, and what is taken without it.

    Args:
        command: The command.
        file: What the file will be called.
        values: What is in force, by option; the others are commented out.
        defaults: What is taken without an option, by its parameter's name, where that is not what
            the command declares.
        leave_out: The names of parameters that mean nothing here.
    """
    lines = [
        f"# throughtime {command.__name__} --config {file}",
        "#",
        "# What is given on the command line comes first. Lines that are commented out show what",
        "# is taken without them. Paths are seen from the folder that the command is started in.",
    ]
    section = ""
    for key, declared in options_of(command).items():
        if declared.name in leave_out:
            continue
        option = replace(declared, default=defaults.get(declared.name, declared.default))
        if option.section != section:
            section = option.section
            lines += ["", f"[{section}]"]
        lines += ["", *(f"# {line}" for line in textwrap.wrap(option.help, _WIDTH))]
        if key in values:
            lines.append(f"{key} = {_quoted(values[key])}")
            continue
        literal = _literal(option)
        if literal is None and option.default is not None:
            lines.append(f"# Without it: {option.default}.")
        lines.append(f"# {key} = {literal or _EMPTY[option.kind]}")
    return "\n".join(lines) + "\n"


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Give each value with its section, none at the top, and its key."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from ((key, inner, found) for inner, found in value.items())
        else:
            yield "", key, value


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _literal(option: Option) -> str | None:
    """Write a default in TOML; None where there is none, or words for it."""
    default = option.default
    if default is None:
        return None
    if option.kind is bool:
        return str(default).lower() if isinstance(default, bool) else None
    if option.kind is str:
        return _quoted(str(default))
    try:
        return str(option.kind(default))
    except ValueError:
        return None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
