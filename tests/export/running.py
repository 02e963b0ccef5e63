"""An ONNX graph in onnxruntime: along whole sequences, or step after step."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from throughtime.export import to_onnx

Array = npt.NDArray[Any]
KINDS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


class Running:
    """A graph on one thread, its states zero at first."""

    def __init__(self, model: Any, **options: Any) -> None:
        pytest.importorskip("onnx", reason="onnx is not installed")
        onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        self.proto = to_onnx(model, **options)
        self.session = onnxruntime.InferenceSession(
            self.proto.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )

    @property
    def notes(self) -> dict[str, str]:
        return {note.key: note.value for note in self.proto.metadata_props}

    @property
    def operators(self) -> set[str]:
        return {node.op_type for node in self.proto.graph.node}

    @property
    def carried(self) -> list[Any]:
        """The inputs that an earlier call gives."""
        return [v for v in self.session.get_inputs() if v.name not in ("input", "sequence_lens")]

    def start(self, rows: int) -> dict[str, Array]:
        """Give zeros for all that goes along."""
        return {
            value.name: np.zeros(
                [size if isinstance(size, int) else rows for size in value.shape],
                KINDS[value.type],
            )
            for value in self.carried
        }

    def call(self, x: Array, before: dict[str, Array], **more: Array) -> tuple[Array, Any]:
        """Give the output, and what goes along after it."""
        output, *after = self.session.run(None, {"input": x, **before, **more})
        names = [value.name for value in self.session.get_outputs()]
        expected = [f"next_{value.name.removeprefix('state_')}" for value in self.carried]
        assert names == ["output", *expected]
        return output, dict(zip(before, after, strict=True))

    def whole(self, x: Array, lengths: list[int] | None = None) -> Array:
        """Run along [T, B, ...] from zeros."""
        more = {} if lengths is None else {"sequence_lens": np.array(lengths, np.int32)}
        return self.call(x, self.start(x.shape[1]), **more)[0]

    def steps(self, x: Array) -> Array:
        """Run step after step along [T, B, ...] from zeros; outputs [T, B, ...]."""
        carried, found = self.start(x.shape[1]), []
        for row in x:
            y, carried = self.call(row, carried)
            found.append(y)
        return np.stack(found)
