"""What does a written value mean: a constant, or text with paths such as ``{{ contact.plan }}`` in it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redshank.definitions.compiling.conditions import Conditions
from redshank.definitions.problems import Place, Problems, did_you_mean
from redshank.engine import values

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*")
_ROOTS = ("contact", "account", "event", "measures")


def compile_value(written: object, place: Place, conditions: Conditions, problems: Problems) -> values.Value:
    """A value of the engine; what is wrong goes to ``problems``."""
    if not isinstance(written, str):
        return values.Constant(written)
    parts = tuple(_parts(written, place, conditions, problems))
    if not parts:
        return values.Constant(written)
    return parts[0] if len(parts) == 1 else values.Joined(parts)


def compile_date(written: str, place: Place, conditions: Conditions) -> values.Value:
    """A date of the contact: the path of a trait, or ``account.x``."""
    root, _, path = written.partition(".")
    if root == "account" and path:
        return values.Account(path)
    path = path if root == "contact" and path else written
    kind = conditions.declared.trait(path, place)
    if kind is not None and (kind.type != "time" or kind.many):
        conditions.problems.add(place, f"`{written}` is declared as something else than a `time`")
    return values.Trait(path)


def _parts(text: str, place: Place, conditions: Conditions, problems: Problems) -> Iterator[values.Value]:
    if "{%" in text or "{#" in text:
        problems.add(
            place, f"`{text}` is a template; a value has paths such as `{{{{ contact.plan }}}}` only"
        )
        return
    at = 0
    for found in _BRACES.finditer(text):
        if found.start() > at:
            yield values.Constant(text[at : found.start()])
        yield _path(found[1], place, conditions, problems)
        at = found.end()
    if at < len(text):
        if "{{" in text[at:]:
            problems.add(place, f"`{text}` opens `{{{{` and does not close it")
        yield values.Constant(text[at:])


def _path(inside: str, place: Place, conditions: Conditions, problems: Problems) -> values.Value:
    found = _PATH.fullmatch(inside)
    if found is None:
        message = (
            f"`{{{{{inside}}}}}` is more than a path; a value can have `{{{{ contact.x }}}}`, "
            "`{{ account.x }}`, `{{ event.x }}` or `{{ measures.x }}`"
        )
        problems.add(place, message)
        return values.Constant(values.MISSING)
    root, path = found[1], found[2]
    match root:
        case "contact":
            conditions.declared.trait(path, place)
            return values.Trait(path)
        case "account":
            return values.Account(path)
        case "event":
            return values.Property(path)
        case "measures":
            conditions.references.check("measure", path, place)
            return conditions.named.of(path).value
        case _:
            hint = did_you_mean(root, _ROOTS)
            problems.add(place, f"unknown variable `{root}`{hint}")
            return values.Constant(values.MISSING)
