"""What time is it? The only place that asks the machine.

Redshank's time can run faster than the wall's (the template's ``ClockSpeed``): from ``since`` on,
every wall second counts as ``speed`` seconds. So ten days of a journey pass in under two minutes, and
quiet hours and daily caps pass with them. Before ``since``, and at speed 1, both are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    #: How many seconds pass in Redshank for each second on the wall.
    speed: float = 1.0
    #: The wall instant from which ``speed`` applies.
    since: int = 0
    #: Where the wall's time comes from, in milliseconds since the epoch.
    wall: Callable[[], int] = _wall

    def now(self) -> int:
        """Redshank's time, as an instant."""
        return self.at(self.wall())

    def at(self, wall_instant: int) -> int:
        """Redshank's time at an instant of the wall: for timestamps that clients and SES wrote."""
        if self.speed == 1.0 or wall_instant <= self.since:
            return wall_instant
        return self.since + round((wall_instant - self.since) * self.speed)

    def span(self, wall_span: int) -> int:
        """How long a span of wall milliseconds is in Redshank's time."""
        return round(wall_span * self.speed)

    def wall_span(self, span: int) -> int:
        """How many wall milliseconds a span of Redshank's time takes."""
        return round(span / self.speed)
