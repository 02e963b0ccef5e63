"""Reverse-mode differentiation of a program: the adjoint of a cell's step, as another program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from throughtime.equations.errors import CellError
from throughtime.equations.expression import Expression
from throughtime.equations.functions import log, mean, sigmoid, where
from throughtime.equations.graph import Graph
from throughtime.equations.operations import operations
from throughtime.equations.program import Program

E = Expression
Rule = Callable[..., tuple[Expression | None, ...]]

# Each rule takes the adjoint d of the result, the result y and the arguments, and gives the adjoint
# that each argument receives: d times the partial derivative. Kinks follow torch: 0 at the corner
# of relu and abs, one half each where the arguments of maximum and minimum tie.
rules: dict[str, Rule] = {
    "add": lambda d, y, a, b: (d, d),
    "subtract": lambda d, y, a, b: (d, -d),
    "multiply": lambda d, y, a, b: (d * b, d * a),
    "divide": lambda d, y, a, b: (d / b, -(d * y / b)),
    "power": lambda d, y, a, b: _power(d, y, a, b),
    "negate": lambda d, y, x: (-d,),
    "sigmoid": lambda d, y, x: (d * (y * (1.0 - y)),),
    "tanh": lambda d, y, x: (d * (1.0 - y * y),),
    "relu": lambda d, y, x: (where(y > 0.0, d, 0.0),),
    "softplus": lambda d, y, x: (d * sigmoid(x),),
    "exp": lambda d, y, x: (d * y,),
    "log": lambda d, y, x: (d / x,),
    "sqrt": lambda d, y, x: (d / (2.0 * y),),
    "abs": lambda d, y, x: (where(x > 0.0, d, where(x < 0.0, -d, 0.0)),),
    "maximum": lambda d, y, a, b: _larger(d, a, b),
    "minimum": lambda d, y, a, b: _larger(d, b, a),
    "where": lambda d, y, c, a, b: (None, where(c, d, 0.0), where(c, 0.0, d)),
    # Every unit sees the mean, and every unit has a share of 1 / H in it.
    "mean": lambda d, y, x: (mean(d),),
}


def _power(d: E, y: E, a: E, b: E) -> tuple[E | None, E | None]:
    base, exponent = a.graph.value(a.number), b.graph.value(b.number)
    if exponent is not None:
        return d * (exponent * a ** (exponent - 1.0)), None
    if base is not None:
        return None, d * (y * log(base))
    # a**0 is flat in a even at a = 0, where b * a**(b - 1) is 0/0; likewise 0**b in b.
    by_exponent = d * (y * log(a))
    return (
        where(b == 0.0, 0.0, d * (b * a ** (b - 1.0))),
        where(a == 0.0, where(b >= 0.0, 0.0, by_exponent), by_exponent),
    )


def _larger(d: E, a: E, b: E) -> tuple[E, E]:
    """Give d to the larger of two, half of it to each at a tie."""
    half = 0.5 * d
    return where(a > b, d, where(a == b, half, 0.0)), where(a > b, 0.0, where(a == b, half, d))


@dataclass(frozen=True)
class Adjoint:
    """A step and its derivative, cut so that nothing is computed twice.

    Attributes:
        forward: The step; its outputs are followed by those intermediate values that `backward`
            reads and that are not inputs of the step, named "kept.0", "kept.1", ...
        backward: Takes inputs of the step, kept values and the adjoints of the outputs ("d." before
            the output's name), as far as it needs them; gives the adjoint of each input of the step
            ("d." before the input's name).
    """

    forward: Program
    backward: Program


def differentiate(step: Program) -> Adjoint:
    """Derive the adjoint of a step by reverse accumulation (Speelpenning 1980; Werbos 1990).

    Raises:
        CellError: An operation has no derivative rule.
    """
    graph = Graph()
    registers = graph.embed(step)
    forward_nodes = set(range(len(graph.nodes)))
    results = [registers[result] for result in step.results]

    seeds = tuple(f"d.{output}" for output in step.outputs)
    adjoints: dict[int, Expression] = {}

    def expression(number: int) -> Expression:
        return Expression(graph, number, "adjoint")

    def accumulate(number: int, contribution: Expression) -> None:
        seen = adjoints.get(number)
        adjoints[number] = contribution if seen is None else seen + contribution

    for seed, result in zip(seeds, results, strict=True):
        accumulate(result, expression(graph.input(seed)))
    for number in sorted(forward_nodes, reverse=True):  # a node comes after its arguments
        node = graph.nodes[number]
        if number not in adjoints or node.operation not in operations:
            continue
        if node.operation not in rules:
            raise CellError(f"{node.operation} has no derivative rule")
        arguments = [expression(argument) for argument in node.arguments]
        contributions = rules[node.operation](adjoints[number], expression(number), *arguments)
        for argument, contribution in zip(node.arguments, contributions, strict=True):
            if contribution is not None and graph.nodes[argument].operation != "constant":
                accumulate(argument, contribution)

    zero = graph.constant(0.0)
    inputs = [graph.input(name) for name in step.inputs]
    wanted = [adjoints[number].number if number in adjoints else zero for number in inputs]

    # What the backward pass reads of the forward pass: the nodes at which the search from its
    # results first meets one that the forward pass computes.
    computed = graph.reachable(results) & forward_nodes
    computed = {number for number in computed if graph.nodes[number].operation in operations}
    met = sorted(graph.reachable(wanted, given=computed) & computed)
    kept = {number: f"kept.{place}" for place, number in enumerate(met)}
    forward = graph.program(step.inputs, (*step.outputs, *kept.values()), (*results, *kept.keys()))
    backward = graph.program(
        (*step.inputs, *kept.values(), *seeds),
        tuple(f"d.{name}" for name in step.inputs),
        wanted,
        given=kept,
    )
    return Adjoint(forward, backward)
