"""Is an event what the app declared that it would send? The book's schema, in a form that needs no book.

It travels in the pointer to the live book:
``{"rejects": true, "traits": {"plan": ["trial", "pro"], "tags": {"many": "text"}}, "events": {"cart_updated": {…}}}``.
What is not declared may be sent all the same, and whatever is declared may be left out or null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redshank.engine.book import Kind, Schema
    from redshank.engine.inputs import Event

#: A declared kind: the name of a type, the values that may be, or ``{"many": kind}``.
type Compact = str | list[Any] | Mapping[str, Any]

_SAID = {
    "text": "text",
    "number": "a number",
    "bool": "true or false",
    "time": "a time (ISO 8601, or since 1970)",
}
_MANY = "many"


def compact(schema: Schema) -> dict[str, Any]:
    """The schema as it travels."""
    return {
        "rejects": schema.rejects,
        "traits": _compact_all(schema.traits),
        "events": {name: _compact_all(kinds) for name, kinds in schema.events.items()},
    }


def _compact_all(kinds: Mapping[str, Kind]) -> dict[str, Compact]:
    return {name: _compact(kind) for name, kind in kinds.items()}


def _compact(kind: Kind) -> Compact:
    one: Compact = list(kind.options) if kind.type == "one_of" else kind.type
    return {_MANY: one} if kind.many else one


def mismatches(schema: Mapping[str, Any], event: Event) -> Iterator[tuple[str, str]]:
    """(where, what was expected) of all that does not match: ``properties.total``, ``is not a number``."""
    if event.type == "identify":
        yield from _compared("traits", schema["traits"], event.traits)
    elif event.name in schema["events"]:
        yield from _compared("properties", schema["events"][event.name], event.properties)


def _compared(
    where: str, kinds: Mapping[str, Compact], given: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for name, kind in kinds.items():
        value = _at(given, name)
        if value is not None and not _is(kind, value):
            yield f"{where}.{name}", f"is not {_expected(kind)}"


def _at(given: Mapping[str, Any], path: str) -> Any:
    """``a.b`` of a nested object, or None where any part is missing."""
    if path in given:
        return given[path]
    found: Any = given
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _is(kind: Compact, value: Any) -> bool:
    if isinstance(kind, Mapping):
        return type(value) is list and all(_is(kind[_MANY], one) for one in value)
    if isinstance(kind, list):
        # 1 == True in Python.
        return any(value == one and isinstance(value, bool) is isinstance(one, bool) for one in kind)
    match kind:
        case "text":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "number":
            return _is_number(value)
        case _:
            return _is_number(value) or (isinstance(value, str) and _is_time(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _expected(kind: Compact) -> str:
    if isinstance(kind, Mapping):
        return f"a list, each {_expected(kind[_MANY])}"
    if isinstance(kind, list):
        return f"one of {', '.join(str(one) for one in kind)}"
    return _SAID[kind]
