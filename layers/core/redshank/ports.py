"""What do the use cases ask of the outside world?

Protocols, each with two implementations: one on AWS (``store``, ``aws``) and one in memory (``memory``). The
same contract tests run against both. A method that cannot do what it promises raises; none returns half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Names in signatures only: ingest, which a browser waits for, needs no engine to start.
    from redshank.engine.book import Book
    from redshank.engine.effects import Emission, Mail
    from redshank.engine.inputs import Event
    from redshank.engine.state import Profile, Standing


class Spread(Protocol):
    """Runs a function over items, perhaps on threads, all joined before it returns; results in order."""

    def __call__[T, R](self, work: Callable[[T], R], items: Iterable[T]) -> list[R]: ...


def inline[T, R](work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Spread on no threads at all."""
    return [work(item) for item in items]


#: The key of an event in the log: (stream, event id).
type LogKey = tuple[str, str]


class Contacts(Protocol):
    """Profiles and standings."""

    def standings(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Standing]:
        """The standings that exist, by contact id."""
        ...

    def profiles(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Profile]:
        """The profiles that exist, by contact id."""
        ...

    def write(self, standing: Standing, profile: Profile | None = None) -> None:
        """Write version n, if version n - 1 is what is there; with a profile, both or neither.

        Raises Conflict if somebody else wrote first.
        """
        ...

    def park(self, contact_id: str, *, until: int) -> None:
        """Take a contact that keeps failing out of the sweep's way, without touching its state."""
        ...

    def due(self, shard: int, after: int, until: int) -> Iterator[tuple[str, int]]:
        """(contact id, indexed instant) of the shard's index in (after, until], eventually consistent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """An input that is applied and dispatched. Wake-ups with effects have one too, without an event."""

    stream: str
    event_id: str
    contact_id: str
    at: int
    event: Event | None = None


class Log(Protocol):
    """The event log: the commit mark of every input."""

    def present(self, keys: Iterable[LogKey], *, consistent: bool) -> set[LogKey]:
        """Those of the keys that are in the log; a record past its TTL but not yet deleted counts."""
        ...

    def write(self, records: Iterable[LogRecord]) -> None:
        """Write all of them, or raise."""
        ...

    def of_contact(self, streams: Iterable[str]) -> list[Event]:
        """Every event of these streams, read consistently, by when they occurred; wake-ups are none."""
        ...


def by_occurrence(events: Iterable[Event]) -> list[Event]:
    """Events in the order of ``Log.of_contact``."""
    return sorted(events, key=lambda it: (it.occurred_at, it.received_at, it.stream, it.id))


class Status(StrEnum):
    """Where a message stands in the send ledger."""

    #: A claim was given back: certainly not sent, may be claimed again.
    OPEN = "open"
    #: Somebody is sending it, or was and nobody knows how it ended.
    CLAIMED = "claimed"
    SENT = "sent"
    CANCELLED = "cancelled"
    FAILED = "failed"


#: What feedback can say of a message; the ledger keeps when it was first noted.
FACTS = (
    "sent",
    "delivered",
    "delayed",
    "bounced",
    "soft_bounced",
    # for what says nothing of the address (too large, content)
    "refused",
    # by SES, which did not try: on a suppression list already
    "suppressed",
    "complained",
    "rejected",
    "rendering_failed",
    "opened",
    "clicked",
    "unsubscribed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    message_id: str
    status: Status
    attempt: int = 0
    claimed_at: int = 0
    #: The earliest release of the email that may claim it: those before it were deferred.
    release: int = 0
    reason: str = ""
    #: Why it was decided against while somebody had claimed it, or an empty string.
    unwanted: str = ""
    contact_id: str = ""
    workflow: str = ""
    run: str = ""
    step: str = ""
    topic: str = ""
    #: The arm of the test it was in, or an empty string.
    variant: str = ""
    #: Fact of feedback (see FACTS) -> the instant that was first noted.
    facts: Mapping[str, int] = field(default_factory=dict)


class Ledger(Protocol):
    """The send ledger: what became of every decided email."""

    def rows(self, message_ids: Iterable[str], *, consistent: bool) -> dict[str, LedgerRow]:
        """The rows that exist, by message id."""
        ...

    def claim(self, mail: Mail, *, now: int) -> int:
        """Claim a message that is absent or open (to this release of it); the number of the attempt.

        Else Conflict.
        """
        ...

    def claim_again(self, message_id: str, *, attempt: int, now: int) -> int:
        """Claim a message whose claim ``attempt`` was certainly not sent; the new attempt.

        Conflict if somebody else did, or if it was cancelled meanwhile, which it then is.
        """
        ...

    def mark_sent(self, message_id: str, *, attempt: int, provider_id: str, now: int) -> None:
        """The provider took it; without effect if the attempt is no longer the newest."""
        ...

    def give_back(self, message_id: str, *, attempt: int, release: int = 0) -> None:
        """The provider certainly did not take it: open again (from this release on), or cancelled if that was
        decided meanwhile.

        Without effect if the attempt is no longer the newest.
        """
        ...

    def fail(self, mail: Mail, *, reason: str, now: int) -> None:
        """It will never be sent; without effect unless absent or open."""
        ...

    def fail_attempt(self, message_id: str, *, attempt: int, reason: str, now: int) -> None:
        """The provider refused the claimed attempt for good; without effect if it is not the newest."""
        ...

    def cancel(self, message_id: str, *, contact_id: str, reason: str, now: int) -> bool:
        """It was decided against; whether it is thereby cancelled (it was absent or open).

        If it is claimed it will be, should the claim turn out not to have been sent.
        """
        ...

    def note(self, message_id: str, facts: Mapping[str, int]) -> LedgerRow | None:
        """Note feedback (facts of FACTS); the first instant noted stays. A claimed message is thereby sent.

        The row afterwards, or None if the ledger has no such message (a test send, another system's).
        """
        ...


class Members(Protocol):
    """Who is in a segment."""

    def put(self, segment: str, contact_id: str, *, member: bool, version: int, now: int) -> None:
        """Enter or leave; without effect if a newer version of the standing has said otherwise."""
        ...

    def page(self, segment: str, *, after: str = "", limit: int) -> Sequence[str]:
        """The next members (contact ids) after one of them, in an order of its own; fewer than ``limit`` only at
        the end."""
        ...

    def count(self, segment: str) -> int:
        """How many members there are."""
        ...


class Bus(Protocol):
    """The account's EventBridge bus."""

    def emit(self, emissions: Sequence[Emission]) -> None:
        """Put all of them onto the bus, or raise: some may then be on it."""
        ...


class Suppressions(Protocol):
    """Addresses nothing may be sent to."""

    def reasons(self, address_hashes: Iterable[str]) -> dict[str, str]:
        """The reason, for those that are suppressed."""
        ...

    def add(self, address_hash: str, *, reason: str, source: str, at: int) -> None:
        """Suppress an address; the first reason stays."""
        ...


class Queue(StrEnum):
    EVENTS = "events"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A message for a queue."""

    body: str
    #: Wall seconds until it may be received, at most 900.
    delay: int = 0


class Queues(Protocol):
    def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
        """Send all of them (in as few requests as possible), or raise: some may then have been sent."""
        ...

    def hide(self, queue: Queue, receipt: str, *, seconds: int) -> None:
        """Let a received message come again after this many wall seconds (at most 12 hours)."""
        ...

    def waiting(self, queue: Queue) -> int:
        """About how many messages can be received now."""
        ...

    def feedback_drained(self) -> bool:
        """Whether no SES notification is waiting, being worked on, or parked as undeliverable."""
        ...


#: Names of our SES message tags: feedback finds the message, and the attempt that it is about, by them.
MESSAGE_TAG = "redshank_message"
ATTEMPT_TAG = "redshank_attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEmail:
    """A rendered email, ready for the provider."""

    sender: str
    to: str
    reply_to: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    #: SES message tags: names and values of letters, digits, - and _.
    tags: Mapping[str, str]


class Mailer(Protocol):
    def send(self, email: OutgoingEmail) -> str:
        """Hand it over once; the provider's message id.

        Raises Throttled or NotSent (certainly not taken), Rejected (never will be), or OutcomeUnknown.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPointer:
    """Which book is live."""

    sequence: int
    hash: str
    #: Names of the events the book listens to: enough for those who need no more of it.
    listens: frozenset[str] = frozenset()
    #: Under which sequence number its content lies: that of its application; 0: its own.
    applied: int = 0
    #: The workflows that are paused by command, whatever the book says (see Book.with_paused).
    paused: frozenset[str] = frozenset()
    #: The contacts it has something for though nothing happens to them: of these workflows, or EVERYBODY.
    visits: frozenset[str] = frozenset()
    #: What the app declared that it would send, in the form of ``ingest.declared``.
    schema: Mapping[str, Any] | None = None

    @property
    def lies_at(self) -> int:
        """The sequence number in its key."""
        return self.applied or self.sequence


#: Of ``BookPointer.visits``.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    label: str
    scopes: frozenset[str]


class Settings(Protocol):
    """Small things that change while the functions run."""

    def pointer(self) -> BookPointer | None: ...

    def signing_keys(self) -> Sequence[str]:
        """Secrets for links, oldest first; the last one signs. Raises if there is none."""
        ...

    def api_key(self, key_hash: str) -> ApiKey | None:
        """The key with this SHA-256, unless it is revoked."""
        ...

    def swept_until(self) -> int:
        """The sweep's pointer: index entries up to here have been enqueued."""
        ...

    def move_sweep(self, *, until: int, before: int) -> bool:
        """Move the pointer if it is still at ``before``; whether it was."""
        ...


class Books(Protocol):
    def current(self) -> Book:
        """The live book, a few seconds old at most. Raises BookMissing."""
        ...

    def at_least(self, sequence: int) -> Book:
        """The live book, looked up anew if the one at hand is older than ``sequence``."""
        ...
