"""Is it true, and until when?

Time alone can change the truth of a condition: "logged in within 7 days" is true until the last login is 7 days
old. So a condition has a course, as a value has: ``(since, truth), …``, the first item holding now. Its verdict is
``(truth, until)``: ``until`` is the first instant at which, if nothing else happens, the truth differs, or None for
never. The earliest ``until`` of a contact is when it must be woken; so nothing is ever polled.

A missing value compares false; ``not`` is two-valued.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from math import ceil, floor, isfinite
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from redshank.engine import consent, moments
from redshank.engine.state import Journey
from redshank.engine.values import MISSING, Facts, Fading, Measured, Value, merged, present

type Verdict = tuple[bool, int | None]
type Truths = Iterator[tuple[int, bool]]

#: After so many half-lives nothing is left that a float could show.
_GONE = 128


class Condition(Protocol):
    def course(self, facts: Facts) -> Truths:
        """Whether it is true, and will be if nothing happens: (since, truth), ascending."""
        ...


def verdict(condition: Condition, facts: Facts) -> Verdict:
    """Whether it is true now, and the instant at which time alone changes that."""
    course = condition.course(facts)
    _, truth = next(course)
    return truth, next((since for since, later in course if later != truth), None)


def earliest(*instants: int | None) -> int | None:
    """The earliest of the instants given; None stands for never."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None


# --- comparisons


def _has(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(wanted, str) and wanted in actual
    return isinstance(actual, Sequence) and wanted in actual


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
    "eq": lambda actual, wanted: actual == wanted,
    "ne": lambda actual, wanted: actual != wanted,
    "one_of": lambda actual, wanted: actual in wanted,
    "lt": lambda actual, wanted: _ordered(actual, wanted) and actual < wanted,
    "lte": lambda actual, wanted: _ordered(actual, wanted) and actual <= wanted,
    "gt": lambda actual, wanted: _ordered(actual, wanted) and actual > wanted,
    "gte": lambda actual, wanted: _ordered(actual, wanted) and actual >= wanted,
    "has": _has,
    "like": _like,
}

#: Those that ask whether a count is above or at least a number: (above?, what they answer if it is).
_ENOUGH = {"gt": (True, True), "lte": (True, False), "gte": (False, True), "lt": (False, False)}


def _is_finite(wanted: Any) -> bool:
    """Whether a count can be counted down to it."""
    return isinstance(wanted, int | float) and not isinstance(wanted, bool) and isfinite(wanted)


#: Those that compare a time with now: the wanted value is a span in milliseconds.
TIMELY = ("in_next", "in_last")
OPERATORS = frozenset(_OPERATORS) | {"exists", *TIMELY}


def compare(actual: Any, operator: str, wanted: Any) -> bool:
    """``exists`` asks only whether there is a value; every other comparison of a missing one is false."""
    if operator == "exists":
        return (actual is not MISSING) == bool(wanted)
    if actual is MISSING:
        return False
    return bool(_OPERATORS[operator](actual, wanted))


@dataclass(frozen=True, slots=True)
class Compare:
    """``in_next: 3d`` of a time T holds in [T - 3d, T), ``in_last: 3d`` in [T, T + 3d)."""

    value: Value
    operator: str
    wanted: Any

    def course(self, facts: Facts) -> Truths:
        if isinstance(self.value, Measured) and self.operator in _ENOUGH and _is_finite(self.wanted):
            leaving = self.value.leaving(facts)
            if leaving is not None:
                yield from self._counted(leaving, facts.now)
                return
        course = self.value.course(facts)
        since, actual = next(course)
        if self.operator in TIMELY or isinstance(actual, Fading):
            where = facts.zone if self.operator in TIMELY else None
            for later, following in course:
                yield from self._during(actual, since, later, where)
                since, actual = later, following
            yield from self._during(actual, since, None, where)
            return
        yield since, compare(actual, self.operator, self.wanted)
        for since, actual in course:
            yield since, compare(actual, self.operator, self.wanted)

    def _counted(self, leaving: Sequence[int], now: int) -> Truths:
        """Of a count that only falls, as its events leave: it is enough until one too many has left."""
        above, enough = _ENOUGH[self.operator]
        least = floor(self.wanted) + 1 if above else ceil(self.wanted)
        if len(leaving) < least:
            yield now, not enough
            return
        yield now, enough
        if least > 0:
            yield leaving[len(leaving) - least], not enough

    def _during(self, actual: Any, since: int, before: int | None, where: ZoneInfo | None) -> Truths:
        """The truth over [since, before), in which a time stays, or a number fades."""
        if where is not None:
            moment = moments.moment(actual, where)
            start, end = (since, since) if moment is None else self._span(moment)
            yield since, start <= since < end
            for at in (start, end):
                if since < at and (before is None or at < before):
                    yield at, start <= at < end
        else:
            yield since, compare(actual.at(since), self.operator, self.wanted)
            crossing = self._crossing(actual, since, before)
            if crossing is not None:
                yield crossing, compare(actual.at(crossing), self.operator, self.wanted)

    def _span(self, moment: int) -> tuple[int, int]:
        span: int = self.wanted
        return (moment - span, moment) if self.operator == "in_next" else (moment, moment + span)

    def _crossing(self, fading: Fading, since: int, before: int | None) -> int | None:
        """The first instant in (since, before) at which what fades compares differently.

        All amounts halve at one pace, so their sum only shrinks towards the level: it crosses once at most.
        """

        def holds(at: int) -> bool:
            return compare(fading.at(at), self.operator, self.wanted)

        last = since + _GONE * fading.half_life
        low, high = since, last if before is None else min(before - 1, last)
        truth = holds(low)
        if high <= low or holds(high) == truth:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if holds(middle) == truth else (low, middle)
        return high


# --- the contact


@dataclass(frozen=True, slots=True)
class Subscribed:
    topic: str

    def course(self, facts: Facts) -> Truths:
        yield facts.now, consent.allows(facts.book.topics[self.topic], facts.profile)


@dataclass(frozen=True, slots=True)
class InSegment:
    segment: str

    def course(self, facts: Facts) -> Truths:
        return facts.book.segments[self.segment].course(facts)


@dataclass(frozen=True, slots=True)
class InList:
    """The contact, or its address, is on a static list."""

    name: str

    def course(self, facts: Facts) -> Truths:
        yield facts.now, facts.book.is_listed(self.name, facts.profile)


@dataclass(frozen=True, slots=True)
class Reached:
    """The instant ``offset`` after a date has come; at a time of day (minutes) if one is given."""

    date: Value
    offset: int = 0
    minutes: int | None = None

    def moment(self, facts: Facts) -> int | None:
        found = moments.moment(present(self.date, facts), facts.zone)
        return None if found is None else moments.on_day(found, self.offset, self.minutes, facts.zone)

    def course(self, facts: Facts) -> Truths:
        moment = self.moment(facts)
        yield facts.now, moment is not None and moment <= facts.now
        if moment is not None and moment > facts.now:
            yield moment, True


# --- the journey


@dataclass(frozen=True, slots=True)
class Email:
    """What became of an email of this journey: ``sent``, ``opened`` or ``clicked``."""

    fact: str
    step: str
    #: Of ``clicked``: a pattern that the link matches, or an empty string.
    link: str = ""
    #: Whether opens and clicks by machines count too.
    anyone: bool = False

    def course(self, facts: Facts) -> Truths:
        yield facts.now, facts.journey is not None and self._happened(facts.journey)

    def _happened(self, journey: Journey) -> bool:
        if self.fact == "sent":
            return self.step in journey.sent
        human, machine = (
            (journey.opened, journey.opened_by_machine)
            if self.fact == "opened"
            else (journey.clicked, journey.clicked_by_machine)
        )
        happened = self.step in human or (self.anyone and self.step in machine)
        if happened and self.link:
            links = list(journey.links.get(self.step, ()))
            if self.anyone:
                links += journey.links_by_machine.get(self.step, ())
            return any(_like(link, self.link) for link in links)
        return happened


# --- joined


def _joined(items: Sequence[Condition], facts: Facts, *, decisive: bool) -> Truths:
    """All (one that is false decides) or any (one that is true does); what is decisive for ever decides alone."""
    courses: list[Truths] = []
    for item in items:
        course = item.course(facts)
        first, later = next(course), next(course, None)
        if first[1] is decisive and later is None:
            yield facts.now, decisive
            return
        courses.append(chain((first,), () if later is None else (later,), course))
    for since, truths in merged(courses, facts.now):
        yield since, decisive if decisive in truths else not decisive


@dataclass(frozen=True, slots=True)
class All:
    items: tuple[Condition, ...]

    def course(self, facts: Facts) -> Truths:
        return _joined(self.items, facts, decisive=False)


@dataclass(frozen=True, slots=True)
class Any_:
    items: tuple[Condition, ...]

    def course(self, facts: Facts) -> Truths:
        return _joined(self.items, facts, decisive=True)


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition

    def course(self, facts: Facts) -> Truths:
        for since, truth in self.item.course(facts):
            yield since, not truth
