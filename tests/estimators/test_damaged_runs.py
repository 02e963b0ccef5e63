"""Run folders that were damaged or made to do harm: refused, or what they were.

300 changes take about six seconds; THROUGHTIME_MUTATIONS=10000 makes more of them.
"""

import copy
import json
import os
import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from tests.cli.conftest import run as command
from throughtime.data import DataError
from throughtime.estimators import (
    LanguageModel,
    SavedError,
    SeriesModel,
    SettingsError,
    load,
    resumed_language_model,
)
from throughtime.estimators.resumed_forecaster import taken_up
from throughtime.estimators.saved import CHECKPOINT, CONFIG, WEIGHTS
from throughtime.storage import StorageError, read_sealed, write_sealed

MUTATIONS = int(os.environ.get("THROUGHTIME_MUTATIONS", "300"))
REFUSED = (SavedError, SettingsError, DataError, StorageError)
HOSTILE: list[Any] = [
    None, True, -1, 0, 10**9, 10**30, 1e308, 0.5, "", "../../x", "/dev/zero", "\ud800", "a" * 5000,
    [], [[]], {}, {"$tensor": "x"}, {"$tuple": []}, {"__reduce__": ["os.system", "true"]},
]  # fmt: skip

Mutate = Callable[[Path, random.Random], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    rows = "".join(f"{t},{t % 7 + t % 3 / 2}\n" for t in range(60))
    (folder / "tide.csv").write_text("day,level\n" + rows)
    return trained(
        folder / "tide.csv", "--target", "level", "--hidden", "2", "--window", "8",
        "--method", "random:4:every=2",
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    book = tmp_path_factory.mktemp("whole") / "book.txt"
    book.write_text("to be or not to be; " * 12)
    return trained(book, "--hidden", "2", "--window", "8", "--rows", "2", "--patience", "2")


def trained(source: Path, *given: str) -> Path:
    out = source.parent / "run"
    result = command("train", source, *given, "--epochs", "2", "--schedule", "cosine", "--out", out)
    assert result.exit_code == 0, result.stderr
    return out


def gone_on(run: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Load a run and take up its training, which is at its end; give both forecasts."""
    forecaster, _ = load(run)
    dataset, settings, checkpoint = taken_up(run)
    again = SeriesModel.for_dataset(dataset, settings)
    again.fit(dataset, resume=checkpoint)
    return forecaster.predict(dataset.series)[0][1:], again.predict(dataset.series)[0][1:]


def gone_on_with_text(run: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Load a run and take up its training, which is at its end; give what both expect."""
    model = LanguageModel.load(run)
    dataset, again, checkpoint = resumed_language_model.taken_up(run)
    again.fit(dataset.known, resume=checkpoint)
    symbols = torch.arange(5)[:, None]
    with torch.no_grad():
        return model.network_(symbols)[0], again.network_.eval()(symbols)[0]


GONE_ON = {"whole": gone_on, "whole_text": gone_on_with_text}
"""How what a fixture gives is gone on with."""


def cut_short(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def bits_flipped(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 2, 20])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def bytes_put_in(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    at = chance.randrange(len(content))
    new = chance.choice(
        [b"\0" * 100, b"[" * 100_000, chance.randbytes(9), b"\x80\x04cos\nsystem\n"]
    )
    path.write_bytes(content[:at] + new + content[at:])


def long_header(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    size = chance.choice([0, 1, 2**20, 2**40, 2**63, 2**64 - 1, len(content)])
    path.write_bytes(size.to_bytes(8, "little") + content[8:])


def hostile_header(path: Path, chance: random.Random) -> None:
    """Change a value of a safetensors header; its length is right."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    changed(header, chance)
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + size :])


def changed(value: Any, chance: random.Random) -> None:
    """Put something hostile in the place of some value."""
    while isinstance(value, dict | list) and value:
        key = (
            chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        )
        if not isinstance(value[key], dict | list) or not value[key] or chance.random() < 0.2:
            if chance.random() < 0.1:
                del value[key]
            else:
                value[key] = copy.deepcopy(chance.choice(HOSTILE))
            return
        value = value[key]


def hostile_json(path: Path, chance: random.Random) -> None:
    config = json.loads(path.read_text())
    for _ in range(chance.choice([1, 1, 3])):
        changed(config, chance)
    path.write_text(json.dumps(config))


def no_file(path: Path, chance: random.Random) -> None:
    path.unlink()
    kind = chance.randrange(5)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.mkdir()
    elif kind == 2:
        path.symlink_to(chance.choice(["/dev/zero", "/etc/passwd", "nowhere", path.name, "../.."]))
    elif kind == 3:
        path.write_bytes(b"")


def pickled(path: Path, chance: random.Random) -> None:
    torch.save({"a": torch.zeros(2)}, path)


def resealed(path: Path, chance: random.Random) -> None:
    """Change the content and make the seal anew, as somebody does who means harm."""
    file = read_sealed(path)
    tensors, plain = dict(file.tensors), file.plain
    if chance.random() < 0.5:
        changed(plain, chance)
    else:
        name = chance.choice(list(tensors))
        tensors[name] = chance.choice(
            [
                torch.zeros(0), torch.full_like(tensors[name], 1), torch.zeros(3, 3).bool(),
                tensors[name].to(torch.complex64), tensors[name].reshape(-1)[:1],
            ]
        )  # fmt: skip
    write_sealed(path, tensors, plain)


DAMAGE: list[tuple[str, Mutate]] = [
    *((name, mutate) for name in (CONFIG, WEIGHTS, CHECKPOINT)
      for mutate in (cut_short, bits_flipped, bits_flipped, bytes_put_in, no_file, pickled)),
    *((CONFIG, hostile_json),) * 6,
    *((name, mutate) for name in (WEIGHTS, CHECKPOINT) for mutate in (long_header, hostile_header)),
]  # fmt: skip


def damaged(whole: Path, place: Path, name: str, mutate: Mutate, chance: random.Random) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for file in (CONFIG, WEIGHTS, CHECKPOINT):
        shutil.copyfile(whole / file, place / file)
    mutate(place / name, chance)
    return place


@pytest.mark.parametrize("fixture", GONE_ON)
def test_damage_is_refused_or_changes_nothing(
    fixture: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole, go_on = request.getfixturevalue(fixture), GONE_ON[fixture]
    expected = go_on(whole)
    chance, refused = random.Random(1), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTATIONS // 2):
        name, mutate = chance.choice(DAMAGE)
        place = damaged(whole, tmp_path / "run", name, mutate, chance)
        try:
            found = go_on(place)
        except REFUSED:
            refused += 1
            continue
        for a, b in zip(found, expected, strict=True):
            assert torch.equal(a, b), (number, name, mutate.__name__)
    assert refused > 0.8 * (MUTATIONS // 2)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 300_000  # KiB


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("fixture", GONE_ON)
def test_a_seal_made_anew_does_no_harm(
    fixture: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole, go_on = request.getfixturevalue(fixture), GONE_ON[fixture]
    chance, refused = random.Random(2), 0
    for _ in range(MUTATIONS // 6):
        name = chance.choice([WEIGHTS, CHECKPOINT, CHECKPOINT])
        place = damaged(whole, tmp_path / "run", name, resealed, chance)
        try:
            go_on(place)
        except REFUSED:
            refused += 1
    assert refused > 0.3 * (MUTATIONS // 6)


def test_a_network_beyond_all_memory_is_refused_before_it_is_made(
    whole: Path, tmp_path: Path
) -> None:
    for hidden, layers in ((10**6, 1), (2, 10**9), (10**30, 1)):
        place = damaged(whole, tmp_path / "run", CONFIG, lambda path, _: None, random.Random())
        config = json.loads((place / CONFIG).read_text())
        config["network"] |= {"hidden": hidden, "layers": layers}
        del config["sealed"]
        (place / CONFIG).write_text(json.dumps(config))
        weights = read_sealed(place / WEIGHTS).tensors
        (place / WEIGHTS).write_bytes(save(weights))  # of a version that did not seal them
        file = read_sealed(place / CHECKPOINT)
        write_sealed(place / CHECKPOINT, file.tensors, file.plain | {"about": config})
        for use in (load, taken_up):
            with pytest.raises(SavedError, match="does not hold this network's weights"):
                use(place)


def test_a_folder_of_an_older_version_still_loads(whole: Path, tmp_path: Path) -> None:
    expected, _ = gone_on(whole)
    config = json.loads((whole / CONFIG).read_text())
    for name in ("data", "sealed"):
        del config[name]
    (tmp_path / CONFIG).write_text(json.dumps(config))
    weights = read_sealed(whole / WEIGHTS).tensors
    (tmp_path / WEIGHTS).write_bytes(save(weights))
    forecaster, _ = load(tmp_path)
    dataset, _, _ = taken_up(whole)
    assert torch.equal(forecaster.predict(dataset.series)[0][1:], expected)
    with pytest.raises(SavedError, match=r"has no checkpoint\.safetensors: .* train again"):
        taken_up(tmp_path)
