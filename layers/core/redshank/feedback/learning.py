"""What follows from a batch of notifications? Suppress, note in the ledger, tell evaluate; in this order.

Everything here may be repeated: the first suppression and the first instant of a fact stay, and an event's
id is a hash of what the notification says. So a record that fails comes again, and no other with it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redshank import wire
from redshank.clock import Clock
from redshank.engine import inputs
from redshank.engine.inputs import Event
from redshank.errors import BadInput
from redshank.feedback.bounces import Verdict
from redshank.feedback.notifications import Kind, Notification, decode
from redshank.identity import address_hash, contact_stream, digest
from redshank.ports import Ledger, LedgerRow, Outbound, Queue, Queues, Settings, Spread, Status, Suppressions
from redshank.records import Record

log = logging.getLogger(__name__)

SOURCE = "ses"

_FACTS = {
    Kind.SEND: "sent",
    Kind.DELIVERY: "delivered",
    Kind.DELAY: "delayed",
    Kind.REJECT: "rejected",
    Kind.OPEN: "opened",
    Kind.CLICK: "clicked",
    Kind.RENDERING_FAILURE: "rendering_failed",
}
_BOUNCE_FACTS = {
    Verdict.HARD: "bounced",
    Verdict.SUPPRESSED: "suppressed",
    Verdict.SOFT: "soft_bounced",
    Verdict.REFUSED: "refused",
}
#: What evaluate is told only if the live book listens to it.
_OPTIONAL = {
    Kind.SEND: inputs.EMAIL_SENT,
    Kind.DELIVERY: inputs.EMAIL_DELIVERED,
    Kind.OPEN: inputs.EMAIL_OPENED,
    Kind.CLICK: inputs.LINK_CLICKED,
    Kind.BOUNCE: inputs.EMAIL_BOUNCED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    ledger: Ledger
    suppressions: Suppressions
    queues: Queues
    settings: Settings
    clock: Clock
    spread: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    #: The ids of the records that must come again.
    failed: list[str]
    #: How often what was learned; to be shown as metrics.
    counts: Mapping[str, int]


@dataclass(slots=True)
class _Heard:
    """What a batch says of one message, and what came of it."""

    records: list[str]
    notifications: list[Notification]
    row: LedgerRow | None = None
    error: Exception | None = None


def learn(doors: Doors, records: Sequence[Record]) -> Learned:
    """Learn from a batch; the records that are not named as failed are done with.

    Raises what the settings raise, before anything has been done.
    """
    counts: Counter[str] = Counter()
    failed: list[str] = []
    heard = _listen(records, doors.clock, failed, counts)
    listens = _listens(doors.settings, heard)

    _look_up(doors.ledger, heard)
    doors.spread(lambda one: _take(doors, one), [one for one in heard if one.row is None])

    events: dict[str, Event] = {}
    telling: list[_Heard] = []
    now = doors.clock.now()
    for one in heard:
        if one.error is not None:
            log.error("what SES says of an email could not be kept", exc_info=one.error)
            failed += one.records
            continue
        counts.update(_fact(it) for it in one.notifications)
        if one.row is None:
            log.info("feedback on an email that is not in the ledger")
            counts["unknown_email"] += len(one.notifications)
            continue
        told = {event.id: event for it in one.notifications for event in _events(it, one.row, listens, now)}
        if told:
            events |= told
            telling.append(one)
    if events:
        try:
            doors.queues.send(Queue.EVENTS, [Outbound(body=pack) for pack in wire.pack(events.values())])
        except Exception:
            log.exception("evaluate could not be told")
            failed += [record for one in telling for record in one.records]
    return Learned(failed=failed, counts=counts)


def _listen(records: Sequence[Record], clock: Clock, failed: list[str], counts: Counter[str]) -> list[_Heard]:
    """The notifications by message; those of emails that are not ours each alone."""
    heard: dict[str, _Heard] = {}
    for record in records:
        try:
            notification = decode(record.body, clock)
        except BadInput as error:
            log.error("message %s is not for the feedback queue: %s", record.id, error)
            counts["unreadable"] += 1
            failed.append(record.id)
            continue
        if notification is None:
            log.info("SES has checked the topic")
            continue
        one = heard.setdefault(notification.message_id or f"record:{record.id}", _Heard([], []))
        one.records.append(record.id)
        one.notifications.append(notification)
    return list(heard.values())


def _listens(settings: Settings, heard: Iterable[_Heard]) -> frozenset[str]:
    if not any(it.kind in _OPTIONAL for one in heard for it in one.notifications):
        return frozenset()
    pointer = settings.pointer()
    return pointer.listens if pointer else frozenset()


def _look_up(ledger: Ledger, heard: Iterable[_Heard]) -> None:
    """That SES took an email is news only where send could not say so: half a read unit saves a write."""
    taken = {
        one.notifications[0].message_id: one
        for one in heard
        if one.notifications[0].message_id and all(it.kind is Kind.SEND for it in one.notifications)
    }
    rows = ledger.rows(taken, consistent=False) if taken else {}
    for message_id, row in rows.items():
        if row.status is Status.SENT:
            taken[message_id].row = row


def _take(doors: Doors, one: _Heard) -> None:
    """Suppress first: whatever fails after it, nothing is sent there again."""
    try:
        for it in one.notifications:
            reason = "complaint" if it.kind is Kind.COMPLAINT else "hard_bounce"
            for address in it.unreachable:
                doors.suppressions.add(address_hash(address), reason=reason, source=SOURCE, at=it.at)
        message_id = one.notifications[0].message_id
        if message_id:
            facts: dict[str, int] = {}
            for it in one.notifications:
                fact = _fact(it)
                facts[fact] = min(it.at, facts.get(fact, it.at))
            one.row = doors.ledger.note(message_id, facts)
    except Exception as error:  # noqa: BLE001 - it concerns this message alone, and is logged with it
        one.error = error


def _fact(it: Notification) -> str:
    """What the ledger keeps of it. What is no news of its own proves at least that the email arrived."""
    if it.kind is Kind.BOUNCE:
        return _BOUNCE_FACTS[it.verdict or Verdict.SOFT]
    if it.kind is Kind.COMPLAINT:
        if not it.unreachable:
            return "delivered"
        # OnAccountSuppressionList: the complaint is an older one, SES did not try.
        return "suppressed" if it.reason else "complained"
    if it.kind is Kind.SUBSCRIPTION:
        return "unsubscribed" if it.left else "delivered"
    return _FACTS[it.kind]


def _events(it: Notification, row: LedgerRow, listens: frozenset[str], now: int) -> list[Event]:
    """What evaluate is told: always what ends a conversation, the rest if the book listens."""
    if not row.contact_id:
        return []
    if it.kind is Kind.SUBSCRIPTION:
        return [_event(it, row, inputs.TOPIC_UNSUBSCRIBED, now, topic=topic) for topic in it.left]
    hashed = address_hash(it.recipients[0]) if it.recipients else ""
    if it.kind is Kind.COMPLAINT and it.unreachable:
        kind = it.feedback_type or "unknown"
        return [_event(it, row, inputs.EMAIL_COMPLAINED, now, kind=kind, address_hash=hashed)]
    if it.kind is Kind.BOUNCE and it.unreachable:
        return [_event(it, row, inputs.EMAIL_BOUNCED, now, kind="hard", address_hash=hashed)]
    name = _OPTIONAL.get(it.kind)
    if name is None or name not in listens:
        return []
    if it.verdict is not None:
        return [_event(it, row, name, now, kind=str(it.verdict), address_hash=hashed)]
    return [_event(it, row, name, now, **({"link": it.link} if it.link else {}))]


def _event(it: Notification, row: LedgerRow, name: str, now: int, **more: Any) -> Event:
    return Event(
        id=digest("feedback", row.message_id, it.kind, it.timestamp, it.link, more.get("topic", "")),
        stream=contact_stream(row.contact_id),
        type="track",
        name=name,
        occurred_at=min(it.at, now),
        received_at=now,
        properties={
            "message_id": row.message_id,
            "run": row.run,
            "workflow": row.workflow,
            "step": row.step,
            **more,
        },
    )
