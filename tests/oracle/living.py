"""How does a history reach the engine? As in the functions, on a clock that never stands still too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redshank.engine.advance import Evidence, Transition, advance
from redshank.engine.book import Book
from redshank.engine.inputs import Event, Input, Visit, Wake
from redshank.engine.state import Standing, State
from redshank.engine.turn import Trace
from redshank.engine.values import Facts
from redshank.identity import contact_of
from tests.oracle.histories import STREAM
from tests.oracle.oracle import Oracle

CONTACT = contact_of(STREAM)


@dataclass
class Life:
    """A contact, its standing in the engine and, apart from that, all that arrived."""

    book: Book
    state: State = field(default_factory=lambda: State.empty(CONTACT))
    oracle: Oracle = field(init=False)
    #: The latest instant at which anything was looked at.
    now: int = 0
    trace: list[Trace] = field(default_factory=list)
    last: Transition = field(init=False)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.book, contact_id=CONTACT)

    @property
    def standing(self) -> Standing:
        return self.state.standing

    @property
    def due(self) -> int | None:
        return self.standing.due

    def gets(self, events: Sequence[Event], now: int, history: Sequence[Event] | None = None) -> None:
        """Events arrive together."""
        self.oracle.arrived += events
        self._advance(list(events), now, history)

    def wakes(self, now: int) -> None:
        self._advance([Wake(contact_id=CONTACT, at=now)], now)

    def wakes_until(self, until: int) -> None:
        """Every wake-up on time, up to and with an instant."""
        while self.due is not None and self.due <= until:
            assert self.due > self.now, "due at an instant that has been looked at"
            self.wakes(self.due)

    def meets(self, book: Book, now: int) -> None:
        """A newer book comes to the contact, with its log."""
        self.book = self.oracle.book = book
        self._advance([Visit(contact_id=CONTACT, book=book.sequence)], now, list(self.oracle.arrived))

    def facts(self, **more: object) -> Facts:
        found = Facts(book=self.book, profile=self.state.profile, standing=self.standing, now=self.now)
        return replace(found, **more)  # type: ignore[arg-type]

    def _advance(self, given: list[Input], now: int, history: Sequence[Event] | None = None) -> None:
        seen = Evidence(logged=frozenset(self.standing.pending))
        self.last = advance(self.state, given, self.book, now, seen, history)
        self.state = self.last.state
        self.trace += self.last.trace
        self.now = now

    def told(self, what: str = "entered") -> list[tuple[str, int]]:
        """(workflow, when) of all that was decided of that kind."""
        return [(it.workflow, it.at) for it in self.trace if it.what == what]
