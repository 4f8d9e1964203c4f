"""Is a Jinja source sound, and what does it use and refer to?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from redshank.definitions.problems import Place, Problems, did_you_mean

#: What a template can use, beside Jinja's own functions.
ROOTS = frozenset(
    {
        *("contact", "account", "event", "measures", "journey"),
        *("unsubscribe_url", "preferences_url", "browser_url", "postal_address"),
        *("sender", "subject", "preheader"),
    }
)

#: What a book declares of what is below a root.
DECLARED = {"measures": "measure", "contact": "trait"}
EVENT = "event"


def environment() -> Environment:
    """Jinja as the emails are rendered with, for looking at sources only."""
    return ImmutableSandboxedEnvironment(autoescape=True)


def check_line(text: str, place: Place, problems: Problems) -> frozenset[str]:
    """What a line of Jinja (a subject, a preheader) uses of ROOTS; what is wrong goes to ``problems``."""
    jinja = environment()
    tree = parse(text, place, problems, jinja)
    if tree is None:
        return frozenset()
    return roots_of(tree, Place(place.file, place.line), problems, jinja)


def parses(text: str, jinja: Environment) -> bool:
    """Whether Jinja takes it."""
    try:
        jinja.compile(text)
    except TemplateError:
        return False
    return True


def parse(text: str, place: Place, problems: Problems, jinja: Environment) -> nodes.Template | None:
    """The syntax tree, compiled once so that unknown filters and tests are found too."""
    try:
        tree = jinja.parse(text)
        jinja.compile(jinja.parse(text))
    except TemplateSyntaxError as error:
        problems.add(line_of(place, error.lineno), f"Jinja: {_filter_hint(error.message or '', jinja)}")
        return None
    return tree


def _filter_hint(message: str, jinja: Environment) -> str:
    found = re.fullmatch(r"No (filter|test) named '(.+)'\.", message)
    if not found:
        return message
    known = jinja.filters if found[1] == "filter" else jinja.tests
    return f"unknown {found[1]} `{found[2]}`{did_you_mean(found[2], known)}"


def roots_of(tree: nodes.Template, place: Place, problems: Problems, jinja: Environment) -> frozenset[str]:
    """What a source uses of ROOTS; what it uses beside them and nobody defines goes to ``problems``."""
    free = meta.find_undeclared_variables(tree) - jinja.globals.keys() - _shared_with_blocks(tree.body)
    for name in sorted(free - ROOTS):
        uses = [node.lineno for node in tree.find_all(nodes.Name) if node.name == name and node.ctx == "load"]
        at = line_of(place, min(uses, default=1))
        problems.add(at, f"unknown variable `{name}`{_variable_hint(name)}")
    return frozenset(free & ROOTS)


#: Where a source uses all that is below a root.
ALL = "*"


def members_of(root: str, tree: nodes.Template) -> dict[str, int]:
    """The names right below one of ROOTS that a source uses, or ALL, each with the line it does so first."""
    found: dict[str, int] = {}
    named: set[int] = set()
    methods = {id(call.node) for call in tree.find_all(nodes.Call)}
    parts: list[tuple[nodes.Node, object]] = [
        (it.node, it.attr) for it in tree.find_all(nodes.Getattr) if id(it) not in methods
    ]
    parts += [
        (it.node, it.arg.value) for it in tree.find_all(nodes.Getitem) if isinstance(it.arg, nodes.Const)
    ]
    for base, name in parts:
        if isinstance(base, nodes.Name) and base.name == root and isinstance(name, str):
            named.add(id(base))
            found[name] = min(found.get(name, base.lineno), base.lineno)
    for base in tree.find_all(nodes.Name):
        if base.name == root and base.ctx == "load" and id(base) not in named:
            found.setdefault(ALL, base.lineno)
    return found


def members_in_line(root: str, text: str) -> frozenset[str]:
    """The names right below one of ROOTS that a line of Jinja uses, or ALL; none if it is wrong."""
    try:
        return frozenset(members_of(root, environment().parse(text)))
    except TemplateSyntaxError:
        return frozenset()


def _shared_with_blocks(body: Iterable[nodes.Node]) -> set[str]:
    """The names that statements outside of blocks define: blocks see them, though Jinja's meta says not."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, nodes.Assign | nodes.AssignBlock):
            found |= {
                it.name
                for it in [node.target, *node.target.find_all(nodes.Name)]
                if isinstance(it, nodes.Name)
            }
        elif isinstance(node, nodes.Macro):
            found.add(node.name)
        elif isinstance(node, nodes.Import):
            found.add(node.target)
        elif isinstance(node, nodes.FromImport):
            found |= {name if isinstance(name, str) else name[1] for name in node.names}
        elif isinstance(node, nodes.If):
            found |= _shared_with_blocks([*node.body, *node.elif_, *node.else_])
    return found


def _variable_hint(name: str) -> str:
    hint = did_you_mean(name, ROOTS)
    return hint or f"; a trait is `contact.{name}`, a property of the starting event `event.{name}`"


type Reference = nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport


def references(tree: nodes.Template) -> Iterator[Reference]:
    """Where a source refers to others."""
    yield from tree.find_all(nodes.Extends)
    yield from tree.find_all(nodes.Include)
    yield from tree.find_all(nodes.Import)
    yield from tree.find_all(nodes.FromImport)


def names_in(template: nodes.Expr) -> Iterable[str | None]:
    """The names a reference may lead to; None where one is computed."""
    if isinstance(template, nodes.Const):
        given = template.value
        return given if isinstance(given, tuple | list) else [given if isinstance(given, str) else None]
    if isinstance(template, nodes.Tuple | nodes.List):
        return [name for item in template.items for name in names_in(item)]
    if isinstance(template, nodes.CondExpr):
        arms = [template.expr1, *([template.expr2] if template.expr2 is not None else [])]
        return [name for arm in arms for name in names_in(arm)]
    return [None]


def line_of(place: Place, line: int) -> Place:
    """A line of a source that begins at ``place``."""
    return Place(place.file, place.line + line - 1)
