"""What becomes of a message on the events queue, and of a minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from redshank import wire
from redshank.clock import Clock
from redshank.engine.book import Book
from redshank.engine.conditions import Compare
from redshank.engine.effects import Mail
from redshank.engine.inputs import EMAIL_DEFERRED, Event, Input, Wake
from redshank.engine.state import Profile, Standing
from redshank.engine.values import Trait
from redshank.engine.workflows import EventTrigger
from redshank.errors import Conflict
from redshank.evaluation.batch import PARK_AFTER, SPLIT_AFTER, evaluate
from redshank.evaluation.doors import LOG_TTL, Doors
from redshank.evaluation.rounds import rearmed
from redshank.evaluation.sweep import sweep
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR, MINUTE, SECOND
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
from redshank.ports import LedgerRow, Queue, Status, inline
from redshank.records import Record
from tests.books import ACTIVATION, UPGRADE, book

T0 = 1_800_000_000_000 - 1_800_000_000_000 % (10 * MINUTE)
ANN, BOB = contact_of("user:ann"), contact_of("user:bob")


class Broken(Exception):
    """Something nobody thought of."""


class Contacts(MemoryContacts):
    """Contacts of whom some cannot be written, and some are always written by somebody else first."""

    poisoned: frozenset[str] = frozenset()
    contended: frozenset[str] = frozenset()
    standing_reads = 0

    def standings(self, contact_ids: Any, *, consistent: bool) -> dict[str, Standing]:
        self.standing_reads += 1
        return MemoryContacts.standings(self, contact_ids, consistent=consistent)

    def write(self, standing: Standing, profile: Profile | None = None) -> None:
        if standing.contact_id in self.poisoned:
            raise Broken
        if standing.contact_id in self.contended:
            raise Conflict
        MemoryContacts.write(self, standing, profile)


class Members(MemoryMembers):
    """Members that may fail to be put."""

    broken: bool = False

    def put(self, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        if self.broken:
            raise Broken
        MemoryMembers.put(self, segment, contact_id, member=member, version=version, now=now)


class Function:
    """An evaluate function on ports in memory."""

    def __init__(self) -> None:
        self.now = T0
        self.contacts, self.log, self.queues = Contacts(), MemoryLog(), MemoryQueues()
        self.ledger, self.settings = MemoryLedger(), MemorySettings()
        self.members = Members()
        self.books, self.bus = MemoryBooks(book(ACTIVATION, UPGRADE)), MemoryBus()
        self.doors = Doors(
            contacts=self.contacts,
            log=self.log,
            ledger=self.ledger,
            members=self.members,
            queues=self.queues,
            bus=self.bus,
            books=self.books,
            settings=self.settings,
            clock=Clock(wall=lambda: self.now),
            spread=inline,
        )

    def receives(self, *given: Input, received: int = 1) -> list[str]:
        """One message that packs these inputs."""
        [body] = wire.pack(given)
        return evaluate(self.doors, [Record(id="r", body=body, received=received)])

    def took(self, queue: Queue) -> list[str]:
        """The bodies that were put on a queue since the last look."""
        bodies = [message.body for message in self.queues.sent[queue]]
        self.queues.sent[queue].clear()
        return bodies

    def inputs(self) -> list[Input]:
        return [one for body in self.took(Queue.EVENTS) for one in wire.unpack(body)]

    def mails(self) -> list[Mail]:
        return [wire.load_mail(body) for body in self.took(Queue.MARKETING)]

    def standing(self, contact_id: str = ANN) -> Standing:
        return self.contacts.standings([contact_id], consistent=True)[contact_id]


@pytest.fixture
def function() -> Function:
    return Function()


def event(
    name: str, who: str = "ann", *, named: str = "", at: int = T0, traits: Mapping[str, Any] | None = None
) -> Event:
    return Event(
        id=named or f"{who}-{name}",
        stream=f"user:{who}",
        type="track" if name else "identify",
        name=name,
        occurred_at=at,
        received_at=at,
        traits=traits or {},
    )


def known(who: str = "ann") -> Event:
    return event("", who, traits={"email": f"{who}@example.com"})


def test_an_event_is_applied_dispatched_and_logged(function: Function) -> None:
    assert function.receives(known(), event("signed_up")) == []
    assert [mail.step for mail in function.mails()] == ["welcome"]
    assert set(function.log.records) == {("user:ann", "ann-"), ("user:ann", "ann-signed_up")}


def test_the_events_of_a_contact_in_a_batch_share_one_write(function: Function) -> None:
    function.receives(known(), event("signed_up"), event("product_activated"))
    assert function.standing().version == 1


def test_an_event_that_comes_again_changes_nothing(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.mails()
    before = function.standing()
    assert function.receives(event("signed_up")) == []
    assert function.mails() == []
    assert function.standing() == before


def test_an_event_found_pending_is_finished_by_whoever_finds_it(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.mails()
    function.log.records.clear()  # as if the function had died before it wrote the log
    function.receives(event("signed_up"))
    assert [mail.step for mail in function.mails()] == ["welcome"]
    assert ("user:ann", "ann-signed_up") in function.log.records
    assert function.standing().version == 1


def test_an_event_nobody_listens_to_is_only_logged(function: Function) -> None:
    function.receives(known())
    function.receives(event("coffee_made"))
    assert function.standing().version == 1
    assert ("user:ann", "ann-coffee_made") in function.log.records


def test_an_event_nobody_listens_to_costs_one_read_of_the_standing(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.receives(known())
    reads = function.contacts.standing_reads
    monkeypatch.setattr(MemoryLog, "present", lambda *_: pytest.fail("the log was read"))
    monkeypatch.setattr(MemoryContacts, "profiles", lambda *_: pytest.fail("the profile was read"))
    function.receives(event("coffee_made"))
    assert function.contacts.standing_reads == reads + 1


def test_an_event_that_was_listened_to_is_finished_though_the_book_no_longer_listens(
    function: Function,
) -> None:
    function.receives(known(), event("signed_up"))
    function.mails()
    function.log.records.clear()  # as if the function had died before it wrote the log
    function.books.book = book(UPGRADE, sequence=2)
    function.receives(event("signed_up"))
    assert [mail.step for mail in function.mails()] == ["welcome"]


def test_the_first_event_of_somebody_unknown_makes_a_contact_of_them(function: Function) -> None:
    function.receives(event("coffee_made"))
    assert function.standing().identified


def test_one_poisoned_contact_does_not_take_the_others_with_it(function: Function) -> None:
    function.contacts.poisoned = frozenset({BOB})
    assert function.receives(known("ann"), known("bob")) == []
    assert function.standing(ANN).version == 1
    assert function.inputs() == [known("bob")]


def test_a_poisoned_input_that_is_alone_comes_again_until_it_is_a_dead_letter(function: Function) -> None:
    function.contacts.poisoned = frozenset({BOB})
    assert function.receives(known("bob")) == ["r"]


def test_a_pack_that_keeps_coming_is_split_before_anything_else(function: Function) -> None:
    assert function.receives(known("ann"), known("bob"), received=SPLIT_AFTER) == []
    assert [len(wire.unpack(body)) for body in function.took(Queue.EVENTS)] == [1, 1]
    assert function.contacts.held_standings == {}


def test_a_message_that_is_no_pack_fails_alone(function: Function) -> None:
    [body] = wire.pack([known()])
    records = [Record(id="bad", body="not json"), Record(id="good", body=body)]
    assert evaluate(function.doors, records) == ["bad"]
    assert function.standing().version == 1


def test_a_contact_that_others_keep_writing_goes_back_to_the_queue_with_jitter(function: Function) -> None:
    function.contacts.contended = frozenset({ANN})
    assert function.receives(known()) == []
    [message] = function.queues.sent[Queue.EVENTS]
    assert 1 <= message.delay <= 5


def test_a_merged_contact_is_followed_to_where_it_went(function: Function) -> None:
    function.contacts.held_standings[ANN] = Standing(contact_id=ANN, version=3, merged_into=BOB)
    function.receives(known("ann"))
    assert function.standing(BOB).version == 1
    assert function.standing(ANN).version == 3


def test_an_erased_contact_drops_what_was_received_before(function: Function) -> None:
    function.contacts.held_standings[ANN] = Standing(contact_id=ANN, version=3, erased_at=T0 + 1)
    assert function.receives(known()) == []
    assert function.standing().version == 3
    assert function.contacts.held_profiles == {}


def test_an_erased_contact_may_come_back_later(function: Function) -> None:
    function.contacts.held_standings[ANN] = Standing(contact_id=ANN, version=3, erased_at=T0 - 1)
    function.receives(known())
    assert function.standing().version == 4
    assert function.standing().erased_at == T0 - 1


def test_an_event_that_the_log_may_have_forgotten_is_never_applied(function: Function) -> None:
    function.now = T0 + LOG_TTL
    assert function.receives(known()) == ["r"]
    assert function.contacts.held_standings == {}


def test_what_is_due_before_the_next_sweep_is_enqueued_directly(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    assert function.inputs() == []
    function.now = T0 + 2 * DAY - MINUTE
    function.receives(event("signed_up", named="again", at=function.now))
    [wake] = function.queues.sent[Queue.EVENTS]
    assert wire.unpack(wake.body) == [Wake(contact_id=ANN, at=T0 + 2 * DAY)]
    assert wake.delay == 60


def test_a_wake_up_that_is_a_little_early_counts_as_on_time(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.mails()
    function.now = T0 + 2 * DAY - 4 * SECOND
    function.receives(Wake(contact_id=ANN, at=T0 + 2 * DAY))
    assert [mail.step for mail in function.mails()] == ["help"]


def test_a_wake_up_that_is_far_too_early_goes_back_to_the_queue(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.now = T0 + DAY
    assert function.receives(Wake(contact_id=ANN, at=T0 + 2 * DAY)) == []
    assert function.inputs() == [Wake(contact_id=ANN, at=T0 + 2 * DAY)]


def test_a_wake_up_whose_index_entry_has_passed_arms_it_anew(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    standing = function.standing()
    function.contacts.held_standings[ANN] = replace(standing, indexed=T0 + HOUR)
    function.now = T0 + HOUR
    function.receives(Wake(contact_id=ANN, at=T0 + HOUR))
    assert function.standing().indexed == T0 + 2 * DAY


def test_a_wake_up_with_effects_is_logged_under_its_version(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY
    function.receives(Wake(contact_id=ANN, at=T0 + 2 * DAY))
    assert (ANN, f"w:{ANN}:2") in function.log.records


def test_a_contact_whose_wake_up_keeps_failing_is_parked(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY
    function.contacts.poisoned = frozenset({ANN})
    assert function.receives(Wake(contact_id=ANN, at=T0 + 2 * DAY), received=PARK_AFTER) == ["r"]
    assert function.contacts.parked == {ANN: T0 + 3 * DAY}


@pytest.mark.parametrize(
    ("due", "indexed", "then"),
    [
        (None, None, None),
        (None, 5, None),  # passed: taken out
        (None, 20, 20),  # not yet: left for its wake-up to find nothing
        (15, None, 15),
        (15, 5, 15),
        (15, 20, 15),
        (20, 15, 15),  # lazily: two write units saved
    ],
)
def test_the_index_is_written_only_if_it_would_be_late(due: int, indexed: int, then: int) -> None:
    assert rearmed(due=due, indexed=indexed, now=10) == then


def test_the_sweep_wakes_who_is_due_within_two_minutes_at_their_second(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY - 90 * SECOND
    assert sweep(function.doors) == 1
    [message] = function.queues.sent[Queue.EVENTS]
    assert wire.unpack(message.body) == [Wake(contact_id=ANN, at=T0 + 2 * DAY)]
    assert message.delay == 90


def test_a_minute_after_a_sweep_nobody_is_woken_twice(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY - 90 * SECOND
    sweep(function.doors)
    function.now += MINUTE
    assert sweep(function.doors) == 0


def test_what_the_index_showed_too_late_is_caught_up_with(function: Function) -> None:
    function.settings.swept = T0 + 3 * DAY
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY + 4 * MINUTE
    assert sweep(function.doors) == 0
    function.now = T0 + 2 * DAY + 10 * MINUTE
    assert sweep(function.doors) == 1


def test_nobody_is_caught_up_with_while_the_queue_is_busy(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.settings.swept = T0 + 3 * DAY
    function.receives(known(), event("signed_up"))
    function.now = T0 + 2 * DAY + 10 * MINUTE
    monkeypatch.setattr(MemoryQueues, "waiting", lambda self, queue: 100_000)
    assert sweep(function.doors) == 0


def test_a_minute_in_which_nothing_is_due_reads_no_contact(function: Function) -> None:
    for number in range(200):
        function.receives(known(f"c{number}"), event("signed_up", f"c{number}"))
    reads = function.contacts.standing_reads
    function.now = T0 + DAY
    assert sweep(function.doors) == 0
    assert function.contacts.standing_reads == reads


def test_at_a_fast_clock_the_sweep_looks_two_wall_minutes_ahead(function: Function) -> None:
    function.doors = replace(function.doors, clock=Clock(speed=8640, since=T0, wall=lambda: function.now))
    function.receives(known(), event("signed_up"))
    [message] = function.queues.sent[Queue.EVENTS]
    assert message.delay == 20  # two days, at a day in ten seconds


class BrokenLog(MemoryLog):
    """A log that takes nothing of some people."""

    refuses: frozenset[str] = frozenset()

    def write(self, records: Any) -> None:
        given = list(records)
        if any(record.contact_id in self.refuses for record in given):
            raise Broken
        MemoryLog.write(self, given)


def test_one_contact_that_cannot_be_finished_does_not_hold_up_the_others(function: Function) -> None:
    log = BrokenLog()
    log.refuses = frozenset({BOB})
    function.doors = replace(function.doors, log=log)
    bodies = [body for who in ("ann", "bob") for body in wire.pack([known(who)])]
    records = [Record(id=f"r{index}", body=body) for index, body in enumerate(bodies)]
    assert evaluate(function.doors, records) == ["r1"]
    assert ("user:ann", "ann-") in log.records


def test_an_input_that_was_applied_before_lets_no_time_pass(function: Function) -> None:
    """SQS may deliver a message that it has deleted: what it decided would be nobody's to finish."""
    function.receives(known(), event("signed_up"))
    function.mails()
    before = function.standing()
    function.now = T0 + 2 * DAY
    function.receives(event("signed_up"))
    assert function.mails() == []
    assert function.standing() == before


def _plan_is(plan: str, at: int) -> Event:
    return event("", named=f"plan-{at}", at=T0 + at, traits={"plan": plan})


@pytest.fixture
def segmented(function: Function) -> Function:
    live = book(segments={"pros": Compare(Trait("plan"), "eq", "pro")})
    function.doors = replace(function.doors, books=MemoryBooks(live))
    return function


def test_an_entry_found_pending_does_not_beat_a_later_leaving(segmented: Function) -> None:
    members = segmented.doors.members
    assert isinstance(members, MemoryMembers)
    segmented.receives(_plan_is("pro", 1))
    segmented.log.records.clear()  # as if the function had died before it wrote the log
    segmented.receives(_plan_is("free", 2))
    segmented.receives(_plan_is("free", 3))
    segmented.receives(_plan_is("pro", 1))
    assert members.held["pros", ANN][0] is False


def test_who_enters_and_leaves_in_one_batch_is_out(segmented: Function) -> None:
    members = segmented.doors.members
    assert isinstance(members, MemoryMembers)
    segmented.receives(_plan_is("pro", 1), _plan_is("free", 2))
    assert members.held["pros", ANN][0] is False


def _deferred(message_id: str) -> Event:
    properties = {"message_id": message_id, "reason": "late", "retry_at": T0}
    return replace(event(EMAIL_DEFERRED, named="deferred"), stream=f"contact:{ANN}", properties=properties)


def test_a_deferred_email_that_was_forgotten_when_it_was_claimed_is_cancelled(function: Function) -> None:
    """Nobody could decide it again, and so it would be open for ever."""
    function.receives(known(), event("signed_up"))
    [mail] = function.mails()
    attempt = function.ledger.claim(mail, now=T0)
    function.receives(event("product_activated"))
    function.ledger.give_back(mail.message_id, attempt=attempt, release=1)
    function.receives(_deferred(mail.message_id))
    assert function.ledger.held[mail.message_id].status is Status.CANCELLED


def test_a_deferral_is_judged_by_a_consistent_look_at_the_ledger(function: Function) -> None:
    """A claim that was given back a moment ago may still show: the email would be taken for sent."""
    looks: list[bool] = []

    class Ledger(MemoryLedger):
        def rows(self, message_ids: Any, *, consistent: bool) -> dict[str, LedgerRow]:
            looks.append(consistent)
            return MemoryLedger.rows(self, message_ids, consistent=consistent)

    function.doors = replace(function.doors, ledger=Ledger())
    function.receives(known(), event("signed_up"))
    [mail] = function.mails()
    function.receives(_deferred(mail.message_id))
    assert looks == [True]


def test_a_late_email_is_decided_again_if_its_time_has_not_run_out_for_the_engine(function: Function) -> None:
    function.receives(known(), event("signed_up"))
    [mail] = function.mails()
    function.receives(_deferred(mail.message_id))
    [again] = function.mails()
    assert (again.message_id, again.release) == (mail.message_id, 1)


def test_an_event_that_only_a_newer_book_listens_to_is_judged_by_that_book(function: Function) -> None:
    """The contact has been evaluated by it already; this function has not looked at the pointer since."""

    class Books(MemoryBooks):
        def at_least(self, sequence: int) -> Book:
            return newer if sequence > 1 else self.current()

    newer = book(ACTIVATION, replace(UPGRADE, triggers=(EventTrigger(events=("upgraded",)),)), sequence=2)
    function.doors = replace(function.doors, books=MemoryBooks(newer))
    function.receives(known())
    function.doors = replace(function.doors, books=Books(book(ACTIVATION)))
    function.receives(event("upgraded"))
    assert [mail.step for mail in function.mails()] == ["thanks"]


def _of_another_identity(one: Event) -> Event:
    return replace(one, stream=f"contact:{ANN}")


def test_two_events_of_one_id_and_two_identities_are_two_events(function: Function) -> None:
    function.receives(known(), event("signed_up", named="same"))
    function.mails()
    other = _of_another_identity(event("product_activated", named="same"))
    assert function.receives(other) == []
    assert (other.stream, "same") in function.log.records
    assert function.standing().measures["activated"] == [[T0, 1]]


def test_an_event_waits_for_another_of_its_id_that_is_not_finished(function: Function) -> None:
    function.receives(known(), event("signed_up", named="same"))
    function.log.records.clear()  # as if the function had died before it wrote the log
    other = _of_another_identity(event("product_activated", named="same"))
    function.took(Queue.EVENTS)
    assert function.receives(other) == []
    assert function.inputs() == [other]
    assert "activated" not in function.standing().measures


def test_two_new_events_of_one_id_are_applied_one_after_the_other(function: Function) -> None:
    function.receives(known())
    one = event("signed_up", named="same")
    function.took(Queue.EVENTS)
    function.receives(one, _of_another_identity(event("product_activated", named="same")))
    again = function.inputs()
    assert len(again) == 2
    for it in again:
        function.receives(it)
    assert function.standing().measures["activated"] == [[T0, 1]]
    assert [mail.step for mail in function.mails()] == ["welcome"]
