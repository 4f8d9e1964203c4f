"""How do the contacts that nothing happens to meet a new book?

Each is sent a visit, in packs that the events queue spreads over as many functions as there are, and not more of
them at a time than leave room for what happens meanwhile. How far it has come is noted after every page, so that it
goes on from there, whoever runs it next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Protocol

from redshank import wire
from redshank.engine.inputs import Visit
from redshank.engine.state import Standing
from redshank.ports import EVERYBODY, BookPointer, Outbound, Queue, Spread

#: Parts of the contacts table that are read side by side.
SEGMENTS = 8
#: Contacts read at a time.
PAGE = 1_000
#: Visits in one message: a function may be given a hundred messages, and has a minute.
PACK = 25
#: So many messages may wait before more are sent: what happens meanwhile waits behind them.
MOST_WAITING = 400
#: A queue is drained when fewer messages than this are left: some are always on their way where people are.
FEW = 10
#: Seconds between two looks at the queue.
LOOK = 1.0


class Contacts(Protocol):
    """What of the contacts a back-fill needs: see DynamoContacts."""

    def some(
        self, segment: int, segments: int, *, after: Mapping[str, Any] | None, limit: int, whole: bool
    ) -> tuple[list[Standing], Mapping[str, Any] | None]: ...


class Queues(Protocol):
    def send(self, queue: Queue, messages: list[Outbound]) -> None: ...

    def waiting(self, queue: Queue) -> int: ...


class Settings(Protocol):
    def backfill(self) -> tuple[int, Mapping[str, Any]] | None: ...

    def note_backfill(self, sequence: int, progress: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    contacts: Contacts
    queues: Queues
    settings: Settings
    spread: Spread
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a back-fill has come."""

    #: Part of the table -> where to go on; a part that is not in it has not begun.
    after: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    #: The parts that are read to their end.
    ended: list[str] = field(default_factory=list)
    seen: int = 0
    visited: int = 0

    @property
    def done(self) -> bool:
        return len(self.ended) == SEGMENTS

    def plain(self) -> dict[str, Any]:
        """As the settings keep it."""
        return {
            "after": self.after,
            "ended": self.ended,
            "seen": self.seen,
            "visited": self.visited,
            "done": self.done,
        }


def begun(settings: Settings, pointer: BookPointer) -> Progress:
    """How far the back-fill of this book has come: that of an older one is superseded."""
    found = settings.backfill()
    if found is None or found[0] != pointer.sequence:
        return Progress()
    plain = found[1]
    return Progress(
        after=dict(plain["after"]), ended=list(plain["ended"]), seen=plain["seen"], visited=plain["visited"]
    )


def fill(doors: Doors, pointer: BookPointer, told: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Visit whom the live book has something for, from where it stopped; raises Conflict if a newer one begins."""
    progress = begun(doors.settings, pointer)
    doors.settings.note_backfill(pointer.sequence, progress.plain())
    one_at_a_time = threading.Lock()

    def part(number: int) -> None:
        name = str(number)
        while name not in progress.ended:
            standings, after = doors.contacts.some(
                number,
                SEGMENTS,
                after=progress.after.get(name),
                limit=PAGE,
                whole=EVERYBODY not in pointer.visits,
            )
            contacts = [it.contact_id for it in standings if _is_meant(it, pointer.visits)]
            with one_at_a_time:
                _send(doors, contacts, pointer.sequence)
                progress.seen += len(standings)
                progress.visited += len(contacts)
                if after is None:
                    progress.ended.append(name)
                    progress.after.pop(name, None)
                else:
                    progress.after[name] = after
                doors.settings.note_backfill(pointer.sequence, progress.plain())
                told(progress)

    doors.spread(part, range(SEGMENTS))
    return progress


def _is_meant(standing: Standing, visits: frozenset[str]) -> bool:
    return EVERYBODY in visits or any(it.workflow in visits for it in standing.journeys.values())


def _send(doors: Doors, contacts: list[str], book: int) -> None:
    bodies = [
        body
        for some in batched(contacts, PACK, strict=False)
        for body in wire.pack(Visit(contact_id=contact_id, book=book) for contact_id in some)
    ]
    if bodies:
        while doors.queues.waiting(Queue.EVENTS) >= MOST_WAITING:
            doors.sleep(LOOK)
        doors.queues.send(Queue.EVENTS, [Outbound(body=body) for body in bodies])


def drain(
    left: Callable[[], int],
    *,
    sleep: Callable[[float], None],
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Wait until next to nothing is left on the queue, twice in a row."""
    quiet = 0
    while quiet < 2:
        found = left()
        told(found)
        quiet = quiet + 1 if found < FEW else 0
        sleep(LOOK)
