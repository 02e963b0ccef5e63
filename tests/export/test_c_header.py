"""Every cell as C, compiled by the system's compiler in one go: a second or two."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import throughtime as tt
from tests.export.models import FORWARD, T, computed, states
from throughtime.export import ExportError, to_c
from throughtime.export.c_header.numbers import double, single

COMPILER = shutil.which("gcc") or shutil.which("cc")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

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


def run_all(folder: Path, headers: dict[str, str], number: dict[str, str], given: bytes) -> bytes:
    """Compile a program of all headers and let it run each for T steps."""
    for name, text in headers.items():
        (folder / f"{name}.h").write_text(text, encoding="utf-8")
    program = MAIN.format(
        includes="\n".join(f'#include "{name}.h"' for name in headers),
        functions="".join(
            RUN.format(name=name, NAME=name.upper(), number=number[name], T=T) for name in headers
        ),
        calls="\n".join(f"    run_{name}();" for name in headers),
    )
    (folder / "main.c").write_text(program)
    command = [str(COMPILER), "-std=c99", *STRICT, "main.c", "-o", "main", "-lm"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return subprocess.run([folder / "main"], input=given, capture_output=True, check=True).stdout


@needs_compiler
def test_every_model_computes_in_c_what_it_computes_here(tmp_path: Path) -> None:
    headers, given, expected = {}, [], {}
    for place, (what, make) in enumerate(FORWARD.items()):
        torch.manual_seed(place)
        model, name = make(), f"model_{place}"
        x, before = torch.randn(T, 1, describe_inputs(model)), states(model, 1)
        in_layout = x.transpose(0, 1) if getattr(model, "batch_first", False) else x
        headers[name] = to_c(model, name)
        given += [*before, x]
        expected[what] = computed(model, in_layout, before)
    number = dict.fromkeys(headers, "float")
    found = np.frombuffer(
        run_all(tmp_path, headers, number, b"".join(t.numpy().tobytes() for t in given)), np.float32
    )
    start = 0
    for what, (y, *after) in expected.items():
        numbers = torch.cat([y.flatten(), *(state.flatten() for state in after)])
        mine = torch.tensor(found[start : start + len(numbers)])
        # float32 on both sides, sums in another order
        torch.testing.assert_close(mine, numbers.float(), rtol=1e-5, atol=1e-5, msg=what)
        start += len(numbers)
        zeros = sum(state.numel() for state in after)
        assert not found[start : start + zeros].any(), what
        start += zeros
    assert start == len(found)


def describe_inputs(model: torch.nn.Module) -> int:
    layer = model.recurrent if isinstance(model, tt.Network) else model
    return int(layer.input_size)
