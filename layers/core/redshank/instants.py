"""How is a moment written down?

An *instant* is an ``int``: milliseconds since 1970-01-01T00:00:00Z. A *span* is a number of
milliseconds. The core and the tables know nothing else: integers compare, pack and survive JSON
without rounding, and no naive datetime can slip in. Text and ``datetime`` exist at the edges only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"(\d+)([smhdw])")


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime; a naive one raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no timezone")
    return (moment - _EPOCH) // _MILLISECOND


def to_datetime(instant: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return datetime.fromtimestamp(instant / 1000, tz=UTC)


def parse(text: str) -> int:
    """The instant of an ISO 8601 timestamp with a zone (``Z`` or an offset); else ValueError.

    Source: the Segment spec asks for ISO 8601 with a zone in ``timestamp`` and ``sentAt``.
    """
    return from_datetime(datetime.fromisoformat(text))


def iso(instant: int) -> str:
    """``2026-12-01T09:00:00.000Z``."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """The span of ``15m``, ``4h``, ``2d``, ``3w`` or ``1d12h`` (elapsed time: a day is 24 hours)."""
    if not text or _DURATION.sub("", text):
        raise ValueError(f"{text!r} is not a duration; write for example 15m, 4h, 2d or 3w")
    return sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(text))
