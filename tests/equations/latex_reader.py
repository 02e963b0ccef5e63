"""Printed derivations read back and computed with: LaTeX in, numbers out.

Knows nothing of how they are printed but the grammar of what stands on the page.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

Values = Mapping[str, Tensor]

_INDEX = r"(?:_(?:\{(?:[^{}]|\{[^{}]*\})*\}|[A-Za-z0-9]|\\[a-z]+))?"
_SYMBOL = r"(?:\\(?:tilde|mathrm)\{[^{}]*\}|\\[a-z]+|[A-Za-z])'*" + _INDEX
_TOKEN = re.compile(
    r"\s*(?:\\,)?\s*("
    r"\\frac\{\\partial E\}\{\\partial " + _SYMBOL + r"\}"
    r"|\\sum_t|\\left[(|]|\\right[)|]|\\begin\{cases\}|\\end\{cases\}|\\mathbf\{1\}\["
    r"|\\text\{[^}]*\}|\\odot|\\cdot|\\top|\\frac|\\sqrt|\\le|\\ge|\\ne|\\\\"
    r"|\\mathrm\{(?:softplus|mean)\}(?=\(|\\left\()"
    r"|\\delta " + _SYMBOL + "|" + _SYMBOL + r"|\d+(?:\.\d+)?|.)"
)
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    r"\sigma": torch.sigmoid,
    r"\tanh": torch.tanh,
    r"\exp": torch.exp,
    r"\log": torch.log,
    r"\max": torch.maximum,
    r"\min": torch.minimum,
    r"\mathrm{softplus}": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    r"\mathrm{mean}": torch.mean,
}
_RELATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "<": torch.lt,
    r"\le": torch.le,
    ">": torch.gt,
    r"\ge": torch.ge,
    "=": torch.eq,
    r"\ne": torch.ne,
}
_CLOSING = {"(": ")", r"\left(": r"\right)", r"\left|": r"\right|", "{": "}"}


def equations(block: str) -> list[tuple[list[str], str]]:
    """Take an `aligned` environment apart: for each equation its names and its right side."""
    body = block.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
    found = []
    for row in body.split(" \\\\\n"):
        first, *others = row.split(r", \quad ")
        names, right = first.split(" &= ")
        found.append((names.split(" = "), right))
        found += [([name], right) for name, right in (other.split(" = ") for other in others)]
    return found


def compute(right: str, steps: Sequence[Values]) -> Tensor:
    """Compute the right side of an equation; a sum over t goes over the steps given."""
    return _Reader(right, steps).all()


def run(block: str, values: dict[str, Tensor], units: int) -> None:
    """Compute all equations of a block, in order, into the values of one step, a number a unit."""
    for names, right in equations(block):
        if names != [r"\delta(\cdot)"]:  # what delta means
            values.update(dict.fromkeys(names, compute(right, [values]).expand(units)))


class _Reader:
    """A parser by recursive descent that computes as it reads."""

    def __init__(self, text: str, steps: Sequence[Values]) -> None:
        self.tokens = [match.group(1) for match in _TOKEN.finditer(text)]
        self.steps = steps
        self.text = text

    def all(self) -> Tensor:
        value = self.sum()
        assert not self.tokens, f"left over: {self.tokens} of {self.text}"
        return value

    @property
    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, f"{token}, not {expected}, in {self.text}"
        return token

    def sum(self) -> Tensor:
        negative = self.next == "-" and bool(self.take("-"))
        value = -self.product() if negative else self.product()
        while self.next in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Tensor:
        if self.next == r"\sum_t":
            self.take()
            steps, tokens, values = self.steps, self.tokens, []
            for step in steps:
                self.steps, self.tokens = [step], list(tokens)
                values.append(self.product())
            self.steps = steps
            return reduce(torch.add, values)
        value = self.factor()
        while self.next and not re.fullmatch(
            r"[-+,)}\]&<>=]|\\right[)|]|\\(end\{cases\}|le|ge|ne|\\)", self.next
        ):
            if self.next in (r"\odot", r"\cdot"):
                self.take()
                value = value * self.factor()
            else:
                value = _juxtaposed(value, self.factor())
        return value

    def factor(self) -> Tensor:
        value = self.atom()
        if self.next == "^":
            self.take()
            if self.next == r"\top":
                self.take()
                return value.T if value.dim() == 2 else value[None]
            value = value ** (self.group() if self.next == "{" else self.atom())
            assert self.next != "^", f"a double superscript in {self.text}"
        return value

    def group(self, opening: str = "{") -> Tensor:
        self.take(opening)
        value = self.sum()
        self.take(_CLOSING[opening])
        return value

    def atom(self) -> Tensor:
        if self.next in ("(", r"\left(", "{"):
            return self.group(self.next)
        if self.next == r"\left|":
            return self.group(self.next).abs()
        token = self.take()
        if token in _FUNCTIONS:
            closing = _CLOSING[self.take("(", r"\left(")]
            arguments = [self.sum()]
            while self.next == ",":
                self.take()
                arguments.append(self.sum())
            self.take(closing)
            return _FUNCTIONS[token](*arguments)
        if token == r"\frac":
            return self.group() / self.group()
        if token == r"\sqrt":
            return self.group().sqrt()
        if token == r"\mathbf{1}[":
            holds = self.relation()
            self.take("]")
            return holds.double()
        if token == r"\begin{cases}":
            return self.cases()
        if token[0].isdigit():
            return torch.tensor(float(token), dtype=torch.float64)
        (step,) = self.steps
        return step[token]

    def relation(self) -> Tensor:
        left = self.sum()
        return _RELATIONS[self.take(*_RELATIONS)](left, self.sum())

    def cases(self) -> Tensor:
        value = self.sum()
        self.take("&")
        if self.take(r"\text{if }", r"\text{otherwise}") == r"\text{otherwise}":
            self.take(r"\end{cases}")
            return value
        holds = self.relation()
        self.take(r"\\")
        return torch.where(holds, value, self.cases())


def _juxtaposed(left: Tensor, right: Tensor) -> Tensor:
    if left.dim() == 2:
        return left @ right
    return left[:, None] @ right if right.dim() == 2 else left * right
