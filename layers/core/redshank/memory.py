"""The ports without AWS: for tests, and wherever Redshank runs without an account.

Every fake keeps the promises of its port, conditions and all; contract tests hold it to what the AWS
adapters do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from redshank.engine import packing
from redshank.engine.book import Book
from redshank.engine.effects import Emission, Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Profile, Standing
from redshank.errors import BookMissing, BookTooOld, Conflict, RedshankError
from redshank.identity import due_shard, member_shard
from redshank.ports import (
    ApiKey,
    BookPointer,
    LedgerRow,
    LogKey,
    LogRecord,
    Outbound,
    OutgoingEmail,
    Queue,
    Status,
    by_occurrence,
)


def _frozen(standing: Standing) -> Standing:
    """A copy as it comes back from a table: packed and unpacked."""
    copy = replace(standing)
    packing.unpack(copy, packing.pack(standing))
    return copy


@dataclass(slots=True)
class MemoryContacts:
    held_standings: dict[str, Standing] = field(default_factory=dict)
    held_profiles: dict[str, Profile] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)

    def standings(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Standing]:
        return {it: _frozen(self.held_standings[it]) for it in contact_ids if it in self.held_standings}

    def profiles(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Profile]:
        return {it: deepcopy(self.held_profiles[it]) for it in contact_ids if it in self.held_profiles}

    def write(self, standing: Standing, profile: Profile | None = None) -> None:
        now = self.held_standings.get(standing.contact_id)
        if (now.version if now else 0) != standing.version - 1:
            raise Conflict
        if profile is not None:
            held = self.held_profiles.get(profile.contact_id)
            if (held.version if held else 0) != profile.version - 1:
                raise Conflict
            self.held_profiles[profile.contact_id] = deepcopy(profile)
        self.held_standings[standing.contact_id] = _frozen(standing)
        self.parked.pop(standing.contact_id, None)

    def park(self, contact_id: str, *, until: int) -> None:
        if contact_id in self.held_standings:
            self.parked[contact_id] = until
            self.held_standings[contact_id].indexed = until

    def due(self, shard: int, after: int, until: int) -> Iterator[tuple[str, int]]:
        for contact_id, standing in list(self.held_standings.items()):
            at = standing.indexed
            if due_shard(contact_id) == shard and at is not None and after < at <= until:
                yield contact_id, at

    # --- for the command line

    def some(
        self, segment: int, segments: int, *, after: Mapping[str, Any] | None, limit: int, whole: bool
    ) -> tuple[list[Standing], Mapping[str, Any] | None]:
        """See DynamoContacts.some."""
        last = after["contact_id"] if after else ""
        mine = [
            it for it in sorted(self.held_standings) if crc32(it.encode()) % segments == segment and it > last
        ]
        found = [_frozen(self.held_standings[it]) for it in mine[:limit]]
        alive = [it for it in found if not it.is_tombstone]
        return alive, {"contact_id": mine[limit - 1]} if len(mine) > limit else None


@dataclass(slots=True)
class MemoryLog:
    records: dict[LogKey, LogRecord] = field(default_factory=dict)

    def present(self, keys: Iterable[LogKey], *, consistent: bool) -> set[LogKey]:
        return {key for key in keys if key in self.records}

    def write(self, records: Iterable[LogRecord]) -> None:
        for record in records:
            self.records[record.stream, record.event_id] = record

    def of_contact(self, streams: Iterable[str]) -> list[Event]:
        wanted = set(streams)
        return by_occurrence(
            record.event for record in self.records.values() if record.event and record.stream in wanted
        )


@dataclass(slots=True)
class MemoryLedger:
    held: dict[str, LedgerRow] = field(default_factory=dict)

    def rows(self, message_ids: Iterable[str], *, consistent: bool) -> dict[str, LedgerRow]:
        return {it: self.held[it] for it in message_ids if it in self.held}

    def _free(self, message_id: str) -> bool:
        row = self.held.get(message_id)
        return row is None or row.status is Status.OPEN

    def _row(self, mail: Mail, status: Status, **more: object) -> LedgerRow:
        held = self.held.get(mail.message_id) or LedgerRow(message_id=mail.message_id, status=status)
        row = replace(
            held,
            status=status,
            contact_id=mail.contact_id,
            workflow=mail.workflow,
            run=mail.run,
            step=mail.step,
            topic=mail.topic,
            variant=mail.variant or held.variant,
        )
        return replace(row, **more)  # type: ignore[arg-type]

    def claim(self, mail: Mail, *, now: int) -> int:
        held = self.held.get(mail.message_id)
        release = held.release if held else 0
        if not self._free(mail.message_id) or release > mail.release:
            raise Conflict
        attempt = (held.attempt if held else 0) + 1
        self.held[mail.message_id] = self._row(
            mail, Status.CLAIMED, attempt=attempt, claimed_at=now, release=release
        )
        return attempt

    def claim_again(self, message_id: str, *, attempt: int, now: int) -> int:
        row = self.held.get(message_id)
        if row is None or row.status is not Status.CLAIMED or row.attempt != attempt:
            raise Conflict
        if row.unwanted:
            self.give_back(message_id, attempt=attempt)
            raise Conflict
        self.held[message_id] = replace(row, attempt=attempt + 1, claimed_at=now)
        return attempt + 1

    def _mine(self, message_id: str, attempt: int) -> LedgerRow | None:
        row = self.held.get(message_id)
        return row if row and row.attempt == attempt and row.status is Status.CLAIMED else None

    def mark_sent(self, message_id: str, *, attempt: int, provider_id: str, now: int) -> None:
        if row := self._mine(message_id, attempt):
            self.held[message_id] = replace(row, status=Status.SENT)

    def give_back(self, message_id: str, *, attempt: int, release: int = 0) -> None:
        if row := self._mine(message_id, attempt):
            status = Status.CANCELLED if row.unwanted else Status.OPEN
            release = max(release, row.release)
            self.held[message_id] = replace(row, status=status, reason=row.unwanted, release=release)

    def fail(self, mail: Mail, *, reason: str, now: int) -> None:
        if self._free(mail.message_id):
            self.held[mail.message_id] = self._row(mail, Status.FAILED, reason=reason)

    def fail_attempt(self, message_id: str, *, attempt: int, reason: str, now: int) -> None:
        if row := self._mine(message_id, attempt):
            self.held[message_id] = replace(row, status=Status.FAILED, reason=reason)

    def cancel(self, message_id: str, *, contact_id: str, reason: str, now: int) -> bool:
        row = self.held.get(message_id)
        if row is not None and row.status is Status.CLAIMED:
            self.held[message_id] = replace(row, unwanted=reason)
        if not self._free(message_id):
            return False
        row = row or LedgerRow(message_id=message_id, status=Status.CANCELLED)
        self.held[message_id] = replace(row, status=Status.CANCELLED, reason=reason, contact_id=contact_id)
        return True

    def note(self, message_id: str, facts: Mapping[str, int]) -> LedgerRow | None:
        row = self.held.get(message_id)
        if row is None:
            return None
        merged = dict(row.facts)
        for fact, at in facts.items():
            merged.setdefault(fact, at)
        status = Status.SENT if row.status in (Status.CLAIMED, Status.OPEN) else row.status
        self.held[message_id] = replace(row, status=status, facts=merged)
        return self.held[message_id]


@dataclass(slots=True)
class MemoryMembers:
    held: dict[tuple[str, str], tuple[bool, int]] = field(default_factory=dict)

    def put(self, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        known = self.held.get((segment, contact_id))
        if known is None or known[1] < version:
            self.held[segment, contact_id] = (member, version)

    def page(self, segment: str, *, after: str = "", limit: int) -> Sequence[str]:
        start = (member_shard(after), after) if after else (0, "")
        found = sorted((member_shard(it), it) for it in self._inside(segment))
        return [it for shard, it in found if (shard, it) > start][:limit]

    def count(self, segment: str) -> int:
        return len(self._inside(segment))

    def _inside(self, segment: str) -> list[str]:
        return [it for (of, it), (member, _) in self.held.items() if of == segment and member]


@dataclass(slots=True)
class MemoryBus:
    emitted: list[Emission] = field(default_factory=list)

    def emit(self, emissions: Sequence[Emission]) -> None:
        self.emitted.extend(emissions)


@dataclass(slots=True)
class MemorySuppressions:
    held: dict[str, str] = field(default_factory=dict)

    def reasons(self, address_hashes: Iterable[str]) -> dict[str, str]:
        return {it: self.held[it] for it in address_hashes if it in self.held}

    def add(self, address_hash: str, *, reason: str, source: str, at: int) -> None:
        self.held.setdefault(address_hash, reason)


@dataclass(slots=True)
class MemoryQueues:
    """Queues that keep what was sent; whoever plays the world takes from ``sent``."""

    sent: dict[Queue, list[Outbound]] = field(default_factory=lambda: {queue: [] for queue in Queue})
    hidden: list[tuple[Queue, str, int]] = field(default_factory=list)
    drained: bool = True

    def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
        self.sent[queue].extend(messages)

    def hide(self, queue: Queue, receipt: str, *, seconds: int) -> None:
        self.hidden.append((queue, receipt, seconds))

    def waiting(self, queue: Queue) -> int:
        return sum(not message.delay for message in self.sent[queue])

    def feedback_drained(self) -> bool:
        return self.drained


@dataclass(slots=True)
class MemoryMailer:
    sent: list[OutgoingEmail] = field(default_factory=list)

    def send(self, email: OutgoingEmail) -> str:
        self.sent.append(email)
        return f"provider-{len(self.sent)}"


@dataclass(slots=True)
class MemorySettings:
    live: BookPointer | None = None
    keys: dict[str, ApiKey] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=lambda: ["a secret for tests"])
    swept: int = 0

    def pointer(self) -> BookPointer | None:
        return self.live

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """What the app declared, as ``aws.doorstep`` has it."""
        return self.live.schema if self.live else None

    def signing_keys(self) -> Sequence[str]:
        if not self.secrets:
            raise RedshankError("there is no signing key: run `redshank apply`")
        return self.secrets

    def api_key(self, key_hash: str) -> ApiKey | None:
        return self.keys.get(key_hash)

    def swept_until(self) -> int:
        return self.swept

    def move_sweep(self, *, until: int, before: int) -> bool:
        if self.swept != before:
            return False
        self.swept = until
        return True


@dataclass(slots=True)
class MemoryBooks:
    book: Book | None = None
    #: The workflows that are paused by command.
    paused: frozenset[str] = frozenset()

    def current(self) -> Book:
        if self.book is None:
            raise BookMissing
        return self.book.with_paused(self.paused) if self.paused else self.book

    def at_least(self, sequence: int) -> Book:
        book = self.current()
        if book.sequence < sequence:
            raise BookTooOld
        return book
