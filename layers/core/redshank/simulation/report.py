"""What does a simulation add up to, over all contacts?"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from redshank.engine.advance import Transition
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.identity import contact_of
from redshank.instants import DAY
from redshank.simulation.events import BadLine, Index, Reader
from redshank.simulation.world import play

#: So long after the last event a simulation goes on, where nothing else is asked for.
AFTER = 90 * DAY


class Sent(NamedTuple):
    """An email that would have been sent; in the order in which they are listed."""

    at: int
    #: The contact as it was posted.
    contact: str
    workflow: str
    step: str
    template: str
    variant: str


class Fact(NamedTuple):
    """What happened to journeys, to be counted."""

    workflow: str
    step: str
    #: ``entered``, ``not_entered``, ``sent``, ``shadow``, ``skipped``, ``reached``, ``exited`` or ``standing``.
    what: str
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of some contacts."""

    emails: list[Sent] = field(default_factory=list)
    facts: Counter[Fact] = field(default_factory=Counter)
    #: A step is an event of a contact, or an instant that it waited for.
    steps: int = 0
    contacts: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.emails += other.emails
        self.facts += other.facts
        self.steps += other.steps
        self.contacts += other.contacts
        self.bad += other.bad


_TOLD = ("entered", "not_entered", "skipped", "reached", "exited")


def simulate(
    book: Book,
    contacts: Iterable[tuple[str, array[int]]],
    reader: Reader,
    until: int,
    *,
    lists_emails: bool = True,
) -> Outcome:
    """What comes of these contacts: (identity as posted, where its messages are)."""
    outcome = Outcome()
    for stream, places in contacts:
        events = reader.events(places, outcome.bad)
        last: Transition | None = None
        for moment in play(book, contact_of(stream), events, until):
            outcome.steps += 1
            if moment.transition is not None:
                last = moment.transition
                _count(outcome, last, moment.mails, stream, lists_emails=lists_emails)
        outcome.contacts += 1
        if last is not None:
            for journey in last.state.standing.journeys.values():
                if journey.active:
                    outcome.facts[Fact(journey.workflow, journey.at, "standing")] += 1
    return outcome


def until_of(found: Index) -> int:
    """Where a simulation ends that nobody limited: nothing is due any more, or long after the last event."""
    return found.last + AFTER


def named(stream: str) -> str:
    """A contact as it was posted."""
    return stream.partition(":")[2]


def _count(
    outcome: Outcome, made: Transition, mails: Iterable[Mail], stream: str, *, lists_emails: bool
) -> None:
    facts = outcome.facts
    for it in made.trace:
        if it.what in _TOLD:
            facts[Fact(it.workflow, "" if "entered" in it.what else it.step, it.what, it.why)] += 1
        elif it.what == "not_armed":
            facts[Fact(it.workflow, "", "not_entered", it.why)] += 1
        elif it.what == "sent" and it.why == "shadow":
            facts[Fact(it.workflow, it.step, "shadow")] += 1
    for mail in mails:
        facts[Fact(mail.workflow, mail.step, "sent", mail.variant)] += 1
        if lists_emails:
            outcome.emails.append(
                Sent(mail.decided_at, named(stream), mail.workflow, mail.step, mail.template, mail.variant)
            )
