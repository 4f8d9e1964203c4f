"""Why is a condition true, or false? In words, with the values it saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from redshank.engine import measures, moments, values
from redshank.engine.book import Book
from redshank.engine.conditions import (
    All,
    Any_,
    Compare,
    Condition,
    Email,
    InList,
    InSegment,
    Not,
    Reached,
    Subscribed,
    verdict,
)
from redshank.engine.values import ENTRY, HERE, MISSING, Facts, Value, present
from redshank.instants import DAY, HOUR, MINUTE, SECOND

#: What a value is said to be when it compares so.
_OPERATORS = {
    "eq": "{}",
    "ne": "other than {}",
    "one_of": "one of {}",
    "lt": "below {}",
    "lte": "at most {}",
    "gt": "above {}",
    "gte": "at least {}",
    "has": "with {} in it",
    "like": "like {}",
    "in_next": "within the next {}",
    "in_last": "within the last {}",
}
_AGGREGATES = {
    "sum": "the sum of",
    "avg": "the average of",
    "min": "the least",
    "max": "the greatest",
    "first": "the first",
    "last": "the last",
    "distinct": "the number of different",
    "top": "the most frequent",
}
_PERIODS = {"today": "today", "this_month": "this month", "last_month": "last month"}


def why(condition: Condition, facts: Facts) -> str:
    """What makes a condition true, or what keeps it from being so."""
    return " and ".join(_parts(condition, facts, verdict(condition, facts)[0]))


def holds(condition: Condition | None, facts: Facts) -> bool:
    return condition is None or verdict(condition, facts)[0]


def _parts(condition: Condition, facts: Facts, truth: bool) -> list[str]:
    """The parts that make it ``truth``, each once."""
    match condition:
        case Not(item):
            return _parts(item, facts, not truth)
        case All(items) if truth:
            return _several(items, facts, truth)
        case All(items):
            return _several([it for it in items if not holds(it, facts)], facts, truth)
        case Any_(items) if truth:
            return _several([it for it in items if holds(it, facts)][:1], facts, truth)
        case Any_(items):
            return _several(items, facts, truth)
        case _:
            return [_leaf(condition, facts, truth)]


def _several(items: Any, facts: Facts, truth: bool) -> list[str]:
    return list(dict.fromkeys(part for it in items for part in _parts(it, facts, truth)))


def _leaf(condition: Condition, facts: Facts, truth: bool) -> str:
    no = "" if truth else "not "
    match condition:
        case Compare(value, operator, wanted):
            return _comparison(value, operator, wanted, facts, truth)
        case Subscribed(topic):
            return f"they were {no}subscribed to `{topic}`"
        case InSegment(segment):
            return f"they were {no}in `{segment}`: {why(facts.book.segments[segment], facts)}"
        case InList(name):
            return f"they were {no}on the list `{name}`"
        case Reached(date, offset, _):
            return _date(named(date, facts.book), offset, condition.moment(facts), facts.zone, truth)
        case Email(fact, step, link, _):
            what = f"a link like {link} " if link else ""
            return f"{what + 'in ' if what else ''}`{step}` had {no}been {fact}"
        case _:
            return f"`{type(condition).__name__}` was {str(truth).lower()}"


def _date(name: str, offset: int, moment: int | None, zone: ZoneInfo, truth: bool) -> str:
    if moment is None:
        return f"{name} was no date that is known"
    shift = f"{span(abs(offset))} {'before' if offset < 0 else 'after'} " if offset else ""
    return f"{shift}{name} {'had come' if truth else 'was not before'} {stamp(moment, zone)}"


def _comparison(value: Value, operator: str, wanted: Any, facts: Facts, truth: bool) -> str:
    actual = present(value, facts)
    name = named(value, facts.book)
    if _is_bare(value, operator, wanted, facts):
        events = _events(facts.book.measures[value.measure])  # type: ignore[attr-defined]
        since = _window(value, facts.book)
        if not truth:
            return f"no {events} happened{since}"
        times = "" if actual == 1 else f" {actual:,} times"
        return f"{events} happened{times}{since}"
    if operator == "exists":
        return f"{name} was {'unknown' if actual is MISSING else shown(actual)}"
    if actual is MISSING:
        return f"{name} was unknown"
    limit = span(wanted) if operator in ("in_next", "in_last") else shown(wanted)
    said = _OPERATORS[operator].format(limit)
    if truth:
        return f"{name} was {shown(actual)}" + ("" if operator == "eq" else f", {said}")
    return f"{name} was {shown(actual)}, not {said}"


def _is_bare(value: Value, operator: str, wanted: Any, facts: Facts) -> bool:
    """Whether it only asks whether an event happened."""
    return (
        isinstance(value, values.Measured)
        and (operator, wanted) == ("gte", 1)
        and facts.book.measures[value.measure].aggregate == "count"
        and value not in facts.book.named.values()
    )


# --- values


def named(value: Value, book: Book) -> str:
    """What a value is called, or how it comes about."""
    for name, known in book.named.items():
        if known == value:
            return f"`{name}`"
    match value:
        case values.Trait(path) | values.Property(path):
            return f"`{path}`"
        case values.Account(path):
            return f"`account.{path}`"
        case values.Constant(constant):
            return shown(constant)
        case values.Measured(key):
            measure = book.measures[key]
            about = _AGGREGATES.get(measure.aggregate)
            what = (
                f"{about} `{measure.of}` of {_events(measure)}"
                if about
                else f"the number of {_events(measure)}"
            )
            return what + _window(value, book)
        case values.Arithmetic(operator, left, right):
            return f"{named(left, book)} {operator} {named(right, book)}"
        case values.Mapped(inner, _):
            return f"what {named(inner, book)} is mapped to"
        case values.Points():
            return "the score"
        case values.Predicted(model):
            return f"the prediction of `{model}`"
        case _:
            return "the value"


def _events(measure: measures.Measure) -> str:
    return " or ".join(f"`{name}`" for name in measure.events)


def _window(value: Value, book: Book) -> str:
    if not isinstance(value, values.Measured):
        return ""
    if value.since:
        since = {ENTRY: "the entry", HERE: "this step began"}.get(value.since, f"`{value.since}`")
        return f" since {since}" + (f", within {span(value.within)}" if value.within else "")
    match book.measures[value.measure].window:
        case measures.Rolling(length=length, ago=ago):
            return f" within {span(length)}" + (f", {span(ago)} ago" if ago else "")
        case measures.Calendar(during=during):
            return f" {_PERIODS.get(during, during)}"
        case _:
            return ""


def shown(value: Any) -> str:
    """A value as a sentence has it."""
    if value is MISSING:
        return "unknown"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"{round(value, 4):,}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shown(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, tuple | list):
        return ", ".join(shown(inner) for inner in value)
    text = str(value)
    return f"`{text if len(text) <= 80 else text[:79] + '…'}`"


# --- times


def stamp(at: int, zone: ZoneInfo, *, year: int = 0) -> str:
    """``Tue 1 Dec 09:00``: local time; with the year if it is not ``year`` (0: without)."""
    there = moments.local(at, zone)
    seconds = f":{there:%S}" if there.second else ""
    of_year = f" {there.year}" if year and there.year != year else ""
    return f"{there:%a} {there.day} {there:%b}{of_year} {there:%H:%M}{seconds}"


def span(length: int) -> str:
    """``2d4h``: as a book writes it."""
    if length < 0:
        return f"-{span(-length)}"
    parts = []
    rest = length // SECOND * SECOND
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
