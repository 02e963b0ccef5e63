"""Names from a run, made fit to be printed: of bounded length and without control characters."""

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 120


def shown(value: object, longest: int = LONGEST) -> str:
    """Return `value` as one line of at most `longest` characters.

    Control, format and surrogate characters become U+FFFD: they could turn the direction of a line,
    and lone surrogates cannot be written to a file. Escaping for HTML is left to the template.
    """
    text = " ".join(str(value)[: 4 * longest].split())
    text = "".join("\ufffd" if unicodedata.category(c) in _UNPRINTABLE else c for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def label(value: object) -> str:
    """Return what a step is called; whitespace at its ends, part of a symbol, by visible signs."""
    text = str(value)[:120]
    core = text.strip()
    begin = text.find(core) if core else len(text)
    seen = "".join(_SIGNS.get(c, "\N{OPEN BOX}") for c in text[:begin])
    rest = "".join(_SIGNS.get(c, "\N{OPEN BOX}") for c in text[begin + len(core) :])
    return shown(seen + core + rest, 30)


_SIGNS = {
    "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}",
    "\t": "\N{RIGHTWARDS ARROW TO BAR}",
}
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


def forecaster(name: str) -> str:
    """Return what a column of forecasts is called in a sentence: "ar9" is "AR(9)"."""
    if name == "model":
        return "the network"
    if name == "xz":
        return "the xz compressor"
    if name in ("commonest class", "input at its best level"):
        return f"the {name}"
    order = re.fullmatch(r"ar_?(\d{1,4})", name)
    return f"AR({order[1]})" if order else shown(name.replace("_", " "), 60)


def metric(name: str) -> str:
    """Return what a measure is called: "arv" is "ARV"."""
    if name == "error_to_signal":
        return "error-to-signal ratio"
    return name.upper() if len(name) <= 5 else shown(name.replace("_", " "), 40)


def capital(text: str) -> str:
    """Return `text` with its first letter raised and the rest untouched."""
    return text[:1].upper() + text[1:]


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def counted(count: int) -> str:
    """Return a small count as a word."""
    return _COUNTS[count] if 0 <= count < len(_COUNTS) else str(count)
