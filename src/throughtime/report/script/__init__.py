"""The page's own script: parts that are joined, inlined, and allowed by their hash alone."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

_PARTS = ("figures", "triangle", "horizon", "equations", "player", "lens")


@dataclass(frozen=True)
class Script:
    """A script to be put between its tags as it is, and its source for a security policy."""

    text: str
    source: str


def page_script() -> Script:
    """Join the parts of the script."""
    folder = files(__name__)
    parts = [(folder / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS]
    text = "\n(() => {\n'use strict';\n" + "\n".join(parts) + "})();\n"
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return Script(text, f"'sha256-{base64.b64encode(digest).decode('ascii')}'")
