"""How far what has learned is from its exports, and how much of a signal's time C takes for it.

    python benchmarks/exported_estimators.py

A language model, classifiers of log-mel features and an amplifier of the sizes that their pages
speak of, each trained for an epoch on noise (its weights are not what is measured). Beside
`predict` stand onnxruntime over whole sequences, onnxruntime one step a call, and C. Needs onnx,
onnxruntime and a C compiler.
"""

import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch

import throughtime as tt
from throughtime.estimators.symbol_network import encoded

Array = npt.NDArray[Any]
PROGRAM = """
#include <stdio.h>
#include "network.h"

int main(void)
{
    network_state state;
    %(given)s input[%(columns)d];
    %(made)s output[NETWORK_OUTPUTS];
    network_start(&state);
    while (fread(input, sizeof input, 1, stdin) == 1) {
        network_step(&state, %(argument)s, output);
        fwrite(output, sizeof output, 1, stdout);
    }
    return 0;
}
"""
TYPES = {"int32": "int", "float32": "float", "float64": "double"}
KINDS = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


def in_c(model: Any, x: Array, made: str) -> tuple[Array, int, float]:
    """Give the outputs [T, O] of a header over [T, ...], its bytes, and the seconds it took."""
    words = {
        "given": TYPES[str(x.dtype)],
        "made": TYPES[made],
        "columns": 1 if x.ndim == 1 else x.shape[1],
        "argument": "input[0]" if x.ndim == 1 else "input",
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "network.h").write_text(tt.export.to_c(model), encoding="utf-8")
        (folder / "main.c").write_text(PROGRAM % words)
        command = ["gcc", "-std=c99", "-O2", "main.c", "-o", "main", "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        before = time.perf_counter()
        ran = subprocess.run([folder / "main"], input=x.tobytes(), capture_output=True, check=True)
        taken = time.perf_counter() - before
        size = (folder / "network.h").stat().st_size
    return np.frombuffer(ran.stdout, made).reshape(len(x), -1), size, taken


def in_onnx(model: Any, x: Array, streaming: bool) -> tuple[Array, int]:
    """Give the outputs of a graph over [T, ...], as one sequence or step by step, and its bytes."""
    proto = tt.export.to_onnx(model, streaming=streaming).SerializeToString()
    session = onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"])
    carried = {}
    for value in session.get_inputs()[1:]:
        shape = [size if isinstance(size, int) else 1 for size in value.shape]
        carried[value.name] = np.zeros(shape, KINDS[value.type])
    found = []
    for part in x[:, None] if streaming else [x[:, None]]:
        y, *after = session.run(None, {"input": part, **carried})
        carried = dict(zip(carried, after, strict=True))
        found.append(y)
    return (np.stack(found)[:, 0] if streaming else found[0].reshape(-1, y.shape[-1])), len(proto)


def row(
    what: str, model: Any, x: Array, expected: Array, made: str, rate: float, forward: bool = True
) -> None:
    """Print what differs; of one answer a sequence, what it is at the end.

    Args:
        what: It is.
        model: What has learned.
        x: Its input in ONNX, [T, ...]; numbers of symbols are int32 in C.
        expected: [T, O], or [1, O] of one answer a sequence.
        made: The type of outputs.
        rate: Steps a second; 0 for none.
        forward: Whether there is one step a call.
    """
    size = max(1.0, float(np.abs(expected).max()))

    def gap(found: Array) -> str:
        return f"{np.abs(found[-len(expected) :] - expected).max() / size:.0e}"

    whole, bytes_whole = in_onnx(model, x, False)
    cells, sizes = [gap(whole)], [bytes_whole]
    share = ""
    if forward:
        steps, bytes_steps = in_onnx(model, x, True)
        given = x.astype(np.int32) if x.dtype == np.int64 else x
        found, bytes_c, seconds = in_c(model, given, made)
        cells += [gap(steps), gap(found)]
        sizes += [bytes_steps, bytes_c]
        share = f"{seconds * rate / len(x):.2g}" if rate else ""
    else:
        cells += ["", ""]
    told = ", ".join(f"{size / 1000:.0f}" for size in sizes)
    print(f"| {what} | {' | '.join(cells)} | {told} | {share} |")


def language_models(draw: np.random.Generator) -> None:
    """Of characters, by an embedding and by a column each."""
    text = "".join(draw.choice([*"abcdefghijklmnopqrstuvwxyz .,"], 4000))
    for what, embedding in (("an embedding", None), ("a column a character", 0)):
        model = tt.LanguageModel(hidden=256, embedding=embedding, epochs=1, window=50).fit(text)
        numbers = model.vocabulary_.encode(text[:2000]).long()
        with torch.no_grad():
            unknown = model.vocabulary_.unknown
            logits, _ = model.network_(encoded(model.network_, numbers[:, None], unknown))
        expected = torch.log_softmax(logits.double(), -1)[:, 0].numpy()
        row(f"text, LSTM of 256, {what}", model, numbers.numpy(), expected, "float32", 0)


def classifiers(draw: np.random.Generator) -> None:
    """Of ten seconds of frames, a hundred a second."""
    X = [draw.normal(-8, 3, (100, 40)) for _ in range(20)]
    x = draw.normal(-8, 3, (1000, 40))
    for pooling in ("mean", "max", "last"):
        for both in (True, False):
            model = tt.SequenceClassifier(epochs=1, pooling=pooling, bidirectional=both)
            model.fit(X, [*range(10)] * 2)
            what = f"classifier, GRU of 64, {pooling}, {'both directions' if both else 'forward'}"
            row(what, model, x, model.predict_proba([x]), "float32", 100, forward=not both)


def amplifiers(draw: np.random.Generator) -> None:
    """Of five seconds of sound."""
    x = draw.normal(0, 0.2, (5 * 44100, 1))
    for cell, hidden in (("lstm", 16), ("gru", 32)):
        model = tt.SequenceRegressor(per="step", cell=cell, hidden=hidden, window=2048, epochs=1)
        model.fit([x[:44100]], [np.tanh(3 * x[:44100, 0])])
        expected = model.predict([x])[0][:, None]
        row(f"amplifier, {cell.upper()} of {hidden}", model, x, expected, "float64", 44100)


def main() -> None:
    """Print a row a model."""
    print(
        f"{platform.machine()}, torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime "
        f"{onnxruntime.__version__}, {subprocess.getoutput('gcc --version').splitlines()[0]}\n"
    )
    print("| what | sequence | one step a call | C | kB of these files | C's share of the time |")
    print("|---|---|---|---|---|---|")
    kinds: tuple[Callable[[np.random.Generator], None], ...]
    kinds = (language_models, classifiers, amplifiers)
    for kind in kinds:
        kind(np.random.default_rng(0))


if __name__ == "__main__":
    main()
