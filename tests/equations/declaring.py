"""Cells declared in one line."""

from collections.abc import Callable
from typing import Any

import throughtime as tt
from throughtime import Cell


def one_gate(function: Callable[..., Any], name: str = "mine") -> Cell:
    """Declare a cell with the gate a and the state h, from a function of wx, uh and h."""

    def equations(wx: Any, uh: Any, h: Any) -> Any:
        return function(wx, uh, h)

    equations.__name__ = name
    return tt.cell(gates="a", state="h")(equations)


def of_state(function: Callable[[Any], Any], name: str = "mine") -> Cell:
    """Declare a cell whose new state is a function of the old one alone."""
    return one_gate(lambda wx, uh, h: function(h), name)
