"""Steps 1-9 of the protocol: read the contacts, judge what is new to each, write their standings.

The reads of many contacts share requests, the conditional writes share threads. A contact whose state
changed under our hands goes through another round, with consistent reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from redshank.engine import baseline
from redshank.engine.advance import Evidence, advance, wake_id
from redshank.engine.book import Book
from redshank.engine.inputs import EMAIL_DEFERRED, UNDERSTOOD, Event, Input, Visit, Wake
from redshank.engine.state import Profile, Standing, State
from redshank.errors import Conflict, RedshankError
from redshank.evaluation.doors import EARLY, LOG_MARGIN, LOG_TTL, NOTICED, Doors
from redshank.identity import contact_stream
from redshank.instants import SECOND
from redshank.ports import LogKey, Status

#: Conflicts in a row after which the inputs go back to the queue, with jitter.
MAX_CONFLICTS = 2
#: A chain of merged contacts is followed this far.
MAX_HOPS = 8


class Overdue(RedshankError):
    """The input is so old that the log may have forgotten whether it was applied."""


class Unnoticed(RedshankError):
    """The book is so new that some function may not have noticed it, and the log may not be counted yet."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        #: When (wall time) to try again.
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A contact after its round: what is to be finished, in the protocol's sense, and for whom."""

    standing: Standing
    #: Inputs whose effects and log records are to be finished: new ones, and those found pending.
    finish: tuple[Input, ...] = ()
    #: Pending wake-ups that somebody else applied and may not have finished.
    others: tuple[str, ...] = ()
    #: Wake-ups that came far too early and go back to the queue.
    early: tuple[Wake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    error: Exception


type Outcome = Judged | Failed


@dataclass(slots=True, kw_only=True)
class _Read:
    """What one round read about one contact, in the order in which it was read."""

    standing: Standing
    consistent: bool
    profile: Profile | None = None
    #: Keys of own inputs and of pending ones that are in the log.
    logged: set[LogKey] = field(default_factory=set)
    settled: frozenset[str] = frozenset()
    #: Nobody listens to any of the inputs: they are logged, and nothing more was read.
    only_logs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What to do about one contact: perhaps write, then finish."""

    outcome: Judged
    write: Standing | None = None
    profile: Profile | None = None


class _Again(Exception):
    """What was read does not fit together; read again, consistently."""


def judge(doors: Doors, given: Mapping[str, list[Input]]) -> dict[str, Outcome]:
    """Advance every contact by its inputs; the outcome by contact id as posted."""
    outcomes: dict[str, Outcome] = {}
    waiting = dict(given)
    book = doors.books.current()
    conflicts = 0
    consistent = False
    while waiting:
        again: dict[str, list[Input]] = {}
        for contact_id, outcome in _round(doors, book, waiting, consistent=consistent).items():
            if outcome is None:
                again[contact_id] = waiting[contact_id]
            else:
                outcomes[contact_id] = outcome
        conflicts += consistent
        if conflicts > MAX_CONFLICTS:
            return outcomes | dict.fromkeys(again, Failed(error=Conflict()))
        waiting, consistent = again, True
    return outcomes


def _round(
    doors: Doors, book: Book, given: Mapping[str, list[Input]], *, consistent: bool
) -> dict[str, Outcome | None]:
    """One round over these contacts; None for those that need another."""
    reads, roots = _read(doors, book, given, consistent=consistent)
    inputs = _by_root(given, roots)

    def attempt(root: str) -> Outcome | None:
        try:
            return _advance_one(doors, book, reads[root], inputs[root])
        except (_Again, Conflict):
            return None
        except Exception as error:  # noqa: BLE001 - one contact's failure is its own: `batch` retries it
            return Failed(error=error)

    outcomes = dict(zip(inputs, doors.spread(attempt, list(inputs)), strict=True))
    return {contact_id: outcomes[roots[contact_id]] for contact_id in given}


def _read(
    doors: Doors, book: Book, given: Mapping[str, list[Input]], *, consistent: bool
) -> tuple[dict[str, _Read], dict[str, str]]:
    """Steps 1-4: standings first, then log and ledger, then profiles; and each contact's root."""
    strongly = {
        contact_id
        for contact_id, inputs in given.items()
        if consistent or not any(isinstance(one, Event) and _matters(one, book) for one in inputs)
    }
    reads: dict[str, _Read] = {}
    for ids, strong in ((strongly, True), (given.keys() - strongly, False)):
        found = doors.contacts.standings(ids, consistent=strong) if ids else {}
        for contact_id in ids:
            standing = found.get(contact_id) or Standing(contact_id=contact_id)
            reads[contact_id] = _Read(standing=standing, consistent=strong)
    roots = _follow(doors, reads)
    for root, inputs in _by_root(given, roots).items():
        reads[root].only_logs = _only_logs(reads[root], inputs, book)
    busy = {root for root in roots.values() if not reads[root].only_logs}
    own = {
        (one.stream, one.id): roots[contact_id]
        for contact_id, inputs in given.items()
        for one in inputs
        if isinstance(one, Event) and roots[contact_id] in busy
    }
    pending = {
        (it.stream, input_id): root
        for root in busy
        for input_id, it in reads[root].standing.pending.items()
        if (it.stream, input_id) not in own
    }
    for keys, strong in ((own, True), (pending, False)):
        for key in doors.log.present(keys, consistent=strong) if keys else ():
            reads[keys[key]].logged.add(key)
    outbox = {message_id: root for root in busy for message_id in reads[root].standing.outbox}
    # A deferred email was claimed and given back moments ago: a stale row would show the claim.
    fresh = any(
        isinstance(one, Event) and one.name == EMAIL_DEFERRED for inputs in given.values() for one in inputs
    )
    rows = doors.ledger.rows(outbox, consistent=fresh) if outbox else {}
    for root in busy:
        read = reads[root]
        read.settled = frozenset(
            message_id
            for message_id in read.standing.outbox
            if message_id in rows and rows[message_id].status is not Status.OPEN
        )
    known = [root for root in busy if reads[root].standing.profile_version]
    strong = consistent or all(reads[root].consistent for root in known)
    profiles = doors.contacts.profiles(known, consistent=strong) if known else {}
    for root in known:
        reads[root].profile = profiles.get(root)
    return reads, roots


def _by_root(given: Mapping[str, list[Input]], roots: Mapping[str, str]) -> dict[str, list[Input]]:
    found: dict[str, list[Input]] = {}
    for contact_id, inputs in given.items():
        found.setdefault(roots[contact_id], []).extend(inputs)
    return found


def _follow(doors: Doors, reads: dict[str, _Read]) -> dict[str, str]:
    """Each contact's root; the standings of roots are read on the way."""
    roots = {contact_id: contact_id for contact_id in reads}
    for _ in range(MAX_HOPS):
        hops = {
            contact_id: reads[root].standing.merged_into or ""
            for contact_id, root in roots.items()
            if reads[root].standing.merged_into
        }
        if not hops:
            return roots
        missing = set(hops.values()) - reads.keys()
        found = doors.contacts.standings(missing, consistent=True) if missing else {}
        for contact_id in missing:
            standing = found.get(contact_id) or Standing(contact_id=contact_id)
            reads[contact_id] = _Read(standing=standing, consistent=True)
        roots |= hops
    raise RedshankError(f"a contact was merged more than {MAX_HOPS} times: one of {sorted(roots)}")


def _matters(event: Event, book: Book) -> bool:
    """Whether the event is likely to change a standing, so that its write will catch a stale read."""
    return bool(event.traits) or event.type == "group" or event.name in book.listens


def _only_logs(read: _Read, given: list[Input], book: Book) -> bool:
    """Whether these inputs can change nothing: no need then to know more than the standing (a consistent
    one: an input that was listened to before may be pending, and is finished with its effects)."""
    standing = read.standing
    return (
        read.consistent
        and standing.identified
        and not standing.is_tombstone
        # A newer book may listen.
        and standing.book <= book.sequence
        and all(
            isinstance(one, Event) and one.name not in UNDERSTOOD and not _matters(one, book) for one in given
        )
    )


def _advance_one(doors: Doors, book: Book, read: _Read, given: list[Input]) -> Judged:
    """Steps 5-9 for one contact."""
    plan = _plan(doors, book, read, given)
    if plan.write is not None:
        doors.contacts.write(plan.write, plan.profile)
    return plan.outcome


def _plan(doors: Doors, book: Book, read: _Read, given: list[Input]) -> _Plan:
    standing = read.standing
    if read.only_logs:
        return _Plan(outcome=Judged(standing=standing, finish=tuple(given)))
    profile = read.profile or Profile(contact_id=standing.contact_id)
    if profile.version != standing.profile_version:
        raise _Again
    if standing.erased_at is not None:
        erased_at = standing.erased_at
        given = [one for one in given if not isinstance(one, Event) or one.received_at > erased_at]
    seen = max((one.book for one in given if isinstance(one, Visit)), default=0)
    if max(seen, standing.book) > book.sequence:
        book = doors.books.at_least(max(seen, standing.book))
    logged = frozenset(
        input_id for input_id, it in standing.pending.items() if (it.stream, input_id) in read.logged
    )
    others = tuple(
        input_id for input_id in standing.pending if input_id.startswith("w:") and input_id not in logged
    )
    clock = doors.clock.now()
    new: list[Input] = []
    found: list[Input] = []
    for one in given:
        if isinstance(one, Wake):
            new.append(one)
        elif isinstance(one, Visit):
            if standing.version and not standing.is_tombstone and standing.book < one.book:
                new.append(one)
            elif not read.consistent:
                raise _Again
        elif one.id in standing.pending and one.id not in logged:
            if standing.pending[one.id].stream != one.stream:
                # Another event of the same id, of another identity of this contact, must be finished first.
                raise Conflict
            found.append(one)
        elif (one.stream, one.id) not in read.logged:
            if one.received_at < clock - (LOG_TTL - LOG_MARGIN):
                raise Overdue
            new.append(one)
    events = [one.id for one in new if isinstance(one, Event)]
    if len(set(events)) != len(events):
        raise Conflict  # likewise: each alone
    if not new:
        # No time passes either: what comes of it would be nobody's to finish, once this message is gone.
        return _Plan(outcome=Judged(standing=standing, finish=tuple(found), others=others))
    now = _now(doors, standing, new, clock)
    wakes = [one for one in new if isinstance(one, Wake)]
    idle = standing.due is None or standing.due > now
    if len(wakes) == len(new) and idle:
        return _nothing_due(standing, read, wakes, tuple(found), others, now)

    evidence = Evidence(logged=logged, settled=read.settled)
    history = _history(doors, book, standing, logged) if baseline.asks_history(book, standing) else None
    transition = advance(State(profile=profile, standing=standing), new, book, now, evidence, history)
    if not transition.changed:
        if not read.consistent:
            raise _Again
        return _Plan(outcome=Judged(standing=standing, finish=(*new, *found), others=others))
    written = transition.state.standing
    written.indexed = rearmed(due=written.due, indexed=standing.indexed, now=now)
    own_wake = (wake_id(written),) if wake_id(written) in written.pending else ()
    return _Plan(
        outcome=Judged(standing=written, finish=(*new, *found), others=(*own_wake, *others)),
        write=written,
        profile=transition.state.profile if transition.profile_changed else None,
    )


def _history(doors: Doors, book: Book, standing: Standing, logged: frozenset[str]) -> list[Event]:
    """Exactly the events that were applied to this standing: what its streams have in the log, once all that is
    pending is there too, and nobody is left who could log an event by an older book without writing a standing.
    """
    now = doors.clock.now()
    applied_at = max(
        book.born[key][1] for key in (*book.measures, *book.absences) if book.is_new(key, standing.book)
    )
    left = doors.clock.wall_span(applied_at - now) + NOTICED
    if left > 0:
        # The clock that dated the book may be ahead.
        raise Unnoticed(ceil(min(left, NOTICED) / SECOND))
    if any(it not in logged for it in standing.pending if not it.startswith("w:")):
        # Its own message is on its way, or in somebody's hands, and will finish it.
        raise Conflict
    return doors.log.of_contact([*standing.streams, contact_stream(standing.contact_id)])


def _now(doors: Doors, standing: Standing, new: Iterable[Input], clock: int) -> int:
    """Step 7: never before the standing's own time; a wake-up that is a little early counts as on time."""
    early = doors.clock.span(EARLY)
    wakes = [one.at for one in new if isinstance(one, Wake) and one.at - clock <= early]
    return max(clock, standing.as_of, *wakes)


def _nothing_due(
    standing: Standing,
    read: _Read,
    wakes: list[Wake],
    found: tuple[Input, ...],
    others: tuple[str, ...],
    now: int,
) -> _Plan:
    """A wake-up that finds nothing to do: its index entry has passed and is armed anew, or it is early."""
    if not read.consistent:
        raise _Again
    early = tuple(one for one in wakes if one.at > now and standing.due is not None)
    outcome = Judged(standing=standing, finish=found, others=others, early=early[:1])
    if standing.indexed is None or standing.indexed > now:
        return _Plan(outcome=outcome)
    armed = replace(
        standing,
        version=standing.version + 1,
        indexed=rearmed(due=standing.due, indexed=standing.indexed, now=now),
    )
    return _Plan(outcome=replace(outcome, standing=armed), write=armed)


def rearmed(*, due: int | None, indexed: int | None, now: int) -> int | None:
    """What the index should hold: rewritten only if it would be late or has passed (2 write units saved)."""
    if due is None:
        return indexed if indexed is not None and indexed > now else None
    if indexed is None or indexed <= now or due < indexed:
        return due
    return indexed
