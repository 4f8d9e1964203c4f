"""What does it cost, counted and not timed: nothing where nothing happens, and what listens where something does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from redshank import wire
from redshank.clock import Clock
from redshank.engine import absences, advance, conditions, entering, journeys, turn
from redshank.engine.book import Book
from redshank.engine.inputs import Event
from redshank.engine.workflows import AbsenceTrigger, BecomesTrigger, EventTrigger, Workflow
from redshank.evaluation import rounds
from redshank.evaluation.batch import evaluate
from redshank.evaluation.doors import Doors
from redshank.evaluation.sweep import sweep
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR, MINUTE
from redshank.memory import (
    MemoryBooks,
    MemoryBus,
    MemoryContacts,
    MemoryLedger,
    MemoryLog,
    MemoryMembers,
    MemoryQueues,
    MemorySettings,
)
from redshank.ports import Queue, inline
from redshank.records import Record
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, mails

# --- an event costs what listens to it


class Work:
    """How often each part of the engine was called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def watch(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        called = getattr(owner, name)

        def counting(*given: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return called(*given, **named)

        patch.setattr(owner, name, counting)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    found = Work()
    for kind in (conditions.Compare, conditions.All, conditions.InSegment, conditions.Not):
        found.watch(monkeypatch, kind, "course")
    found.watch(monkeypatch, turn.Turn, "facts")
    for owner, names in (
        (entering, ("enter", "retry")),
        (journeys, ("check", "proceed", "due")),
        (absences, ("note", "fire")),
    ):
        for name in names:
            found.watch(monkeypatch, owner, name)
    return found


#: What listens, and what it listens to.
LISTENING = (
    sequence(send("hello"), wait("rest", DAY), send("bye"), name="listening", again="always"),
    sequence(
        send("three"),
        name="counting",
        triggers=(BecomesTrigger(key="counting", condition=happened("go", 3)),),
        again="always",
    ),
)


def others(many: int) -> tuple[Workflow, ...]:
    """Workflows on other events, of every kind of trigger."""
    made = []
    for n in range(many):
        triggers = (
            EventTrigger(events=(f"other_{n}",), when=trait("plan", "pro")),
            AbsenceTrigger(key=f"a{n}", events=(f"begun_{n}",), without=(f"done_{n}",), span=DAY),
            BecomesTrigger(key=f"b{n}", condition=trait(f"trait_{n}", True)),
            BecomesTrigger(key=f"c{n}", condition=happened(f"seen_{n % 50}", n + 1)),
        )
        made.append(
            sequence(send("x"), name=f"other_{n}", triggers=triggers, exit_if=trait(f"trait_{n}", False))
        )
    return tuple(made)


def a_book(many: int) -> Book:
    seen = [counted(f"seen_{n}", 30 * DAY) for n in range(50)]
    return book(*LISTENING, *others(many), measures=measures(counted("go", 30 * DAY), *seen))


def counts(work: Work, live: Book) -> list[Counter[str]]:
    """What some events and a wake-up cost somebody who has met the book before."""
    ann = Ann(live, email="ann@example.com", plan="free")
    ann.does("noted", 1)
    found = []
    for at in (HOUR, 2 * HOUR, 3 * HOUR):
        work.calls.clear()
        ann.does("go", at)
        found.append(Counter(work.calls))
    work.calls.clear()
    assert mails(ann.wakes(HOUR + DAY)) == ["bye"]
    return [*found, Counter(work.calls)]


def test_an_event_costs_the_same_with_one_or_a_thousand_workflows_on_other_events(work: Work) -> None:
    one, thousand = counts(work, a_book(1)), counts(work, a_book(1_000))
    assert one == thousand
    assert all(1 <= it["course"] <= 20 for it in one[:3])


def test_what_costs_more_is_seen_by_the_count(work: Work) -> None:
    """The count itself: were the others to listen, it would show."""
    listening = [
        sequence(
            send("x"), name=f"too_{n}", triggers=(EventTrigger(events=("go",), when=trait("plan", "pro")),)
        )
        for n in range(100)
    ]
    few = counts(work, book(*LISTENING, measures=measures(counted("go", 30 * DAY))))
    many = counts(work, book(*LISTENING, *listening, measures=measures(counted("go", 30 * DAY))))
    assert many[0]["enter"] == few[0]["enter"] + 100
    assert many[0]["course"] >= few[0]["course"] + 100


def test_a_trait_that_nobody_asks_for_costs_nothing_however_many_ask_for_others(work: Work) -> None:
    found = []
    for many in (1, 1_000):
        ann = Ann(a_book(many), email="ann@example.com", plan="free")
        work.calls.clear()
        ann.says(HOUR, colour="blue")
        found.append(Counter(work.calls))
    assert found[0] == found[1]
    assert found[0]["course"] == 0


def test_of_fifty_segments_the_two_that_depend_on_an_event_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segments = {
        **{f"trait_{n}": trait(f"trait_{n}", True) for n in range(24)},
        **{f"seen_{n}": happened(f"seen_{n}") for n in range(24)},
        "active": happened("go"),
        "very_active": happened("go", 5),
    }
    seen = [counted(f"seen_{n}", 30 * DAY) for n in range(24)]
    live = book(segments=segments, measures=measures(counted("go", 30 * DAY), *seen))
    ann = Ann(live, email="ann@example.com", plan="free")
    judged: list[Any] = []
    verdict = turn.Turn.verdict

    def noting(self: Any, condition: Any, *more: Any) -> Any:
        judged.append(condition)
        return verdict(self, condition, *more)

    monkeypatch.setattr(turn.Turn, "verdict", noting)
    ann.does("go", HOUR)
    assert judged == [segments["active"], segments["very_active"]]
    judged.clear()
    ann.does("noted", 2 * HOUR)
    assert judged == []
    ann.says(3 * HOUR, trait_7=True)
    assert judged == [segments["trait_7"]]


# --- idle costs nothing

CONTACTS = 10_000


class Counted:
    """A port that counts what is asked of it."""

    def __init__(self, port: Any, name: str, calls: Counter[str]) -> None:
        self._port, self._name, self._calls = port, name, calls

    def __getattr__(self, asked: str) -> Any:
        found = getattr(self._port, asked)
        if not callable(found):
            return found

        def counting(*given: Any, **named: Any) -> Any:
            self._calls[f"{self._name}.{asked}"] += 1
            return found(*given, **named)

        return counting


class Stack:
    """Ports in memory with a crowd of contacts in them, of whom each waits for tomorrow."""

    def __init__(self) -> None:
        self.now = T0
        self.calls: Counter[str] = Counter()
        self.queues, self.contacts = MemoryQueues(), MemoryContacts()
        segments = {
            **{f"plan_{n}": trait("plan", n) for n in range(25)},
            **{f"seen_{n}": happened("seen", n + 1) for n in range(25)},
        }
        flow = sequence(wait("rest", DAY), send("bye"))
        live = book(flow, segments=segments, measures=measures(counted("seen", 30 * DAY)))
        ports = {
            "contacts": self.contacts,
            "log": MemoryLog(),
            "ledger": MemoryLedger(),
            "members": MemoryMembers(),
            "queues": self.queues,
            "bus": MemoryBus(),
            "books": MemoryBooks(live),
            "settings": MemorySettings(),
        }
        counted_ports = {name: Counted(port, name, self.calls) for name, port in ports.items()}
        self.doors = Doors(**counted_ports, clock=Clock(wall=lambda: self.now), spread=inline)  # type: ignore[arg-type]

    def fill(self) -> None:
        """One contact is evaluated; all others are like it."""
        given = [
            self._event("identify", "", traits={"email": "ann@example.com", "plan": 3}),
            self._event("track", "seen"),
            self._event("track", "go"),
        ]
        (body,) = wire.pack(given)
        assert evaluate(self.doors, [Record(id="r", body=body, received=1)]) == []
        (profile,) = self.contacts.held_profiles.values()
        (standing,) = self.contacts.held_standings.values()
        for name in (contact_of(f"user:{n}") for n in range(1, CONTACTS)):
            self.contacts.held_profiles[name] = replace(profile, contact_id=name)
            self.contacts.held_standings[name] = replace(standing, contact_id=name)

    def _event(self, kind: str, name: str, **more: Any) -> Event:
        return Event(
            id=f"{kind}-{name}",
            stream="user:0",
            type=kind,
            name=name,
            occurred_at=T0 - MINUTE,
            received_at=T0 - MINUTE,
            **more,
        )

    def minute(self) -> Counter[str]:
        """A minute passes: the sweep runs, and whatever it enqueues is evaluated. What that asked of the ports."""
        self.now += MINUTE
        self.calls.clear()
        self.queues.sent[Queue.EVENTS].clear()
        sweep(self.doors)
        messages = self.queues.sent[Queue.EVENTS]
        records = [Record(id=str(at), body=it.body, received=1) for at, it in enumerate(messages)]
        if records:
            evaluate(self.doors, records)
        return Counter(self.calls)


def test_a_minute_in_which_nothing_is_due_evaluates_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack()
    stack.fill()
    advanced: list[str] = []
    called = advance.advance

    def counting(state: Any, *given: Any, **named: Any) -> Any:
        advanced.append(state.standing.contact_id)
        return called(state, *given, **named)

    monkeypatch.setattr(rounds, "advance", counting)
    stack.minute()  # the first one moves the pointer of the sweep
    for _ in range(3):
        asked = stack.minute()
        assert advanced == []
        # One query for each part of the index, and where the sweep stands; the same for any number of contacts.
        assert set(asked) <= {"contacts.due", "settings.swept_until", "settings.move_sweep", "queues.waiting"}
        assert asked["contacts.due"] <= 32
    stack.now = T0 + DAY - 2 * MINUTE
    assert sweep(stack.doors) == CONTACTS  # and when all are due, all are woken
