"""Is it true, and until when?

A condition evaluates to a verdict ``(truth, until)``: ``until`` is the first instant at which, if nothing
else happens, the truth may differ, or None for never. "Logged in within 7 days" is true until the last
login is 7 days old. The earliest ``until`` of a contact is when it must be woken; so nothing is ever polled.

A value that can change by time alone is a *course*: ``[(since, value), …]``, the first item holding now.
A missing value compares false; ``not`` is two-valued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from redshank.engine import consent, measures
from redshank.engine.state import Journey, Profile, Standing

if TYPE_CHECKING:
    from redshank.engine.book import Book

type Verdict = tuple[bool, int | None]

MISSING: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a condition about one contact may look at."""

    book: Book
    profile: Profile
    standing: Standing
    now: int
    #: The event at hand, for ``property``.
    properties: Mapping[str, Any] = field(default_factory=dict)
    #: The journey at hand, for ``sent``, ``opened``, ``clicked`` and what happened since its entry.
    journey: Journey | None = None


class Condition(Protocol):
    def verdict(self, facts: Facts) -> Verdict: ...


class Value(Protocol):
    def course(self, facts: Facts) -> Iterator[tuple[int, Any]]:
        """What the value is, and what it will be if nothing happens: (since, value), ascending."""
        ...


def earliest(*instants: int | None) -> int | None:
    """The earliest of the instants given; None stands for never."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None


def dig(mapping: Mapping[str, Any], path: str) -> Any:
    """``a.b`` of a nested mapping, or None where any part is missing."""
    if path in mapping:
        return mapping[path]
    found: Any = mapping
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return MISSING
        found = found[part]
    return found


# --- values


@dataclass(frozen=True, slots=True)
class Trait:
    path: str

    def course(self, facts: Facts) -> Iterator[tuple[int, Any]]:
        yield facts.now, dig(facts.profile.traits, self.path)


@dataclass(frozen=True, slots=True)
class Property:
    path: str

    def course(self, facts: Facts) -> Iterator[tuple[int, Any]]:
        yield facts.now, dig(facts.properties, self.path)


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a measure, named by its key in the book."""

    measure: str

    def course(self, facts: Facts) -> Iterator[tuple[int, Any]]:
        measure = facts.book.measures[self.measure]
        return measures.course(measure, facts.standing.measures.get(self.measure), facts.now)


# --- conditions


def _equal(actual: Any, wanted: Any) -> bool:
    return bool(actual == wanted)


def _has(actual: Any, wanted: Any) -> bool:
    return isinstance(actual, str | Sequence) and wanted in actual


def _like(actual: Any, pattern: Any) -> bool:
    return isinstance(actual, str) and fnmatchcase(actual.lower(), str(pattern).lower())


def _ordered(actual: Any, wanted: Any) -> bool:
    """Whether two values have an order: numbers with numbers, text with text."""
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return False
    if isinstance(actual, int | float):
        return isinstance(wanted, int | float)
    return isinstance(actual, str) and isinstance(wanted, str)


_OPERATORS = {
    "eq": _equal,
    "ne": lambda actual, wanted: actual != wanted,
    "one_of": lambda actual, wanted: actual in wanted,
    "lt": lambda actual, wanted: _ordered(actual, wanted) and actual < wanted,
    "lte": lambda actual, wanted: _ordered(actual, wanted) and actual <= wanted,
    "gt": lambda actual, wanted: _ordered(actual, wanted) and actual > wanted,
    "gte": lambda actual, wanted: _ordered(actual, wanted) and actual >= wanted,
    "has": _has,
    "like": _like,
}

OPERATORS = frozenset(_OPERATORS) | {"exists"}


def compare(actual: Any, operator: str, wanted: Any) -> bool:
    """``exists`` asks only whether there is a value; every other comparison of a missing one is false."""
    if operator == "exists":
        return (actual is not MISSING) == bool(wanted)
    if actual is MISSING:
        return False
    return bool(_OPERATORS[operator](actual, wanted))


@dataclass(frozen=True, slots=True)
class Compare:
    value: Value
    operator: str
    wanted: Any

    def verdict(self, facts: Facts) -> Verdict:
        course = self.value.course(facts)
        _, actual = next(course)
        truth = compare(actual, self.operator, self.wanted)
        for since, later in course:
            if compare(later, self.operator, self.wanted) != truth:
                return truth, since
        return truth, None


@dataclass(frozen=True, slots=True)
class HappenedSinceEntry:
    """An event of this measure came after the journey's start (the starting event itself never counts)."""

    measure: str
    #: Elapsed time after entry within which it counts, or None.
    within: int | None = None
    #: The starting event may itself be of this kind, so that only later instants count.
    strictly: bool = False

    def verdict(self, facts: Facts) -> Verdict:
        if facts.journey is None:
            return False, None
        entered = facts.journey.entered_at
        last = measures.last(facts.book.measures[self.measure], facts.standing.measures.get(self.measure))
        if last is None or last < entered or (self.strictly and last == entered):
            return False, None
        return self.within is None or last <= entered + self.within, None


@dataclass(frozen=True, slots=True)
class Subscribed:
    topic: str

    def verdict(self, facts: Facts) -> Verdict:
        return consent.allows(facts.book.topics[self.topic], facts.profile), None


@dataclass(frozen=True, slots=True)
class Email:
    """What became of an email of this journey: ``sent``, ``opened`` or ``clicked``."""

    fact: str
    step: str

    def verdict(self, facts: Facts) -> Verdict:
        if facts.journey is None:
            return False, None
        happened: Mapping[str, int] = getattr(facts.journey, self.fact)
        return self.step in happened, None


@dataclass(frozen=True, slots=True)
class InSegment:
    segment: str

    def verdict(self, facts: Facts) -> Verdict:
        return facts.book.segments[self.segment].verdict(facts)


@dataclass(frozen=True, slots=True)
class All:
    items: tuple[Condition, ...]

    def verdict(self, facts: Facts) -> Verdict:
        """True until the first item turns false; false until every false item may have turned true."""
        verdicts = [item.verdict(facts) for item in self.items]
        false_until = [until for truth, until in verdicts if not truth]
        if not false_until:
            return True, earliest(*(until for _, until in verdicts))
        if None in false_until:
            return False, None
        return False, max(until for until in false_until if until is not None)


@dataclass(frozen=True, slots=True)
class Any_:
    items: tuple[Condition, ...]

    def verdict(self, facts: Facts) -> Verdict:
        truth, until = All(tuple(Not(item) for item in self.items)).verdict(facts)
        return not truth, until


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition

    def verdict(self, facts: Facts) -> Verdict:
        truth, until = self.item.verdict(facts)
        return not truth, until
