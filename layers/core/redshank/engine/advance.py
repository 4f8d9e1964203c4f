"""All of it: ``advance(state, inputs, book, now) -> Transition``.

The same call runs in Lambda, in `redshank simulate` on a virtual clock, in `redshank explain`, in scenario
tests and under hypothesis. It changes nothing it is given, reads no clock and throws no dice.

Time passes in order: what was due before an event comes before it, however late both are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from redshank.engine import absences, baseline, entering, journeys, learning, measuring, schedules
from redshank.engine.book import SEGMENT, Book
from redshank.engine.conditions import earliest
from redshank.engine.effects import Effect
from redshank.engine.inputs import Event, Input, Wake
from redshank.engine.state import Pending, Standing, State, say, say_account
from redshank.engine.turn import Trace, Turn
from redshank.engine.values import present, zone_of
from redshank.engine.workflows import DateTrigger
from redshank.errors import BookTooOld


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the log and the ledger show, read after the standing."""

    #: Pending input ids that are in the log: applied and dispatched, so they may be forgotten.
    logged: frozenset[str] = frozenset()
    #: Messages of the outbox that have been claimed, sent, cancelled or failed: past cancelling.
    settled: frozenset[str] = frozenset()


NOTHING_SEEN = Evidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    state: State
    #: Input id -> its effects, in order; a wake-up's id is ``wake_id``.
    effects: Mapping[str, tuple[Effect, ...]]
    trace: tuple[Trace, ...]
    #: Whether the inputs changed anything beyond having been seen.
    changed: bool
    #: Whether the profile changed, which asks for both to be written together.
    profile_changed: bool


#: What follows from one input settles in far fewer rounds, or never.
MAX_ROUNDS = 1_000
#: So many instants at which something was due are caught up with in one advance.
MAX_INSTANTS = 100


def wake_id(standing: Standing) -> str:
    """The id under which the effects of time passing are pending: one per version written."""
    return f"w:{standing.contact_id}:{standing.version}"


def advance(
    state: State,
    given: Sequence[Input],
    book: Book,
    now: int,
    evidence: Evidence = NOTHING_SEEN,
    history: Sequence[Event] | None = None,
) -> Transition:
    """What follows for one contact from inputs that are new to it, at ``now``.

    The new standing has the next version, the inputs among its pending ones with their effects, and ``due``
    set to the next instant at which time alone changes something. ``history`` is every event that was applied to
    the standing, where the book asks for more of it than the standing kept (``baseline.asks_history``). Raises
    BookTooOld if the standing has been evaluated by a newer book.
    """
    before = state.standing
    if before.book > book.sequence:
        raise BookTooOld(f"the standing was evaluated by book {before.book}, this is book {book.sequence}")
    standing = before.copy()
    standing.version += 1
    standing.as_of = max(now, before.as_of)
    events = sorted((one for one in given if isinstance(one, Event)), key=lambda event: event.occurred_at)
    first = min(events[0].occurred_at, standing.as_of) if events else standing.as_of
    # Nothing has ever passed for a contact that nothing was known of.
    reach = before.as_of if before.version else first
    turn = Turn(
        book=book,
        profile=state.profile,
        standing=standing,
        now=standing.as_of,
        reach=reach,
        heard=reach if before.version else reach - 1,
        due=before.due,
        silent_until=0 if before.version else _begins(events, standing.as_of, book),
    )
    _forget(standing, evidence)

    own_wake = turn.cause = wake_id(standing)
    if before.book != book.sequence:
        baseline.take(turn, history)
        _settle(turn)
    for event in events:
        turn.cause = own_wake
        _pass_time(turn, event.occurred_at - 1)
        turn.cause = event.id
        turn.reach = max(turn.reach, min(event.occurred_at, turn.now))
        turn.heard = max(turn.heard, turn.reach - 1)
        _apply(turn, event)
        turn.due = turn.reach
    turn.cause = own_wake if any(isinstance(one, Wake) for one in given) or not events else events[-1].id
    _pass_time(turn, turn.now)
    measuring.bound(turn)
    _drop_ended(standing)
    absences.forget(turn)
    standing.due = turn.due

    effects = {cause: tuple(made) for cause, made in turn.effects.items()}
    for event in events:
        standing.pending[event.id] = Pending(stream=event.stream, effects=effects.get(event.id, ()))
    if effects.get(own_wake):
        standing.pending[own_wake] = Pending(stream=standing.contact_id, effects=effects[own_wake])
    profile_changed = turn.profile is not state.profile
    profile = turn.profile
    if profile_changed:
        profile = replace(profile, version=profile.version + 1, created_at=profile.created_at or turn.now)
        standing.profile_version = profile.version
    return Transition(
        state=State(profile=profile, standing=standing),
        effects=effects,
        trace=tuple(turn.trace),
        changed=profile_changed or bool(effects) or _substance(standing) != _substance(before),
        profile_changed=profile_changed,
    )


def _substance(standing: Standing) -> tuple[object, ...]:
    """What of a standing is more than book-keeping."""
    return (
        standing.identified,
        standing.streams,
        standing.journeys,
        standing.entries,
        standing.measures,
        standing.truths,
        standing.anchors,
        standing.hopefuls,
        standing.confirmed,
        standing.due,
        standing.book,
    )


def _forget(standing: Standing, evidence: Evidence) -> None:
    for input_id in evidence.logged:
        standing.pending.pop(input_id, None)
    for message_id in evidence.settled:
        standing.outbox.pop(message_id, None)
    _drop_ended(standing)


def _drop_ended(standing: Standing) -> None:
    """An ended journey stays only while an email of it can come back."""
    outgoing = {entry.run for entry in standing.outbox.values()}
    for run in [run for run, it in standing.journeys.items() if not it.active and run not in outgoing]:
        del standing.journeys[run]


def _apply(turn: Turn, event: Event) -> None:
    """One event: what it changes, what turns true by it, what it starts."""
    standing, book = turn.standing, turn.book
    if event.stream.startswith("user:"):
        standing.identified = True
    if event.stream not in standing.streams and not event.stream.startswith("contact:"):
        standing.streams.append(event.stream)
    turn.earlier = turn.profile
    measuring.feed(turn, event, book.measures_of.get(event.name, ()))
    if event.type == "group":
        account_id = str(event.properties.get("group_id") or "")
        turn.change(say_account(turn.profile, account_id, event.traits, event.occurred_at))
    elif event.traits:
        turn.change(say(turn.profile, standing, event.traits, event.occurred_at))
    learning.learn(turn, event)
    starts = _may_start(event, book)
    for workflow, absence in book.absences_of.get(event.name, ()):
        absences.note(turn, workflow, absence, event, not_before=_may_arm(turn, event, starts=starts))
    _settle(turn, event, starts=starts)
    for workflow, trigger in book.entries_of.get(event.name, ()):
        if not turn.passes(trigger.where, event):
            continue
        if starts:
            entering.enter(turn, workflow, trigger, event.occurred_at, event.properties)
        else:
            turn.tell("not_entered", workflow=workflow.name, why="historical" if event.historical else "late")
    if starts and "timezone" in event.traits:
        for workflow, schedule in schedules.overtaken(turn, zone_of(turn.earlier, book)):
            entering.enter(turn, workflow, schedule, turn.reach, {})
    if not turn.is_settled:
        _settle(turn, event, starts=starts)


def _may_start(event: Event, book: Book) -> bool:
    """Whether the event may start a journey: imported history and what comes too late feed measures alone."""
    return not event.historical and event.received_at - event.occurred_at <= book.policy.lateness


def _begins(events: Iterable[Event], now: int, book: Book) -> int:
    """When a contact of whom nothing was known begins to be one that something can start for: what time brings
    before that is as much history as the events that it follows from."""
    return min((event.occurred_at for event in events if _may_start(event, book)), default=now)


def _may_arm(turn: Turn, event: Event, *, starts: bool) -> int | None:
    """History arms nothing; what comes late arms what is still ahead."""
    if event.historical:
        return None
    return 0 if starts else turn.now


def _settle(turn: Turn, event: Event | None = None, *, starts: bool = True) -> None:
    """Work out what follows from what has been decided, until nothing more does."""
    for _ in range(MAX_ROUNDS):
        moved, turn.moved = turn.moved, False
        fed, turn.fed = turn.fed, set()
        for journey in journeys.active(turn):
            if not moved and not journeys.is_concerned(turn, journey, fed):
                continue
            if not journeys.check(turn, journey):
                continue
            # An address, a consent or a trait may be what it stands and waits for.
            if moved or journeys.listens(turn, journey):
                journeys.proceed(turn, journey)
        entering.retry(turn)
        dirty, turn.dirty = turn.dirty, {}
        _judge(turn, dirty, event, starts=starts)
        enrolling, turn.enrolling = turn.enrolling, []
        for name, journey in enrolling:
            entering.enroll(turn, name, turn.reach, journey.event)
        if turn.is_settled:
            return
    turn.tell("stopped", why="runaway")
    turn.moved, turn.fed, turn.dirty, turn.enrolling = False, set(), {}, []


def _judge(turn: Turn, keys: Iterable[str], event: Event | None, *, starts: bool = True) -> None:
    """Judge these stored truths anew; one that turns true fires, one that turned false is armed again."""
    for key in sorted(keys, key=turn.book.truth_ranks.__getitem__):
        verdict = turn.verdict(turn.book.truths[key])
        if not turn.hold(key, verdict):
            continue
        if key.startswith(SEGMENT):
            turn.join(key, member=verdict[0])
        elif verdict[0] and starts:
            workflow, trigger = turn.book.edges[key]
            if isinstance(trigger, DateTrigger) and event is not None and not _is_fresh(turn, trigger):
                turn.tell("not_entered", workflow=workflow.name, why="date_passed")
                continue
            at = event.occurred_at if event else turn.reach
            entering.enter(turn, workflow, trigger, at, event.properties if event else {})


def _is_fresh(turn: Turn, trigger: DateTrigger) -> bool:
    """Whether a date that had come when it was written had come only just now."""
    facts = turn.facts()
    moment = trigger.condition.moment(facts)
    if moment is None or turn.earlier is None or turn.reach - moment <= turn.book.policy.entry_grace:
        return moment is not None
    # The same date, of which the moment was still to come in the timezone that the contact was in.
    then = replace(facts, profile=turn.earlier)
    date = trigger.condition.date
    before = trigger.condition.moment(then)
    return present(date, facts) == present(date, then) and before is not None and before > turn.reach


def _pass_time(turn: Turn, until: int) -> None:
    """What time alone changes up to an instant, in the order in which it does."""
    until = min(until, turn.now)
    if turn.due is None or turn.due > until:
        turn.reach = max(turn.reach, until)
        return
    for _ in range(MAX_INSTANTS):
        turn.due = _soonest(turn)
        if turn.due is None or turn.due > until:
            break
        turn.reach = max(turn.reach, turn.due)
        turn.heard = max(turn.heard, turn.reach - 1)
        starts = turn.reach >= turn.silent_until
        over = [key for key, (_, at) in turn.standing.truths.items() if _is_over(turn, at)]
        _judge(turn, over, None, starts=starts)
        for at, key in absences.due(turn):
            if at <= turn.reach:
                absences.fire(turn, key, at, starts=starts)
        struck = [it for it in schedules.coming(turn) if it[0] <= turn.reach]
        turn.heard = turn.reach
        for at, workflow, trigger in struck:
            if starts:
                entering.enter(turn, workflow, trigger, at, {})
            else:
                turn.tell("not_entered", workflow=workflow.name, why="late")
        for journey in journeys.active(turn):
            if journeys.check(turn, journey) and _is_over(turn, journey.until):
                journeys.proceed(turn, journey)
        if not turn.is_settled:
            _settle(turn)
    else:
        # The rest is due already, and comes with the wake-up that this asks for.
        turn.due = _soonest(turn)
        return
    turn.reach = max(turn.reach, until)


def _is_over(turn: Turn, until: int | None) -> bool:
    return until is not None and until <= turn.reach


def _soonest(turn: Turn) -> int | None:
    """The next instant at which time alone changes something."""
    return earliest(
        *(until for _, until in turn.standing.truths.values()),
        *(at for at, _ in absences.due(turn)),
        *(at for at, _, _ in schedules.coming(turn)),
        *(journeys.due(turn, journey) for journey in journeys.active(turn)),
    )
