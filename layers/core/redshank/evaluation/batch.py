"""A delivery of the events queue: which inputs for which contact, and which of them failed?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from zlib import crc32

from redshank import wire
from redshank.engine.inputs import Event, Input, Visit, Wake
from redshank.errors import BadInput, Conflict
from redshank.evaluation.doors import Doors
from redshank.evaluation.finishing import finish
from redshank.evaluation.rounds import Failed, Judged, Outcome, Unnoticed, judge
from redshank.identity import contact_of
from redshank.instants import DAY
from redshank.ports import Outbound, Queue
from redshank.records import Record

log = logging.getLogger(__name__)

#: A packed message that has been received this often is split, so that a poisoned input is alone.
SPLIT_AFTER = 3
#: A lone wake-up that has failed this often parks its contact.
PARK_AFTER = 10


def evaluate(doors: Doors, records: Sequence[Record]) -> list[str]:
    """Advance the contacts of a batch; the ids of the messages that must come again.

    What is not among them has been applied, dispatched and logged, or is on the queue anew.
    """
    failed: list[str] = []
    holding: list[tuple[Record, list[Input]]] = []
    for record in records:
        try:
            inputs = wire.unpack(record.body)
        except BadInput as error:
            log.error("message %s is not for the events queue: %s", record.id, error)
            failed.append(record.id)
            continue
        if record.received >= SPLIT_AFTER and len(inputs) > 1:
            _resend(doors, inputs)
        else:
            holding.append((record, inputs))

    by_contact: dict[str, list[Input]] = {}
    seen: set[tuple[str, str]] = set()
    for _, inputs in holding:
        for one in inputs:
            key = _key(one)
            if key not in seen:
                seen.add(key)
                by_contact.setdefault(_contact(one), []).append(one)
    outcomes = judge(doors, by_contact)
    _finish(doors, outcomes)

    for record, inputs in holding:
        wrong = [
            (one, outcome.error) for one in inputs if isinstance(outcome := outcomes[_contact(one)], Failed)
        ]
        if wrong and not _again(doors, record, inputs, wrong):
            failed.append(record.id)
    return failed


def _finish(doors: Doors, outcomes: dict[str, Outcome]) -> None:
    """Finish all contacts together; if that fails, each alone, so that one does not hold up the others."""
    judged = {id(it): it for it in outcomes.values() if isinstance(it, Judged)}
    try:
        finish(doors, list(judged.values()))
        return
    except Exception as error:
        if len(judged) > 1:
            log.exception("%d contacts could not be finished together", len(judged))
        else:
            outcomes |= {it: Failed(error=error) for it, outcome in outcomes.items() if id(outcome) in judged}
            return
    for one in judged.values():
        try:
            finish(doors, [one])
        except Exception as error:  # noqa: BLE001 - its inputs come again, see _again
            outcomes |= {it: Failed(error=error) for it, outcome in outcomes.items() if outcome is one}


def _again(doors: Doors, record: Record, inputs: list[Input], wrong: list[tuple[Input, Exception]]) -> bool:
    """See to it that failed inputs come again; whether the record itself is thereby done with."""
    contended = [one for one, error in wrong if isinstance(error, Conflict)]
    unnoticed = [(one, error) for one, error in wrong if isinstance(error, Unnoticed)]
    broken = [(one, error) for one, error in wrong if not isinstance(error, Conflict | Unnoticed)]
    for one, error in broken:
        log.error("contact %s failed", _contact(one), exc_info=error)
    if contended:
        _resend(doors, contended, jitter=True)
    if unnoticed:
        # Nothing is wrong with them: together, as they came.
        delay = max(error.seconds for _, error in unnoticed)
        bodies = wire.pack(one for one, _ in unnoticed)
        doors.queues.send(Queue.EVENTS, [Outbound(body=body, delay=delay) for body in bodies])
    if not broken:
        return True
    if len(inputs) > 1:
        _resend(doors, [one for one, _ in broken])
        return True
    lone = broken[0][0]
    if isinstance(lone, Wake) and record.received >= PARK_AFTER:
        log.critical("contact %s is parked for a day: its wake-up keeps failing", lone.contact_id)
        doors.contacts.park(lone.contact_id, until=doors.clock.now() + DAY)
    return False


def _resend(doors: Doors, inputs: Sequence[Input], *, jitter: bool = False) -> None:
    """Put inputs on the queue anew, each alone."""
    doors.queues.send(
        Queue.EVENTS,
        [
            Outbound(body=next(wire.pack([one])), delay=1 + crc32(repr(one).encode()) % 5 if jitter else 0)
            for one in inputs
        ],
    )


def _contact(one: Input) -> str:
    return contact_of(one.stream) if isinstance(one, Event) else one.contact_id


def _key(one: Input) -> tuple[str, str]:
    match one:
        case Event(stream=stream, id=event_id):
            return stream, event_id
        case Wake(contact_id=contact_id, at=at):
            return f"wake:{contact_id}", str(at)
        case Visit(contact_id=contact_id, book=book):
            return f"visit:{contact_id}", str(book)
