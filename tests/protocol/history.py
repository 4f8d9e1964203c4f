"""What happened in a world, as nobody inside it can see: every commit, every claim, every email taken.

What must never happen, even for a moment, is found here as it happens; what must hold at rest is in
``invariants``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from redshank.engine.effects import Cancel, Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Standing
from redshank.ports import LogKey


@dataclass(slots=True)
class History:
    events: dict[LogKey, Event] = field(default_factory=dict)
    #: In the order in which they were posted.
    order: list[LogKey] = field(default_factory=list)
    #: Those that the newest book must judge: posted when it was live everywhere, or the contact's already.
    by_newest_book: set[LogKey] = field(default_factory=set)
    applied: Counter[LogKey] = field(default_factory=Counter)
    #: Message id -> how often each release of it was decided.
    decided: dict[str, Counter[int]] = field(default_factory=dict)
    mails: dict[str, Mail] = field(default_factory=dict)
    #: Message id -> the inputs by which it was decided against.
    cancelled: dict[str, set[LogKey]] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    commits: int = 0
    #: The longest that time had to wait for somebody: from when a contact was due to the commit, by the wall.
    lateness: int = 0
    findings: list[str] = field(default_factory=list)

    def posted(self, events: Iterable[Event]) -> None:
        for event in events:
            if (event.stream, event.id) not in self.events:
                self.order.append((event.stream, event.id))
            self.events[event.stream, event.id] = event

    def committed(
        self, before: Standing | None, after: Standing, logged: Collection[LogKey], *, wall: int
    ) -> None:
        """A standing was written over another."""
        self.commits += 1
        if before and before.due is not None:
            self.lateness = max(self.lateness, wall - before.due)
        was = before.pending if before else {}
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
                if isinstance(effect, Mail):
                    self._decided(effect)
                elif isinstance(effect, Cancel):
                    self.cancelled.setdefault(effect.message_id, set()).add(key)

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
