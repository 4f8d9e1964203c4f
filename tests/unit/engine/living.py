"""Somebody to whom things happen, one after the other, and what follows: for tests of ``advance``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from redshank.engine.advance import Evidence, Transition, advance
from redshank.engine.book import Book
from redshank.engine.effects import Alarm, Cancel, Emission, Mail
from redshank.engine.inputs import WORKFLOW_ENROLLED, Event, Input, Visit, Wake
from redshank.engine.state import Journey, State
from redshank.engine.turn import Trace
from redshank.identity import contact_of, contact_stream

#: A Friday, 08:00 UTC: 2027-01-15.
T0 = 1_800_000_000_000
ANN = contact_of("user:ann")


class Ann:
    """A contact; instants are milliseconds after T0."""

    def __init__(self, live: Book, stream: str = "user:ann", **traits: Any) -> None:
        self.book = live
        self.stream = stream
        self.contact_id = contact_of(stream)
        self.state = State.empty(self.contact_id)
        self.last: Transition
        #: All that was ever decided, in order.
        self.trace: list[Trace] = []
        self._ids = count(1)
        if traits:
            self.says(0, **traits)

    def event(self, name: str, at: int, *, late: int = 0, stream: str = "", **more: Any) -> Event:
        """An event of hers, to be given to ``takes``."""
        return Event(
            **{
                "id": f"e{next(self._ids)}",
                "stream": stream or self.stream,
                "type": "track",
                "name": name,
                "occurred_at": T0 + at - late,
                "received_at": T0 + at,
                **more,
            }
        )

    def takes(self, given: Iterable[Input], at: int, evidence: Evidence | None = None) -> list[Any]:
        """Several inputs in one go; the effects of all."""
        seen = evidence or Evidence(logged=frozenset(self.state.standing.pending))
        self.last = advance(self.state, list(given), self.book, T0 + at, seen)
        self.state = self.last.state
        self.trace += self.last.trace
        return [effect for effects in self.last.effects.values() for effect in effects]

    def does(self, name: str, at: int, *, late: int = 0, **properties: Any) -> list[Any]:
        return self.takes([self.event(name, at, late=late, properties=properties)], at)

    def hears(self, name: str, at: int, **properties: Any) -> list[Any]:
        """Redshank itself learned something about her."""
        stream = contact_stream(self.contact_id)
        return self.takes([self.event(name, at, stream=stream, properties=properties)], at)

    def says(self, at: int, *, said: int | None = None, **traits: Any) -> list[Any]:
        late = 0 if said is None else at - said
        return self.takes([self.event("", at, late=late, type="identify", traits=traits)], at)

    def enrols(self, workflow: str, at: int, **properties: Any) -> list[Any]:
        return self.hears(WORKFLOW_ENROLLED, at, workflow=workflow, properties=properties)

    def wakes(self, at: int) -> list[Any]:
        return self.takes([Wake(contact_id=self.contact_id, at=T0 + at)], at)

    def visited(self, at: int, live: Book | None = None) -> list[Any]:
        """She is shown a new book."""
        self.book = live or self.book
        return self.takes([Visit(contact_id=self.contact_id, book=self.book.sequence)], at)

    def lives(self, until: int) -> list[tuple[int, str]]:
        """She is woken whenever something is due: when which email came."""
        found = []
        for _ in range(1_000):
            at = self.due
            if at is None or at > until:
                break
            found += [(at, step) for step in mails(self.wakes(at))]
        else:
            raise AssertionError("woken for ever")
        return found

    @property
    def due(self) -> int | None:
        due = self.state.standing.due
        return None if due is None else due - T0

    @property
    def journeys(self) -> list[Journey]:
        """Those that are under way."""
        return [it for it in self.state.standing.journeys.values() if it.active]

    def why(self, what: str) -> list[str]:
        """The reasons of all that was decided so."""
        return [trace.why for trace in self.trace if trace.what == what]


def mails(effects: Iterable[Any]) -> list[str]:
    return [effect.step for effect in effects if isinstance(effect, Mail)]


def mail(effects: Iterable[Any]) -> Mail:
    (found,) = (effect for effect in effects if isinstance(effect, Mail))
    return found


def cancels(effects: Iterable[Any]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, Cancel)]


def emissions(effects: Iterable[Any]) -> list[Emission]:
    return [effect for effect in effects if isinstance(effect, Emission)]


def alarms(effects: Iterable[Any]) -> list[Alarm]:
    return [effect for effect in effects if isinstance(effect, Alarm)]
