"""Which contacts are due? Asked each minute of an index, never of all contacts.

A sweep at t enqueues the wake-ups of (pointer, t + 2 min], each delayed to its second, and moves the pointer. The
index lags behind the standings; what it showed too late is caught up with every ten minutes.
"""

from __future__ import annotations

from redshank.engine.inputs import Wake
from redshank.evaluation.doors import HORIZON, Doors
from redshank.evaluation.finishing import delayed
from redshank.identity import DUE_SHARDS
from redshank.instants import MINUTE
from redshank.ports import Queue

#: The catch-up runs in every tenth minute of the wall clock …
CATCH_UP_EVERY = 10
#: … over entries this overdue (wall time) …
CATCH_UP_BEHIND = 5 * MINUTE
#: … unless this many messages wait: they are probably the backlog itself.
BUSY = 1_000


def sweep(doors: Doors) -> int:
    """Enqueue the wake-ups of one minute; how many."""
    wall = doors.clock.wall()
    now = doors.clock.at(wall)
    horizon = now + doors.clock.span(HORIZON)
    pointer = doors.settings.swept_until()
    enqueued = _enqueue(doors, after=pointer, until=horizon, now=now)
    if horizon > pointer:
        doors.settings.move_sweep(until=horizon, before=pointer)
    if wall // MINUTE % CATCH_UP_EVERY == 0 and doors.queues.waiting(Queue.EVENTS) < BUSY:
        behind = now - doors.clock.span(CATCH_UP_BEHIND)
        enqueued += _enqueue(doors, after=0, until=min(behind, pointer), now=now)
    return enqueued


def _enqueue(doors: Doors, *, after: int, until: int, now: int) -> int:
    if until <= after:
        return 0

    def shard(number: int) -> int:
        wakes = [Wake(contact_id=contact, at=at) for contact, at in doors.contacts.due(number, after, until)]
        if wakes:
            doors.queues.send(Queue.EVENTS, delayed(doors, wakes, now))
        return len(wakes)

    return sum(doors.spread(shard, range(DUE_SHARDS)))
