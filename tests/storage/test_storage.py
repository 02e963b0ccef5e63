"""Sealed files and nested values; below a second."""

import json
import math
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from throughtime.storage import (
    StorageError,
    put_together,
    read_json,
    read_sealed,
    sweep,
    taken_apart,
    write_sealed,
    write_whole,
)

NESTED: dict[str, Any] = {
    "rate": 0.1 + 0.2,
    "best": math.inf,
    "betas": (0.9, 0.999),
    "state": {0: {"step": torch.tensor(3.0), "avg": torch.randn(2, 3)}, 2: {}},
    "flags": [True, None, -1, "text", [], ()],
    "$odd": {"a.b": torch.arange(3), "a": {"b": torch.zeros(0, 4, dtype=torch.float64)}},
}


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def test_nested_values_come_back_from_a_file(tmp_path: Path) -> None:
    plain, tensors = taken_apart(NESTED)
    write_sealed(tmp_path / "a.safetensors", tensors, plain)
    back = read_sealed(tmp_path / "a.safetensors")
    rebuilt = put_together(back.plain, back.tensors)
    assert equal(rebuilt, NESTED)
    rebuilt["state"][0]["avg"][1, 2] += 1e-6
    assert not equal(rebuilt, NESTED)


def test_floats_that_json_does_not_have() -> None:
    plain, _ = taken_apart([math.nan, -math.inf, np.float64(0.1)])
    assert plain == [{"$float": "nan"}, {"$float": "-inf"}, 0.1]
    assert type(plain[2]) is float
    assert math.isnan(put_together(plain, {})[0])


def test_an_ordered_dictionary_is_a_dictionary() -> None:
    assert taken_apart(OrderedDict(a=1)) == ({"a": 1}, {})


@pytest.mark.parametrize("value", [print, {1.5: 2}, np.zeros(2), {"a": [object()]}, 1j])
def test_what_has_no_form_in_a_file_is_refused(value: Any) -> None:
    with pytest.raises(StorageError, match=r"no form in a file|neither text nor whole"):
        taken_apart(value)


@pytest.mark.parametrize(
    "plain",
    [
        {"$tensor": "b"}, {"$tensor": []}, {"$tuple": 3}, {"$float": "1"}, {"$items": [1]},
        {"$items": [[[], 1]]}, {"$other": 1}, {"$tuple": [], "a": 1}, [],
    ],
)  # fmt: skip
def test_malformed_nested_values_are_refused(plain: Any) -> None:
    with pytest.raises(StorageError, match=r"malformed|belong to nothing"):
        put_together(plain, {"a": torch.zeros(1)})


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_sealed(path, {"a": torch.arange(4.0), "b": torch.tensor(True)}, {"n": 1})
    whole = path.read_bytes()
    for place in range(len(whole)):
        for changed in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :],
        ):
            path.write_bytes(changed)
            try:
                found = read_sealed(path)
            except StorageError:
                continue
            # What is left: the seal's own key renamed, and blanks of the header.
            assert found.plain is None or (found.plain == {"n": 1} and len(found.tensors) == 2)
    path.write_bytes(whole)
    assert read_sealed(path).plain == {"n": 1}


def test_a_file_of_others_has_no_seal(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    found = read_sealed(tmp_path / "a.safetensors")
    assert found.plain is None
    assert torch.equal(found.tensors["a"], torch.ones(2))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, "NaN", "[1, Infinity]", "1" * 10_000, b"\xff", b"\x00", "1 2"],
)
def test_bad_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(StorageError, match="the file is damaged"):
        read_json(text, "the file")


def test_a_file_that_cannot_be_written_is_said_and_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a").touch()
    with pytest.raises(StorageError, match="taken cannot be written"):
        write_whole(tmp_path / "taken", b"1")
    with pytest.raises(StorageError, match="cannot be written"):
        write_whole(tmp_path / "none" / "a", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_link_that_lies_in_wait_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    for name in ("a", ".a.part"):
        (tmp_path / name).symlink_to(mine)
    write_whole(tmp_path / "a", b"new")
    assert (mine.read_text(), (tmp_path / "a").read_bytes()) == ("mine", b"new")
    assert not (tmp_path / "a").is_symlink()


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("fifo", "zero", "none", "."):
        with pytest.raises(StorageError, match="is no file"):
            read_sealed(tmp_path / name)


def test_what_a_kill_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_text("half")
    (tmp_path / ".results.part").mkdir()
    (tmp_path / ".results.part" / "a").write_text("half")
    (tmp_path / ".mine").write_text("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / ".link.part").symlink_to(tmp_path / "outside")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", "outside"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        write_sealed(tmp_path / name, {n: torch.ones(3) for n in "zyx"}, {"b": 1, "a": [2]})
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    header = json.loads(contents[0][8 : 8 + int.from_bytes(contents[0][:8], "little")])
    assert list(header["__metadata__"]) == ["throughtime"]
