"""What did the app declare that it sends, and does what is asked fit that?

Where nothing is declared nothing is checked: a book without ``schema.yaml`` may name any trait, event and property.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from redshank.definitions.compiling.references import References
from redshank.definitions.models import schema as written
from redshank.definitions.models.base import shown
from redshank.definitions.models.conditions import COUNTING, OPERATORS, Comparison
from redshank.definitions.problems import Place, did_you_mean, listed
from redshank.engine.book import Kind, Schema

NUMBER = Kind(type="number")
TEXT = Kind(type="text")

_ORDERED = (*COUNTING, "exists")
#: The operators that a value of a type can be compared with.
_COMPARED_WITH: dict[str, Sequence[str]] = {
    "number": _ORDERED,
    "text": (*COUNTING, "has", "like", "exists"),
    "one_of": (*COUNTING, "has", "like", "exists"),
    "bool": ("eq", "ne", "one_of", "exists"),
    "time": (*_ORDERED, "in_next", "in_last"),
}
#: What a value of a type is, and what it is compared with.
_CALLED = {"number": "a number", "text": "text", "bool": "true or false", "time": "a time"}
_FITTING: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "text": (str,),
    "bool": (bool,),
    "time": (str, int, float),
}


def compile_schema(source: written.Schema | None) -> Schema | None:
    if source is None:
        return None
    return Schema(
        rejects=source.on_mismatch == "reject",
        traits={name: _kind(kind) for name, kind in source.traits.items()},
        events={
            event: {name: _kind(kind) for name, kind in properties.items()}
            for event, properties in source.events.items()
        },
    )


def _kind(source: written.Kind) -> Kind:
    if isinstance(source, list):
        one = _kind(source[0])
        return Kind(type=one.type, options=one.options, many=True)
    if isinstance(source, written.OneOf):
        return Kind(type="one_of", options=tuple(source.one_of))
    return Kind(type=source)


@dataclass(frozen=True)
class Declared:
    """What the traits and properties that a book names are known to be."""

    references: References
    schema: Schema = field(default_factory=Schema)

    def events(self, names: Sequence[str], place: Place) -> tuple[str, ...]:
        """The names of events in a fixed order; what is unknown is reported."""
        for name in names:
            self.references.check("event", name, place)
        return tuple(sorted(set(names)))

    def trait(self, path: str, place: Place) -> Kind | None:
        """What a trait is, if that is known; an unknown one is reported."""
        self.references.check("trait", path.partition(".")[0], place)
        return self.schema.traits.get(path)

    def property(self, events: Sequence[str], path: str, place: Place) -> Kind | None:
        """What a property is for all of the events, if that is known; one that none of them has is reported."""
        declared = [self.schema.events[event] for event in events if event in self.schema.events]
        if not declared or len(declared) < len(events):
            return None
        roots = {name.partition(".")[0] for properties in declared for name in properties}
        if path.partition(".")[0] not in roots:
            hint = did_you_mean(path, roots)
            self.references.problems.add(place, f"{_of(events)} no property `{path}`{hint}")
        kinds = [properties.get(path) for properties in declared]
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else None

    def check(self, kind: Kind | None, what: str, source: Comparison) -> None:
        """Report a comparison that cannot fit what ``what`` is."""
        if kind is None or source.comparison is None:
            return
        operator, wanted = source.comparison
        message = _misfit(kind, what, operator, wanted)
        if message:
            self.references.problems.add(source.at(operator), message)


def _of(events: Collection[str]) -> str:
    return f"{listed(events, 'and')} {'has' if len(events) == 1 else 'have'}"


def _misfit(kind: Kind, what: str, operator: str, wanted: Any) -> str:
    allowed = ("has", "exists") if kind.many else _COMPARED_WITH[kind.type]
    called = "a list" if kind.many else _CALLED.get(kind.type) or f"one of {_options(kind)}"
    if operator not in allowed:
        in_order = [name for name in OPERATORS if name in allowed]
        return f"`{what}` is {called}; it is compared with {listed(in_order)}, not `{operator}`"
    if operator in ("exists", "in_next", "in_last"):
        return ""
    for item in wanted if isinstance(wanted, list) else [wanted]:
        if kind.type == "one_of":
            if operator in ("eq", "ne", "one_of", "has") and not _is_option(item, kind.options):
                item_of = "has items of" if kind.many else "is one of"
                hint = did_you_mean(str(item), {str(it) for it in kind.options}) if _near(item, kind) else ""
                return f"`{what}` {item_of} {_options(kind)}, never {shown(item)}{hint}"
        elif not _fits(item, _FITTING[kind.type]):
            if kind.many:
                return f"`{what}` is a list of {_PLURAL[kind.type]}, and never has {shown(item)}"
            return f"`{what}` is {called}, which {shown(item)} never is"
    return ""


_PLURAL = {"number": "numbers", "text": "text", "bool": "true or false", "time": "times"}


def _fits(item: Any, types: tuple[type, ...]) -> bool:
    return isinstance(item, bool) == (bool in types) and isinstance(item, types)


def _is_option(item: Any, options: Sequence[str | int | float]) -> bool:
    return not isinstance(item, bool) and item in options


def _options(kind: Kind) -> str:
    return listed((str(option) for option in kind.options), "and")


def _near(item: Any, kind: Kind) -> bool:
    return isinstance(item, str) and all(isinstance(option, str) for option in kind.options)
