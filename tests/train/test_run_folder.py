import signal
from pathlib import Path

import pytest

from throughtime.train.run_folder import RunFolder, RunFolderError, uninterrupted


def test_a_kept_folder_appears_whole_under_its_name(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "run"
    with RunFolder("sunspots", place) as folder:
        (folder.path / "a.txt").write_text("1")
        assert not place.exists()
        folder.keep()
    assert (place / "a.txt").read_text() == "1"
    assert list(place.parent.iterdir()) == [place]


def test_what_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with RunFolder("sunspots", tmp_path / "run") as folder:
            (folder.path / "a.txt").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_kept_folder_survives_what_goes_wrong_later(tmp_path: Path) -> None:
    def fail() -> None:
        with RunFolder("sunspots", tmp_path / "run") as folder:
            (folder.path / "a.txt").write_text("1")
            folder.keep()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (tmp_path / "run" / "a.txt").exists()


def test_an_empty_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with RunFolder("sunspots", tmp_path / "run") as folder:
        folder.keep()
    assert (tmp_path / "run").is_dir()


@pytest.mark.parametrize("occupied", ["file", "folder", "link"])
def test_what_exists_is_not_overwritten(tmp_path: Path, occupied: str) -> None:
    place = tmp_path / "run"
    if occupied == "file":
        place.write_text("mine")
    elif occupied == "link":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.mkdir()
        (place / "mine").write_text("mine")
    with pytest.raises(RunFolderError, match="is not an empty folder"):
        RunFolder("sunspots", place)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot be written: .*--out"):
        RunFolder("sunspots", tmp_path / "file" / "run")


def test_the_default_place_is_in_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = []
    for _ in range(2):
        with RunFolder("my/series 1") as folder:
            folder.keep()
        places.append(folder.final)
    assert places[0] != places[1]
    assert all(place.parent == Path("runs") for place in places)
    assert all(place.name.startswith("my-series-1-") for place in places)


def test_runs_that_start_in_the_same_second_get_places_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "20260101-120000")
    folders = [RunFolder("sunspots") for _ in range(3)]
    for number, folder in enumerate(folders):
        with folder:
            (folder.path / "number").write_text(str(number))
            folder.keep()
    found = {path.name: (path / "number").read_text() for path in (tmp_path / "runs").iterdir()}
    name = "sunspots-20260101-120000"
    assert found == {name: "0", f"{name}-2": "1", f"{name}-3": "2"}


def test_the_working_folder_can_be_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    with RunFolder("sunspots", Path()) as folder:
        (folder.path / "a.txt").write_text("1")
        folder.keep()
    assert [path.name for path in place.iterdir()] == ["a.txt"]
    assert list(tmp_path.iterdir()) == [place]


def test_folders_above_that_were_made_are_removed_again(tmp_path: Path) -> None:
    with RunFolder("sunspots", tmp_path / "a" / "b" / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_waits_for_the_end_of_what_must_not_be_torn() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    # What is started in the background of a shell ignores the signal.
    at_first = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == [1]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)  # as before
    finally:
        signal.signal(signal.SIGINT, at_first)


def test_an_abandoned_default_place_leaves_no_runs_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with RunFolder("sunspots"):
        pass
    assert list(tmp_path.iterdir()) == []
