"""What does the arithmetic of an ``expr`` mean?

Python's own grammar, of which numbers, names, ``+ - * /``, the sign and parentheses are left.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from math import inf

from redshank.definitions.problems import Place, Problems
from redshank.engine.values import Arithmetic, Constant, Value

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_ALLOWED = "an expression has numbers, names, `+`, `-`, `*`, `/` and parentheses"
#: Nobody writes a longer one, and a deeper one could not be walked.
_LONGEST = 1_000


class _NotArithmetic(Exception):
    """A part of an expression that is none; the message is the part as it is written."""


def parse(text: str, place: Place, problems: Problems) -> ast.expr | None:
    """The tree of an expression, or None; what is wrong with it goes to ``problems``."""
    if len(text) > _LONGEST:
        problems.add(place, f"an expression is {_LONGEST:,} characters long at most; give parts of it names")
        return None
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        problems.add(place, f"`{text}` is no expression; {_ALLOWED}")
        return None
    try:
        names(tree)
    except _NotArithmetic as part:
        problems.add(place, f"`{part}` cannot stand in an expression; {_ALLOWED}")
        return None
    return tree


def names(tree: ast.expr) -> list[str]:
    """The names in an expression, dotted ones whole."""
    match tree:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if number in (inf, -inf):
                raise _NotArithmetic(ast.unparse(tree))
            return []
        case ast.Name() | ast.Attribute():
            return [_dotted(tree)]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return names(tree.operand)
        case ast.BinOp() if type(tree.op) in _OPERATORS:
            return [*names(tree.left), *names(tree.right)]
        case _:
            raise _NotArithmetic(ast.unparse(tree))


def evaluated(tree: ast.expr, named: Callable[[str], Value]) -> Value:
    """The value that a tree of ``parse`` stands for."""
    match tree:
        case ast.Constant(value=int() | float() as number):
            return Constant(number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return Constant(-number)
        case ast.UnaryOp(op=ast.USub()):
            return Arithmetic("-", Constant(0), evaluated(tree.operand, named))
        case ast.UnaryOp():
            return evaluated(tree.operand, named)
        case ast.BinOp():
            operator = _OPERATORS[type(tree.op)]
            return Arithmetic(operator, evaluated(tree.left, named), evaluated(tree.right, named))
        case _:
            return named(_dotted(tree))


def _dotted(tree: ast.expr) -> str:
    match tree:
        case ast.Name():
            return tree.id
        case ast.Attribute():
            return f"{_dotted(tree.value)}.{tree.attr}"
        case _:
            raise _NotArithmetic(ast.unparse(tree))
