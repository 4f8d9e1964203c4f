"""A delivery of a send queue: which emails, and which of them must come again?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from zlib import crc32

from redshank import wire
from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Profile
from redshank.errors import BadInput, BookTooOld, RenderingFailed
from redshank.identity import address_hash, contact_stream
from redshank.instants import SECOND
from redshank.ports import Outbound, Queue
from redshank.records import Record
from redshank.sending import gate
from redshank.sending.delivery import Deferred, Done, Failed, Hide, Outcome, Retry, deliver, refuse
from redshank.sending.doors import Doors
from redshank.sending.rendering import Renderer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Broken:
    error: Exception


@dataclass(slots=True)
class _Reply:
    """What is to be said and done after a batch."""

    events: list[Event] = field(default_factory=list)
    copies: list[Outbound] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


class Sender:
    """Keeps the compiled templates of the live book between batches."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._renderer: Renderer | None = None

    def send(self, queue: Queue, records: Sequence[Record]) -> list[str]:
        """Send a batch; the ids of the messages that must come again.

        What is not among them is settled in the ledger, told to evaluate, or on the queue as a copy.
        """
        doors = self._doors
        reply = _Reply()
        mails: list[tuple[Record, Mail]] = []
        for record in records:
            try:
                mails.append((record, wire.load_mail(record.body)))
            except BadInput as error:
                log.error("message %s is not for a send queue: %s", record.id, error)
                reply.again.append(record.id)
        renderer = self._current(doors.books.current())
        profiles = doors.contacts.profiles({mail.contact_id for _, mail in mails}, consistent=False)
        hashes = {contact: address_hash(it.email) for contact, it in profiles.items() if it.email}
        suppressed = doors.suppressions.reasons(set(hashes.values())) if hashes else {}

        def one(pair: tuple[Record, Mail]) -> Outcome | _Broken:
            mail = pair[1]
            try:
                reason = suppressed.get(hashes.get(mail.contact_id, ""))
                return self._one(renderer, mail, profiles.get(mail.contact_id), reason)
            except Exception as error:  # noqa: BLE001 - one email's failure is its own: it comes again
                return _Broken(error)

        for (record, mail), outcome in zip(mails, doors.spread(one, mails), strict=True):
            self._settle(reply, queue, record, mail, outcome)
        if reply.copies:
            doors.queues.send(queue, reply.copies)
        if reply.events:
            doors.queues.send(Queue.EVENTS, [Outbound(body=body) for body in wire.pack(reply.events)])
        return reply.again

    def _current(self, book: Book) -> Renderer:
        renderer = self._renderer
        if renderer is None or renderer.book is not book:
            renderer = self._renderer = Renderer(book)
        return renderer

    def _one(
        self, renderer: Renderer, mail: Mail, profile: Profile | None, suppression: str | None
    ) -> Outcome:
        doors = self._doors
        reason = gate.refusal(mail, profile, suppression, renderer.book)
        if reason:
            # A refusal is for ever: not by a read from before the contact was known, nor by a book that does
            # not know the template yet.
            renderer, profile, suppression = self._look_again(renderer, mail.contact_id)
            reason = gate.refusal(mail, profile, suppression, renderer.book)
        if not reason and profile is not None:
            links = doors.links(mail)
            try:
                email = renderer.render(
                    mail, profile, unsubscribe=links.unsubscribe, preferences=links.preferences
                )
            except RenderingFailed as error:
                reason = f"rendering: {error}"
            else:
                return deliver(doors, mail, email, paused=gate.is_paused(mail, renderer.book))
        return refuse(doors, mail, reason)

    def _look_again(self, renderer: Renderer, contact_id: str) -> tuple[Renderer, Profile | None, str | None]:
        """The newest book, profile and suppression."""
        doors = self._doors
        try:
            renderer = self._current(doors.books.at_least(renderer.book.sequence + 1))
        except BookTooOld:
            pass  # there is no newer one
        profile = doors.contacts.profiles([contact_id], consistent=True).get(contact_id)
        hashed = address_hash(profile.email) if profile and profile.email else ""
        return renderer, profile, doors.suppressions.reasons([hashed]).get(hashed) if hashed else None

    def _settle(
        self,
        reply: _Reply,
        queue: Queue,
        record: Record,
        mail: Mail,
        outcome: Outcome | _Broken,
    ) -> None:
        now = self._doors.clock.now()
        match outcome:
            case Done():
                pass
            case Failed(reason):
                reply.events.append(_event(mail, inputs.EMAIL_FAILED, "failed", now, reason=reason))
            case Deferred(reason, wall_span):
                kind = f"deferred:{mail.release}"
                retry_at = now + self._doors.clock.span(wall_span)
                reply.events.append(
                    _event(mail, inputs.EMAIL_DEFERRED, kind, now, reason=reason, retry_at=retry_at)
                )
            case Retry():
                # A copy, since the receive count is no budget for retries; spread over some seconds.
                delay = 2 + crc32(mail.message_id.encode()) % 5
                reply.copies.append(Outbound(body=record.body, delay=delay))
            case Hide(wall_span):
                self._doors.queues.hide(queue, record.receipt, seconds=ceil(wall_span / SECOND))
                reply.again.append(record.id)
            case _Broken(error):
                log.error("message %s of contact %s failed", mail.message_id, mail.contact_id, exc_info=error)
                reply.again.append(record.id)


def _event(mail: Mail, name: str, kind: str, now: int, **properties: object) -> Event:
    """What evaluate is told of an email; the same report twice is the same event."""
    return Event(
        id=f"{mail.message_id}:{kind}",
        stream=contact_stream(mail.contact_id),
        type="track",
        name=name,
        occurred_at=now,
        received_at=now,
        properties={
            "message_id": mail.message_id,
            "run": mail.run,
            "workflow": mail.workflow,
            "step": mail.step,
            **properties,
        },
    )
