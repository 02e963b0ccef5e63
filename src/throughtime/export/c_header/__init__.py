"""A model as one C99 header: the weights, and a function that runs one step."""

from throughtime.export.c_header.header import to_c
from throughtime.export.c_header.names import made_identifier

__all__ = ["made_identifier", "to_c"]
