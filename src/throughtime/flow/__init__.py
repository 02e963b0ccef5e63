"""Measures of gradient flow."""

from throughtime.flow.reach import Flow, LayerFlow, NoFlowError, flow

__all__ = ["Flow", "LayerFlow", "NoFlowError", "flow"]
