"""Recordings on the command line: learned, told, refused; two seconds, imports included."""

import csv
import json
from pathlib import Path

import pytest
import soundfile

from tests.cli.conftest import run
from tests.data.audio.tones import PITCHES, RATE, write_tone, write_tones
from throughtime.cli.told import print_told

QUICK = ["--epochs", "25", "--hidden", "8", "--json"]


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("tones"), each=6)


@pytest.fixture(scope="module")
def trained(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    result = run("train", tones, "--test-files", "_[01][.]wav", "--out", place, *QUICK)
    assert result.exit_code == 0, result.stderr
    return place


def test_train_leaves_a_run_folder(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoint.safetensors", "config.json", "credit.json", "flow.json", "history.csv",
        "metrics.json", "model.safetensors", "predictions.csv", "report.html",
    ]  # fmt: skip
    metrics = json.loads((trained / "metrics.json").read_text())
    scores = {name: score["held-out recordings"] for name, score in metrics["scores"].items()}
    assert scores["model"]["accuracy"] >= 5 / 6
    assert scores["commonest class"] == {"accuracy": 1 / 3, "count": 6}
    assert sum(map(sum, metrics["confusion"]["counts"])) == 6
    with (trained / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {f"{p}_{i}.wav" for p in PITCHES for i in (0, 1)}
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert right / 6 == scores["model"]["accuracy"]
    listed = json.loads(run("runs", trained.parent, "--json").stdout)
    assert [line["score"] for line in listed] == [scores["model"]["accuracy"]]
    assert listed[0]["measure"] == "accuracy held-out recordings"


def test_its_report_has_scores_flow_and_what_losses_hear(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    metrics, flow, credit = (
        json.loads((trained / f"{name}.json").read_text()) for name in ("metrics", "flow", "credit")
    )
    accuracy = metrics["scores"]["model"]["held-out recordings"]["accuracy"]
    assert f"accuracy is {accuracy * 100:.3g} %; the commonest class has 33.3 %" in page
    for section in ("scores", "confusion", "triangle", "reach", "ways", "lens", "training"):
        assert f'<h2 id="{section}">' in page
    assert flow["pooling"] == "mean"
    assert flow["discarded"] is None
    names = [f"layer 0, {way} direction" for way in ("forward", "backward")]
    assert metrics["gradient_horizon"]["layers"] == names
    assert flow["over_training"][0]["update"] == 1
    # The first of each label in turn, of those learned from; of 20 to 35 hops of 10 ms.
    heard = credit["sequences"]
    assert [one["label"] for one in heard] == ["high"] * 4 + ["low"] * 4 + ["mid"] * 4
    assert all(one["name"].split("_")[1] not in ("0.wav", "1.wav") for one in heard)
    assert all(sum(one["share"]) == pytest.approx(1, abs=0.01) for one in heard)
    assert credit["step"] == 0.01


def test_flow_of_a_run_is_that_of_its_report(trained: Path, tones: Path, tmp_path: Path) -> None:
    recorded = json.loads((trained / "flow.json").read_text())
    measured = json.loads(run("flow", trained, "--json").stdout)
    assert measured == {name: recorded[name] for name in measured}
    said = run("flow", trained, "--data", tones).stdout
    assert "where it enters" in said
    assert "layer 0, backward" in said
    refused = run("flow", trained, "--data", tmp_path)
    assert refused.exit_code == 2
    assert "holds no WAV or FLAC file" in refused.stderr
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("config.json", "model.safetensors"):
        (moved / name).write_bytes((trained / name).read_bytes().replace(b"/tones", b"/tunes"))
    refused = run("flow", moved)
    assert refused.exit_code == 2
    assert "name where they are now with --data" in refused.stderr


@pytest.mark.parametrize("command", ["explain", "generate"])
def test_what_does_not_take_a_classifier_says_what_does(command: str, trained: Path) -> None:
    result = run(command, trained)
    assert result.exit_code == 2
    assert "holds a classifier of sequences" in result.stderr
    assert (
        "`throughtime predict`, `evaluate`, `flow` and `export` take classifiers" in result.stderr
    )
    assert "Traceback" not in result.stderr


def test_labels_that_look_like_markup_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = [[1, 1], [0, 2]]
    print_told(
        {
            "scores": {
                "model": {"accuracy": 0.75, "count": 4},
                "commonest class": {"accuracy": 0.5},
            },
            "confusion": {"classes": ["[/red]", "[bold]"], "counts": counts},
        }
    )
    said = capsys.readouterr().out
    assert "[/red]" in said
    assert "[bold] (1)" in said


def test_evaluate_and_predict(trained: Path, tones: Path, tmp_path: Path) -> None:
    other = write_tones(tmp_path / "other", each=1)
    scores = json.loads(run("evaluate", trained, other, "--json").stdout)["scores"]
    assert scores["model"]["accuracy"] == 1
    assert "100.0% of 3 recordings" in run("evaluate", trained, other).stdout

    files = [tones / "low_2.wav", tones / "high_3.wav"]
    out = tmp_path / "told.csv"
    result = run("predict", trained, *files, "--out", out)
    assert [line.split(": ")[1].split()[0] for line in result.stdout.splitlines()] == [
        "low", "high",
    ]  # fmt: skip
    told = json.loads(run("predict", trained, *files, "--json").stdout)["predictions"]
    assert [row["predicted"] for row in told] == ["low", "high"]
    with out.open() as file:
        assert [row["predicted"] for row in csv.DictReader(file)] == ["low", "high"]
    of_folder = json.loads(run("predict", trained, other, "--json").stdout)["predictions"]
    assert [Path(row["file"]).name for row in of_folder] == ["high_0.wav", "low_0.wav", "mid_0.wav"]
    before = files[0].read_bytes()
    refused = run("predict", trained, *files, "--out", files[0])
    assert refused.exit_code == 2
    assert "is a file that is read" in refused.stderr
    assert files[0].read_bytes() == before


def test_groups_and_validation(tones: Path, tmp_path: Path) -> None:
    options = ["--group", "_([0-9])", "--patience", "2", "--cell", "lstm", "--pooling", "last"]
    result = run("train", tones, *options, "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "run" / "predictions.csv").open() as file:
        tested = {row["file"].split("_")[1] for row in csv.DictReader(file)}
    assert len(tested) == 2  # whole groups
    assert json.loads(result.stdout)["training"]["best_validation_loss"] is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "v"], "--target means nothing for recordings"),
        (["--window", "3"], "--window means nothing for recordings"),
        (["--task", "sing"], "known are series, text, recordings"),
        (["--cell", "gruu"], "gru"),
        (["--test-files", "low"], "all files of label(s) low would be tested on"),
        (["--test-files", "nothing"], "matches 0 of the 18 files"),
        (["--test-files", "_0", "--test-share", "0.2"], "say two things"),
        (["--test-share", "2"], "--test-share is 2"),
        (["--group", "_([0-9])", "--test-files", "low_0"], "group(s) 0 would be learned from"),
        (["--group", "(", "--test-files", "_0"], "no regular expression"),
    ],
)
def test_what_cannot_be_asked(options: list[str], said: str, tones: Path, tmp_path: Path) -> None:
    result = run("train", tones, *options, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_faults_of_a_folder_end_with_2_and_leave_nothing(tmp_path: Path) -> None:
    folder = write_tones(tmp_path / "tones", each=2)
    (folder / "low_1.wav").write_bytes(b"RIFF")
    write_tone(folder / "lonely.wav", 300)
    result = run("train", folder, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "2 faults" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tones"]


def test_predict_names_every_bad_file(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    soundfile.write(tmp_path / "b.wav", [0.0] * 100, 2 * RATE)
    result = run("predict", trained, tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.wav")
    assert result.exit_code == 2
    for part in ("3 faults", "a.wav: ", "b.wav: sample rate 16000 Hz", "c.wav: "):
        assert part in result.stderr


def test_options_of_recordings_are_refused_for_a_series(tide_csv: Path) -> None:
    result = run("train", tide_csv, "--target", "level", "--pooling", "mean")
    assert result.exit_code == 2
    assert "--pooling means nothing for a series" in result.stderr


def test_what_is_no_run_of_recordings(tmp_path: Path, tones: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": 1, "target": "v"}')
    predicted = run("predict", tmp_path, "a.csv", "b.csv")
    assert predicted.exit_code == 2
    assert "one file a call; 2 files were given" in predicted.stderr
    missing = run("evaluate", tmp_path / "missing", tones)
    assert missing.exit_code == 2
    assert "no config.json" in missing.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("one.wav", "is one recording; name with --target"),
        ("empty", "holds neither recordings nor text"),
        ("mp3", "'.mp3' is neither WAV nor FLAC"),
        ("notes.txt", "cannot be read as a folder"),
    ],
)
def test_what_is_no_folder_of_recordings(source: str, said: str, tmp_path: Path) -> None:
    write_tone(tmp_path / "one.wav", 300)
    (tmp_path / "notes.txt").write_text("low high")
    for name in ("empty", "mp3"):
        (tmp_path / name).mkdir()
    (tmp_path / "mp3" / "low_1.mp3").write_bytes(b"ID3")
    task = ["--task", "recordings"] if source == "notes.txt" else []
    result = run("train", tmp_path / source, *task, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "run").exists()
