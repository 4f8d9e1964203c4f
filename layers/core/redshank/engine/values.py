"""What can a condition look at?

A value that can change by time alone is a *course*: ``(since, value), …``, the first item holding now, each later
one from its instant on. What fades continuously is given as Fading, which has a value at every instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from redshank.engine import measures, moments
from redshank.engine.state import Journey, Profile, Standing

if TYPE_CHECKING:
    from redshank.engine.book import Book
    from redshank.engine.conditions import Condition

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

    @property
    def zone(self) -> ZoneInfo:
        """The contact's timezone, or the book's."""
        return zone_of(self.profile, self.book)


def zone_of(profile: Profile, book: Book) -> ZoneInfo:
    """The contact's timezone, or the book's where it has none that exists."""
    named = profile.traits.get("timezone")
    found = moments.zone(named) if isinstance(named, str) and named else None
    return found or moments.zone(book.timezone) or ZoneInfo("UTC")


type Course = Iterator[tuple[int, Any]]


class Value(Protocol):
    def course(self, facts: Facts) -> Course:
        """What the value is, and what it will be if nothing happens: (since, value), ascending."""
        ...


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


def present(value: Value, facts: Facts) -> Any:
    """What the value is now."""
    _, found = next(value.course(facts))
    return found.at(facts.now) if isinstance(found, Fading) else found


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    def course(self, facts: Facts) -> Course:
        yield facts.now, self.value


@dataclass(frozen=True, slots=True)
class Trait:
    path: str

    def course(self, facts: Facts) -> Course:
        yield facts.now, dig(facts.profile.traits, self.path)


@dataclass(frozen=True, slots=True)
class Account:
    """A trait of the account (a Segment group) that the contact belongs to."""

    path: str

    def course(self, facts: Facts) -> Course:
        yield facts.now, dig(facts.profile.account, self.path)


@dataclass(frozen=True, slots=True)
class Property:
    path: str

    def course(self, facts: Facts) -> Course:
        yield facts.now, dig(facts.properties, self.path)


#: ``Measured.since``: the journey's entry, the beginning of the step at hand; else the step that was left.
ENTRY = "<entry>"
HERE = "<here>"


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a measure, named by its key in the book."""

    measure: str
    #: Where in the journey the count begins (ENTRY, HERE or a step), or an empty string for the measure's window.
    since: str = ""
    #: With ``since``: the span after that which counts, or None.
    within: int | None = None
    #: The event that started the journey is itself of this kind, and never counts.
    strictly: bool = False

    def course(self, facts: Facts) -> Course:
        measure = facts.book.measures[self.measure]
        samples = facts.standing.measures.get(self.measure, ())
        tag = dig(facts.properties, measure.same) if measure.same else None
        if self.since:
            start = self._start(facts.journey)
            end = None if start is None or self.within is None else start + self.within
            held = () if start is None else samples
            skip = self.strictly and facts.journey is not None and start == facts.journey.entered_at
            yield facts.now, measures.since(measure, held, (start or 0) + skip, end, tag)
            return
        if measure.same:
            samples = [it for it in samples if it[2] == tag]
        yield from measures.course(measure, samples, facts.now, facts.zone)

    def leaving(self, facts: Facts) -> list[int] | None:
        """When each of the events that it counts leaves the window, if it is such a count (see measures)."""
        if self.since:
            return None
        measure = facts.book.measures[self.measure]
        return measures.leaving(measure, facts.standing.measures.get(self.measure, ()), facts.now)

    def _start(self, journey: Journey | None) -> int | None:
        if journey is None:
            return None
        if self.since == ENTRY:
            return journey.entered_at
        return journey.since if self.since == HERE else journey.passed.get(self.since)


def merged(courses: Sequence[Course], start: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Several courses that begin at ``start`` as one: at each change of any, the values of all."""
    values: list[Any] = []
    coming: list[tuple[int, int, Any, Course]] = []
    for index, course in enumerate(courses):
        values.append(next(course)[1])
        later = next(course, None)
        if later is not None:
            coming.append((later[0], index, later[1], course))
    yield start, tuple(values)
    while coming:
        at = min(it[0] for it in coming)
        waiting, coming = coming, []
        for since, index, value, course in waiting:
            if since > at:
                coming.append((since, index, value, course))
                continue
            values[index] = value
            later = next(course, None)
            if later is not None:
                coming.append((later[0], index, later[1], course))
        yield at, tuple(values)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+ - * /`` of two values; missing where one is missing or no number, as is x / 0 and what has no end."""

    operator: str
    left: Value
    right: Value

    def course(self, facts: Facts) -> Course:
        for since, (left, right) in merged([self.left.course(facts), self.right.course(facts)], facts.now):
            yield since, self._of(left, right)

    def _of(self, left: Any, right: Any) -> Any:
        try:
            left, right = measures.number(left), measures.number(right)
            if left is None or right is None:
                return MISSING
            found = measures.number(_OPERATORS[self.operator](left, right))
            return found if isfinite(found) else MISSING
        except (ZeroDivisionError, OverflowError):
            return MISSING


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {"+": add, "-": sub, "*": mul, "/": truediv}


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a table has for a value; missing where it has nothing."""

    value: Value
    to: Mapping[str, Any]

    def course(self, facts: Facts) -> Course:
        for since, found in self.value.course(facts):
            yield since, MISSING if found is MISSING else self.to.get(_written(found))


def _written(value: Any) -> str:
    """A value as the keys of a table have it: ``true``, ``5`` (also for what a division made 5.0), ``pro``."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@dataclass(frozen=True, slots=True)
class Fading:
    """A number at every instant: a level, and amounts that each halve in ``half_life`` milliseconds."""

    level: float
    #: (the instant at which it is worth this, the amount)
    amounts: tuple[tuple[int, float], ...]
    half_life: int

    def at(self, instant: int) -> float:
        left = (amount * measures.faded(instant - at, self.half_life) for at, amount in self.amounts)
        return float(self.level + sum(left))


@dataclass(frozen=True, slots=True)
class Points:
    """A score: points for each event, fading where a half-life is given, and points while something is true."""

    #: (a measure that counts an event, the points for each)
    events: tuple[tuple[Measured, float], ...]
    #: (a condition, the points while it holds)
    conditions: tuple[tuple[Condition, float], ...]
    #: In milliseconds; 0: events count for ever.
    half_life: int = 0

    def course(self, facts: Facts) -> Course:
        courses = [condition.course(facts) for condition, _ in self.conditions]
        points = [points for _, points in self.conditions]
        amounts = self._amounts(facts) if self.half_life else ()
        if not self.half_life:
            courses += [measured.course(facts) for measured, _ in self.events]
            points += [points for _, points in self.events]
        for since, values in merged(courses, facts.now):
            level = sum(value * worth for value, worth in zip(values, points, strict=True))
            yield since, Fading(level, amounts, self.half_life) if self.half_life else level

    def _amounts(self, facts: Facts) -> tuple[tuple[int, float], ...]:
        return tuple(
            (at, count * points)
            for measured, points in self.events
            for at, count in facts.standing.measures.get(measured.measure, ())
        )


@dataclass(frozen=True, slots=True)
class Predicted:
    """The score of a model, missing as long as no model has been trained."""

    model: str

    def course(self, facts: Facts) -> Course:
        yield facts.now, MISSING


@dataclass(frozen=True, slots=True)
class Joined:
    """Text made of values; a missing one is empty."""

    parts: tuple[Value, ...]

    def course(self, facts: Facts) -> Course:
        found = (present(part, facts) for part in self.parts)
        yield facts.now, "".join("" if it is MISSING else str(it) for it in found)
