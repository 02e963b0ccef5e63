"""A model as an ONNX graph: standard operators, a Scan over a step, or one step alone."""

from throughtime.export.onnx_model.model import OPSET, to_onnx

__all__ = ["OPSET", "to_onnx"]
