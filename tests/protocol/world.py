"""A small world for the real code: queues, tables, SES and clocks, with everything that may go wrong there.

Evaluate, send, bounce and the sweep run as workers (see ``scheduling``) over the ports in memory. The world
decides, from one source of chance, who goes on, who dies, what is delivered twice, whose read is stale, when
feedback comes. What it saw happen is in ``history``, and ``invariants`` judges it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, cast

from redshank import instants, wire
from redshank.aws import books as shelved
from redshank.clock import Clock
from redshank.engine import serial
from redshank.engine.book import ALL, Book
from redshank.engine.effects import Emission, Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Profile, Standing
from redshank.errors import BookTooOld, Conflict, OutcomeUnknown, Rejected, Throttled
from redshank.evaluation import batch, finishing, sweep
from redshank.evaluation.doors import Doors
from redshank.feedback import learning
from redshank.identity import contact_of, due_shard
from redshank.instants import MINUTE, SECOND
from redshank.memory import (
    MemoryBus,
    MemoryContacts,
    MemoryLedger,
    MemoryLog,
    MemoryMembers,
    MemorySuppressions,
)
from redshank.ports import (
    ATTEMPT_TAG,
    EVERYBODY,
    MESSAGE_TAG,
    BookPointer,
    LedgerRow,
    LogKey,
    LogRecord,
    Outbound,
    OutgoingEmail,
    Queue,
)
from redshank.records import Record
from redshank.sending.batch import Sender
from redshank.sending.doors import Doors as SendDoors
from redshank.sending.doors import Links
from tests.protocol.definitions import START
from tests.protocol.history import History
from tests.protocol.operators import Shelf, WorldSettings
from tests.protocol.scheduling import Worker

#: As in template.yaml: six times a function's timeout.
VISIBILITY = 6 * MINUTE
#: Lambda ends a function after this long.
TIMEOUT = MINUTE
#: An eventually consistent read may be this old.
STALE = 2 * SECOND
FEEDBACK = "feedback"


class Violation(AssertionError):
    """An invariant of the protocol does not hold."""


class Unlucky(Exception):
    """A call failed, as calls to AWS sometimes do; whether it had its effect, nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What may go wrong in a run. All off is a fine day."""

    #: Processes die before any of their calls.
    crashes: bool = False
    #: Calls fail, with or without having had their effect.
    errors: bool = False
    #: SQS delivers a message that is being worked on, or that was just deleted.
    duplicates: bool = False
    #: Eventually consistent reads show what was.
    stale: bool = False
    #: The index of due contacts lags, sometimes by minutes.
    lag: bool = False
    #: The clocks of two machines differ by some seconds.
    skew: bool = False
    #: SES throttles, times out having taken the email or not, refuses.
    provider: bool = False
    #: What SES tells comes minutes later, twice, out of order; or bounce is down for a while.
    slow_feedback: bool = False
    #: Some addresses bounce, some people complain.
    bounces: bool = False
    #: Messages go to the dead letters after few receives, and are redriven.
    dead_letters: bool = False
    #: The minute schedule skips a beat, or strikes twice.
    missed_sweeps: bool = False
    #: A worker stands still for many seconds between two calls, while the others go on.
    stalls: bool = False


#: All at once.
EVERYTHING = Faults(**{knob.name: True for knob in fields(Faults)})


@dataclass(eq=False, slots=True, kw_only=True)
class Message:
    id: str
    queue: str
    body: str
    visible_at: int
    received: int = 0
    #: Workers that have it in their hands.
    held: int = 0
    deleted: bool = False


class _Complaints(logging.Handler):
    """What the code logs with an exception that no trouble of this world explains is a bug."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == finishing.__name__ and isinstance(record.args, tuple):
            _, step, workflow, contact_id = record.args
            self._world.history.sounded[str(contact_id), str(workflow), str(step)] += 1
            return
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Unlucky | Conflict | BookTooOld):
            self._world.history.findings.append(f"{record.getMessage()}: {error!r}")


class StaleContacts(MemoryContacts):
    """The contacts, with reads of what was, and an index that is late."""

    __slots__ = ("_index", "_on_the_way", "_was", "_world")

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._was: dict[tuple[str, str], list[tuple[int, Standing | Profile | None]]] = {}
        self._index: dict[str, int | None] = {}
        self._on_the_way: list[tuple[int, str, int | None]] = []

    def standings(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Standing]:
        found = {}
        for contact_id in sorted(contact_ids):
            now = super().standings([contact_id], consistent=True).get(contact_id)
            seen = now if consistent else self._perhaps_earlier("standing", contact_id, now)
            if seen is not None:
                found[contact_id] = replace(seen)
        return found

    def profiles(self, contact_ids: Iterable[str], *, consistent: bool) -> dict[str, Profile]:
        found = {}
        for contact_id in sorted(contact_ids):
            now = super().profiles([contact_id], consistent=True).get(contact_id)
            seen = now if consistent else self._perhaps_earlier("profile", contact_id, now)
            if seen is not None:
                found[contact_id] = seen
        return found

    def _perhaps_earlier(self, kind: str, contact_id: str, now: Any) -> Any:
        held = self._was.get((kind, contact_id), [])
        recent = [value for replaced_at, value in held if self._world.wall - replaced_at <= STALE]
        return self._world.stale_or(now, recent)

    def write(self, standing: Standing, profile: Profile | None = None) -> None:
        contact_id = standing.contact_id
        before = self.standings([contact_id], consistent=True).get(contact_id)
        profile_before = self.profiles([contact_id], consistent=True).get(contact_id)
        super().write(standing, profile)
        self._remember("standing", contact_id, before)
        if profile is not None:
            self._remember("profile", contact_id, profile_before)
        logged = set(self._world.log.records)
        self._world.history.committed(before, standing, logged, wall=self._world.wall)
        self._to_index(contact_id, standing.indexed)

    def _remember(self, kind: str, contact_id: str, value: Any) -> None:
        self._was.setdefault((kind, contact_id), []).append((self._world.wall, value))

    def park(self, contact_id: str, *, until: int) -> None:
        super().park(contact_id, until=until)
        self._to_index(contact_id, until)

    def _to_index(self, contact_id: str, at: int | None) -> None:
        # The updates of one item come in order.
        before = [since for since, one, _ in self._on_the_way if one == contact_id]
        self._on_the_way.append((max([self._world.wall + self._world.lag(), *before]), contact_id, at))

    def due(self, shard: int, after: int, until: int) -> Iterator[tuple[str, int]]:
        for entry in list(self._on_the_way):
            if entry[0] <= self._world.wall:
                self._on_the_way.remove(entry)
                self._index[entry[1]] = entry[2]
        for contact_id, at in sorted(self._index.items()):
            if due_shard(contact_id) == shard and at is not None and after < at <= until:
                yield contact_id, at

    def is_anything_in(self, shard: int) -> bool:
        return any(due_shard(contact_id) == shard for contact_id in self.held_standings)

    def some(
        self, segment: int, segments: int, *, after: Mapping[str, Any] | None, limit: int, whole: bool
    ) -> tuple[list[Standing], Mapping[str, Any] | None]:
        """Page by page of one, and without those whom an eventually consistent read does not show yet."""
        found, more = super().some(segment, segments, after=after, limit=1, whole=whole)
        seen = [self._perhaps_earlier("standing", it.contact_id, it) for it in found]
        shown = [it for it in seen if it is not None]
        live = self._world.settings.live
        if live is not None and EVERYBODY in live.visits:
            self._world.history.found |= dict.fromkeys((it.contact_id for it in shown), live.sequence)
        return shown, more

    def is_anything_of(self, segment: int, segments: int) -> bool:
        """Whether a part of the table has anybody."""
        return bool(super().some(segment, segments, after=None, limit=1, whole=False)[0])

    @property
    def waiting(self) -> bool:
        """Whether time alone still has something to do for somebody."""
        return bool(self._on_the_way) or any(
            standing.due is not None or standing.indexed is not None
            for standing in self.held_standings.values()
        )


class StaleLog(MemoryLog):
    __slots__ = ("_since", "_world")

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._since: dict[LogKey, int] = {}

    def present(self, keys: Iterable[LogKey], *, consistent: bool) -> set[LogKey]:
        found = super().present(sorted(keys), consistent=True)
        if consistent:
            return found
        return {key for key in sorted(found) if not self._perhaps_unseen(key)}

    def _perhaps_unseen(self, key: LogKey) -> bool:
        is_new = self._world.wall - self._since[key] <= STALE
        return self._world.stale_or(False, [True] if is_new else [])

    def write(self, records: Iterable[LogRecord]) -> None:
        for record in self._world.perhaps_not_all(list(records)):
            super().write([record])
            self._since.setdefault((record.stream, record.event_id), self._world.wall)


class StaleLedger(MemoryLedger):
    __slots__ = ("_was", "_world")

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._was: dict[str, list[tuple[int, LedgerRow | None]]] = {}

    def rows(self, message_ids: Iterable[str], *, consistent: bool) -> dict[str, LedgerRow]:
        found = {}
        for message_id in sorted(message_ids):
            row = self.held.get(message_id)
            if not consistent:
                held = self._was.get(message_id, [])
                recent = [was for replaced_at, was in held if self._world.wall - replaced_at <= STALE]
                row = self._world.stale_or(row, recent)
            if row is not None:
                found[message_id] = row
        return found

    def _then(self, message_id: str, change: Callable[[], Any]) -> Any:
        before = self.held.get(message_id)
        result = change()
        if self.held.get(message_id) != before:
            self._was.setdefault(message_id, []).append((self._world.wall, before))
        return result

    def claim(self, mail: Mail, *, now: int) -> int:
        attempt: int = self._then(mail.message_id, lambda: MemoryLedger.claim(self, mail, now=now))
        self._world.history.claimed(mail.message_id, set(self._world.log.records))
        return attempt

    def claim_again(self, message_id: str, *, attempt: int, now: int) -> int:
        made: int = self._then(
            message_id, lambda: MemoryLedger.claim_again(self, message_id, attempt=attempt, now=now)
        )
        self._world.history.claimed(message_id, set(self._world.log.records))
        return made

    def mark_sent(self, message_id: str, *, attempt: int, provider_id: str, now: int) -> None:
        self._then(
            message_id,
            lambda: MemoryLedger.mark_sent(
                self, message_id, attempt=attempt, provider_id=provider_id, now=now
            ),
        )

    def give_back(self, message_id: str, *, attempt: int, release: int = 0) -> None:
        self._then(
            message_id, lambda: MemoryLedger.give_back(self, message_id, attempt=attempt, release=release)
        )

    def fail(self, mail: Mail, *, reason: str, now: int) -> None:
        self._then(mail.message_id, lambda: MemoryLedger.fail(self, mail, reason=reason, now=now))

    def cancel(self, message_id: str, *, contact_id: str, reason: str, now: int) -> bool:
        done: bool = self._then(
            message_id,
            lambda: MemoryLedger.cancel(self, message_id, contact_id=contact_id, reason=reason, now=now),
        )
        return done


class Sqs:
    """See ports.Queues; the messages, and who has them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: list[Message] = []
        self.dead: list[Message] = []
        self._made = 0

    def put(self, queue: str, body: str, delay: int = 0) -> None:
        self._made += 1
        at = self._world.wall + delay * SECOND
        self.messages.append(Message(id=f"m{self._made}", queue=queue, body=body, visible_at=at))

    def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
        for message in self._world.perhaps_not_all(list(messages)):
            self.put(queue, message.body, message.delay)

    def hide(self, queue: Queue, receipt: str, *, seconds: int) -> None:
        for message in self.messages:
            if message.id == receipt:
                message.visible_at = self._world.wall + seconds * SECOND

    def waiting(self, queue: Queue) -> int:
        return sum(it.queue == queue and it.visible_at <= self._world.wall for it in self.messages)

    def feedback_drained(self) -> bool:
        return not any(it.queue == FEEDBACK for it in (*self.messages, *self.dead))

    def visible(self) -> list[Message]:
        now = self._world.wall
        bounces = now >= self._world.bounce_from
        return [it for it in self.messages if it.visible_at <= now and (bounces or it.queue != FEEDBACK)]


class Ses:
    """See ports.Mailer; takes emails, or not, and tells later what became of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: (when it reaches the feedback queue, the notification)
        self.on_the_way: list[tuple[int, str]] = []

    def by(self, books: WorldBooks) -> Mailing:
        """SES as a function has it that began with what these books say."""
        return Mailing(self, books)

    def send(self, email: OutgoingEmail) -> str:
        chance = self._world.chance
        fate = chance.random() if self._world.troubled("provider") else 1.0
        if fate < 0.12:
            raise Throttled
        if fate < 0.15:
            self._world.history.refused.add(email.tags[MESSAGE_TAG])
            raise Rejected("MessageRejected: content")
        if fate < 0.21:
            raise OutcomeUnknown("read timeout")
        self._accept(email)
        if fate < 0.27:
            raise OutcomeUnknown("read timeout")
        return "provider-id"

    def mailed_though_paused(self, email: OutgoingEmail) -> None:
        """Somebody sends what it knows to be paused."""
        self._world.history.findings.append(
            f"I11: {email.tags['step']} was sent by who knew that it is paused"
        )

    def _accept(self, email: OutgoingEmail) -> None:
        world = self._world
        world.history.accepted(email.tags[MESSAGE_TAG])
        self._tell(email, "Send")
        fate = world.chance.random() if world.faults.bounces else 1.0
        if fate < 0.08:
            self._tell(
                email,
                "Bounce",
                bounceType="Permanent",
                bounceSubType="General",
                bouncedRecipients=[{"emailAddress": email.to}],
            )
        elif fate < 0.12:
            self._tell(email, "Delivery")
            self._tell(email, "Complaint", complainedRecipients=[{"emailAddress": email.to}])
        else:
            self._tell(email, "Delivery")
            if world.chance.random() < 0.4:
                self._tell(email, "Open")

    def _tell(self, email: OutgoingEmail, kind: str, **details: Any) -> None:
        world = self._world
        timestamp = instants.iso(world.wall)
        body = json.dumps(
            {
                "eventType": kind,
                "mail": {
                    "timestamp": timestamp,
                    "messageId": "provider-id",
                    "destination": [email.to],
                    "tags": {name: [email.tags[name]] for name in (MESSAGE_TAG, ATTEMPT_TAG)},
                },
                kind.lower(): {"timestamp": timestamp, **details},
            }
        )
        for _ in range(1 + (world.troubled("slow_feedback") and world.chance.random() < 0.3)):
            # Within ten minutes: send asks again after the quarter of an hour that it trusts SES to need.
            longest = 10 * MINUTE if world.faults.slow_feedback else 2 * SECOND
            self.on_the_way.append((world.wall + world.chance.randint(200, longest), body))


class Mailing:
    """See ports.Mailer; one function's, that knew from its start which workflows are paused."""

    def __init__(self, ses: Ses, books: WorldBooks) -> None:
        self._ses = ses
        self._books = books
        self._at_first = books.current()

    def send(self, email: OutgoingEmail) -> str:
        workflow = email.tags["workflow"]
        known = [it.workflows.get(workflow) for it in (self._at_first, self._books.current())]
        if all(it is not None and it.state == "paused" for it in known):
            self._ses.mailed_though_paused(email)
        return self._ses.send(email)


class StaleBus(MemoryBus):
    """See ports.Bus; a call may get half-way."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, emissions: Sequence[Emission]) -> None:
        for emission in self._world.perhaps_not_all(list(emissions)):
            super().emit([emission])
            if self._world.history.emissions.get(emission.id) != emission:
                self._world.history.findings.append(f"I10: {emission.name} was emitted, and never decided")


class WorldBooks:
    """See ports.Books, as one function sees it: perhaps what was live some seconds ago, never an older book again."""

    def __init__(self, world: World) -> None:
        self._world = world
        lately = world.wall - round(shelved.LOOK_AGAIN * SECOND)
        over = [since for since, _ in world.lives[1:]]
        was = [book for (_, book), until in zip(world.lives, over, strict=False) if until > lately]
        self._book: Book = world.stale_or(world.lives[-1][1], was)

    def current(self) -> Book:
        return self._book

    def at_least(self, sequence: int) -> Book:
        if self._book.sequence < sequence:
            self._book = self._world.lives[-1][1]
        if self._book.sequence < sequence:
            raise BookTooOld
        return self._book


class _Gate:
    """A port at which its worker stops before each call, and where calls may fail."""

    def __init__(self, name: str, port: Any, worker: Worker, world: World) -> None:
        self._name, self._port, self._worker, self._world = name, port, worker, world

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)

        def gated(*args: Any, **named: Any) -> Any:
            if method == "due" and not self._port.is_anything_in(args[0]):
                return []  # fifteen of sixteen shards: nothing to cross there
            if method == "some" and not self._port.is_anything_of(args[0], args[1]):
                return [], None  # likewise
            self._worker.pause(f"{self._name}.{method}")
            fate = self._world.chance.random() if self._world.troubled("errors") else 1.0
            if fate < 0.02:
                raise Unlucky(f"{self._name}.{method}: never arrived")
            result = call(*args, **named)
            if fate < 0.04:
                raise Unlucky(f"{self._name}.{method}: the answer was lost")
            return list(result) if isinstance(result, Iterator) else result

        return gated


class World:
    def __init__(self, book: Book, faults: Faults, seed: int) -> None:
        #: The live book as it was applied, and all of them by their sequence number.
        self.book = book
        self.books = {book.sequence: book}
        self.shelf = Shelf()
        self.faults = faults
        self.chance = Random(seed)
        self.wall = START
        self.calm = False
        self.history = History()
        self.contacts = StaleContacts(self)
        self.log = StaleLog(self)
        self.ledger = StaleLedger(self)
        self.members = MemoryMembers()
        self.bus = StaleBus(self)
        self.suppressions = MemorySuppressions()
        pointer = BookPointer(sequence=book.sequence, hash=book.hash, listens=book.listens)
        self.shelf.held[shelved.key(pointer)] = serial.dump(replace(book, sequence=0)).encode()
        self.settings = WorldSettings(self, pointer)
        #: What has been live, with what was paused by command: (since when, the book).
        self.lives = [(0, book)]
        self.history.since.update(dict.fromkeys(book.workflows, 0))
        self.queues = Sqs(self)
        self.ses = Ses(self)
        #: Everything that is to happen at a given instant, soonest first.
        self.plans: list[tuple[int, Callable[[], None]]] = []
        self.journal: list[str] = []
        self.most_receives = 12
        if faults.dead_letters:
            self.most_receives = self.chance.choice([2, 4, 12])
        #: How likely it is that a worker falls asleep before a call.
        self.sleepiness = self.chance.choice([0.03, 0.15, 0.3]) if faults.stalls else 0.0
        #: Bounce takes nothing from its queue before this.
        self.bounce_from = START
        if faults.slow_feedback and self.chance.random() < 0.4:
            self.bounce_from += self.chance.randint(0, 25 * MINUTE)
        self._workers: list[tuple[Worker, list[Message]]] = []
        self._commands: dict[Worker, tuple[str, Callable[[Worker], None]]] = {}
        self._started = 0
        self._next_minute = (START // MINUTE + 1) * MINUTE
        self._again: list[Message] = []

    # --- chance

    def troubled(self, knob: str) -> bool:
        """Whether this kind of trouble may happen now."""
        return not self.calm and bool(getattr(self.faults, knob))

    def stale_or[T](self, now: T, recent: Sequence[T]) -> T:
        """What an eventually consistent read shows."""
        if recent and self.faults.stale and self.chance.random() < 0.5:
            return self.chance.choice(recent)
        return now

    def lag(self) -> int:
        """How long an update of the index takes."""
        if not self.faults.lag:
            return 0
        return self.chance.choice([50, SECOND, 5 * SECOND, 3 * MINUTE])

    def perhaps_not_all[T](self, items: list[T]) -> Iterator[T]:
        """The items one by one; a batch of several may get half-way only."""
        fails = len(items) > 1 and self.troubled("errors") and self.chance.random() < 0.05
        upto = self.chance.randrange(len(items)) if fails else len(items)
        yield from items[:upto]
        if fails:
            raise Unlucky(f"{upto} of {len(items)} arrived")

    # --- what happens

    def at(self, instant: int, action: Callable[[], None]) -> None:
        self.plans.append((instant, action))
        self.plans.sort(key=lambda plan: plan[0])

    def note(self, text: str) -> None:
        self.journal.append(f"{(self.wall - START) / SECOND:9.2f}  {text}")

    def post(self, events: Sequence[Event]) -> None:
        """What ingest does with events of one request."""
        for event in events:
            key = (event.stream, event.id)
            standing = self.contacts.held_standings.get(contact_of(event.stream))
            met = standing is not None and standing.book == self.lives[-1][1].sequence
            known_to_all = self.wall - self.lives[-1][0] > shelved.LOOK_AGAIN * SECOND
            if key not in self.history.events and (met or known_to_all):
                self.history.judged_by[key] = self.lives[-1][1].sequence
        self.history.posted(events)
        for body in wire.pack(events):
            self.note(f"posted {[event.id for event in events]}")
            self.queues.put(Queue.EVENTS, body)

    def is_live(self, pointer: BookPointer) -> None:
        """Somebody moved the pointer, or paused something."""
        if pointer.sequence not in self.books:
            book = self.books[pointer.sequence] = shelved.read(cast(Any, self.shelf), "", pointer)
            self.book = book
            for name in book.workflows:
                self.history.since.setdefault(name, pointer.sequence)
            if EVERYBODY in pointer.visits:
                self.history.for_everybody = pointer.sequence
        self.note(f"book {pointer.sequence} is live, paused: {sorted(pointer.paused)}")
        self.history.paused |= {name for name in self.book.workflows if {name, ALL} & pointer.paused}
        self.lives.append((self.wall, self.book.with_paused(pointer.paused)))

    def command(self, name: str, work: Callable[[Worker], None]) -> None:
        """Somebody gives a command, and gives it again until it ends well."""
        self._started += 1
        worker = Worker(f"{name}-{self._started}", work, born=self.wall)
        self.note(f"{worker.name} is given")
        self._commands[worker] = name, work
        self._workers.append((worker, []))

    def sleep(self, worker: Worker, seconds: int) -> None:
        """To be called on the worker's own thread."""
        worker.asleep_until = self.wall + seconds * SECOND
        worker.pause("its sleep is over")

    def run(self, *, troubles_until: int) -> None:
        """Until everything is at rest; nothing new goes wrong after ``troubles_until``."""
        steps = 0
        said = logging.getLogger("redshank")
        complaints = _Complaints(self)
        said.addHandler(complaints)
        propagates, said.propagate = said.propagate, False
        try:
            while not self.calm or not self._at_rest():
                if not self.calm and self.wall >= troubles_until and not self.plans:
                    self.calm = True
                    self.note("no more troubles from here")
                self._act()
                steps += 1
                if self.history.findings:
                    raise Violation(self.history.findings[0])
                if steps > 60_000 or self.wall > troubles_until + 8 * 60 * MINUTE:
                    raise Violation("it does not come to rest")
        finally:
            for worker, _ in self._workers:
                worker.kill()
            said.removeHandler(complaints)
            said.propagate = propagates

    def _at_rest(self) -> bool:
        self._redrive()
        return not (
            self._workers
            or self.queues.messages
            or self.ses.on_the_way
            or self.plans
            or self.contacts.waiting
        )

    def _redrive(self) -> None:
        for message in self.queues.dead:
            message.received, message.visible_at = 0, self.wall
            self.queues.messages.append(message)
        self.queues.dead.clear()

    def _act(self) -> None:
        crew = len(self._workers) - len(self._commands)
        visible = self.queues.visible() if crew < 4 else []
        awake = [held for held in self._workers if held[0].asleep_until <= self.wall]
        if not awake and not visible:
            self._tick(self._next_moment() - self.wall)
            return
        choices = ["tick"] * 2
        if visible:
            choices += ["deliver"] * 3
        if awake:
            choices += ["step"] * 10
            if self.troubled("crashes") and self.chance.random() < 0.25:
                choices += ["crash"]
            if self.troubled("duplicates") and crew < 4 and self.chance.random() < 0.2:
                choices += ["duplicate"]
        match self.chance.choice(choices):
            case "deliver":
                self._deliver(self.chance.choice(visible))
            case "duplicate":
                held = [it for _, some in self._workers for it in some] + self._again
                if held:
                    self._deliver(self.chance.choice(held))
            case "step":
                worker, messages = self.chance.choice(awake)
                self._step(worker, messages)
                if self.troubled("stalls") and self.chance.random() < self.sleepiness:
                    worker.asleep_until = max(worker.asleep_until, self.wall + self.chance.choice(_SLEEPS))
            case "crash":
                worker, messages = self.chance.choice(self._workers)
                self.note(f"{worker.name} dies before {worker.at}")
                self._end(worker, messages)
            case _:
                stalled = self.troubled("stalls") and self.chance.random() < 0.05
                self._tick(
                    self.chance.randint(SECOND, 40 * SECOND) if stalled else self.chance.choice(_TICKS)
                )

    def _next_moment(self) -> int:
        """The next instant at which anything happens by itself."""
        return max(
            self.wall + 1,
            min(
                [
                    self._next_minute,
                    *(worker.asleep_until for worker, _ in self._workers if worker.asleep_until > self.wall),
                    *(it.visible_at for it in self.queues.messages if it.visible_at > self.wall),
                    *([self.bounce_from] if self.bounce_from > self.wall else []),
                    *(at for at, _ in self.ses.on_the_way),
                    *(at for at, _ in self.plans[:1]),
                ]
            ),
        )

    def _tick(self, span: int) -> None:
        self.wall += span
        for worker, messages in list(self._workers):
            if worker.until is not None and self.wall >= worker.until:
                self.note(f"{worker.name} times out before {worker.at}")
                self._end(worker, messages)
        while self.plans and self.plans[0][0] <= self.wall:
            self.plans.pop(0)[1]()
        for entry in [entry for entry in self.ses.on_the_way if entry[0] <= self.wall]:
            self.ses.on_the_way.remove(entry)
            self.queues.put(FEEDBACK, entry[1])
        if self.wall >= self._next_minute:
            self._next_minute = (self.wall // MINUTE + 1) * MINUTE
            times = 1
            if self.troubled("missed_sweeps"):
                times = self.chance.choice([0, 1, 1, 1, 2])
            for _ in range(times):
                self._start("sweep", [])

    def _deliver(self, first: Message) -> None:
        """Let a function have the message, and perhaps others of its queue."""
        messages = [first]
        for other in self.queues.visible():
            if other is not first and other.queue == first.queue and self.chance.random() < 0.6:
                messages.append(other)
        taken = []
        for message in messages[:10]:
            if message.received >= self.most_receives and not message.held and not message.deleted:
                self.note(f"{message.id} goes to the dead letters")
                self.queues.messages.remove(message)
                self.queues.dead.append(message)
                continue
            message.received += 1
            message.held += 1
            message.visible_at = self.wall + VISIBILITY
            taken.append(message)
        if taken:
            self._start(taken[0].queue, taken)

    def _start(self, source: str, messages: list[Message]) -> None:
        self._started += 1
        records = [
            Record(id=it.id, body=it.body, receipt=it.id, received=it.received, source=source)
            for it in messages
        ]
        work = self._work(source, records)
        worker = Worker(f"{source}-{self._started}", work, born=self.wall, until=self.wall + TIMEOUT)
        self.note(f"{worker.name} gets {[record.id for record in records]}")
        self._workers.append((worker, messages))

    def _step(self, worker: Worker, messages: list[Message]) -> None:
        worker.step()
        if not worker.over:
            self.note(f"{worker.name} before {worker.at}")
            return
        if worker.error is not None:
            self.note(f"{worker.name} fails: {worker.error!r}")
            if not isinstance(worker.error, (Unlucky, Conflict) if worker in self._commands else Unlucky):
                raise Violation(f"{worker.name} broke") from worker.error
        else:
            self.note(f"{worker.name} is done")
        self._end(worker, messages)

    def _end(self, worker: Worker, messages: list[Message]) -> None:
        well = worker.over and worker.error is None
        if not worker.over:
            worker.kill()
        given = self._commands.pop(worker, None)
        if given and not well:
            self.at(self.wall + self.chance.randint(1, 30) * SECOND, lambda: self.command(*given))
        self._workers = [held for held in self._workers if held[0] is not worker]
        for message in messages:
            message.held -= 1

    def _answered(self, messages: Sequence[Record], again: Sequence[str]) -> None:
        """The function returned: what it does not want again is deleted."""
        done = {record.id for record in messages} - set(again)
        for message in [it for it in self.queues.messages if it.id in done]:
            message.deleted = True
            self.queues.messages.remove(message)
            # SQS may deliver even a deleted message once more.
            self._again = [message, *self._again[:3]]

    def _work(self, source: str, records: list[Record]) -> Callable[[Worker], None]:
        clock = self.clock()
        books = WorldBooks(self)

        def work(worker: Worker) -> None:
            def gated[P](name: str, port: P) -> P:
                return self.gated(name, port, worker)

            contacts, ledger = gated("contacts", self.contacts), gated("ledger", self.ledger)
            queues, settings = gated("queues", self.queues), gated("settings", self.settings)
            suppressions = gated("suppressions", self.suppressions)
            doors = Doors(
                contacts=contacts,
                log=gated("log", self.log),
                ledger=ledger,
                members=gated("members", self.members),
                queues=queues,
                bus=gated("bus", self.bus),
                books=books,
                settings=settings,
                clock=clock,
                spread=self.spread,
            )
            if source == "sweep":
                sweep.sweep(doors)
                return
            if source == FEEDBACK:
                learned = learning.learn(
                    learning.Doors(
                        ledger=ledger,
                        suppressions=suppressions,
                        queues=queues,
                        settings=settings,
                        clock=clock,
                        spread=self.spread,
                    ),
                    records,
                )
                again = learned.failed
            elif source == Queue.EVENTS:
                again = batch.evaluate(doors, records)
            else:
                sender = Sender(
                    SendDoors(
                        contacts=contacts,
                        suppressions=suppressions,
                        ledger=ledger,
                        mailer=gated("ses", self.ses.by(books)),
                        queues=queues,
                        books=books,
                        links=lambda mail: Links(unsubscribe="https://u", preferences="https://p"),
                        clock=clock,
                        spread=self.spread,
                    )
                )
                again = sender.send(Queue(source), records)
            worker.pause("its answer")
            self._answered(records, again)

        return work

    def clock(self) -> Clock:
        """The clock of one machine."""
        skew = self.chance.randint(-2 * SECOND, 2 * SECOND) if self.faults.skew else 0
        return Clock(wall=lambda: self.wall + skew)

    def gated[P](self, name: str, port: P, worker: Worker) -> P:
        """A port at which the worker stops before each call."""
        return cast(P, _Gate(name, port, worker, self))

    def spread[T, R](self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """See ports.Spread: in any order, all of them, then the first failure."""
        given = list(items)
        results: dict[int, R] = {}
        failures: dict[int, Exception] = {}
        for index in self.chance.sample(range(len(given)), len(given)):
            try:
                results[index] = work(given[index])
            except Exception as error:  # noqa: BLE001 - raised below
                failures[index] = error
        if failures:
            raise failures[min(failures)]
        return [results[index] for index in range(len(given))]


#: How long a tick takes.
_TICKS = (5, 20, 100, 400)
#: How long a sleeping worker sleeps: within its timeout, to cross other people's work.
_SLEEPS = (SECOND, 3 * SECOND, 10 * SECOND, 40 * SECOND)
