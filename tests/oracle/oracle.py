"""What is true of a contact, worked out from everything that ever arrived? Slow and obvious, to be believed.

Nothing here calls the engine: its books, conditions and measures are read as the sentences they are.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from redshank.engine import conditions, values
from redshank.engine.book import Book
from redshank.engine.inputs import Event
from redshank.engine.measures import Calendar, Measure, Rolling, SinceEntry

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
ZONES = frozenset(
    {
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Havana",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
    }
)


# --- clocks


def clock(instant: int, where: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant))
        .astimezone(where)
        .replace(tzinfo=None)
    )


@lru_cache(maxsize=100_000)
def shows(wall: datetime, where: ZoneInfo) -> int:
    """The first instant at which the clock shows that minute or a later one."""
    assert wall.second == wall.microsecond == 0, "looked for minute by minute"
    utc = (wall.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    for instant in range(utc - 15 * 60 * MINUTE, utc + 15 * 60 * MINUTE, MINUTE):
        if clock(instant, where) >= wall:
            return instant
    raise AssertionError(f"{wall} in {where}")


def time_on(day: date, minutes: int, where: ZoneInfo) -> int:
    return shows(datetime.combine(day, time(minutes // 60, minutes % 60)), where)


def when(value: Any, where: ZoneInfo) -> int | None:
    """The instant that a value means."""
    if isinstance(value, str):
        try:
            written = datetime.fromisoformat(value)
        except ValueError:
            return None
        if written.tzinfo is None:
            return shows(written, where)
        return (written - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * 1000 if abs(value) < 100_000_000_000 else value)
    return None


# --- numbers and text


@dataclass(frozen=True)
class About:
    """A number that is known but for rounding."""

    number: float


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def get(mapping: Mapping[str, Any], path: str) -> Any:
    found: Any = mapping
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def written(value: Any) -> str:
    """A value as a table's key: 5 and 5.0 are one number."""
    if is_number(value) and value == int(value):
        return str(int(value))
    return {None: "-", True: "true", False: "false"}.get(value) or str(value)


def amount(aggregate: str, given: Sequence[Any]) -> Any:
    """What the values of events, in the order in which they happened, amount to."""
    plain = [it for it in given if isinstance(it, str | int | float)]
    numbers = [it for it in given if is_number(it)]
    texts = [it for it in given if isinstance(it, str)]
    match aggregate:
        case "count":
            return len(given)
        case "sum":
            return sum(numbers)
        case "avg":
            return sum(numbers) / len(numbers) if numbers else None
        case "min":
            return min(numbers) if numbers else min(texts, default=None)
        case "max":
            return max(texts) if texts else max(numbers, default=None)
        case "first":
            return plain[0] if plain else None
        case "last":
            return plain[-1] if plain else None
        case "distinct":
            return len(set(plain))
        case "top":
            ranked = Counter(plain)
            often = [it for it in ranked if ranked[it] == max(ranked.values())]
            numeric = [it for it in often if is_number(it)]
            return min(numeric) if numeric else min(often, default=None)
    raise AssertionError(aggregate)


def compared(actual: Any, operator: str, wanted: Any) -> bool:
    if operator == "exists":
        return bool(wanted) == (actual is not None)
    if actual is None:
        return False
    match operator:
        case "eq":
            return bool(actual == wanted)
        case "ne":
            return bool(actual != wanted)
        case "one_of":
            return any(actual == it for it in wanted)
        case "has":
            return isinstance(actual, str | list | tuple) and bool(wanted in actual)
        case "like":
            return isinstance(actual, str) and fnmatchcase(actual.lower(), str(wanted).lower())
    if is_number(actual) != is_number(wanted) or isinstance(actual, bool | list | tuple):
        return False
    return bool(
        (actual < wanted and operator in ("lt", "lte"))
        or (actual == wanted and operator in ("lte", "gte"))
        or (actual > wanted and operator in ("gt", "gte"))
    )


# --- the contact


@dataclass
class Oracle:
    """All that arrived, in the order in which it did."""

    book: Book
    arrived: list[Event] = field(default_factory=list)
    contact_id: str = ""

    @property
    def _in_order(self) -> list[Event]:
        """By the time at which it happened, then by arrival."""
        return sorted(self.arrived, key=lambda event: event.occurred_at)

    @property
    def traits(self) -> dict[str, Any]:
        """The newest write of each."""
        return self._said("identify")

    @property
    def account(self) -> dict[str, Any]:
        return self._said("group")

    def _said(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._in_order:
            if event.type == kind:
                found |= event.traits
        return {name: value for name, value in found.items() if value is not None}

    @property
    def zone(self) -> ZoneInfo:
        named = self.traits.get("timezone")
        return ZoneInfo(named if named in ZONES else self.book.timezone)

    def subscribed(self, topic: str) -> bool:
        """The newest word on the topic, unless a newer one said: nothing at all."""
        if self.book.topics[topic].transactional:
            return True
        answer, since = self.book.topics[topic].opt_in == "none", -1
        everything, everything_since = True, -1
        for event in self._in_order:
            if event.name in ("topic_subscribed", "topic_unsubscribed"):
                said = event.name == "topic_subscribed"
                if event.properties.get("topic", "*") == topic:
                    answer, since = said, event.occurred_at
                elif event.properties.get("topic", "*") == "*":
                    everything, everything_since = said, event.occurred_at
        return answer and (everything or since > everything_since)

    # --- measures

    def counted(self, measure: Measure) -> list[Event]:
        """The events that a measure is made of, in order."""
        return [
            event
            for event in self._in_order
            if event.name in measure.events
            and (
                measure.where is None
                or self.truth(measure.where, event.occurred_at, properties=event.properties) is True
            )
        ]

    def measured(self, key: str, at: int, tag: Any = None) -> Any:
        """A measure at an instant, for one value of its ``same``."""
        measure = self.book.measures[key]
        assert not isinstance(measure.window, SinceEntry)
        held = [event for event in self.counted(measure) if self._is_seen(measure, event, at)]
        if measure.same:
            held = [event for event in held if tag is not None and get(event.properties, measure.same) == tag]
        if measure.aggregate == "fading":
            return About(sum(2.0 ** -((at - event.occurred_at) / measure.half_life) for event in held))
        return amount(
            measure.aggregate, [get(event.properties, measure.of) if measure.of else 1 for event in held]
        )

    def _is_seen(self, measure: Measure, event: Event, at: int) -> bool:
        window, happened = measure.window, event.occurred_at
        if isinstance(window, Rolling):
            return at - window.ago - window.length < happened <= at - window.ago
        if isinstance(window, Calendar):
            then, today = clock(happened, self.zone), clock(at, self.zone)
            if window.during == "today":
                return then.date() == today.date()
            months = (today.year - then.year) * 12 + today.month - then.month
            return months == (1 if window.during == "last_month" else 0)
        return True

    def value(self, value: values.Value, at: int, properties: Mapping[str, Any]) -> Any:
        match value:
            case values.Constant(given):
                return given
            case values.Trait(path):
                return get(self.traits, path)
            case values.Account(path):
                return get(self.account, path)
            case values.Property(path):
                return get(properties, path)
            case values.Measured():
                same = self.book.measures[value.measure].same
                return self.measured(value.measure, at, get(properties, same) if same else None)
            case values.Arithmetic(operator, left, right):
                a, b = self.value(left, at, properties), self.value(right, at, properties)
                if not is_number(a) or not is_number(b) or (operator == "/" and b == 0):
                    return None
                return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[
                    operator
                ]()
            case values.Mapped(inner, to):
                return to.get(written(self.value(inner, at, properties)))
            case values.Points():
                return self._points(value, at, properties)
        raise AssertionError(value)

    def _points(self, points: values.Points, at: int, properties: Mapping[str, Any]) -> Any:
        score: Any = sum(
            worth for condition, worth in points.conditions if self.truth(condition, at, properties)
        )
        for measured, worth in points.events:
            found = self.value(measured, at, properties)
            score += worth * (found.number if isinstance(found, About) else found)
        return About(score) if points.half_life else score

    # --- conditions

    def truth(
        self, condition: conditions.Condition, at: int, properties: Mapping[str, Any] | None = None
    ) -> bool | None:
        """Whether it is true at an instant; None where it is too close to call."""
        given = properties or {}
        match condition:
            case conditions.All(items):
                return _every([self.truth(item, at, given) for item in items])
            case conditions.Any_(items):
                return _opposite(_every([_opposite(self.truth(item, at, given)) for item in items]))
            case conditions.Not(item):
                return _opposite(self.truth(item, at, given))
            case conditions.InSegment(name):
                return self.truth(self.book.segments[name], at, given)
            case conditions.Subscribed(topic):
                return self.subscribed(topic)
            case conditions.Reached(dated, offset, minutes):
                moment = self.moment(dated, offset, minutes, at, given)
                return moment is not None and at >= moment
            case conditions.Compare(value, operator, wanted):
                return self._compared(self.value(value, at, given), operator, wanted, at)
        raise AssertionError(condition)

    def _compared(self, actual: Any, operator: str, wanted: Any, at: int) -> bool | None:
        if operator in ("in_next", "in_last"):
            moment = when(actual, self.zone)
            if moment is None:
                return False
            return bool(0 < moment - at <= wanted if operator == "in_next" else 0 <= at - moment < wanted)
        if isinstance(actual, About):
            if abs(actual.number - wanted) < 1e-6:
                return None
            return compared(actual.number, operator, wanted)
        return compared(actual, operator, wanted)

    def moment(
        self, dated: values.Value, offset: int, minutes: int | None, at: int, properties: Mapping[str, Any]
    ) -> int | None:
        """When a date comes: so long after it, at that time of that day."""
        found = when(self.value(dated, at, properties), self.zone)
        if found is None or minutes is None:
            return None if found is None else found + offset
        day = clock(found + offset % DAY, self.zone).date() + timedelta(days=offset // DAY)
        return time_on(day, minutes, self.zone)

    # --- when to look

    def moments(self, condition: Any, after: int, before: int, properties: Mapping[str, Any]) -> list[int]:
        """Instants between two at which a condition might turn, and many more."""
        found: set[int] = set()
        for node in parts(self.book, condition):
            if isinstance(node, Measure):
                found.update(self._turns(node, after))
            elif isinstance(node, conditions.Reached):
                moment = self.moment(node.date, node.offset, node.minutes, after, properties)
                found.update(() if moment is None else (moment,))
            elif isinstance(node, conditions.Compare) and node.operator in ("in_next", "in_last"):
                for moment in self._dates(node.value, properties):
                    found.update((moment - node.wanted, moment, moment + node.wanted))
        around = {it + by for it in found for by in (-1, 0, 1)} | {after + 1, before - 1}
        return sorted(it for it in around if after < it < before)

    def _turns(self, measure: Measure, after: int) -> Iterator[int]:
        window = measure.window
        if isinstance(window, Rolling):
            for event in self.arrived:
                yield event.occurred_at + window.ago
                yield event.occurred_at + window.ago + window.length
        if isinstance(window, Calendar):
            today = clock(after, self.zone).date()
            month = today.replace(day=1)
            following = (month + timedelta(days=31)).replace(day=1)
            for day in (
                today,
                today + timedelta(days=1),
                following,
                (following + timedelta(days=31)).replace(day=1),
            ):
                yield time_on(day, 0, self.zone)

    def _dates(self, value: values.Value, properties: Mapping[str, Any]) -> Iterator[int]:
        """Every instant that any trait or property names."""
        everything = [*self.traits.values(), *self.account.values(), *properties.values()]
        everything += [it for event in self.arrived for it in event.properties.values()]
        for it in everything:
            moment = when(it, self.zone)
            if moment is not None:
                yield moment


def parts(book: Book, of: Any) -> Iterator[Any]:
    """All that a condition is made of, the measures and segments that it names included."""
    if isinstance(of, conditions.InSegment):
        yield from parts(book, book.segments[of.segment])
    if isinstance(of, values.Measured):
        yield book.measures[of.measure]
    if dataclasses.is_dataclass(of):
        yield of
        for item in dataclasses.fields(of):
            yield from parts(book, getattr(of, item.name))
    elif isinstance(of, tuple):
        for inner in of:
            yield from parts(book, inner)


def _every(truths: Sequence[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True


def _opposite(truth: bool | None) -> bool | None:
    return None if truth is None else not truth
