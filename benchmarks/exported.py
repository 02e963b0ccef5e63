"""How far exported networks are from the ones they were made of, and how large their files are.

    python benchmarks/exported.py

Every cell as a network of 32 units in two layers under a linear readout, with weights at their
start, over 1000 steps of noise from a state of zeros. Needs onnx, onnxruntime and a C compiler.
"""

import platform
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

import throughtime as tt

STEPS, INPUTS, UNITS, OUTPUTS, LAYERS = 1000, 2, 32, 2, 2
PROGRAM = """
#include <stdio.h>
#include "network.h"

int main(void)
{
    network_state state;
    float input[NETWORK_INPUTS], output[NETWORK_OUTPUTS];
    network_start(&state);
    while (fread(input, sizeof input, 1, stdin) == 1) {
        network_step(&state, input, output);
        fwrite(output, sizeof output, 1, stdout);
    }
    return 0;
}
"""


def in_c(network: tt.Network, x: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Give the outputs [T, O] of the network's header, and the bytes of the header."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "network.h").write_text(tt.export.to_c(network))
        (folder / "main.c").write_text(PROGRAM)
        command = ["gcc", "-std=c99", "-O2", "main.c", "-o", "main", "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        given = x.numpy().tobytes()
        ran = subprocess.run([folder / "main"], input=given, capture_output=True, check=True)
        size = (folder / "network.h").stat().st_size
    return torch.frombuffer(bytearray(ran.stdout), dtype=torch.float32).view(-1, OUTPUTS), size


def in_onnx(network: tt.Network, x: torch.Tensor, streaming: bool) -> tuple[torch.Tensor, int]:
    """Give the outputs [T, O] of the network's graph, and the bytes of its file."""
    proto = tt.export.to_onnx(network, streaming=streaming).SerializeToString()
    session = onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()][1:]
    carried = [np.zeros((LAYERS, 1, UNITS), np.float32) for _ in names]
    outputs = []
    for part in x.unsqueeze(1) if streaming else [x.unsqueeze(1)]:
        given = {"input": part.numpy(), **dict(zip(names, carried, strict=True))}
        y, *carried = session.run(None, given)
        outputs.append(torch.from_numpy(y).view(-1, OUTPUTS))
    return torch.cat(outputs), len(proto)


def main() -> None:
    """Print a row a cell."""
    print(
        f"{platform.machine()}, torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime "
        f"{onnxruntime.__version__}, {subprocess.getoutput('gcc --version').splitlines()[0]}\n"
    )
    print("| cell | sequence | one step a call | C | kB of these files |")
    print("|---|---|---|---|---|")
    for name in tt.cells.registry:
        torch.manual_seed(0)
        network = tt.Network(name, INPUTS, UNITS, OUTPUTS, num_layers=LAYERS)
        x = torch.randn(STEPS, INPUTS)
        with torch.no_grad():
            expected = network(x[:, None])[0][:, 0]
        found = [in_onnx(network, x, False), in_onnx(network, x, True), in_c(network, x)]
        size = max(1.0, float(expected.abs().max()))
        gaps = [f"{float((y - expected).abs().max()) / size:.0e}" for y, _ in found]
        sizes = ", ".join(f"{size / 1000:.0f}" for _, size in found)
        print(f"| `{name}` | {' | '.join(gaps)} | {sizes} |")


if __name__ == "__main__":
    main()
