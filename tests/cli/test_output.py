"""Where the results of commands are written."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import run
from throughtime.cli.errors import UsageError
from throughtime.cli.output import refuse_to_harm, refuse_to_write_over, written, written_text


def interrupted(place: Path) -> None:
    with written(place) as file:
        file.write(b"half")
        file.flush()
        raise KeyboardInterrupt


def test_a_result_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "result.csv"
    for begun in (None, b"before"):
        with pytest.raises(KeyboardInterrupt):
            interrupted(place)
        assert (place.read_bytes() if place.exists() else None) == begun
        place.write_bytes(b"before")
        assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]
    with written_text(place) as text:
        text.write("größer\n")
    assert place.read_bytes() == "größer\n".encode()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    place = tmp_path / "link.csv"
    place.symlink_to(tmp_path / "far" / "real.csv")
    with written(place) as file:
        file.write(b"1")
    assert place.is_symlink()
    assert (tmp_path / "far" / "real.csv").read_bytes() == b"1"


def test_a_device_stays_one() -> None:
    place = Path("/dev/full")
    if not place.exists():
        pytest.skip("Linux alone has a device that is always full")
    fault = r"/dev/full cannot be written: No space.*; name another"
    with pytest.raises(UsageError, match=fault), written_text(place) as file:
        file.write("1")
    assert not place.is_file()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for place, fault in ((tmp_path, "Is a directory"), (tmp_path / "none" / "a", "No such file")):
        with pytest.raises(UsageError, match=f"cannot be written: {fault}"), written(place):
            pass


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    read, other = tmp_path / "read.csv", tmp_path / "other.csv"
    read.write_text("1")
    refuse_to_write_over(other, read, None)
    (tmp_path / "link.csv").symlink_to(read)
    with pytest.raises(UsageError, match=r"link\.csv is a file that is read; name another"):
        refuse_to_write_over(tmp_path / "link.csv", None, read)


@pytest.mark.parametrize(
    ("command", "files"),
    [("flow", ["config.json", "tide"]), ("export", ["model.safetensors", "tide"]),
     ("backtest", ["history.csv", "tide"]), ("predict", ["report.html", "tide"])],
)  # fmt: skip
def test_a_run_and_what_it_has_learned_from_are_left_alone(
    command: str, files: list[str], trained: Path, tide_csv: Path, tmp_path: Path
) -> None:
    ahead = {"backtest": ["--horizon", "2"], "predict": ["--horizon", "2"]}.get(command, [])
    for name in files:
        place = tide_csv if name == "tide" else trained / name
        before = place.read_bytes()
        result = run(command, trained, *ahead, "--out", place)
        assert result.exit_code == 2, (command, name)
        assert "name another" in result.stderr
        assert place.read_bytes() == before
    assert run(command, trained, *ahead, "--out", tmp_path / "new").exit_code == 0


@pytest.mark.parametrize("origin", [None, "a", {}, {"source": 3}, {"source": "a\0b"}])
def test_a_source_that_is_none_refuses_nothing(
    origin: object, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    config = json.loads((trained / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "data": origin}))
    (tmp_path / "there").write_text("1")
    refuse_to_harm(tmp_path / "there", tmp_path / "other")


def test_a_folder_that_was_learned_from_is_left_alone(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "texts").mkdir()
    config = json.loads((trained / "config.json").read_text())
    config["data"] = {"source": str(tmp_path / "texts")}
    (tmp_path / "other" / "config.json").write_text(json.dumps(config))
    (tmp_path / "texts" / "a.txt").write_text("1")
    refuse_to_harm(tmp_path / "texts" / "new.txt", tmp_path / "other")
    with pytest.raises(UsageError, match=r"is what .*other has learned from"):
        refuse_to_harm(tmp_path / "texts" / "a.txt", tmp_path / "other")
