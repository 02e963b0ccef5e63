"""Every cell as C, compiled by the system's compiler in one go: about three seconds."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.export import forecasters
from tests.export.models import FORWARD, T, computed, states
from throughtime.export import ExportError, made_identifier, to_c
from throughtime.export.c_header.numbers import double, single
from throughtime.export.models import describe

COMPILER = shutil.which("gcc") or shutil.which("cc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

Results = dict[str, tuple[list[Tensor], list[Tensor]]]
"""By model: outputs, final states and states at the start, found and expected."""
NUMBERS = {torch.float32: "float", torch.float64: "double"}

RUN = """
static void run_{name}(void)
{{
    {name}_state state;
    {number} input[{NAME}_INPUTS], output[{NAME}_OUTPUTS];
    read_all(&state, sizeof state);
    for (int t = 0; t < {T}; ++t) {{
        read_all(input, sizeof input);
        {name}_step(&state, input, output);
        fwrite(output, sizeof output, 1, stdout);
    }}
    fwrite(&state, sizeof state, 1, stdout);
    {name}_start(&state);
    fwrite(&state, sizeof state, 1, stdout);
}}
"""
MAIN = """
#include <stdio.h>
#include <stdlib.h>
{includes}
static void read_all(void *place, size_t size)
{{
    if (fread(place, size, 1, stdin) != 1) {{
        exit(1);
    }}
}}
{functions}
int main(void)
{{
{calls}
    return 0;
}}
"""


class Program:
    """A C program of many headers, each run over a sequence of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[tuple[str, str, int]] = []
        self.given: list[bytes] = []
        self.expected: dict[str, tuple[tuple[torch.dtype, int], tuple[torch.dtype, int]]] = {}

    def add(self, what: str, model: Any, x: Tensor, before: list[Tensor], change: str = "") -> None:
        """Add a model and its input, [T, I]; in the header, one function may be put for another."""
        name = f"model_{len(self.parts)}"
        header = to_c(model, name)
        if change:
            header = header.replace(*change.split())
        (self.folder / f"{name}.h").write_text(header, encoding="utf-8")
        number, outputs = NUMBERS[x.dtype], len(x) * describe(model).output_size
        self.parts.append((name, number, len(x)))
        self.given += [tensor.numpy().tobytes() for tensor in (*before, x)]
        of_states = sum(state.numel() for state in before)
        self.expected[what] = ((x.dtype, outputs), (torch.float32, of_states))

    def run(self) -> dict[str, list[Tensor]]:
        """Compile and run; give outputs, final states, and states after `start`, all flat."""
        program = MAIN.format(
            includes="\n".join(f'#include "{name}.h"' for name, _, _ in self.parts),
            functions="".join(
                RUN.format(name=name, NAME=name.upper(), number=number, T=steps)
                for name, number, steps in self.parts
            ),
            calls="\n".join(f"    run_{name}();" for name, _, _ in self.parts),
        )
        (self.folder / "main.c").write_text(program)
        compile_(["-x", "c", *STRICT, "main.c", "-o", "main", "-lm"], self.folder)
        ran = subprocess.run(
            [self.folder / "main"], input=b"".join(self.given), capture_output=True, check=True
        )
        found, start = {}, 0
        for what, (outputs, of_states) in self.expected.items():
            found[what] = []
            for dtype, count in (outputs, of_states, of_states):
                part = torch.frombuffer(
                    bytearray(ran.stdout), dtype=dtype, count=count, offset=start
                )
                found[what].append(part)
                start += count * dtype.itemsize
        assert start == len(ran.stdout)
        return found


def compile_(arguments: list[str], folder: Path) -> None:
    built = subprocess.run([str(COMPILER), *arguments], cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory,
) -> Results:
    """What each model's header computes, and what the model does: outputs, final states, start."""
    program = Program(tmp_path_factory.mktemp("c"))
    expected = {}
    for place, (what, make) in enumerate(FORWARD.items()):
        torch.manual_seed(place)
        model = make()
        described = describe(model)
        x, before = torch.randn(T, 1, described.input_size), states(model, 1)
        y, *after = computed(model, x.transpose(0, 1) if described.batch_first else x, before)
        program.add(what, model, x[:, 0], before)
        flat = torch.cat([state.flatten() for state in after]).float()
        expected[what] = [y.flatten().float(), flat, torch.zeros_like(flat)]
        if what == "GRU":
            program.add("wrong", model, x[:, 0], before, change="tanhf( sinf(")
            expected["wrong"] = expected[what]
    for transform in forecasters.OF_TRANSFORMS:
        forecaster, given = forecasters.made(transform)
        before = [torch.zeros(2, 5) for _ in forecaster.network.recurrent.cell.states]
        program.add(transform, forecaster, given.values, before)
    found = program.run()
    return {what: (found[what], expected.get(what, [])) for what in found}


@needs_compiler
@pytest.mark.parametrize("what", FORWARD)
def test_a_header_computes_what_the_model_does(what: str, results: Results) -> None:
    assert gap(*results[what]) < 1e-5  # float32 on both sides, sums in another order


@needs_compiler
def test_a_wrong_header_would_be_seen(
    results: Results,
) -> None:
    assert gap(*results["wrong"]) > 1e-3


def gap(found: list[Tensor], expected: list[Tensor]) -> float:
    assert [len(part) for part in found] == [len(part) for part in expected]
    parts = zip(found, expected, strict=True)
    return max(float(((f - e).abs() / e.abs().clamp(min=1)).max()) for f, e in parts)


@needs_compiler
@pytest.mark.parametrize("transform", forecasters.OF_TRANSFORMS)
def test_a_forecaster_forecasts_in_the_units_of_the_data(transform: str, results: Results) -> None:
    forecaster, given = forecasters.made(transform)
    found = forecasters.distance(forecaster, given, results[transform][0][0])
    assert found < forecasters.TOLERANCE


@needs_compiler
def test_cpp_takes_a_header_too(tmp_path: Path) -> None:
    (tmp_path / "filter.h").write_text(to_c(tt.nn.LSTM(2, 3), "filter"))
    program = '#include "filter.h"\n#include "filter.h"\nint main() { return FILTER_INPUTS - 2; }\n'
    (tmp_path / "main.cpp").write_text(program)
    if subprocess.run(
        [str(COMPILER), "-x", "c++", "-E", "main.cpp"], cwd=tmp_path, capture_output=True
    ).returncode:
        pytest.skip("the compiler knows no C++")
    compile_(["-x", "c++", "-std=c++11", *STRICT[1:], "-fsyntax-only", "main.cpp"], tmp_path)


def test_numbers_come_back_as_they_were() -> None:
    drawn = torch.randn(200) * torch.logspace(-40, 38, 200)
    for value in [*drawn.tolist(), 0.0, 1.0, 16777216.0]:
        text = single(value)
        assert np.float32(text.removesuffix("f")) == np.float32(value)
        assert "." in text or "e" in text  # else it would be no floating literal
    assert float(double(0.1)) == 0.1
    assert [single(float(x)) for x in ("nan", "inf", "-inf", "1e300")] == [
        "NAN", "INFINITY", "-INFINITY", "INFINITY",
    ]  # fmt: skip


@tt.cell(gates="a", state="h int")
def badly_named(wx, uh, h, int):
    return tt.tanh(wx.a), int


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda: tt.nn.GRU(2, 3, bidirectional=True), "n", "reads a sequence from its end"),
        (lambda: tt.nn.GRU(2, 3), "my net", "'my net'; C takes letters"),
        (lambda: tt.nn.GRU(2, 3), "double", "'double', a keyword of C"),
        (lambda: tt.nn.Recurrent(badly_named, 2, 3), "n", "a state of cell 'badly_named'"),
        (lambda: nn.GRU(2, 3), "n", "GRU cannot be exported.*convert_"),
        (lambda: tt.nn.Recurrent("gru", 0, 3), "n", "without inputs"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_said(
    make: Callable[[], nn.Module], name: str, message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        to_c(make(), name)


def test_a_forward_call_of_ones_own_is_refused() -> None:
    class Louder(tt.Network):
        def forward(self, *arguments):  # type: ignore[no-untyped-def]
            y, state = super().forward(*arguments)
            return 2 * y, state

    class Reading(tt.Network):
        def read(self, h: Tensor) -> Tensor:
            return 2 * h

    for kind, message in ((Louder, "forward call of its own"), (Reading, "readout of its own")):
        with pytest.raises(ExportError, match=message):
            to_c(kind("gru", 1, 2, 2))


def test_a_name_is_made_of_any_text() -> None:
    made = [made_identifier(text) for text in ("tide-2.csv", "../../etc", "2020", "double", "潮")]
    assert made == ["tide_2_csv", "etc", "network_2020", "network_double", "network"]
