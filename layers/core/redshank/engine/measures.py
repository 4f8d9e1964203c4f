"""What does a contact's history add up to?

A measure keeps, in the standing, only what its definition asks for:

    count, all time        [how many, instant of the last]
    count, rolling window  [instants, ascending]        those in (now - window, now]
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redshank.engine.book import Measure


def add(measure: Measure, samples: list[Any] | None, occurred_at: int, now: int) -> list[Any]:
    """The samples after one more event; those that have left the window are dropped."""
    if measure.window is None:
        count, last = samples or (0, occurred_at)
        return [count + 1, max(last, occurred_at)]
    kept = [instant for instant in samples or [] if instant > now - measure.window]
    if occurred_at > now - measure.window:
        insort(kept, occurred_at)
    return kept


def last(measure: Measure, samples: list[Any] | None) -> int | None:
    """When the latest event of this measure occurred, or None."""
    if not samples:
        return None
    instant: int = samples[1] if measure.window is None else samples[-1]
    return instant


def course(measure: Measure, samples: list[Any] | None, now: int) -> Iterator[tuple[int, int]]:
    """The measure's value now and each later instant at which the sliding window changes it."""
    if measure.window is None:
        yield now, samples[0] if samples else 0
        return
    held = [instant for instant in samples or [] if instant > now - measure.window]
    yield now, len(held)
    for left, instant in enumerate(held, start=1):
        yield instant + measure.window, len(held) - left
