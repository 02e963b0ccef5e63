"""Arrays in files without a name: where they lie, what they leave, what is said without room."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from throughtime.data import DataError
from throughtime.data.stored.scratch import FOLDER, release, scratch_folder, stored

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of a process's memory")


def test_an_array_keeps_what_is_written_when_its_pages_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    found = stored((1000, 3), np.float64)
    assert found.shape == (1000, 3)
    assert not found.any()
    found[:] = np.arange(3000.0).reshape(1000, 3)
    release()
    assert (found == np.arange(3000.0).reshape(1000, 3)).all()
    texts = stored((5,), "S4")
    texts[:] = [b"ab", b"c", b"", b"efgh", b"i"]
    release()
    assert texts.tolist() == [b"ab", b"c", b"", b"efgh", b"i"]


def test_files_have_no_name_and_a_kill_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from throughtime.data.stored.scratch import stored\n"
        "found = stored((100_000,), float)\n"
        "found[:] = 1.0\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, FOLDER: str(tmp_path)}
    )
    assert ended.returncode == -9
    assert list(tmp_path.iterdir()) == []


def resident(kind: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(kind))


@linux
def test_released_pages_are_no_longer_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    gc.collect()
    before = resident("VmRSS")
    found = stored((64 * 2**17,), np.float64)  # 64 MiB
    found[:] = 1.0
    assert resident("VmRSS") - before > 50 * 2**20
    release()
    assert resident("VmRSS") - before < 20 * 2**20


def test_the_folder_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    assert scratch_folder() == tmp_path / "temporary"
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert scratch_folder() == tmp_path
    monkeypatch.delenv(FOLDER)
    monkeypatch.delenv("TMPDIR")
    assert scratch_folder().is_dir()


def test_a_folder_that_is_not_there_or_has_no_room_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere: No such file or directory") as caught:
        stored((10,), np.float64)
    assert FOLDER in str(caught.value)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(DataError, match=r"cannot be had in .*\n.*To mend: make room|To mend: make"):
        stored((2**57,), np.float64)
    assert list(tmp_path.iterdir()) == []
