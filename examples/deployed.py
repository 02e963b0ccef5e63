"""A network out of Python: as C beside a program of one's own, and as an ONNX graph."""

import subprocess
import tempfile
from pathlib import Path

import torch

import throughtime as tt

PROGRAM = """
#include <stdio.h>
#include "denoise.h"

int main(void)
{
    denoise_state state;
    float sample, clean;
    denoise_start(&state);
    while (scanf("%f", &sample) == 1) {
        denoise_step(&state, &sample, &clean);
        printf("%.9g\\n", clean);
    }
    return 0;
}
"""


def main(folder: Path) -> dict[str, float]:
    """Train a filter a little, export it, and give how far both exports are from it."""
    torch.manual_seed(0)
    clean = torch.sin(torch.arange(400) / 6)
    noisy = clean + 0.3 * torch.randn(400)
    network = tt.Network("lstm_peephole", input_size=1, hidden_size=8, output_size=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    loss = torch.nn.MSELoss(reduction="none")
    for _ in range(40):
        for _update in tt.BPTT()(network, noisy[:, None, None], clean[:, None, None], loss):
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        expected = network(noisy[:, None, None])[0].flatten()
    print(f"mean squared error {float((expected - clean).square().mean()):.3f}, 0.090 of the noise")
    found = {"C": in_c(network, folder, noisy), "ONNX": in_onnx(network, noisy)}
    differences = {name: float((y - expected).abs().max()) for name, y in found.items()}
    for name, difference in differences.items():
        print(f"{name}: the same but for {difference:.0e}")
    return differences


def in_c(network: tt.Network, folder: Path, signal: torch.Tensor) -> torch.Tensor:
    """Compile the network into a program that filters numbers from standard input."""
    (folder / "denoise.h").write_text(tt.export.to_c(network, "denoise"))
    (folder / "main.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "main.c", "-o", "denoise", "-lm"], cwd=folder, check=True)
    numbers = "\n".join(f"{sample:.9g}" for sample in signal.tolist())
    ran = subprocess.run([folder / "denoise"], input=numbers, capture_output=True, text=True)
    return torch.tensor([float(line) for line in ran.stdout.split()])


def in_onnx(network: tt.Network, signal: torch.Tensor) -> torch.Tensor:
    """Run the network in onnxruntime, half of the signal at a time."""
    import onnxruntime

    session = onnxruntime.InferenceSession(tt.export.to_onnx(network).SerializeToString())
    h = c = torch.zeros(1, 1, 8).numpy()
    outputs = []
    for part in signal[:, None, None].chunk(2):
        inputs = {"input": part.numpy(), "state_h": h, "state_c": c}
        y, h, c = session.run(None, inputs)
        outputs.append(torch.from_numpy(y).flatten())
    return torch.cat(outputs)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
