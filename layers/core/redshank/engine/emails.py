"""Is this email sent, skipped or held? Decided by the engine; the ledger and SES see it after that."""

from __future__ import annotations

from redshank.engine import chance, consent, holding
from redshank.engine.effects import Alarm, Cancel, Mail
from redshank.engine.holding import Hold
from redshank.engine.inputs import Event
from redshank.engine.state import Journey, Outgoing
from redshank.engine.turn import Turn
from redshank.engine.values import present
from redshank.engine.workflows import Decide, Send, Variant, Workflow
from redshank.identity import message_id_of
from redshank.instants import DAY

_PLAIN = Variant(share=1.0)


def take(turn: Turn, workflow: Workflow, journey: Journey, step: Send) -> bool:
    """Decide to send, to skip, or to hold; whether that settled the step."""
    topic = turn.book.topics[step.topic]
    releases, first_decided = journey.releases.get(step.id, (0, turn.now))
    if releases and journey.until is not None and journey.until > turn.now:
        return False
    # However short the hold: nothing is on time to the second. To wait for a test's decision is no hold.
    tried = step.decide.after if step.decide and not releases else 0
    latest = journey.since + tried + max(step.hold, turn.book.policy.entry_grace)
    if turn.now > (latest if topic.transactional else holding.waited(turn, latest)):
        return skip(turn, journey, step, "held_too_long")
    if not consent.allows(topic, turn.profile):
        return skip(turn, journey, step, "unsubscribed")
    if journey.held_out and not topic.transactional:
        return skip(turn, journey, step, "holdout")
    if not turn.profile.email:
        if journey.until is None:
            journey.until = turn.now + turn.book.policy.entry_grace
        return journey.until <= turn.reach and skip(turn, journey, step, "no_address")
    barred = consent.barred(turn.profile, topic)
    if barred:
        return skip(turn, journey, step, barred)
    if not _is_sampled(turn, journey, step):
        return False
    hold = None if topic.transactional else holding.holds(turn)
    if hold is not None:
        if holding.lapses(hold, journey, step):
            return skip(turn, journey, step, hold.reason)
        return _hold(turn, journey, hold)
    name = arm(turn, journey, step.id, {it: one.share for it, one in step.arms.items()}, step.decide)
    if workflow.state == "shadow":
        turn.tell("sent", journey, why="shadow")
        journey.sent[step.id] = turn.now
        journey.go(step.next, turn.now)
        return True
    if not topic.transactional and not releases and not _may_go(turn, journey, step):
        return skip(turn, journey, step, "max_emails_per_day")
    variant = step.arms.get(name, _PLAIN)
    template = variant.template or step.template
    message_id = message_id_of(journey.run, step.id, 1)
    turn.standing.outbox[message_id] = Outgoing(cause=turn.cause, run=journey.run, step=step.id)
    journey.sent[step.id] = turn.now
    turn.tell("sent", journey, why=name)
    turn.do(
        Mail(
            message_id=message_id,
            contact_id=turn.standing.contact_id,
            workflow=journey.workflow,
            run=journey.run,
            step=step.id,
            template=template,
            topic=step.topic,
            transactional=topic.transactional,
            decided_at=turn.now,
            release=releases,
            not_after=_not_after(turn, step, first_decided, transactional=topic.transactional),
            event=journey.event,
            sender=variant.sender or step.sender,
            subject=variant.subject or step.subject,
            variant=name or next(reversed(journey.arms.values()), ""),
            measures=_measures(turn, journey, template),
        )
    )
    journey.go(step.next, turn.now)
    return True


def _hold(turn: Turn, journey: Journey, hold: Hold) -> bool:
    if journey.until != hold.until:
        turn.tell("held", journey, why=hold.reason)
    journey.until = hold.until
    return False


def _not_after(turn: Turn, step: Send, first_decided: int, *, transactional: bool) -> int:
    """The instant after which send has to ask again: quiet hours may begin while the email is queued."""
    latest = first_decided + step.hold
    quiet = None if transactional else holding.quiet_begins(turn)
    return latest if quiet is None else max(turn.now, min(latest, quiet))


def skip(turn: Turn, journey: Journey, step: Send, reason: str) -> bool:
    """Go on without the email."""
    turn.tell("skipped", journey, why=reason)
    withdraw(turn, journey, step.id, reason)
    journey.go(step.next, turn.now)
    return True


def withdraw(turn: Turn, journey: Journey, step: str, reason: str) -> None:
    """A deferred email may have a twin on its way: the ledger must know that it is not wanted any more."""
    if journey.releases.pop(step, None):
        turn.do(Cancel(message_id=message_id_of(journey.run, step, 1), reason=reason))


def withdraw_all(turn: Turn, journey: Journey, reason: str) -> None:
    """The journey will decide no more: several emails may have come back, and it stands at the first of them."""
    for step in [step for step in journey.releases if step not in journey.sent]:
        withdraw(turn, journey, step, reason)


def deferred(turn: Turn, event: Event) -> None:
    """Send could not send it yet: the journey stands at that step again until ``retry_at``."""
    message_id = str(event.properties.get("message_id"))
    outgoing = turn.standing.outbox.get(message_id)
    if outgoing is None:
        # Forgotten when it was claimed; that claim was given back, and nobody else would ever settle it.
        turn.do(Cancel(message_id=message_id, reason="overtaken"))
        return
    reason = str(event.properties.get("reason", ""))
    journey = turn.standing.journeys.get(outgoing.run)
    decided_at = journey.sent.get(outgoing.step) if journey else None
    if journey is None or decided_at is None or _is_overtaken(turn, journey, decided_at):
        turn.do(Cancel(message_id=message_id, reason="overtaken"))
        return
    del turn.standing.outbox[message_id]
    del journey.sent[outgoing.step]
    count, first = journey.releases.get(outgoing.step, (0, decided_at))
    journey.releases[outgoing.step] = (count + 1, first)
    journey.at, journey.since = outgoing.step, first
    retry_at = event.properties.get("retry_at")
    journey.until = retry_at if isinstance(retry_at, int) else turn.now
    turn.tell("held", journey, why=reason)


def _is_overtaken(turn: Turn, journey: Journey, decided_at: int) -> bool:
    """Whether there is no way back to an email: a later one was decided, or the workflow is gone."""
    later = any(at > decided_at for at in journey.sent.values())
    return later or journey.workflow not in turn.book.workflows


def arm(turn: Turn, journey: Journey, step: str, shares: dict[str, float], decide: Decide | None) -> str:
    """The journey's arm at this step: the one it has, the one that won, or its own by chance."""
    if not shares:
        return ""
    known = journey.arms.get(step)
    if known is None or known not in shares:
        won = turn.book.winners.get(f"{journey.workflow}/{step}") if decide else None
        known = won if won in shares else chance.pick(shares, turn.standing.contact_id, step)
        journey.arms[step] = known
    return known


def _is_sampled(turn: Turn, journey: Journey, step: Send) -> bool:
    """Whether it can go now: all but the sample of a test wait for its decision, for a while."""
    decide = step.decide
    if decide is None or decide.sample >= 1.0 or f"{journey.workflow}/{step.id}" in turn.book.winners:
        return True
    if chance.fraction(turn.standing.contact_id, journey.workflow, step.id, "sample") < decide.sample:
        return True
    journey.until = journey.since + decide.after
    if journey.until <= turn.reach:
        return True
    turn.tell("held", journey, why="test")
    return False


def _may_go(turn: Turn, journey: Journey, step: Send) -> bool:
    """The runaway guard: whatever a book says, nobody gets more than so many emails in 24 hours."""
    standing = turn.standing
    standing.recent = holding.remembered(turn)
    if sum(at > turn.now - DAY for at in standing.recent) < turn.book.policy.max_emails_per_day:
        standing.recent.append(turn.now)
        return True
    turn.do(Alarm(what="runaway", contact_id=standing.contact_id, workflow=journey.workflow, step=step.id))
    return False


def _measures(turn: Turn, journey: Journey, template: str) -> dict[str, object]:
    shown = turn.book.templates[template].measures if template in turn.book.templates else ()
    facts = turn.facts(journey)
    return {name: present(turn.book.named[name], facts) for name in shown if name in turn.book.named}
