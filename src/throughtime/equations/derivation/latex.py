"""Terms as LaTeX, for amsmath as well as the MathJax and KaTeX of web pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from throughtime.equations.derivation.terms import Number, Operation, Place, Symbol, Term
from throughtime.equations.errors import CellError


class Level(IntEnum):
    """How tightly a printed term holds together; a looser one is put in parentheses."""

    CASES = 0
    SUM = 1
    NEGATIVE = 2  # a minus and a product
    PRODUCT = 3
    ATOM = 4
    BASE = 5  # of a power


Printed = tuple[str, Level]

_RELATIONS = {
    "less": ("<", r"\ge"),
    "less_equal": (r"\le", ">"),
    "greater": (">", r"\le"),
    "greater_equal": (r"\ge", "<"),
    "equal": ("=", r"\ne"),
    "not_equal": (r"\ne", "="),
}


def latex(term: Term) -> str:
    """Print a term.

    Raises:
        CellError: An operation has no LaTeX.
    """
    return _printed(term)[0]


def _printed(term: Term) -> Printed:
    match term:
        case Symbol():
            # A prime is a superscript: it needs braces below another one.
            return (f"{{{term.latex}}}" if "'" in term.latex else term.latex), Level.BASE
        case Number():
            return _number(term.value)
        case Operation() if term.name in notations:
            return notations[term.name](*term.arguments)
    raise CellError(
        f"operation {term.name!r} has no LaTeX; say how it is written in `notations` of {__name__}"
    )


def _at_least(level: Level, term: Term) -> str:
    text, held = _printed(term)
    return text if held >= level else _parentheses(text)


def _parentheses(text: str) -> str:
    tall = any(mark in text for mark in (r"\frac", r"\begin", r"\sqrt"))
    return rf"\left({text}\right)" if tall else f"({text})"


def _number(value: float) -> Printed:
    digits, _, exponent = f"{value:.15g}".partition("e")  # 0.1 + 0.2 is 0.3
    level = Level.NEGATIVE if value < 0 else Level.BASE
    if not exponent:
        return digits, level
    power = f"10^{{{int(exponent)}}}"
    return (
        (power, min(level, Level.ATOM))
        if digits == "1"
        else (rf"{digits} \cdot {power}", min(level, Level.PRODUCT))
    )


def _add(a: Term, b: Term) -> Printed:
    return _sum(a, b, "+", "-")


def _subtract(a: Term, b: Term) -> Printed:
    return _sum(a, b, "-", "+")


def _sum(a: Term, b: Term, sign: str, opposite: str) -> Printed:
    right, level = _printed(b)
    if level is Level.NEGATIVE:
        sign, right = opposite, right.removeprefix("-")
    elif level < Level.SUM or (level is Level.SUM and (sign == "-" or right.startswith("-"))):
        right = _parentheses(right)
    return f"{_at_least(Level.SUM, a)} {sign} {right}", Level.SUM


def _negate(x: Term) -> Printed:
    return _product([Operation("negate", (x,))])


def _multiply(a: Term, b: Term) -> Printed:
    return _product([Operation("multiply", (a, b))])


def _product(terms: Sequence[Term]) -> Printed:
    """Print a product, its factors in the order of their places, indicators last."""
    factors: list[Term] = []
    marks: list[str] = []
    negative = False
    ahead = list(terms)
    while ahead:
        match ahead.pop(0):
            case Operation("multiply", (a, b)) if a == b:
                factors.append(Operation("power", (a, Number(2.0))))
            case Operation("multiply", (a, b)):
                ahead[:0] = [a, b]
            case Operation("negate", (a,)):
                ahead.insert(0, a)
                negative = not negative
            case Number(value) if value < 0:
                factors.append(Number(-value))
                negative = not negative
            case Operation("where", (condition, Number(1.0), Number(0.0))):
                marks.append(_indicator(condition))
            case Operation("where", (condition, a, Number(0.0))) if not _is_choice(a):
                ahead.insert(0, a)
                marks.append(_indicator(condition))
            case Operation("where", (condition, Number(0.0), a)) if not _is_choice(a):
                ahead.insert(0, a)
                marks.append(_indicator(condition, negated=True))
            case factor:
                factors.append(factor)
    powers = [(factor, factors.count(factor)) for factor in dict.fromkeys(factors)]
    factors = [f if n == 1 else Operation("power", (f, Number(float(n)))) for f, n in powers]
    factors.sort(key=_place)
    scale = r" \cdot ".join(
        _at_least(Level.PRODUCT, factor) for factor in factors if isinstance(factor, Number)
    )
    rest = [_at_least(Level.PRODUCT, f) for f in factors if not isinstance(f, Number)] + marks
    text = r"\,".join(part for part in (scale, r" \odot ".join(rest)) if part)
    if negative:
        return f"-{text}", Level.NEGATIVE
    if len(factors) + len(marks) == 1 and factors:
        return text, _printed(factors[0])[1]
    return text, Level.PRODUCT


def _place(term: Term) -> Place:
    match term:
        case Number():
            return Place.NUMBER
        case Symbol():
            return term.place
        case Operation():
            return Place.ADJOINT if _holds_adjoint(term) else Place.OTHER


def _holds_adjoint(term: Term) -> bool:
    if isinstance(term, Operation):
        return any(map(_holds_adjoint, term.arguments))
    return isinstance(term, Symbol) and term.place is Place.ADJOINT


def _divide(a: Term, b: Term) -> Printed:
    return rf"\frac{{{latex(a)}}}{{{latex(b)}}}", Level.ATOM


def _power(a: Term, b: Term) -> Printed:
    exponent = latex(b)
    if len(exponent) > 1:
        exponent = f"{{{exponent}}}"
    return f"{_at_least(Level.BASE, a)}^{exponent}", Level.ATOM


def _sqrt(x: Term) -> Printed:
    return rf"\sqrt{{{latex(x)}}}", Level.BASE


def _abs(x: Term) -> Printed:
    return rf"\left|{latex(x)}\right|", Level.BASE


def _function(name: str) -> Callable[..., Printed]:
    def printed(*arguments: Term) -> Printed:
        return name + _parentheses(", ".join(map(latex, arguments))), Level.BASE

    return printed


def _relation(name: str) -> Callable[..., Printed]:
    def printed(a: Term, b: Term) -> Printed:
        return f"{latex(a)} {_RELATIONS[name][0]} {latex(b)}", Level.CASES

    return printed


def _indicator(condition: Term, negated: bool = False) -> str:
    r"""Print `\mathbf 1[x > 0]`: one where the condition holds, zero elsewhere."""
    if negated and isinstance(condition, Operation) and condition.name in _RELATIONS:
        a, b = condition.arguments
        return rf"\mathbf{{1}}[{latex(a)} {_RELATIONS[condition.name][1]} {latex(b)}]"
    return rf"\mathbf{{1}}[{latex(condition)}]"


def _is_choice(term: Term) -> bool:
    return isinstance(term, Operation) and term.name == "where"


def _where(condition: Term, a: Term, b: Term) -> Printed:
    for branch, other in ((a, b), (b, a)):
        if other == Number(0.0) and not _is_choice(branch):
            return _product([Operation("where", (condition, a, b))])
    rows = [(a, condition)]
    while isinstance(b, Operation) and b.name == "where":
        condition, a, b = b.arguments
        rows.append((a, condition))
    lines = [rf"{latex(value)} & \text{{if }} {latex(test)}" for value, test in rows]
    lines.append(rf"{latex(b)} & \text{{otherwise}}")
    body = r" \\ ".join(lines)
    return rf"\begin{{cases}} {body} \end{{cases}}", Level.CASES


# How each operation is written: from its arguments to LaTeX and how tightly that holds together.
notations: dict[str, Callable[..., Printed]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "negate": _negate,
    "sigmoid": _function(r"\sigma"),
    "tanh": _function(r"\tanh"),
    "relu": lambda x: _function(r"\max")(Number(0.0), x),
    "softplus": _function(r"\mathrm{softplus}"),
    "exp": _function(r"\exp"),
    "log": _function(r"\log"),
    "sqrt": _sqrt,
    "abs": _abs,
    "maximum": _function(r"\max"),
    "minimum": _function(r"\min"),
    **{name: _relation(name) for name in _RELATIONS},
    "where": _where,
    "mean": _function(r"\mathrm{mean}"),  # over the units
}
