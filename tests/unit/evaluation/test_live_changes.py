"""What becomes of contacts when the book changes under them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from redshank import wire
from redshank.engine.book import SEGMENT, Book
from redshank.engine.conditions import Compare
from redshank.engine.effects import Alarm, Emission
from redshank.engine.inputs import Event, Visit
from redshank.engine.measures import Measure
from redshank.engine.state import Pending, Standing
from redshank.engine.values import Measured
from redshank.evaluation.doors import NOTICED
from redshank.identity import contact_of, contact_stream
from redshank.instants import SECOND
from redshank.memory import MemoryBus, MemoryLog
from redshank.ports import Queue
from tests.books import ACTIVATED, ACTIVATION, book
from tests.unit.evaluation.test_evaluation import ANN, BOB, T0, Broken, Function, event, known

LOGINS = Measure(key="logins", events=("logged_in",))
FREQUENT = Compare(Measured("logins"), "gte", 2)
FROM_ONE = book(ACTIVATION)


def counting(sequence: int = 2, applied_at: int = T0, **more: Any) -> Book:
    """A later book that counts what the one before did not, and has a segment of it."""
    measures = {ACTIVATED.key: ACTIVATED, LOGINS.key: LOGINS}
    born = dict.fromkeys((LOGINS.key, SEGMENT + "frequent"), (sequence, applied_at))
    made = {"measures": measures, "segments": {"frequent": FREQUENT}, "born": {ACTIVATED.key: (1, 0), **born}}
    return book(ACTIVATION, sequence=sequence, **(made | more))


@pytest.fixture
def function() -> Function:
    function = Function()
    function.books.book = FROM_ONE
    return function


def logs_in(who: str = "ann", number: int = 1, at: int = T0) -> Event:
    return event("logged_in", who, named=f"{who}-login-{number}", at=at)


def after_all_have_noticed(function: Function) -> None:
    function.now += NOTICED + SECOND


# --- visits


def test_a_visit_brings_a_contact_that_nothing_happens_to_to_the_new_book(function: Function) -> None:
    function.receives(known(), logs_in(number=1), logs_in(number=2))
    function.books.book = counting()
    after_all_have_noticed(function)
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert function.standing().book == 2
    assert function.members.held[("frequent", ANN)][0] is True


def test_a_visit_that_comes_again_changes_nothing(function: Function) -> None:
    function.receives(known())
    function.books.book = counting()
    after_all_have_noticed(function)
    for _ in range(3):
        assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert function.standing().version == 2


def test_a_visit_finishes_what_a_crash_left_of_the_one_before(function: Function) -> None:
    function.receives(known(), logs_in(number=1), logs_in(number=2))
    function.books.book = counting()
    after_all_have_noticed(function)
    put, function.members.broken = function.members.held, True
    assert function.receives(Visit(contact_id=ANN, book=2)) == ["r"]
    assert (function.standing().book, put) == (2, {})
    function.members.broken = False
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert function.members.held[("frequent", ANN)][0] is True
    assert (ANN, f"w:{ANN}:2") in function.log.records


def test_a_visit_to_nobody_writes_nothing(function: Function) -> None:
    function.books.book = counting()
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert (function.contacts.held_standings, function.log.records) == ({}, {})


def test_a_visit_follows_a_merged_contact_and_leaves_an_erased_one_alone(function: Function) -> None:
    function.receives(known("bob"))
    function.contacts.held_standings[ANN] = Standing(contact_id=ANN, version=3, merged_into=BOB)
    cem = contact_of("user:cem")
    function.contacts.held_standings[cem] = Standing(contact_id=cem, version=3, erased_at=T0)
    function.books.book = counting()
    after_all_have_noticed(function)
    assert function.receives(Visit(contact_id=ANN, book=2), Visit(contact_id=cem, book=2)) == []
    assert function.standing(BOB).book == 2
    assert function.standing(cem).version == 3


def test_a_visit_waits_for_a_function_that_has_not_noticed_the_book(function: Function) -> None:
    function.receives(known())
    assert function.receives(Visit(contact_id=ANN, book=2)) == ["r"]
    assert function.standing().book == 1


def test_a_visit_that_loses_to_another_writer_goes_back_to_the_queue(function: Function) -> None:
    function.receives(known())
    function.inputs()
    function.books.book = counting()
    after_all_have_noticed(function)
    function.contacts.contended = frozenset({ANN})
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert function.inputs() == [Visit(contact_id=ANN, book=2)]


# --- counted anew, from the log


def test_a_new_measure_counts_what_nobody_had_listened_to(function: Function) -> None:
    function.receives(known(), logs_in(number=1))
    function.receives(logs_in(number=2, at=T0 + 1))
    function.books.book = counting()
    after_all_have_noticed(function)
    function.receives(logs_in(number=3, at=function.now))
    assert sum(partial for _, partial in function.standing().measures["logins"]) == 3


def test_what_was_learned_of_a_contact_is_counted_too(function: Function) -> None:
    function.receives(known())
    opened = Event(
        id="m1:opened",
        stream=contact_stream(ANN),
        type="track",
        name="email_opened",
        occurred_at=T0,
        received_at=T0,
    )
    function.receives(opened)
    opens = Measure(key="opens", events=("email_opened",))
    born = {"opens": (2, T0)}
    function.books.book = book(ACTIVATION, sequence=2, measures={"opens": opens}, born=born)
    after_all_have_noticed(function)
    function.receives(Visit(contact_id=ANN, book=2))
    assert function.standing().measures["opens"] == [[T0, 1]]


def test_a_contact_that_is_new_itself_reads_no_log(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.books.book = counting()
    monkeypatch.setattr(MemoryLog, "of_contact", None)
    assert function.receives(known(), logs_in()) == []
    assert function.standing().measures["logins"] == [[T0, 1]]


def test_without_anything_new_no_log_is_read(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    function.receives(known())
    function.books.book = replace(counting(), born={LOGINS.key: (1, 0), SEGMENT + "frequent": (2, T0)})
    monkeypatch.setattr(MemoryLog, "of_contact", None)
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert function.standing().book == 2


def test_until_every_function_has_noticed_the_book_its_first_inputs_wait(function: Function) -> None:
    """One that has not might log an event as one that nobody listens to, too late for the count."""
    function.receives(known())
    function.took(Queue.EVENTS)
    function.books.book = counting()
    function.now += 10 * SECOND
    login = logs_in()
    assert function.receives(login) == []
    [again] = function.queues.sent[Queue.EVENTS]
    assert wire.unpack(again.body) == [login]
    assert again.delay * SECOND == NOTICED - 10 * SECOND
    assert function.standing().book == 1
    function.now += again.delay * SECOND
    assert function.receives(login) == []
    assert function.standing().measures["logins"] == [[T0, 1]]


def test_visits_that_came_together_wait_together(function: Function) -> None:
    function.receives(known(), known("bob"))
    function.took(Queue.EVENTS)
    function.books.book = counting()
    visits = [Visit(contact_id=who, book=2) for who in (ANN, BOB)]
    assert function.receives(*visits) == []
    [again] = function.queues.sent[Queue.EVENTS]
    assert wire.unpack(again.body) == visits


def test_an_event_that_is_applied_but_not_logged_yet_is_waited_for(function: Function) -> None:
    function.receives(known())
    standing = function.standing()
    unfinished = event("product_activated")
    standing.version += 1
    standing.pending[unfinished.id] = Pending(stream=unfinished.stream)
    function.contacts.write(standing)
    function.took(Queue.EVENTS)
    function.books.book = counting()
    after_all_have_noticed(function)
    visit = Visit(contact_id=ANN, book=2)
    assert function.receives(visit) == []
    assert (function.inputs(), function.standing().book) == ([visit], 1)
    # Its own message comes again and finishes it.
    assert function.receives(unfinished) == []
    assert function.receives(visit) == []
    assert function.standing().book == 2


def test_an_event_applied_while_the_log_was_read_is_counted_once(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.receives(known(), logs_in(number=1))
    function.books.book = counting()
    after_all_have_noticed(function)
    late = logs_in(number=2, at=function.now)
    of_contact = MemoryLog.of_contact

    def crossed(log: MemoryLog, streams: Any) -> list[Event]:
        monkeypatch.setattr(MemoryLog, "of_contact", of_contact)
        function.receives(late)
        return of_contact(log, streams)

    monkeypatch.setattr(MemoryLog, "of_contact", crossed)
    assert function.receives(Visit(contact_id=ANN, book=2)) == []
    assert sum(partial for _, partial in function.standing().measures["logins"]) == 2


# --- effects that leave the house


class FailingBus(MemoryBus):
    broken = True

    def emit(self, emissions: Any) -> None:
        if self.broken:
            raise Broken
        MemoryBus.emit(self, emissions)


EMISSION = Emission(
    id="x1", name="trial.rescued", contact_id=ANN, workflow="w", step="s", at=T0, detail={"plan": "pro"}
)


def _pending(function: Function, *effects: Any) -> Event:
    """An event of Ann's that is applied, with these effects, but not finished."""
    one = event("signed_up")
    function.contacts.write(
        Standing(
            contact_id=ANN,
            version=1,
            book=1,
            identified=True,
            pending={one.id: Pending(stream=one.stream, effects=effects)},
        )
    )
    return one


def test_what_is_emitted_reaches_the_bus(function: Function) -> None:
    assert function.receives(_pending(function, EMISSION)) == []
    assert function.bus.emitted == [EMISSION]


def test_an_event_is_not_logged_before_the_bus_has_what_it_emits(function: Function) -> None:
    function.doors = replace(function.doors, bus=FailingBus())
    one = _pending(function, EMISSION)
    assert function.receives(one) == ["r"]
    assert function.log.records == {}
    FailingBus.broken = False
    try:
        assert function.receives(one) == []
    finally:
        FailingBus.broken = True
    assert (one.stream, one.id) in function.log.records


def test_the_runaway_guard_is_counted_for_its_alarm(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.doors = replace(function.doors, stack="acme")
    alarm = Alarm(what="runaway", contact_id=ANN, workflow="loop", step="again")
    assert function.receives(_pending(function, alarm)) == []
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "Runaway" in text]
    assert (line["Runaway"], line["Stack"]) == (1, "acme")


# --- groups


def test_a_group_without_traits_is_more_than_an_event_that_nobody_listens_to(function: Function) -> None:
    function.receives(known())
    joined = replace(event("", named="g1"), type="group", properties={"group_id": "initech"})
    assert function.receives(joined) == []
    assert function.contacts.held_profiles[ANN].account_id == "initech"
