"""Measures of gradient flow."""

from throughtime.flow.reach import Flow, LayerFlow, flow

__all__ = ["Flow", "LayerFlow", "flow"]
