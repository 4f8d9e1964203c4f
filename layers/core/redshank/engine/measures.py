"""What does a contact's history add up to?

A measure keeps, in the standing, a list of *samples* ``[instant, partial]``, ascending (with a third item, the tag,
where the measure is kept per value of a property). A partial is what one or more events amount to:

    count      how many                     first, last   the value
    sum        the sum                      distinct      the values, sorted
    avg        [how many, the sum]          top           [[value, how often], …], sorted
    min, max   the value                    fading        how many, each worth half after each half-life

All time is one sample. Windows keep each event on its own as long as they are few (EXACT), and what is older
by the hour beyond that; a sample of many stands at the instant of its youngest.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from redshank.engine import moments
from redshank.instants import HOUR

if TYPE_CHECKING:
    from redshank.engine.conditions import Condition

type Sample = list[Any]

#: So many events of a window are kept each on its own: counts, and everything else.
EXACT = {"count": 1_000}
EXACT_OTHERWISE = 48
#: So many different values are told apart, and so many values of a tag.
MAX_VALUES = 200
MAX_TAGS = 200
#: Characters by which values are told apart where many are kept.
MAX_TEXT = 200
#: No two timezones are further apart (UTC+14 and UTC-12, and an hour of daylight saving).
_APART = 27 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """(now - ago - length, now - ago]."""

    length: int
    ago: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """``today``, ``this_month`` or ``last_month`` in the contact's timezone."""

    during: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceEntry:
    """Since a moment of a journey; kept as far back as the oldest journey that can ask, and the latest."""


type Window = Rolling | Calendar | SinceEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """An aggregate over a contact's events."""

    key: str
    #: The names of the events it is made of.
    events: tuple[str, ...]
    where: Condition | None = None
    #: One of AGGREGATES.
    aggregate: str = "count"
    #: Path of the property that is aggregated; a count has none.
    of: str = ""
    #: None: all time.
    window: Window | None = None
    #: Path of the property whose values are kept apart, or an empty string.
    same: str = ""
    #: Of ``fading``: after so many milliseconds an event is worth half.
    half_life: int = 0


# --- aggregates


class Aggregate(NamedTuple):
    #: What one event's value amounts to, or None if it does not count.
    lift: Callable[[Any], Any]
    #: What several partials, in the order of time, amount to together.
    fold: Callable[[Sequence[Any]], Any]
    #: The measure's value.
    result: Callable[[Any], Any]
    #: The value where there is nothing.
    nothing: Any = None


def number(value: Any) -> Any:
    """The value as a number that can be stored, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # What has more than 53 bits has no exact place in JSON either.
    return value if isinstance(value, float) or abs(value) < 2**53 else float(value)


def _total(numbers: Sequence[Any]) -> Any:
    """The sum, whatever the order: fsum rounds once."""
    return number(sum(numbers) if all(isinstance(it, int) for it in numbers) else fsum(numbers))


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None


def _cut(value: Any) -> Any:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _ordered(value: Any) -> Any:
    return value if isinstance(value, str) else number(value)


def _rank(value: Any) -> tuple[str, Any]:
    """An order over values of any kind."""
    return ("n", value) if isinstance(value, int | float) else ("t", str(value))


def _distinct(partials: Sequence[Any]) -> Any:
    found = {_rank(value): value for partial in partials for value in partial}
    return [found[rank] for rank in sorted(found)[:MAX_VALUES]]


def _tally(partials: Sequence[Any]) -> Any:
    counts: dict[tuple[str, Any], list[Any]] = {}
    for partial in partials:
        for value, count in partial:
            known = counts.setdefault(_rank(value), [value, 0])
            known[1] += count
    if len(counts) > MAX_VALUES:
        often = sorted(counts, key=lambda rank: -counts[rank][1])[:MAX_VALUES]
        counts = {rank: counts[rank] for rank in often}
    return [counts[rank] for rank in sorted(counts)]


AGGREGATES: Mapping[str, Aggregate] = {
    "count": Aggregate(lambda _: 1, sum, lambda it: it, 0),
    "sum": Aggregate(number, _total, lambda it: it, 0),
    "avg": Aggregate(
        lambda value: None if number(value) is None else [1, number(value)],
        lambda all_: [sum(it[0] for it in all_), _total([it[1] for it in all_])],
        lambda it: it[1] / it[0],
    ),
    "min": Aggregate(_ordered, lambda all_: min(all_, key=_rank), lambda it: it),
    "max": Aggregate(_ordered, lambda all_: max(all_, key=_rank), lambda it: it),
    "first": Aggregate(_scalar, lambda all_: all_[0], lambda it: it),
    "last": Aggregate(_scalar, lambda all_: all_[-1], lambda it: it),
    "distinct": Aggregate(lambda value: None if _scalar(value) is None else [_cut(value)], _distinct, len, 0),
    # The most frequent; of equally frequent ones the first in the order of numbers and text.
    "top": Aggregate(
        lambda value: None if _scalar(value) is None else [[_cut(value), 1]],
        _tally,
        lambda it: max(it, key=lambda pair: pair[1])[0],
    ),
    "fading": Aggregate(lambda _: 1.0, fsum, lambda it: it, 0.0),
}


# --- keeping


def add(
    measure: Measure,
    samples: Sequence[Sample] | None,
    *,
    value: Any,
    tag: Any,
    at: int,
    since: int | None,
) -> list[Sample]:
    """The samples after one more event at ``at``; what is not later than ``since`` is dropped (None: nothing)."""
    partial = AGGREGATES[measure.aggregate].lift(value)
    kept = list(samples or ())
    if partial is not None and not (measure.same and _scalar(tag) is None):
        insort(kept, [at, partial, tag] if measure.same else [at, partial], key=lambda it: it[0])
    return compacted(measure, kept, since)


def compacted(measure: Measure, samples: list[Sample], since: int | None) -> list[Sample]:
    """The samples without those that no window sees any more, merged where they are many."""
    if measure.window is None:
        return _merged(measure, samples, lambda it: it[2] if measure.same else None)[-MAX_TAGS:]
    kept = samples if since is None else [it for it in samples if it[0] > since]
    if isinstance(measure.window, SinceEntry) and not kept:
        kept = samples[-1:]
    exact = EXACT.get(measure.aggregate, EXACT_OTHERWISE)
    if len(kept) <= exact:
        return kept
    old = _merged(measure, kept[:-exact], lambda it: (it[0] // HOUR, *it[2:]))
    return [*old, *kept[-exact:]]


def size(measure: Measure, samples: Sequence[Sample]) -> int:
    """How much room samples take: one for each, and more for long texts and lists."""
    if not measure.same and measure.aggregate in _SMALL:
        return len(samples)
    return sum(1 + _length(it[1:]) // _ROOM for it in samples)


#: What amounts to one number, or two.
_SMALL = frozenset({"count", "sum", "avg", "fading"})
#: Characters that take as much room as one sample.
_ROOM = 24


def _length(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_length, value)) + len(value)
    return len(value) if isinstance(value, str) else 8


def shrunk(measure: Measure, samples: list[Sample]) -> list[Sample]:
    """All of the samples by the hour: for standings that have become too large."""
    if measure.window is None:
        return samples
    return _merged(measure, samples, lambda it: (it[0] // HOUR, *it[2:]))


def _merged(measure: Measure, samples: list[Sample], group: Callable[[Sample], Any]) -> list[Sample]:
    groups: dict[Any, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(group(sample), []).append(sample)
    return sorted((_folded(measure, some) for some in groups.values()), key=lambda it: it[0])


def _folded(measure: Measure, samples: list[Sample]) -> Sample:
    if len(samples) == 1:
        return samples[0]
    youngest = samples[-1][0]
    partials = [
        it[1] * faded(youngest - it[0], measure.half_life) if measure.aggregate == "fading" else it[1]
        for it in samples
    ]
    # A sample of `first` stands at the instant of its oldest: that is the one it is compared by.
    at = samples[0][0] if measure.aggregate == "first" else youngest
    return [at, AGGREGATES[measure.aggregate].fold(partials), *samples[-1][2:]]


def faded(age: int, half_life: int) -> float:
    """What is left of 1 after ``age`` milliseconds."""
    return float(2.0 ** (-age / half_life))


def kept_since(window: Window | None, now: int, where: ZoneInfo) -> int | None:
    """The instant up to which samples can be forgotten; None for never."""
    if isinstance(window, Rolling):
        return now - window.ago - window.length
    if isinstance(window, Calendar):
        # A contact may move to a timezone in which it is still the day before, and perhaps the month before.
        return moments.boundaries(window.during, now - _APART, where)[0] - _APART
    return None


# --- asking


def value(measure: Measure, samples: Sequence[Sample]) -> Any:
    """What samples in the order of time amount to."""
    aggregate = AGGREGATES[measure.aggregate]
    if not samples:
        return aggregate.nothing
    return aggregate.result(aggregate.fold([it[1] for it in samples]))


def course(
    measure: Measure, samples: Sequence[Sample], now: int, where: ZoneInfo
) -> Iterator[tuple[int, Any]]:
    """The measure's value now, and each later instant at which time alone changes it (see conditions)."""
    window = measure.window
    if not isinstance(window, Rolling | Calendar):
        yield now, value(measure, samples)
        return
    instants = [it[0] for it in samples]

    def during(after: int, until: int) -> Any:
        held = samples[bisect_right(instants, after) : bisect_right(instants, until)]
        return value(measure, held)

    if isinstance(window, Calendar):
        for at in (now, *moments.turns(window.during, now, where)):
            start, end = moments.boundaries(window.during, at, where)
            # What has not happened yet (clocks differ by seconds) counts already.
            yield at, during(start - 1, end - 1)
        return
    length, ago = window.length, window.ago
    if measure.aggregate == "count" and not ago and (not instants or instants[-1] <= now):
        yield from _leaving(samples[bisect_right(instants, now - length) :], now, length)
        return
    yield now, during(now - ago - length, now - ago)
    enter = (it + ago for it in instants)
    leave = (it + ago + length for it in instants)
    for at in sorted({it for both in (enter, leave) for it in both if it > now}):
        yield at, during(at - ago - length, at - ago)


def leaving(measure: Measure, samples: Sequence[Sample], now: int) -> list[int] | None:
    """When each of the events that a rolling count holds will have left it, ascending; None if it is not such a
    count, each event of which stands on its own and has entered already."""
    window = measure.window
    if measure.aggregate != "count" or measure.same or not isinstance(window, Rolling) or window.ago:
        return None
    if samples and samples[-1][0] > now:
        return None
    held = samples[bisect_right(samples, now - window.length, key=itemgetter(0)) :]
    return [it[0] + window.length for it in held] if all(it[1] == 1 for it in held) else None


def _leaving(samples: Sequence[Sample], now: int, length: int) -> Iterator[tuple[int, int]]:
    """The course of a count that only ever loses: nothing of it is still to come."""
    left = sum(it[1] for it in samples)
    yield now, left
    for index, (at, count, *_) in enumerate(samples, start=1):
        left -= count
        if index == len(samples) or samples[index][0] != at:
            yield at + length, left


def since(measure: Measure, samples: Sequence[Sample], start: int, end: int | None, tag: Any) -> Any:
    """The measure's value over [start, end] of a journey, of samples with this tag where it has tags."""
    held = [
        it
        for it in samples
        if start <= it[0] and (end is None or it[0] <= end) and (not measure.same or it[2] == tag)
    ]
    return value(measure, held)
