"""The rules of the protocol, each as a way to leave it out of the real code.

A test that has never failed proves little. These prove that the schedules can fail: with any of these rules
left out, an invariant breaks within some runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from redshank.engine import advance as engine
from redshank.engine import baseline, emails, entering, state
from redshank.engine.advance import Evidence
from redshank.engine.book import Book
from redshank.engine.effects import Alarm, Membership
from redshank.engine.inputs import Visit, Wake
from redshank.engine.state import Profile, Standing
from redshank.errors import Conflict, OutcomeUnknown
from redshank.evaluation import batch, finishing, rounds, sweep
from redshank.evaluation import doors as evaluation
from redshank.memory import MemoryContacts, MemoryMembers
from redshank.ports import LedgerRow, LogKey, Status
from redshank.sending import batch as sending
from redshank.sending import delivery, gate
from redshank.sending.doors import Doors as SendDoors
from tests.protocol import operators, world
from tests.protocol.scenarios import (
    Scenario,
    anything,
    back_fill,
    crowd,
    fine_day,
    late_index,
    new_book,
    new_contact,
    stopped,
    stopped_early,
    unnoticed,
)

Patch = pytest.MonkeyPatch

type LeaveOut = Callable[[Patch], None]
#: Rule -> how to leave it out, and the scenarios in which that is to be noticed.
RULES: dict[str, tuple[LeaveOut, Callable[[int], Scenario]]] = {}


def rule(among: Callable[[int], Scenario] = anything) -> Callable[[LeaveOut], LeaveOut]:
    def keep(leave_out: LeaveOut) -> LeaveOut:
        RULES[leave_out.__name__] = leave_out, among
        return leave_out

    return keep


# --- evaluate


@rule()
def effects_go_out_before_the_log_is_written(patch: Patch) -> None:
    def finish(doors: Any, judged: Any) -> None:
        now = doors.clock.now()
        doors.log.write([record for one in judged for record in finishing._records(one, now)])
        finishing._dispatch(doors, judged, now)

    patch.setattr(batch, "finish", finish)


@rule()
def the_log_is_written_at_all(patch: Patch) -> None:
    patch.setattr(finishing, "_records", lambda judged, now: ())


@rule()
def whoever_finds_an_input_pending_finishes_it(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        made = original(doors, book, read, given)
        kept = tuple(it for it in made.outcome.finish if getattr(it, "id", "") not in read.standing.pending)
        return replace(made, outcome=replace(made.outcome, finish=kept))

    patch.setattr(rounds, "_plan", plan)


@rule()
def pending_wake_ups_of_others_are_finished(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        made = original(doors, book, read, given)
        own = tuple(it for it in made.outcome.others if it not in read.standing.pending)
        return replace(made, outcome=replace(made.outcome, others=own))

    patch.setattr(rounds, "_plan", plan)


@rule(crowd)
def the_log_is_read_after_the_standing(patch: Patch) -> None:
    original = rounds._read

    def read(doors: Any, book: Any, given: Any, *, consistent: bool) -> Any:
        keys = {(it.stream, it.id) for some in given.values() for it in some if hasattr(it, "id")}
        before = doors.log.present(keys, consistent=True) if keys else set()
        early = _Early(before, doors.log)
        return original(replace(doors, log=early), book, given, consistent=consistent)

    patch.setattr(rounds, "_read", read)


class _Early:
    """A log of which own ids were read too early."""

    def __init__(self, before: set[LogKey], log: Any) -> None:
        self._before, self._log = before, log

    def present(self, keys: Iterable[LogKey], *, consistent: bool) -> set[LogKey]:
        if consistent:
            return self._before & set(keys)
        found: set[LogKey] = self._log.present(keys, consistent=False)
        return found


@rule(crowd)
def own_ids_are_read_strongly_from_the_log(patch: Patch) -> None:
    original = world.StaleLog.present

    def present(self: Any, keys: Any, *, consistent: bool) -> set[LogKey]:
        return original(self, keys, consistent=False)

    patch.setattr(world.StaleLog, "present", present)


@rule()
def an_id_leaves_pending_only_once_it_is_in_the_log(patch: Patch) -> None:
    original = engine.advance

    def advance(given: Any, inputs: Any, book: Any, now: int, evidence: Evidence, history: Any) -> Any:
        everything = replace(evidence, logged=frozenset(given.standing.pending))
        return original(given, inputs, book, now, everything, history)

    patch.setattr(rounds, "advance", advance)


@rule(crowd)
def a_standing_is_written_only_over_the_version_that_was_read(patch: Patch) -> None:
    original = MemoryContacts.write

    def write(self: Any, standing: Standing, profile: Any = None) -> None:
        held = self.held_standings.get(standing.contact_id)
        standing.version = (held.version if held else 0) + 1
        original(self, standing, profile)

    patch.setattr(MemoryContacts, "write", write)


@rule()
def profile_and_standing_are_written_in_one_transaction(patch: Patch) -> None:
    original = MemoryContacts.write

    def write(self: Any, standing: Standing, profile: Any = None) -> None:
        if profile is not None:
            self.held_profiles[profile.contact_id] = profile
        original(self, standing)

    patch.setattr(MemoryContacts, "write", write)


@rule(crowd)
def profile_and_standing_must_belong_together(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        profile = read.profile or Profile(contact_id=read.standing.contact_id)
        read.profile = replace(profile, version=read.standing.profile_version)
        return original(doors, book, read, given)

    patch.setattr(rounds, "_plan", plan)


@rule(fine_day)
def nothing_to_write_is_decided_on_a_consistent_read(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        read.consistent = True
        return original(doors, book, read, given)

    original_read = rounds._read

    def read(doors: Any, book: Any, given: Any, *, consistent: bool) -> Any:
        weak = _Weak(doors.contacts)
        return original_read(replace(doors, contacts=weak), book, given, consistent=consistent)

    patch.setattr(rounds, "_plan", plan)
    patch.setattr(rounds, "_read", read)


class _Weak:
    """Contacts that are never read consistently."""

    def __init__(self, contacts: Any) -> None:
        self.standings = _weakly(contacts.standings)
        self.profiles = _weakly(contacts.profiles)


def _weakly(read: Callable[..., Any]) -> Callable[..., Any]:
    def weak(ids: Any, *, consistent: bool) -> Any:
        return read(ids, consistent=False)

    return weak


@rule(crowd)
def the_newest_word_about_a_trait_wins(patch: Patch) -> None:
    original = state.say

    def say(profile: Any, standing: Any, traits: Any, at: int) -> Any:
        return original(replace(profile, written={}), Standing(contact_id=""), traits, at)

    patch.setattr(engine, "say", say)


@rule()
def edges_compare_with_the_stored_truth(patch: Patch) -> None:
    def judge(turn: Any, keys: Any, event: Any, *, starts: bool = True) -> None:
        for key in keys:
            turn.hold(key, turn.verdict(turn.book.truths[key]))
            if key in turn.standing.truths and turn.standing.truths[key][0] and key in turn.book.edges:
                # What an earlier profile would have said is not known: so it fires.
                workflow, trigger = turn.book.edges[key]
                at = event.occurred_at if event else turn.reach
                entering.enter(turn, workflow, trigger, at, event.properties if event else {})

    patch.setattr(engine, "_judge", judge)


@rule()
def an_index_entry_that_has_passed_is_armed_again(patch: Patch) -> None:
    patch.setattr(rounds, "rearmed", lambda *, due, indexed, now: due if indexed is None else indexed)


@rule()
def a_cancelled_email_is_closed_in_the_ledger(patch: Patch) -> None:
    patch.setattr(world.StaleLedger, "cancel", lambda self, message_id, **named: True)


@rule(crowd)
def members_are_guarded_by_the_version(patch: Patch) -> None:
    def put(self: Any, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        self.held[segment, contact_id] = (member, version)

    patch.setattr(MemoryMembers, "put", put)


@rule(crowd)
def a_member_is_what_the_standing_says(patch: Patch) -> None:
    patch.setattr(
        finishing,
        "_entry",
        lambda standing, effect: (effect.segment, standing.contact_id, effect.member, standing.version),
    )


@rule(crowd)
def conflicting_inputs_go_back_to_the_queue(patch: Patch) -> None:
    original = batch._again

    def again(doors: Any, record: Any, inputs: Any, wrong: Any) -> bool:
        broken = [(one, error) for one, error in wrong if not isinstance(error, Conflict)]
        return original(doors, record, inputs, broken)

    patch.setattr(batch, "_again", again)
    patch.setattr(rounds, "MAX_CONFLICTS", 0)


@rule()
def failed_inputs_of_a_pack_are_sent_again(patch: Patch) -> None:
    patch.setattr(batch, "_resend", lambda doors, inputs, jitter=False: None)


@rule(new_book)
def an_older_book_takes_nothing_for_unlistened(patch: Patch) -> None:
    original = rounds._only_logs

    def only_logs(read: Any, given: Any, book: Any) -> bool:
        known = replace(read.standing, book=0)
        return original(replace(read, standing=known), given, book)

    patch.setattr(rounds, "_only_logs", only_logs)


@rule()
def what_time_brought_before_an_event_is_finished(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        made = original(doors, book, read, given)
        if any(isinstance(one, Wake) for one in given):
            return made
        known = tuple(it for it in made.outcome.others if it in read.standing.pending)
        return replace(made, outcome=replace(made.outcome, others=known))

    patch.setattr(rounds, "_plan", plan)


@rule()
def an_emission_goes_out_before_the_log_is_written(patch: Patch) -> None:
    original = finishing.finish

    def finish(doors: Any, judged: Any) -> None:
        later = _Later()
        original(replace(doors, bus=later), judged)
        if later.emissions:
            doors.bus.emit(later.emissions)

    patch.setattr(batch, "finish", finish)


class _Later:
    """A bus that is told when all is done."""

    def __init__(self) -> None:
        self.emissions: list[Any] = []

    def emit(self, emissions: Any) -> None:
        self.emissions += emissions


@rule()
def whoever_finds_an_alarm_pending_sounds_it(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        made = original(doors, book, read, given)
        known = {
            effect for it in read.standing.pending.values() for effect in it.effects if _is_alarm(effect)
        }
        kept = {
            input_id: replace(
                it, effects=tuple(one for one in it.effects if not _is_alarm(one) or one not in known)
            )
            for input_id, it in made.outcome.standing.pending.items()
        }
        return replace(
            made, outcome=replace(made.outcome, standing=replace(made.outcome.standing, pending=kept))
        )

    patch.setattr(rounds, "_plan", plan)


def _is_alarm(effect: Any) -> bool:
    return isinstance(effect, Alarm)


# --- a new book


@rule(back_fill)
def nothing_is_counted_anew_before_all_that_is_pending_is_in_the_log(patch: Patch) -> None:
    original = rounds._history

    def history(doors: Any, book: Any, standing: Any, logged: Any) -> Any:
        return original(doors, book, standing, frozenset(standing.pending))

    patch.setattr(rounds, "_history", history)


@rule(unnoticed)
def nothing_is_counted_anew_before_every_function_has_noticed(patch: Patch) -> None:
    patch.setattr(rounds, "NOTICED", 0)
    patch.setattr(evaluation, "NOTICED", 0)


@rule(back_fill)
def the_log_is_counted_with_what_nobody_listened_to(patch: Patch) -> None:
    original = rounds._history

    def history(doors: Any, book: Any, standing: Any, logged: Any) -> Any:
        found = original(doors, book, standing, logged)
        return [event for event in found if event.name != "page_viewed"]

    patch.setattr(rounds, "_history", history)


@rule(back_fill)
def own_inputs_are_not_among_what_is_counted_anew(patch: Patch) -> None:
    original = engine.advance

    def advance(given: Any, inputs: Any, book: Any, now: int, evidence: Any, history: Any) -> Any:
        own = [one for one in inputs if hasattr(one, "stream")]
        everything = None if history is None else [*history, *own]
        return original(given, inputs, book, now, evidence, everything)

    patch.setattr(rounds, "advance", advance)


@rule(new_contact)
def a_visit_that_finds_nobody_looks_again_consistently(patch: Patch) -> None:
    original = rounds._plan
    original_read = rounds._read

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        if all(isinstance(one, Visit) for one in given):
            read.consistent = True
        return original(doors, book, read, given)

    def read(doors: Any, book: Any, given: Any, *, consistent: bool) -> Any:
        visits = all(isinstance(one, Visit) for some in given.values() for one in some)
        seen = replace(doors, contacts=_Weak(doors.contacts)) if visits else doors
        return original_read(seen, book, given, consistent=consistent)

    patch.setattr(rounds, "_plan", plan)
    patch.setattr(rounds, "_read", read)


@rule(back_fill)
def a_visit_is_sent_again_until_it_was_made(patch: Patch) -> None:
    original = rounds._plan

    def plan(doors: Any, book: Any, read: Any, given: Any) -> Any:
        try:
            return original(doors, book, read, given)
        except (rounds.Unnoticed, Conflict):
            if all(isinstance(one, Visit) for one in given):
                return rounds._Plan(outcome=rounds.Judged(standing=read.standing))
            raise

    patch.setattr(rounds, "_plan", plan)


@rule(back_fill)
def who_matches_already_is_included_once_for_each_trigger(patch: Patch) -> None:
    patch.setattr(Book, "is_new", lambda self, key, seen: seen < self.sequence)


@rule(back_fill)
def applying_fires_no_edge(patch: Patch) -> None:
    original = baseline._judge_anew

    def judge_anew(turn: Any, seen: int, *, existing: bool) -> None:
        original(turn, seen, existing=existing)
        for key, (workflow, trigger) in turn.book.edges.items():
            if existing and turn.book.is_new(key, seen) and turn.standing.truths.get(key, (False,))[0]:
                entering.enter(turn, workflow, trigger, turn.now, {})

    patch.setattr(baseline, "_judge_anew", judge_anew)


@rule(back_fill)
def whoever_was_in_a_segment_that_is_gone_leaves_it(patch: Patch) -> None:
    original = baseline._judge_anew

    def judge_anew(turn: Any, seen: int, *, existing: bool) -> None:
        for key in [it for it in turn.standing.truths if it not in turn.book.truths]:
            del turn.standing.truths[key]
        original(turn, seen, existing=existing)

    patch.setattr(baseline, "_judge_anew", judge_anew)


@rule(back_fill)
def whoever_is_in_a_segment_that_is_new_enters_it(patch: Patch) -> None:
    original = baseline.take

    def take(turn: Any, history: Any) -> None:
        original(turn, history)
        kept = turn.effects.get(turn.cause, [])
        turn.effects[turn.cause] = [it for it in kept if not isinstance(it, Membership)]

    patch.setattr(baseline, "take", take)


@rule(back_fill)
def an_absence_that_was_over_when_it_was_applied_is_not_armed(patch: Patch) -> None:
    original = baseline._recount

    def recount(turn: Any, history: Any, seen: int) -> None:
        now, turn.now = turn.now, 0
        original(turn, history, seen)
        turn.now = now

    patch.setattr(baseline, "_recount", recount)


@rule(back_fill)
def an_interrupted_back_fill_goes_on(patch: Patch) -> None:
    original = operators._visit

    def visit(world: Any, worker: Any, pointer: Any) -> None:
        if world.history.scanned.get(pointer.sequence) is None:
            original(world, worker, pointer)

    patch.setattr(operators, "_visit", visit)


@rule(new_contact)
def visits_begin_when_nobody_makes_contacts_by_the_book_before(patch: Patch) -> None:
    patch.setattr(operators, "_grace", lambda live, clock: 0)


# --- what is paused by command


@rule(stopped)
def a_paused_email_is_given_back_and_not_dropped(patch: Patch) -> None:
    original = delivery.deliver

    def deliver(doors: SendDoors, mail: Any, email: Any, *, paused: bool = False) -> Any:
        return delivery.Done() if paused else original(doors, mail, email)

    patch.setattr(sending, "deliver", deliver)


@rule(stopped)
def evaluate_is_told_of_a_paused_email(patch: Patch) -> None:
    original = delivery.deliver

    def deliver(doors: SendDoors, mail: Any, email: Any, *, paused: bool = False) -> Any:
        outcome = original(doors, mail, email, paused=paused)
        return delivery.Done() if isinstance(outcome, delivery.Deferred) else outcome

    patch.setattr(sending, "deliver", deliver)


@rule(stopped)
def send_looks_whether_a_workflow_is_paused(patch: Patch) -> None:
    patch.setattr(gate, "is_paused", lambda mail, book: False)


@rule(stopped)
def resuming_visits_whom_it_lets_go_on(patch: Patch) -> None:
    original = operators._visit

    def visit(world: Any, worker: Any, pointer: Any) -> None:
        if not worker.name.startswith("resume"):
            original(world, worker, pointer)

    patch.setattr(operators, "_visit", visit)


@rule(stopped_early)
def all_that_came_back_is_withdrawn_with_its_journey(patch: Patch) -> None:
    def withdraw_all(turn: Any, journey: Any, reason: str) -> None:
        if journey.active and journey.at in journey.releases:
            emails.withdraw(turn, journey, journey.at, reason)

    patch.setattr(emails, "withdraw_all", withdraw_all)


# --- sweep


@rule(late_index)
def the_catch_up_finds_what_the_index_showed_too_late(patch: Patch) -> None:
    patch.setattr(sweep, "CATCH_UP_EVERY", 10**9)


@rule()
def the_sweep_looks_at_the_index(patch: Patch) -> None:
    patch.setattr(sweep, "_enqueue", lambda doors, **span: 0)


@rule(fine_day)
def what_is_due_before_the_next_sweep_is_enqueued_directly(patch: Patch) -> None:
    patch.setattr(finishing, "_wakes", lambda doors, judged, now: judged.early)


# --- send


def _known_before(doors: SendDoors, message_id: str) -> LedgerRow | None:
    return doors.ledger.rows([message_id], consistent=True).get(message_id)


@rule()
def an_email_is_claimed_before_it_is_sent(patch: Patch) -> None:
    def claim(self: Any, mail: Any, *, now: int) -> int:
        self.held[mail.message_id] = self._row(mail, Status.CLAIMED, attempt=1, claimed_at=now)
        return 1

    patch.setattr(world.StaleLedger, "claim", claim)


@rule()
def a_claim_is_not_yet_a_sent_email(patch: Patch) -> None:
    original = delivery._claimed_before

    def claimed_before(doors: SendDoors, mail: Any) -> Any:
        row = _known_before(doors, mail.message_id)
        claimed = row is not None and row.status is Status.CLAIMED
        return delivery.Done() if claimed else original(doors, mail)

    patch.setattr(delivery, "_claimed_before", claimed_before)


@rule()
def a_claim_is_given_time_to_settle(patch: Patch) -> None:
    original = delivery._claimed_before
    patch.setattr(delivery, "_claimed_before", lambda doors, mail: original(replace(doors, settle=1), mail))


@rule()
def feedback_must_be_drained_before_a_claim_is_taken_over(patch: Patch) -> None:
    patch.setattr(world.Sqs, "feedback_drained", lambda self: True)


@rule()
def feedback_on_a_claimed_email_settles_it(patch: Patch) -> None:
    patch.setattr(world.StaleLedger, "note", lambda self, message_id, facts: self.held.get(message_id))


@rule()
def an_unknown_outcome_is_not_given_back(patch: Patch) -> None:
    original = delivery.deliver

    def deliver(doors: SendDoors, mail: Any, email: Any, *, paused: bool = False) -> Any:
        outcome = original(doors, mail, email, paused=paused)
        row = _known_before(doors, mail.message_id)
        if isinstance(outcome, delivery.Hide) and row is not None and row.status is Status.CLAIMED:
            doors.ledger.give_back(mail.message_id, attempt=row.attempt)
            return delivery.Retry()
        return outcome

    patch.setattr(sending, "deliver", deliver)


@rule()
def the_sdk_sends_once(patch: Patch) -> None:
    original = world.Ses.send

    def send(self: Any, email: Any) -> str:
        try:
            return original(self, email)
        except OutcomeUnknown:
            return original(self, email)

    patch.setattr(world.Ses, "send", send)


@rule()
def a_throttled_email_comes_again(patch: Patch) -> None:
    original = sending.Sender._settle

    def settle(self: Any, reply: Any, queue: Any, record: Any, mail: Any, outcome: Any) -> None:
        if not isinstance(outcome, delivery.Retry):
            original(self, reply, queue, record, mail, outcome)

    patch.setattr(sending.Sender, "_settle", settle)


@rule()
def lateness_is_judged_with_the_claim_in_hand(patch: Patch) -> None:
    original = delivery.deliver

    def deliver(doors: SendDoors, mail: Any, email: Any, *, paused: bool = False) -> Any:
        if gate.is_late(mail, doors.clock.now()):
            return delivery.Deferred("late")
        return original(doors, mail, email, paused=paused)

    patch.setattr(sending, "deliver", deliver)


@rule()
def a_refused_email_that_may_have_been_sent_settles_first(patch: Patch) -> None:
    def refuse(doors: SendDoors, mail: Any, reason: str) -> Any:
        doors.ledger.fail(mail, reason=reason, now=doors.clock.now())
        return delivery.Failed(reason)

    patch.setattr(sending, "refuse", refuse)


@rule()
def a_deferral_that_finds_nothing_cancels(patch: Patch) -> None:
    original = emails.deferred

    def deferred(turn: Any, event: Any) -> None:
        if str(event.properties.get("message_id")) in turn.standing.outbox:
            original(turn, event)

    patch.setattr(emails, "deferred", deferred)


@rule()
def a_refusal_is_looked_at_twice(patch: Patch) -> None:
    def look_again(self: Any, renderer: Any, contact_id: str) -> Any:
        profiles: Mapping[str, Any] = self._doors.contacts.profiles([contact_id], consistent=False)
        return renderer, profiles.get(contact_id), None

    patch.setattr(sending.Sender, "_look_again", look_again)
