"""When is nine o'clock for this contact? Local times as instants, through DST.

A local time that the clock skips is the first valid instant after it; one that comes twice is the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redshank.instants import DAY, SECOND, from_datetime

#: Beyond these a number is no instant any more: the years 1019 and 9892.
_FIRST, _LAST = -30_000_000_000_000, 250_000_000_000_000
#: Numbers below are seconds since the epoch (until the year 5138), others milliseconds.
_SECONDS = 100_000_000_000


@lru_cache(maxsize=1_000)
def zone(name: str) -> ZoneInfo | None:
    """The timezone of that name, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def local(instant: int, where: ZoneInfo) -> datetime:
    """The local time of an instant, to the second."""
    return datetime.fromtimestamp(instant // SECOND, where)


@lru_cache(maxsize=10_000)
def instant_of(wall: datetime, where: ZoneInfo) -> int:
    """The instant of a naive local time."""
    first = from_datetime(wall.replace(tzinfo=where))
    if local(first, where).replace(tzinfo=None, fold=0) == wall.replace(microsecond=0):
        return first
    # Skipped: the clock goes forward between these two; find the second it does.
    before = from_datetime(wall.replace(tzinfo=where, fold=1)) // SECOND
    after = first // SECOND
    offset = local(after * SECOND, where).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if local(middle * SECOND, where).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after * SECOND


def at_time(day: date, minutes: int, where: ZoneInfo) -> int:
    """The instant of a time of day (minutes after midnight, as the clock shows) on a local day."""
    return instant_of(datetime.combine(day, time.min) + timedelta(minutes=minutes), where)


def next_time(after: int, minutes: int, days: Collection[int], where: ZoneInfo) -> int:
    """The first instant later than ``after`` with that time of day, on one of these weekdays (Monday is 0;
    none: any)."""
    day = local(after, where).date() - timedelta(days=1)
    while True:
        if not days or day.weekday() in days:
            instant = at_time(day, minutes, where)
            if instant > after:
                return instant
        day += timedelta(days=1)


def last_time(until: int, minutes: int, days: Collection[int], where: ZoneInfo) -> int:
    """The last instant not later than ``until`` with that time of day, on one of these weekdays."""
    day = local(until, where).date() + timedelta(days=1)
    while True:
        if not days or day.weekday() in days:
            instant = at_time(day, minutes, where)
            if instant <= until:
                return instant
        day -= timedelta(days=1)


def boundaries(during: str, now: int, where: ZoneInfo) -> tuple[int, int]:
    """[start, end) of the calendar period ``today``, ``this_month`` or ``last_month`` at ``now``."""
    today = local(now, where).date()
    if during == "today":
        return at_time(today, 0, where), at_time(today + timedelta(days=1), 0, where)
    first = today.replace(day=1)
    if during == "last_month":
        return at_time((first - timedelta(days=1)).replace(day=1), 0, where), at_time(first, 0, where)
    return at_time(first, 0, where), at_time(_next_month(first), 0, where)


def turns(during: str, now: int, where: ZoneInfo) -> Iterator[int]:
    """The instants after ``now`` at which the calendar period begins anew, as many as a sample of now can see."""
    today = local(now, where).date()
    if during == "today":
        yield at_time(today + timedelta(days=1), 0, where)
        return
    following = _next_month(today.replace(day=1))
    yield at_time(following, 0, where)
    if during == "last_month":
        yield at_time(_next_month(following), 0, where)


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def moment(value: Any, where: ZoneInfo) -> int | None:
    """The instant a trait or property means, or None: ISO 8601 (a date is its local midnight, a time without
    an offset is local), or a number of seconds or milliseconds since the epoch."""
    if isinstance(value, str):
        return _written(value, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    instant = value * SECOND if abs(value) < _SECONDS else value
    return int(instant) if _FIRST < instant < _LAST else None


@lru_cache(maxsize=10_000)
def _written(text: str, where: ZoneInfo) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1971 <= found.year <= 9891:
        # Near the ends of the calendar, arithmetic with offsets and spans fails.
        return None
    if found.tzinfo is not None:
        return from_datetime(found.astimezone(UTC))
    return instant_of(found, where)


def on_day(instant: int, offset: int, minutes: int | None, where: ZoneInfo) -> int:
    """``offset`` after an instant; with a time of day, at that time on the local day this is on.

    Whole days of an offset are calendar days when a time of day is asked for.
    """
    if minutes is None:
        return instant + offset
    days, rest = divmod(offset, DAY)
    day = local(instant + rest, where).date() + timedelta(days=days)
    return at_time(day, minutes, where)
