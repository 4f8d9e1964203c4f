"""The invariants of docs/protocol.md, as they must hold once everything is at rest.

Each is a function that says what is wrong. What must hold at every moment (I1, I2, I3, I4, I7 and I8 have such a
half) is checked in ``history`` as it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from redshank.engine import consent
from redshank.engine.book import SEGMENT, Book
from redshank.engine.conditions import verdict
from redshank.engine.effects import Mail
from redshank.engine.inputs import TOPIC_UNSUBSCRIBED, Event
from redshank.engine.measures import Measure, Rolling, SinceEntry
from redshank.engine.state import Profile, Standing
from redshank.engine.values import Facts, Measured, dig, present
from redshank.engine.workflows import AbsenceTrigger
from redshank.evaluation.doors import NOTICED
from redshank.identity import contact_of
from redshank.instants import SECOND
from redshank.ports import Status
from tests.protocol.definitions import BROADCASTS
from tests.protocol.history import Meeting
from tests.protocol.world import STALE, Violation, World

#: How long after its time a wait may land on a fine day: some batches, some conflicts.
LATEST = 10 * SECOND
#: The trait that a step of the books here sets.
_SET = "lifecycle"


def check(world: World) -> None:
    """Raises Violation with everything that does not hold."""
    found = [wrong for invariant in AT_REST for wrong in invariant(world)]
    if found:
        raise Violation("; ".join(found))


def _posted(world: World, contact_id: str) -> list[Any]:
    events = [world.history.events[key] for key in world.history.order]
    return [event for event in events if contact_of(event.stream) == contact_id]


def _contacts(world: World) -> Iterator[tuple[Standing, Profile]]:
    for contact_id in {contact_of(stream) for stream, _ in world.history.events}:
        standing = world.contacts.held_standings.get(contact_id) or Standing(contact_id=contact_id)
        profile = world.contacts.held_profiles.get(contact_id) or Profile(contact_id=contact_id)
        yield standing, profile


def _log(world: World, contact_id: str) -> list[Event]:
    """Every event of a contact, what we learned ourselves included."""
    records = world.log.records.values()
    return [it.event for it in records if it.event and contact_of(it.event.stream) == contact_id]


def _book_of(world: World, standing: Standing) -> Book:
    return world.books[standing.book]


def _told(world: World, contact_id: str, workflow: str) -> list[Any]:
    """What the workflow put onto the bus when it began: the numbers of the events by which it did."""
    emissions = world.history.emissions.values()
    begun = [it for it in emissions if (it.contact_id, it.workflow) == (contact_id, workflow)]
    return [it.detail.get("n") for it in begun if it.step == "tell"]


def _meetings(world: World, standing: Standing) -> Iterator[tuple[set[str], Meeting]]:
    """The books that the contact met after others: which workflows those brought, and how it was met."""
    for sequence, meeting in world.history.meetings.get(standing.contact_id, {}).items():
        since = world.history.since
        yield {name for name in since if meeting.after < since[name] <= sequence}, meeting


def _runs(world: World, standing: Standing, workflow: str) -> bool:
    """Whether nothing kept the workflow from beginning for this contact."""
    return workflow in _book_of(world, standing).workflows and workflow not in world.history.paused


def i1_each_event_is_counted_once(world: World) -> Iterator[str]:
    for key in world.history.order:
        if key not in world.log.records:
            yield f"I1: {key} is not in the log"
    for standing, profile in _contacts(world):
        if not standing.version:
            continue
        book = _book_of(world, standing)
        facts = Facts(book=book, profile=profile, standing=standing, now=standing.as_of)
        for name, measure in book.measures.items():
            if isinstance(measure.window, SinceEntry):
                continue
            expected = _recount(measure, _log(world, standing.contact_id), standing.as_of)
            counted = present(Measured(name), facts) or 0
            if counted != expected:
                yield f"I1: {name} is {counted}, but the log has {expected}"


def _recount(measure: Measure, log: list[Event], now: int) -> Any:
    found = [it for it in log if it.name in measure.events]
    if isinstance(measure.window, Rolling):
        found = [it for it in found if now - measure.window.length < it.occurred_at <= now]
    return sum(dig(it.properties, measure.of) for it in found) if measure.of else len(found)


def i1_an_event_is_judged_by_the_book_that_was_live(world: World) -> Iterator[str]:
    """The greeter of a second book begins by each event of which the first took no notice."""
    since = world.history.since.get("greeter")
    if since is None or "greeter" in world.history.paused:
        return
    for standing, _ in _contacts(world):
        told = _told(world, standing.contact_id, "greeter")
        for event in _posted(world, standing.contact_id):
            times = told.count(event.properties.get("n"))
            due = world.history.judged_by.get((event.stream, event.id), 0) >= since
            if event.name == "page_viewed" and (times > 1 or (due and not times)):
                yield f"I1: {event.id} was greeted {times} times"


def i2_each_release_of_an_email_is_decided_once(world: World) -> Iterator[str]:
    for message_id, releases in world.history.decided.items():
        if sorted(releases) != list(range(len(releases))):
            yield f"I2: {message_id} was decided as releases {sorted(releases)}"


def i3_each_decided_email_is_sent_once_or_cancelled_or_failed(world: World) -> Iterator[str]:
    for message_id, mail in world.history.mails.items():
        row = world.ledger.held.get(message_id)
        taken = world.history.taken[message_id]
        what = f"{mail.step} of {mail.run} ({message_id})"
        if row is None:
            yield f"I3: {what} was decided and is not in the ledger"
        elif row.status is Status.CANCELLED:
            if message_id not in world.history.cancelled:
                yield f"I3: {what} is cancelled, and nobody decided that"
            if taken:
                yield f"I3: {what} is cancelled, and was sent"
        elif row.status is Status.FAILED:
            if taken:
                yield f"I3: {what} has failed, and was sent"
            if not _may_fail(world, message_id, row.reason):
                yield f"I3: {what} has failed for no good reason: {row.reason}"
        elif row.status is Status.OPEN and _stands_paused(world, mail):
            pass
        elif row.status is not Status.SENT:
            yield f"I3: {what} is {row.status} for ever"
        elif taken != 1:
            yield f"I3: {what} counts as sent, and was sent {taken} times"


def _paused(world: World) -> set[str]:
    live = world.lives[-1][1]
    return {name for name, workflow in live.workflows.items() if workflow.state == "paused"}


def _stands_paused(world: World, mail: Mail) -> bool:
    """Whether a journey stands at this email, or at one before it that came back too, and its workflow is paused."""
    standing = world.contacts.held_standings.get(mail.contact_id)
    journey = standing.journeys.get(mail.run) if standing else None
    came_back = journey is not None and journey.active and mail.step in journey.releases
    return came_back and mail.workflow in _paused(world)


def _may_fail(world: World, message_id: str, reason: str) -> bool:
    """Whether something happened in this world that makes an email fail for this reason."""
    if reason.startswith("rejected:"):
        return message_id in world.history.refused
    if reason in ("hard_bounce", "complaint"):
        return reason in world.suppressions.held.values()
    if reason == "unsubscribed":
        return any(event.name == TOPIC_UNSUBSCRIBED for event in world.history.events.values())
    return reason == "late"


def i4_nothing_was_sent_that_was_not_decided(world: World) -> Iterator[str]:
    for message_id in world.history.taken:
        if message_id not in world.history.mails:
            yield f"I4: {message_id} was sent and never decided"


def i5_truths_follow_from_what_is_known(world: World) -> Iterator[str]:
    for standing, profile in _contacts(world):
        if not standing.version:
            continue
        if profile.version != standing.profile_version:
            yield f"I5: profile {profile.version}, and a standing that knows {standing.profile_version}"
        said: dict[str, tuple[int, Any]] = {}
        for event in _posted(world, standing.contact_id):
            for trait, value in event.traits.items():
                if trait not in said or event.occurred_at > said[trait][0]:
                    said[trait] = (event.occurred_at, value)
        traits = {trait: value for trait, value in profile.traits.items() if trait != _SET}
        if traits != {trait: value for trait, (_, value) in said.items()}:
            yield f"I5: traits {traits}, but the newest were {said}"
        book = _book_of(world, standing)
        facts = Facts(book=book, profile=profile, standing=standing, now=standing.as_of)
        for key, condition in book.truths.items():
            truth, _ = verdict(condition, facts)
            kept, _ = standing.truths.get(key, (False, None))
            if kept is not truth:
                yield f"I5: {key} is kept as {kept} and is {truth}"


def i5_a_step_that_sets_a_trait_has_set_it(world: World) -> Iterator[str]:
    for standing, profile in _contacts(world):
        if not world.history.paused & {"trial", "nurture"}:
            began = bool(_told(world, standing.contact_id, "trial"))
            if (profile.traits.get(_SET) == "nurtured") is not began:
                yield f"I5: {_SET} is {profile.traits.get(_SET)}, and the workflow that sets it began: {began}"


def i5_members_follow_from_truths(world: World) -> Iterator[str]:
    segments = {name for book in world.books.values() for name in book.segments}
    for standing, _ in _contacts(world):
        for segment in segments:
            truth, _ = standing.truths.get(SEGMENT + segment, (False, None))
            member, _ = world.members.held.get((segment, standing.contact_id), (False, 0))
            if member is not truth:
                yield f"I5: {segment} has the contact: {member}, but that is {truth}"


def i5_consent_is_the_newest_word(world: World) -> Iterator[str]:
    for standing, profile in _contacts(world):
        left = any(it.name == TOPIC_UNSUBSCRIBED for it in _posted(world, standing.contact_id))
        if left is consent.allows(world.book.topics["tips"], profile):
            yield f"I5: unsubscribed: {left}, but consent is {dict(profile.consent)}"


def i6_nobody_waits_for_what_has_passed(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        if standing.indexed is not None and standing.indexed <= world.wall:
            yield f"I6: the index holds {standing.indexed}, which has passed"
        if standing.due is not None and standing.due <= world.wall:
            yield f"I6: due at {standing.due}, which has passed"
        for journey in standing.journeys.values():
            if journey.workflow in _paused(world):
                continue
            if journey.active and journey.until is not None and journey.until <= world.wall:
                yield f"I6: a journey stands at {journey.at}, its wait has passed"


def i6_waits_land_within_seconds(world: World) -> Iterator[str]:
    """On a day on which nothing fails, that is: an outage may make everything late, and nothing else."""
    failing = ("crashes", "errors", "lag", "dead_letters", "missed_sweeps", "stalls")
    # What a new book counts anew waits until every function has noticed.
    latest = LATEST + (NOTICED if len(world.books) > 1 else 0)
    if not any(getattr(world.faults, knob) for knob in failing) and world.history.lateness > latest:
        yield f"I6: somebody waited {world.history.lateness} ms too long"


def i7_what_is_pending_is_in_the_log(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        for input_id, pending in standing.pending.items():
            if (pending.stream, input_id) not in world.log.records:
                yield f"I7: {input_id} is pending for ever"


def i9_everybody_has_met_the_book(world: World) -> Iterator[str]:
    """Everybody at all, if the visits waited until every function had noticed; else who was there when they began, as
    an eventually consistent read shows it."""
    history = world.history
    book = history.for_everybody
    scanned = history.scanned.get(book)
    if not book or scanned is None:
        return
    for standing, _ in _contacts(world):
        born = history.born.get(standing.contact_id)
        if born is None or standing.book >= book:
            continue
        steady = not (world.faults.crashes or world.faults.errors)
        found = steady and history.found.get(standing.contact_id, 0) >= book
        if book in history.waited or born < scanned - STALE or found:
            yield f"I9: a contact has met book {standing.book}, and never {book}"


def i9_applying_fires_no_edge(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        views = [it for it in _log(world, standing.contact_id) if it.name == "page_viewed"]
        known = any(
            (it.stream, it.id) in meeting.before
            for new, meeting in _meetings(world, standing)
            if "fresh" in new
            for it in views
        )
        for workflow, times in (("included", bool(views)), ("fresh", bool(views) and not known)):
            if not _runs(world, standing, workflow):
                continue
            began = len(_told(world, standing.contact_id, workflow))
            if began != times:
                yield f"I9: {workflow} began {began} times, of {len(views)} views, known before: {known}"


def i9_what_did_not_happen_is_noticed(world: World) -> Iterator[str]:
    """Of the last event that an absence waits from, if nothing disarmed it; never where it was over on applying."""
    for standing, _ in _contacts(world):
        if not standing.version:
            continue
        log = _log(world, standing.contact_id)
        for workflow, trigger in _book_of(world, standing).absences.values():
            if workflow.name in world.history.paused:
                continue
            told = _told(world, standing.contact_id, workflow.name)
            anchors = sorted((it.occurred_at, it) for it in log if it.name in trigger.events)
            over = _over_on_applying(world, standing, workflow.name, trigger)
            for at, anchor in anchors:
                disarmed = any(
                    it.name in trigger.without and it.occurred_at >= at // SECOND * SECOND for it in log
                )
                began = told.count(anchor.properties["n"])
                if began > 1:
                    yield f"I9: {workflow.name} began {began} times by {anchor.id}"
                if began and (anchor.stream, anchor.id) in over:
                    yield f"I9: {workflow.name} began by {anchor.id}, which was over when that was applied"
                # Of two within a second one begins.
                twins = [it for other, it in anchors if other // SECOND == at // SECOND]
                began = sum(told.count(it.properties["n"]) for it in twins)
                # Of several that were over when their contact met the book, one begins.
                met = (it for new, it in _meetings(world, standing) if workflow.name in new)
                joined = bool(told) and any(at + trigger.span <= it.as_of for it in met)
                last = at == anchors[-1][0]
                if last and not (began or joined or disarmed or (anchor.stream, anchor.id) in over):
                    yield f"I9: {workflow.name} never began, though nothing came after {anchor.id}"


def _over_on_applying(
    world: World, standing: Standing, workflow: str, trigger: AbsenceTrigger
) -> set[tuple[str, str]]:
    """The events from which it would have been due before the contact met the book that brought it."""
    if trigger.include_existing:
        return set()
    return {
        key
        for new, meeting in _meetings(world, standing)
        if workflow in new
        for key in meeting.before
        if world.history.events[key].occurred_at + trigger.span <= meeting.as_of
    }


def i9_a_broadcast_begins_once(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        for workflow in BROADCASTS:
            began = len(_told(world, standing.contact_id, workflow))
            if began > 1:
                yield f"I9: {workflow} began {began} times"


def i10_what_was_decided_is_told(world: World) -> Iterator[str]:
    emitted = {emission.id for emission in world.bus.emitted}
    for emission in world.history.emissions.values():
        if emission.id not in emitted:
            yield f"I10: {emission.name} was decided and never emitted"
    for alarm, times in world.history.alarms.items():
        if world.history.sounded[alarm] < times:
            yield f"I10: {times} alarms about {alarm}, and {world.history.sounded[alarm]} were heard"
    for alarm in world.history.sounded - world.history.alarms if world.history.sounded else ():
        if alarm not in world.history.alarms:
            yield f"I10: an alarm about {alarm}, which nobody decided"


#: I8, I11 and most of I2 and I7 are about every moment: see history and world.
AT_REST: tuple[Callable[[World], Iterator[str]], ...] = (
    i1_each_event_is_counted_once,
    i1_an_event_is_judged_by_the_book_that_was_live,
    i2_each_release_of_an_email_is_decided_once,
    i3_each_decided_email_is_sent_once_or_cancelled_or_failed,
    i4_nothing_was_sent_that_was_not_decided,
    i5_truths_follow_from_what_is_known,
    i5_a_step_that_sets_a_trait_has_set_it,
    i5_members_follow_from_truths,
    i5_consent_is_the_newest_word,
    i6_nobody_waits_for_what_has_passed,
    i6_waits_land_within_seconds,
    i7_what_is_pending_is_in_the_log,
    i9_everybody_has_met_the_book,
    i9_applying_fires_no_edge,
    i9_what_did_not_happen_is_noticed,
    i9_a_broadcast_begins_once,
    i10_what_was_decided_is_told,
)
