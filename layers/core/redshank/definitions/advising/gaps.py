"""Which values that a Jinja source shows may be missing?

A value is taken care of by ``default``, by ``or``, or by an ``if`` around it that looks at it. What is passed to a
macro or a function is that one's business.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

#: What a contact's data can be reached by.
_ROOTS = frozenset({"contact", "account", "event", "measures"})
#: Filters that make nothing of nothing.
_EMPTY_OF_EMPTY = frozenset(
    {
        *("capitalize", "center", "e", "escape", "first", "forceescape", "indent", "last", "lower"),
        *("safe", "string", "striptags", "title", "trim", "truncate", "upper", "urlencode", "urlize"),
        "wordwrap",
    }
)

#: (``contact``, ``account``, ``event`` or ``measures``, the path below it).
type Path = tuple[str, str]
type Shown = Iterator[tuple[Path, int]]


def shown_bare(tree: nodes.Template) -> Shown:
    """What a source shows without taking care of its absence, and the line on which it does."""
    local = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    for path, line in _in_statement(tree, frozenset()):
        if path[0] not in local:
            yield path, line


def _in_statement(node: nodes.Node, guarded: frozenset[Path]) -> Shown:
    match node:
        case nodes.Output():
            for expression in node.nodes:
                yield from _in_expression(expression, guarded)
            return
        case nodes.If():
            guarded |= _paths(node.test)
        case nodes.For():
            guarded |= _paths(node.iter)
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Stmt):
            yield from _in_statement(child, guarded)


def _in_expression(node: nodes.Node, guarded: frozenset[Path]) -> Shown:
    path = _path(node)
    if path is not None:
        if not any(_concerns(it, path) for it in guarded):
            yield path, node.lineno
        return
    match node:
        case nodes.Filter() if node.name in _EMPTY_OF_EMPTY and node.node is not None:
            yield from _in_expression(node.node, guarded)
        case nodes.CondExpr():
            guarded |= _paths(node.test)
            for arm in (node.expr1, node.expr2):
                if arm is not None:
                    yield from _in_expression(arm, guarded)
        case nodes.Or():
            yield from _in_expression(node.right, guarded | _paths(node.left))
        case nodes.Concat():
            for part in node.nodes:
                yield from _in_expression(part, guarded)


def _concerns(guard: Path, path: Path) -> bool:
    """Whether who looks at one has looked at the other."""
    one, other = f"{guard[1]}.", f"{path[1]}."
    return guard[0] == path[0] and (one.startswith(other) or other.startswith(one))


def _paths(node: nodes.Node) -> frozenset[Path]:
    """All that an expression looks at."""
    found = (_path(it) for it in (node, *node.find_all((nodes.Getattr, nodes.Getitem))))
    return frozenset(it for it in found if it is not None)


def _path(node: nodes.Node) -> Path | None:
    parts: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            parts.insert(0, node.attr)
        elif isinstance(node.arg, nodes.Const):
            parts.insert(0, str(node.arg.value))
        else:
            return None
        node = node.node
    if parts and isinstance(node, nodes.Name) and node.name in _ROOTS:
        return node.name, ".".join(parts)
    return None
