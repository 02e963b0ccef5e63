"""Text read as it stands: from a file, the files of a folder, or standard input."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from throughtime.data.errors import DataError
from throughtime.data.faults import SHOWN, listed

STANDARD_INPUT = "-"
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ALL_BYTES = "to learn bytes instead of characters, take the vocabulary 'bytes'"


@dataclass(frozen=True)
class Text:
    """A text to be learned, its files one after the other.

    Attributes:
        name: What it is called in run folders.
        content: Characters; or bytes, where it was read without an encoding.
        source: Where it comes from, for people.
    """

    name: str
    content: str | bytes
    source: str

    def __len__(self) -> int:
        return len(self.content)


def read_text(source: str | Path, encoding: str | None = "utf-8", pattern: str = "*.txt") -> Text:
    """Read a text: a file, the files of a folder, or standard input.

    Nothing is changed: line ends stay as they are. The files of a folder, and of the folders in it,
    follow one another in the order of their paths. A byte order mark at a file's start is left out.

    Args:
        source: The path of a file or folder; "-" for standard input.
        encoding: Of the characters, as Python names it; None for bytes as they are.
        pattern: Which files of a folder.

    Returns:
        The text, with at least one character or byte.

    Raises:
        DataError: There is no such file, it cannot be read, it is no text in this encoding (file,
            byte and line are named, of all files at once), or there is nothing in it.
    """
    name, files = _bytes(source, pattern)
    content = b"".join(files.values()) if encoding is None else _decoded(files, encoding)
    where = "standard input" if str(source) == STANDARD_INPUT else str(source)
    if not content:
        raise DataError(f"{where} is empty.\nTo mend: give a text of some thousand characters.")
    return Text(name, content, where)


def _bytes(source: str | Path, pattern: str) -> tuple[str, dict[str, bytes]]:
    """Give a name for the source, and the bytes of each of its files by path."""
    if str(source) == STANDARD_INPUT:
        return "standard-input", {"standard input": sys.stdin.buffer.read()}
    path = Path(source)
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob(pattern) if file.is_file())
            if not files:
                raise DataError(_none_found(path, pattern))
        else:
            files = [path]
        return path.resolve().stem, {str(file): file.read_bytes() for file in files}
    except (OSError, ValueError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        at = getattr(error, "filename", None) or source
        raise DataError(
            f"{at} cannot be read: {reason}.\nTo mend: give the path of a text file, of a folder "
            "of them, or - for standard input."
        ) from error


def _none_found(folder: Path, pattern: str) -> str:
    endings = Counter(file.suffix or "no ending" for file in folder.rglob("*") if file.is_file())
    there = listed((f"{count} of {ending}" for ending, count in endings.most_common()), 5)
    return (
        f"{folder} has no files that match {pattern!r}; it has {there or 'none at all'}.\n"
        "To mend: name the files to read with a pattern, such as --pattern '*.md'."
    )


def _decoded(files: dict[str, bytes], encoding: str) -> str:
    """Decode files, all faults named at once."""
    texts, faults, mends = [], [], []
    for name, content in files.items():
        try:
            texts.append(content.decode(encoding).removeprefix("\ufeff"))
        except LookupError:
            raise DataError(
                f"unknown encoding {encoding!r}.\nTo mend: give one that Python knows, such as "
                "utf-8, latin-1, cp1252 or utf-16."
            ) from None
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            faults.append(
                f"  {name}: byte {error.start} (line {line}), 0x{content[error.start]:02x}: "
                f"{error.reason}"
            )
            mends.append(_likely(content))
        except UnicodeError as error:  # an encoding that is none of characters
            faults.append(f"  {name}: {error}")
    if not faults:
        return "".join(texts)
    shown = faults[:SHOWN] + ([f"  ... and {len(faults) - SHOWN} more"] if faults[SHOWN:] else [])
    many = "1 file is" if len(faults) == 1 else f"{len(faults)} files are"
    mend = "; ".join(dict.fromkeys(mends)) or f"name another encoding; {_ALL_BYTES}"
    raise DataError("\n".join([f"{many} no text in {encoding}:", *shown, f"To mend: {mend}."]))


def _likely(content: bytes) -> str:
    """Say how a file that could not be decoded may be read."""
    marked = BYTE_ORDER_MARKS.get(content[:2])
    if marked:
        return f"give --encoding {marked}, whose byte order mark it begins with"
    if b"\0" in content[:4096]:
        return f"give a text: zero bytes say that this is none; {_ALL_BYTES}"
    return f"name its encoding, --encoding latin-1 or cp1252 as like as not; {_ALL_BYTES}"
