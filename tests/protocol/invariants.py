"""The invariants of docs/protocol.md, as they must hold once everything is at rest.

Each is a function that says what is wrong. What must hold at every moment (I1, I2, I3, I4, I7 and I8 have such a
half) is checked in ``history`` as it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from redshank.engine import consent
from redshank.engine.book import SEGMENT
from redshank.engine.conditions import verdict
from redshank.engine.inputs import TOPIC_UNSUBSCRIBED
from redshank.engine.state import Profile, Standing
from redshank.engine.values import Facts
from redshank.identity import contact_of
from redshank.instants import SECOND
from redshank.ports import Status
from tests.protocol.world import Violation, World

#: The measure of the books here that counts every event they listen to.
SEEN = "seen"
#: How long after its time a wait may land on a fine day: some batches, some conflicts.
LATEST = 10 * SECOND


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


def i1_each_event_is_counted_once(world: World) -> Iterator[str]:
    for key in world.history.order:
        if key not in world.log.records:
            yield f"I1: {key} is not in the log"
    for standing, _ in _contacts(world):
        counts = world.book.measures[SEEN].events
        posted = [it for it in _posted(world, standing.contact_id) if it.name in counts]
        # What only this book listens to may have been judged by the one before, while that was still about.
        either = [
            it
            for it in posted
            if it.name not in world.first_book.measures[SEEN].events
            and (it.stream, it.id) not in world.history.by_newest_book
        ]
        counted = standing.measures.get(SEEN, [[0, 0]])[0][1]
        if not len(posted) - len(either) <= counted <= len(posted):
            yield f"I1: {counted} events of {len(posted)} were counted"


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
        elif row.status is not Status.SENT:
            yield f"I3: {what} is {row.status} for ever"
        elif taken != 1:
            yield f"I3: {what} counts as sent, and was sent {taken} times"


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
    book = world.book
    for standing, profile in _contacts(world):
        if profile.version != standing.profile_version:
            yield f"I5: profile {profile.version}, and a standing that knows {standing.profile_version}"
        said: dict[str, tuple[int, Any]] = {}
        for event in _posted(world, standing.contact_id):
            for trait, value in event.traits.items():
                if trait not in said or event.occurred_at > said[trait][0]:
                    said[trait] = (event.occurred_at, value)
        if dict(profile.traits) != {trait: value for trait, (_, value) in said.items()}:
            yield f"I5: traits {dict(profile.traits)}, but the newest were {said}"
        if standing.book != book.sequence:
            continue  # nothing has happened to this contact since the book was applied
        facts = Facts(book=book, profile=profile, standing=standing, now=standing.as_of)
        for key, condition in book.truths.items():
            truth, _ = verdict(condition, facts)
            kept, _ = standing.truths.get(key, (False, None))
            if kept is not truth:
                yield f"I5: {key} is kept as {kept} and is {truth}"


def i5_members_follow_from_truths(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        for segment in world.book.segments:
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
            if journey.active and journey.until is not None and journey.until <= world.wall:
                yield f"I6: a journey stands at {journey.at}, its wait has passed"


def i6_waits_land_within_seconds(world: World) -> Iterator[str]:
    """On a day on which nothing fails, that is: an outage may make everything late, and nothing else."""
    failing = ("crashes", "errors", "lag", "dead_letters", "missed_sweeps", "stalls")
    if not any(getattr(world.faults, knob) for knob in failing) and world.history.lateness > LATEST:
        yield f"I6: somebody waited {world.history.lateness} ms too long"


def i7_what_is_pending_is_in_the_log(world: World) -> Iterator[str]:
    for standing, _ in _contacts(world):
        for input_id, pending in standing.pending.items():
            if (pending.stream, input_id) not in world.log.records:
                yield f"I7: {input_id} is pending for ever"


#: I8, and most of I2 and I7, are about every moment: see history.
AT_REST: tuple[Callable[[World], Iterator[str]], ...] = (
    i1_each_event_is_counted_once,
    i2_each_release_of_an_email_is_decided_once,
    i3_each_decided_email_is_sent_once_or_cancelled_or_failed,
    i4_nothing_was_sent_that_was_not_decided,
    i5_truths_follow_from_what_is_known,
    i5_members_follow_from_truths,
    i5_consent_is_the_newest_word,
    i6_nobody_waits_for_what_has_passed,
    i6_waits_land_within_seconds,
    i7_what_is_pending_is_in_the_log,
)
