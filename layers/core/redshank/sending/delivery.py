"""Claim, send, mark: at most one attempt is ever on its way, and none is forgotten.

SES takes an email without an idempotency token, so the ledger is the token. A claim whose outcome nobody knows
is settled by the SES event that bears its tag; only when all feedback has been worked through past the settle
time is it sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from redshank.engine.effects import Mail
from redshank.errors import Conflict, NotSent, OutcomeUnknown, Rejected
from redshank.instants import MINUTE, SECOND
from redshank.ports import ATTEMPT_TAG, OutgoingEmail, Status
from redshank.sending import gate
from redshank.sending.doors import Doors

#: How long to wait (wall time) when feedback is not drained past the settle time.
_DRAIN = MINUTE
#: By then (wall time) every function has noticed that a workflow is paused: its journeys stand still, and the
#: engine does not decide for the same email again and again.
NOTICED = 15 * SECOND


@dataclass(frozen=True, slots=True)
class Done:
    """Sent, or settled before."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never be sent, and the ledger says so."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now, and certainly not sent: the engine is to decide again."""

    reason: str
    #: How long (wall time) the engine need not look at it.
    wall_span: int = 0


@dataclass(frozen=True, slots=True)
class Hide:
    """The message must come again, when the outcome of its claim may be known."""

    wall_span: int


@dataclass(frozen=True, slots=True)
class Retry:
    """Certainly not sent: to be tried again soon."""


type Outcome = Done | Failed | Deferred | Hide | Retry


def deliver(doors: Doors, mail: Mail, email: OutgoingEmail, *, paused: bool = False) -> Outcome:
    """Send it, unless somebody did or its workflow is paused; what to do with the message on the queue."""
    try:
        attempt = doors.ledger.claim(mail, now=doors.clock.now())
    except Conflict:
        attempt_or_outcome = _claimed_before(doors, mail)
        if not isinstance(attempt_or_outcome, int):
            return attempt_or_outcome
        attempt = attempt_or_outcome
    if paused or gate.is_late(mail, doors.clock.now()):
        # Only who holds the claim knows that it was not sent, nor is about to be. And no other delivery of this
        # message may claim it again: once evaluate has been told, there is none that would come back for it.
        doors.ledger.give_back(mail.message_id, attempt=attempt, release=mail.release + 1)
        return Deferred("paused", NOTICED) if paused else Deferred("late")
    try:
        tagged = replace(email, tags={**email.tags, ATTEMPT_TAG: str(attempt)})
        provider_id = doors.mailer.send(tagged)
    except NotSent:
        doors.ledger.give_back(mail.message_id, attempt=attempt)
        return Retry()
    except Rejected as error:
        reason = f"rejected: {error}"
        doors.ledger.fail_attempt(mail.message_id, attempt=attempt, reason=reason, now=doors.clock.now())
        return Failed(reason)
    except OutcomeUnknown:
        return Hide(doors.settle + _DRAIN)
    doors.ledger.mark_sent(mail.message_id, attempt=attempt, provider_id=provider_id, now=doors.clock.now())
    return Done()


def refuse(doors: Doors, mail: Mail, reason: str) -> Outcome:
    """Never send it, unless somebody did; a claim whose outcome is unknown must settle first."""
    doors.ledger.fail(mail, reason=reason, now=doors.clock.now())
    attempt = _claimed_before(doors, mail)
    if not isinstance(attempt, int):
        return attempt
    doors.ledger.fail_attempt(mail.message_id, attempt=attempt, reason=reason, now=doors.clock.now())
    return Failed(reason)


def _claimed_before(doors: Doors, mail: Mail) -> int | Outcome:
    """What a claim that was there before asks for: the next attempt's number if it is ours to make."""
    row = doors.ledger.rows([mail.message_id], consistent=True).get(mail.message_id)
    if row is not None and row.status is Status.OPEN and row.release > mail.release:
        return Deferred("late")
    if row is None or row.status is Status.OPEN:
        return Retry()
    if row.status is Status.FAILED:
        return Failed(row.reason)
    if row.status is not Status.CLAIMED:
        return Done()
    age = doors.clock.wall_span(doors.clock.now() - row.claimed_at)
    if age < doors.settle:
        return Hide(doors.settle - age)
    if not doors.queues.feedback_drained():
        return Hide(_DRAIN)
    try:
        return doors.ledger.claim_again(mail.message_id, attempt=row.attempt, now=doors.clock.now())
    except Conflict:
        return Hide(_DRAIN)
