"""Trained networks as files that other programs run: ONNX graphs, and C."""

from throughtime.export.c_header import made_identifier, to_c
from throughtime.export.errors import ExportError
from throughtime.export.models import Model
from throughtime.export.onnx_model import OPSET, to_onnx

__all__ = ["OPSET", "ExportError", "Model", "made_identifier", "to_c", "to_onnx"]
