"""What do the models say of themselves? Their docstrings, and the ``#:`` comments above their fields.

The JSON Schema and the reference are made of these, so that neither can say anything else than the code.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache

from redshank.definitions.models.base import Definition

_COMMENT = re.compile(r"\s*#: ?(.*)")


def of_model(model: type[Definition]) -> str:
    """The docstring, as Markdown."""
    return _markdown(inspect.cleandoc(model.__doc__ or ""))


def of_field(model: type[Definition], name: str) -> str:
    """The comment above the field, as Markdown; an empty string where there is none."""
    for base in model.__mro__:
        if issubclass(base, Definition) and name in _comments(base):
            return _comments(base)[name]
    return ""


@cache
def _comments(model: type[Definition]) -> dict[str, str]:
    lines, _ = inspect.getsourcelines(model)
    source = inspect.cleandoc("".join(lines)) if lines[0].startswith(" ") else "".join(lines)
    [tree] = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above: list[str] = []
            number = node.lineno - 2
            while (comment := _COMMENT.fullmatch(lines[number].rstrip("\n"))) is not None:
                above.insert(0, comment[1])
                number -= 1
            if above:
                found[node.target.id] = _markdown(" ".join(above))
    return found


def _markdown(text: str) -> str:
    return text.replace("``", "`")
