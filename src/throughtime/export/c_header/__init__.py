"""A model as one C99 header: the weights, and a function that runs one step."""

from throughtime.export.c_header.header import to_c

__all__ = ["to_c"]
