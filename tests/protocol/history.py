"""What happened in a world, as nobody inside it can see: every commit, every claim, every email taken.

What must never happen, even for a moment, is found here as it happens; what must hold at rest is in
``invariants``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from redshank.engine.effects import Alarm, Cancel, Effect, Emission, Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Standing
from redshank.identity import contact_of
from redshank.ports import LogKey
from tests.protocol.definitions import BROADCASTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A contact met a book."""

    #: The book it had met before.
    after: int
    #: As of when it was brought up to it.
    as_of: int
    #: What had happened to it until then, whether or not anybody listened.
    before: frozenset[LogKey]


@dataclass(slots=True)
class History:
    events: dict[LogKey, Event] = field(default_factory=dict)
    #: In the order in which they were posted.
    order: list[LogKey] = field(default_factory=list)
    #: The book that must judge an event, or a newer one: it was live everywhere, or the contact's, before the event.
    judged_by: dict[LogKey, int] = field(default_factory=dict)
    applied: Counter[LogKey] = field(default_factory=Counter)
    #: Message id -> how often each release of it was decided.
    decided: dict[str, Counter[int]] = field(default_factory=dict)
    mails: dict[str, Mail] = field(default_factory=dict)
    #: Message id -> the inputs by which it was decided against.
    cancelled: dict[str, set[LogKey]] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    #: By id, and the alarms by contact, workflow and step: what was decided …
    emissions: dict[str, Emission] = field(default_factory=dict)
    alarms: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    #: … and what operators heard.
    sounded: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    #: Contact -> the books it met after another, by sequence.
    meetings: dict[str, dict[int, Meeting]] = field(default_factory=dict)
    #: Book -> when its back-fill began to read who there is.
    scanned: dict[int, int] = field(default_factory=dict)
    #: The books of which nobody was visited before every function had noticed.
    waited: set[int] = field(default_factory=set)
    #: Contact -> the newest book that was live when a back-fill found it.
    found: dict[str, int] = field(default_factory=dict)
    #: Contact -> when its standing was first written.
    born: dict[str, int] = field(default_factory=dict)
    #: The newest book that everybody is to meet.
    for_everybody: int = 0
    #: Workflow -> the book that brought it.
    since: dict[str, int] = field(default_factory=dict)
    #: The workflows that were ever paused by command.
    paused: set[str] = field(default_factory=set)
    commits: int = 0
    #: The longest that time had to wait for somebody: from when a contact was due to the commit, by the wall.
    lateness: int = 0
    findings: list[str] = field(default_factory=list)

    def posted(self, events: Iterable[Event]) -> None:
        for event in events:
            if (event.stream, event.id) not in self.events:
                self.order.append((event.stream, event.id))
            self.events[event.stream, event.id] = event

    def scanning(self, book: int, wall: int) -> None:
        """The visits of a book begin, or go on."""
        self.scanned.setdefault(book, wall)

    def committed(
        self, before: Standing | None, after: Standing, logged: Collection[LogKey], *, wall: int
    ) -> None:
        """A standing was written over another."""
        self.commits += 1
        if before and before.due is not None:
            self.lateness = max(self.lateness, wall - before.due)
        was = before.pending if before else {}
        self.born.setdefault(after.contact_id, wall)
        if before and before.book < after.book:
            self._met(before, after, logged)
        for input_id, pending in was.items():
            held = after.pending.get(input_id)
            left = held is None or held.stream != pending.stream
            if left and (pending.stream, input_id) not in logged:
                self.findings.append(f"I7: {input_id} left pending and is not in the log")
        if before and after.as_of < before.as_of:
            self.findings.append(f"I8: as_of went back from {before.as_of} to {after.as_of}")
        for input_id, pending in after.pending.items():
            if input_id in was and was[input_id].stream == pending.stream:
                continue
            key = (pending.stream, input_id)
            self.applied[key] += 1
            if self.applied[key] > 1:
                self.findings.append(f"I1: {key} was applied twice")
            for effect in pending.effects:
                self._follows(key, effect)
        if before and before.book == after.book:
            self._heard(before, after)

    def _follows(self, key: LogKey, effect: Effect) -> None:
        match effect:
            case Mail():
                self._decided(effect)
            case Cancel():
                self.cancelled.setdefault(effect.message_id, set()).add(key)
            case Emission():
                if effect.id in self.emissions:
                    self.findings.append(f"I2: {effect.name} of {effect.workflow} was decided twice")
                self.emissions[effect.id] = effect
            case Alarm():
                self.alarms[effect.contact_id, effect.workflow, effect.step] += 1

    def _met(self, before: Standing, after: Standing, logged: Collection[LogKey]) -> None:
        own = {
            (it.stream, input_id) for input_id, it in after.pending.items() if input_id not in before.pending
        }
        seen = {
            key
            for key in (*self.applied, *logged)
            if key in self.events and contact_of(key[0]) == after.contact_id
        }
        meeting = Meeting(after=before.book, as_of=after.as_of, before=frozenset(seen - own))
        self.meetings.setdefault(after.contact_id, {})[after.book] = meeting

    def _heard(self, before: Standing, after: Standing) -> None:
        """A broadcast's moment passed in between, and nothing else happened."""
        new = [it for input_id, it in after.pending.items() if input_id not in before.pending]
        if any(it.stream != after.contact_id for it in new):
            return
        told = {it.workflow for pending in new for it in pending.effects if isinstance(it, Emission)}
        for workflow, (segment, moment) in BROADCASTS.items():
            if workflow in self.paused or not before.as_of < moment <= after.as_of:
                continue
            member = before.truths.get(segment, (False, None))[0] and after.book >= self.since.get(
                workflow, 0
            )
            if member is not (workflow in told):
                self.findings.append(f"I9: {workflow}: a member: {member}, and it began: {workflow in told}")

    def _decided(self, mail: Mail) -> None:
        self.mails[mail.message_id] = mail
        releases = self.decided.setdefault(mail.message_id, Counter())
        releases[mail.release] += 1
        if releases[mail.release] > 1:
            self.findings.append(f"I2: {mail.step} of {mail.run} was decided twice")

    def claimed(self, message_id: str, logged: Collection[LogKey]) -> None:
        """Somebody claimed a message for the first time, or after it was given back."""
        if self.cancelled.get(message_id, set()) & set(logged):
            self.findings.append(f"I3: {self._named(message_id)} was claimed after its cancelling was logged")

    def accepted(self, message_id: str) -> None:
        """SES took an email."""
        self.taken[message_id] += 1
        if self.taken[message_id] > 1:
            self.findings.append(f"I3: {self._named(message_id)} was sent twice")
        if message_id not in self.decided:
            self.findings.append(f"I4: {message_id} was sent and never decided")

    def _named(self, message_id: str) -> str:
        mail = self.mails.get(message_id)
        return f"{mail.step} of {mail.run} ({message_id})" if mail else message_id
