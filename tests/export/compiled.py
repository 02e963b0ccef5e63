"""Headers of estimators, compiled by the system's compiler in one program, and what they answer."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

COMPILER = shutil.which("gcc") or shutil.which("cc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

TYPES = {"int32": "int", "float32": "float", "float64": "double"}

RUN = """
static void run_{name}(void)
{{
    {name}_state state;
    {given} input[{columns}];
    {made} output[{NAME}_OUTPUTS];
    const int lengths[] = {{{lengths}}};
    for (int sequence = 0; sequence < {count}; ++sequence) {{
        {name}_start(&state);
        for (int t = 0; t < lengths[sequence]; ++t) {{
            if (fread(input, sizeof input, 1, stdin) != 1) {{
                exit(1);
            }}
            {name}_step(&state, {argument}, output);
            fwrite(output, sizeof output, 1, stdout);
        }}
    }}
}}
"""


@dataclass
class Header:
    """A header, and sequences to run it over, each from its start.

    Attributes:
        name: What its names begin with.
        text: What stands in it.
        sequences: [T_i] numbers of symbols, int32; or [T_i, I], float32 or float64.
        outputs: Columns of the output.
        made: The output's type.
    """

    name: str
    text: str
    sequences: list[npt.NDArray[Any]]
    outputs: int
    made: str = "float64"

    def function(self) -> str:
        first = self.sequences[0]
        return RUN.format(
            name=self.name,
            NAME=self.name.upper(),
            given=TYPES[str(first.dtype)],
            made=TYPES[self.made],
            columns=1 if first.ndim == 1 else first.shape[1],
            argument="input[0]" if first.ndim == 1 else "input",
            lengths=", ".join(str(len(sequence)) for sequence in self.sequences),
            count=len(self.sequences),
        )


def answers(headers: list[Header], folder: Path) -> list[list[npt.NDArray[Any]]]:
    """Compile the headers into one program and run it: outputs [T_i, O] of each one's sequences."""
    folder.mkdir(exist_ok=True)
    for header in headers:
        (folder / f"{header.name}.h").write_text(header.text, encoding="utf-8")
    lines = ["#include <stdio.h>", "#include <stdlib.h>"]
    lines += [f'#include "{header.name}.h"' for header in headers]
    lines += [header.function() for header in headers]
    lines += ["int main(void)\n{", *(f"    run_{header.name}();" for header in headers), "}\n"]
    (folder / "main.c").write_text("\n".join(lines))
    built = subprocess.run(
        [str(COMPILER), *STRICT, "main.c", "-o", "main", "-lm"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    _taken_by_cpp(folder)
    given = b"".join(sequence.tobytes() for header in headers for sequence in header.sequences)
    ran = subprocess.run([folder / "main"], input=given, capture_output=True, check=True)
    found, start = [], 0
    for header in headers:
        own = []
        for sequence in header.sequences:
            count = len(sequence) * header.outputs
            part = np.frombuffer(ran.stdout, header.made, count, start)
            own.append(part.reshape(len(sequence), header.outputs))
            start += part.nbytes
        found.append(own)
    assert start == len(ran.stdout)
    return found


def _taken_by_cpp(folder: Path) -> None:
    """See that a compiler of C++ takes the program too, if there is one."""
    command = [str(COMPILER), "-x", "c++", "-std=c++11", *STRICT[1:], "-fsyntax-only", "main.c"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    without = "cc1plus" in built.stderr or "not found" in built.stderr
    assert built.returncode == 0 or without, built.stderr
