"""Step 10 of the protocol: carry the effects out, then write the log.

The log record is the commit mark: in the log means applied *and* dispatched. So the order is fixed, and
whoever finds an input pending finishes it, perhaps a second time: every effect bears a repeat.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from math import ceil

from redshank import observing, wire
from redshank.engine.book import SEGMENT
from redshank.engine.effects import Alarm, Cancel, Effect, Emission, Mail, Membership
from redshank.engine.inputs import Event, Wake
from redshank.engine.state import Standing
from redshank.evaluation.doors import HORIZON, Doors
from redshank.evaluation.rounds import Judged
from redshank.instants import SECOND
from redshank.ports import LogRecord, Outbound, Queue

log = logging.getLogger(__name__)


def finish(doors: Doors, judged: Sequence[Judged]) -> None:
    """Finish what these contacts' standings say is pending; raises before the log if anything failed."""
    now = doors.clock.now()
    _dispatch(doors, judged, now)
    doors.log.write([record for one in judged for record in _records(one, now)])


def _dispatch(doors: Doors, judged: Sequence[Judged], now: int) -> None:
    effects = [(one, effect) for one in judged for effect in _effects(one)]
    # Cancels go first: an email that is decided against in the same breath must find the ledger closed.
    doors.spread(
        lambda pair: doors.ledger.cancel(
            pair[1].message_id, contact_id=pair[0].standing.contact_id, reason=pair[1].reason, now=now
        ),
        [(one, effect) for one, effect in effects if isinstance(effect, Cancel)],
    )
    doors.spread(
        lambda entry: doors.members.put(*entry[:2], member=entry[2], version=entry[3], now=now),
        dict.fromkeys(
            _entry(one.standing, effect) for one, effect in effects if isinstance(effect, Membership)
        ),
    )
    for queue, transactional in ((Queue.TRANSACTIONAL, True), (Queue.MARKETING, False)):
        mails = [it for _, it in effects if isinstance(it, Mail) and it.transactional is transactional]
        if mails:
            doors.queues.send(queue, [Outbound(body=wire.dump_mail(mail)) for mail in mails])
    emissions = list({it.id: it for _, it in effects if isinstance(it, Emission)}.values())
    if emissions:
        doors.bus.emit(emissions)
    for _, alarm in effects:
        if isinstance(alarm, Alarm):
            _sound(doors, alarm)
    wakes = [wake for one in judged for wake in _wakes(doors, one, now)]
    if wakes:
        doors.queues.send(Queue.EVENTS, delayed(doors, wakes, now))


def _sound(doors: Doors, alarm: Alarm) -> None:
    """One line for who looks into it, and a count for who is to be woken: infra/observability.yaml."""
    log.error(
        "%s: step %s of workflow %s, contact %s", alarm.what, alarm.step, alarm.workflow, alarm.contact_id
    )
    observing.count(alarm.what.capitalize(), Stack=doors.stack)


def _effects(judged: Judged) -> Iterable[Effect]:
    ids = [one.id for one in judged.finish if isinstance(one, Event)]
    for input_id in (*ids, *judged.others):
        pending = judged.standing.pending.get(input_id)
        if pending is not None:
            yield from pending.effects


def _entry(standing: Standing, effect: Membership) -> tuple[str, str, bool, int]:
    """Whether the contact is a member as of this version: an effect found pending may be older than the
    standing it is found in, and one batch of inputs may let a contact in and out again."""
    member, _ = standing.truths.get(SEGMENT + effect.segment, (False, None))
    return effect.segment, standing.contact_id, member, standing.version


def _wakes(doors: Doors, judged: Judged, now: int) -> Iterable[Wake]:
    """What is due before the sweep's horizon has to be enqueued directly: the index is always late."""
    standing = judged.standing
    if standing.due is not None and standing.due <= now + doors.clock.span(HORIZON):
        yield Wake(contact_id=standing.contact_id, at=standing.due)
    else:
        yield from judged.early


def delayed(doors: Doors, wakes: Iterable[Wake], now: int) -> list[Outbound]:
    """Wake-ups as messages for the events queue, packed per second of their delay."""
    by_delay: dict[int, list[Wake]] = {}
    for wake in wakes:
        delay = ceil(doors.clock.wall_span(max(0, wake.at - now)) / SECOND)
        by_delay.setdefault(min(delay, 900), []).append(wake)
    return [
        Outbound(body=body, delay=delay)
        for delay, some in sorted(by_delay.items())
        for body in wire.pack(some)
    ]


def _records(judged: Judged, now: int) -> Iterable[LogRecord]:
    contact_id = judged.standing.contact_id
    for one in judged.finish:
        if isinstance(one, Event):
            yield LogRecord(stream=one.stream, event_id=one.id, contact_id=contact_id, at=now, event=one)
    for input_id in judged.others:
        stream = judged.standing.pending[input_id].stream
        yield LogRecord(stream=stream, event_id=input_id, contact_id=contact_id, at=now)
