"""A recurrent cell: its declarations, its equations as a program, and their adjoint."""

from __future__ import annotations

import dataclasses
import importlib
import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from throughtime.equations.derivation import Derivation, derive
from throughtime.equations.differentiate import Adjoint, differentiate
from throughtime.equations.errors import CellError
from throughtime.equations.expression import is_number
from throughtime.equations.key import key_of
from throughtime.equations.operations import operations
from throughtime.equations.program import Program
from throughtime.equations.trace import trace


class _Documentation:
    """The documentation of the class, asked of the class; of a cell, that of its function."""

    def __init__(self, of_the_class: str | None) -> None:
        self.of_the_class = of_the_class

    def __get__(self, cell: Cell | None, owner: type | None = None) -> str | None:
        return self.of_the_class if cell is None else cell.function.__doc__


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell, written as equations for one unit; made by `cell`.

    Attributes:
        name: The function's name.
        gates: Gates in the order in which their rows stand in the weights.
        states: States; the first is the output and the one that the recurrent weights multiply.
        units: Learnable vectors that hold one number a unit.
        constants: Numbers by name.
        function: The equations as they were written.
        together: States that mean something only together, so that none can be kept alone.
        step: Pre-activations, states and units in, new states out (see `trace`).
        row_operation: The first operation over the units of a row, None if there is none.
        key: A text by which the cell is found again (see `key_of`).
    """

    __doc__ = _Documentation(__doc__)

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    units: tuple[str, ...]
    constants: Mapping[str, float]
    function: Callable[..., Any] = field(repr=False)
    together: tuple[str, ...] = field(default=(), repr=False)
    step: Program = field(init=False, repr=False)
    # Plain attributes, as torch.compile reads them: it knows no cached properties.
    row_operation: str | None = field(init=False, repr=False)
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_declarations(self)
        constants = {name: float(value) for name, value in self.constants.items()}
        object.__setattr__(self, "constants", MappingProxyType(constants))
        object.__setattr__(
            self,
            "step",
            trace(self.function, self.name, self.gates, self.states, self.units, self.constants),
        )
        used = (instruction.operation for instruction in self.step.instructions)
        row = next((operation for operation in used if operations[operation].row), None)
        object.__setattr__(self, "row_operation", row)
        object.__setattr__(self, "key", key_of(self))

    @cached_property
    def adjoint(self) -> Adjoint:
        """The reverse-mode derivative of the step."""
        return differentiate(self.step)

    @property
    def input_gates(self) -> tuple[str, ...]:
        """Gates whose input product `W_g x + b_g` the equations use."""
        return tuple(gate for gate in self.gates if f"wx.{gate}" in self.step.inputs)

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        """Gates whose recurrent product `U_g h + c_g` the equations use."""
        return tuple(gate for gate in self.gates if f"uh.{gate}" in self.step.inputs)

    def latex(self) -> Derivation:
        r"""Derive the step, its adjoint and the weight gradients as LaTeX.

        They are printed from the programs that engines run, so what is read is what is computed.

        Example:
            >>> import throughtime as tt
            >>> print(tt.cells.elman.latex().step)
            \begin{aligned}
            a_{a,t} &= W_a x_t + b_a, \quad u_{a,t} = U_a h_{t-1} + c_a \\
            h_t &= \tanh(a_{a,t} + u_{a,t}) \\
            y_t &= h_t
            \end{aligned}

        Returns:
            The three parts; `str` of it is one block of LaTeX.

        Raises:
            CellError: An operation of the cell has no LaTeX.
        """
        return derive(self)

    def __copy__(self) -> Cell:
        return self  # nothing in it ever changes

    def __deepcopy__(self, memo: object) -> Cell:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A cell stands where its function was defined; its constants may be others.
        function = self.function
        _found(function.__module__, function.__qualname__, {})  # refuses what could not be loaded
        return _found, (function.__module__, function.__qualname__, dict(self.constants))

    def replace(self, **constants: float) -> Cell:
        """Give the same cell with other constants: `leaky.replace(leak=0.5)`.

        Raises:
            CellError: The cell has no such constant.
        """
        unknown = sorted(constants.keys() - self.constants.keys())
        if unknown:
            known = ", ".join(self.constants) or "none"
            raise CellError(
                f"cell {self.name!r}: no constant named {', '.join(unknown)}; constants are {known}"
            )
        return dataclasses.replace(self, constants={**self.constants, **constants})


def cell(
    *,
    gates: str,
    state: str,
    units: str = "",
    constants: Mapping[str, float] | None = None,
    together: str = "",
) -> Callable[[Callable[..., Any]], Cell]:
    """Declare a recurrent cell; the decorated function holds its equations for one unit.

    The function is called once with symbols. `wx.g` stands for `W_g x_t + b_g` and `uh.g` for
    `U_g h_{t-1} + c_g`, for each gate g; then come the states at `t - 1`; units and constants
    arrive as keyword arguments. It returns the states at `t`.

    Example:
        >>> import throughtime as tt
        >>> @tt.cell(gates="r z n", state="h")
        ... def my_gru(wx, uh, h):
        ...     r = tt.sigmoid(wx.r + uh.r)
        ...     z = tt.sigmoid(wx.z + uh.z)
        ...     n = tt.tanh(wx.n + r * uh.n)
        ...     return n + z * (h - n)
        >>> my_gru.states
        ('h',)

    Args:
        gates: Names of the gates, separated by spaces.
        state: Names of the states; the first is the output, and the one multiplied by `U`.
        units: Names of learnable vectors that hold one number a unit (a peephole, a time constant).
        constants: Numbers by name; they are folded into the equations.
        together: Names of states that mean something only together (a sum and the scale that it is
            held in). A layer then refuses zoneout on them, which would keep one without another.

    Returns:
        A decorator that turns the function into a `Cell`.

    Raises:
        CellError: The declaration or the equations are at fault.
    """

    def declare(function: Callable[..., Any]) -> Cell:
        return Cell(
            name=getattr(function, "__name__", "cell"),
            gates=_names(gates, "gates"),
            states=_names(state, "state"),
            units=_names(units, "units"),
            constants=_constants(constants),
            function=function,
            together=_names(together, "together"),
        )

    return declare


def _found(module: str, name: str, constants: dict[str, float]) -> Cell:
    """Find a cell again where it was defined, for pickle.

    Raises:
        CellError: It is not to be found there: it was defined inside a function, or renamed.
    """
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Cell):
        raise CellError(
            f"{module} has no cell {name!r}; a cell that is pickled must be defined at the top of "
            "a module, under its own name"
        )
    return found.replace(**constants)


def _names(text: object, what: str) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise CellError(
            f'{what} must be one text of names separated by spaces, such as "r z n"; got '
            f"{type(text).__name__} {text!r}"
        )
    return tuple(text.replace(",", " ").split())


def _constants(given: object) -> dict[str, float]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise CellError(
            f'constants must be numbers by name, such as {{"leak": 0.1}}; got {given!r}'
        )
    return dict(given)


def _check_declarations(cell: Cell) -> None:
    for what, names in (("gates", cell.gates), ("state", cell.states)):
        if not names:
            raise CellError(f"cell {cell.name!r}: {what} names nothing; name at least one")
    together = {*cell.together}
    if together and (len(together) < 2 or not together <= {*cell.states}):
        raise CellError(
            f"cell {cell.name!r}: together names two or more of the states "
            f"{', '.join(cell.states)}; got {' '.join(cell.together)}"
        )
    if len(set(cell.gates)) != len(cell.gates):
        raise CellError(f"cell {cell.name!r}: a gate is declared twice: {' '.join(cell.gates)}")
    taken = sorted({"weight_ih", "weight_hh", "bias_ih", "bias_hh"} & {*cell.units})
    if taken:
        raise CellError(
            f"cell {cell.name!r}: a unit cannot be named {', '.join(taken)}: a layer's own weights "
            "have that name"
        )
    arguments = ("wx", "uh", *cell.states, *cell.units, *cell.constants)
    for name in (*cell.gates, *arguments):
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise CellError(f"cell {cell.name!r}: {name!r} cannot be the name of an argument")
    twice = sorted({name for name in arguments if arguments.count(name) > 1})
    if twice:
        raise CellError(
            f"cell {cell.name!r}: {', '.join(twice)} is declared twice; wx, uh, states, units and "
            "constants need names of their own"
        )
    for name, value in cell.constants.items():
        try:
            finite = is_number(value) and math.isfinite(value)
        except OverflowError:  # a whole number that is too long for a float
            finite = False
        if not finite:
            raise CellError(
                f"cell {cell.name!r}: constant {name} is {value!r:.80}; a finite number is expected"
            )
