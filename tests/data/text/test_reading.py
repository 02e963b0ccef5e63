"""Costs under a tenth of a second."""

import io
import sys
from pathlib import Path

import pytest

from throughtime.data import DataError, read_text


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a book.txt"
    path.write_bytes("\ufeffone\r\ntwø\n".encode())
    text = read_text(path)
    assert (text.content, text.name, text.source) == ("one\r\ntwø\n", "a book", str(path))
    assert read_text(path, encoding=None).content == path.read_bytes()


def test_the_files_of_a_folder_follow_one_another_by_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name, content in (("c.txt", "3"), ("a.txt", "1"), ("b/z.txt", "2"), ("a.md", "none")):
        (tmp_path / name).write_text(content)
    assert read_text(tmp_path).content == "123"
    assert read_text(tmp_path, pattern="*.md").content == "none"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    text = read_text("-")
    assert (text.content, text.source) == ("abc", "standard input")


WRONG: dict[str, tuple[bytes, str, list[str]]] = {
    "empty": (b"", "utf-8", ["a.txt is empty", "To mend"]),
    "only a mark": (b"\xef\xbb\xbf", "utf-8", ["a.txt is empty"]),
    "latin-1": (b"one\ntw\xf8\n", "utf-8", ["utf-8", "a.txt: byte 6 (line 2), 0xf8", "latin-1"]),
    "utf-16": ("ab".encode("utf-16"), "utf-8", ["byte 0 (line 1), 0xff", "--encoding utf-16"]),
    "a picture": (b"\x89PNG\r\n\0\0", "utf-8", ["byte 0", "zero bytes", "bytes"]),
    "cut short": ("ø".encode()[:1], "utf-8", ["byte 0", "unexpected end"]),
    "no such encoding": (b"abc", "utf-9", ["unknown encoding 'utf-9'", "cp1252"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    content, encoding, expected = WRONG[name]
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_text(tmp_path / "a.txt", encoding)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_the_faults_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_bytes(b"\xff" if number else b"fine")
    with pytest.raises(DataError) as caught:
        read_text(tmp_path)
    message = str(caught.value)
    assert "11 files" in message
    assert "01.txt: byte 0" in message
    assert "... and 1 more" in message


def test_a_folder_without_text_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    with pytest.raises(DataError, match=r"no files that match '\*.txt'; it has 1 of .md"):
        read_text(tmp_path)


@pytest.mark.parametrize("source", ["nothing.txt", "a\0b.txt", "x" * 5000])
def test_a_file_that_is_not_there(source: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_text(source)
