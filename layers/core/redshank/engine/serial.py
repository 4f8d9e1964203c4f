"""How does a book become text? JSON in which a dataclass is ``{"is": its name, …}`` with its fields that differ
from the defaults, and a mapping ``{"of": …}``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from redshank.engine import book, conditions, measures, values, workflows
from redshank.engine.book import Book
from redshank.identity import digest

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for module in (book, conditions, measures, values, workflows)
    for kind in vars(module).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        given: dict[str, Any] = {"is": type(value).__name__}
        for item in dataclasses.fields(value):
            inner = getattr(value, item.name)
            if not _is_default(item, inner):
                given[item.name] = _plain(inner)
        return given
    if isinstance(value, Mapping):
        return {"of": {name: _plain(inner) for name, inner in value.items()}}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _is_default(item: dataclasses.Field[Any], inner: Any) -> bool:
    if item.default_factory is not dataclasses.MISSING:
        return bool(inner == item.default_factory())
    return bool(inner == item.default) and type(inner) is type(item.default)


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    if "is" not in value:
        return {name: _made(inner) for name, inner in value["of"].items()}
    kind = _KINDS[value["is"]]
    return kind(**{name: _made(inner) for name, inner in value.items() if name != "is"})


def canonical(value: Any) -> str:
    """A part of a book as JSON: equal parts, equal text, also after fields with defaults were added."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def dump(made: Book) -> str:
    """The book as JSON: equal books, equal text."""
    return canonical(made)


def load(text: str | bytes) -> Book:
    """The book of ``dump``."""
    found: Book = _made(json.loads(text))
    return found


def signatures(made: Book) -> dict[str, str]:
    """Key of a measure, truth or trigger -> a hash of what it means: where that differs, it is another one.

    A segment keeps its key when its definition changes, and so does whatever asks for the segment.
    """
    found = {key: key for key in (*made.measures, *made.absences)}
    found |= {trigger.key: trigger.key for _, trigger in made.schedules}
    return found | {key: _meaning(condition, made) for key, condition in made.truths.items()}


def _meaning(condition: Any, made: Book) -> str:
    asked = list(book.nodes(condition))
    segments = {node.segment for node in asked if isinstance(node, conditions.InSegment)}
    lists = {node.name for node in asked if isinstance(node, conditions.InList)}
    return digest(
        canonical(condition),
        *(_meaning(made.segments[name], made) for name in sorted(segments)),
        *(made.lists.get(name, "") for name in sorted(lists)),
    )
