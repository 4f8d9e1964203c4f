"""All of it: ``advance(state, inputs, book, now) -> Transition``.

The same call runs in Lambda, in `redshank simulate` on a virtual clock, in `redshank explain`, in scenario
tests and under hypothesis. It changes nothing it is given, reads no clock and throws no dice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from redshank.engine import consent, inputs, journeys, measures
from redshank.engine.book import SEGMENT, Book
from redshank.engine.conditions import earliest
from redshank.engine.effects import Effect, Membership
from redshank.engine.inputs import Event, Input, Wake
from redshank.engine.state import Block, Pending, Standing, State, say
from redshank.engine.turn import Trace, Turn
from redshank.errors import BookTooOld
from redshank.identity import address_hash


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


def wake_id(standing: Standing) -> str:
    """The id under which the effects of a wake-up are pending: one per version written."""
    return f"w:{standing.contact_id}:{standing.version}"


def advance(
    state: State, given: Sequence[Input], book: Book, now: int, evidence: Evidence = NOTHING_SEEN
) -> Transition:
    """What follows for one contact from inputs that are new to it, at ``now``.

    The new standing has the next version, the inputs among its pending ones with their effects, and ``due``
    set to the next instant at which time alone changes something. Raises BookTooOld if the standing has
    been evaluated by a newer book.
    """
    before = state.standing
    if before.book > book.sequence:
        raise BookTooOld(f"the standing was evaluated by book {before.book}, this is book {book.sequence}")
    standing = before.copy()
    standing.version += 1
    standing.as_of = max(now, before.as_of)
    turn = Turn(book=book, profile=state.profile, standing=standing, now=standing.as_of)
    _forget(standing, evidence)

    own_wake = wake_id(standing)
    events = sorted((one for one in given if isinstance(one, Event)), key=lambda event: event.occurred_at)
    turn.cause = events[0].id if events else own_wake
    if before.book != book.sequence:
        _take_baseline(turn)
    for event in events:
        turn.cause = event.id
        _apply(turn, event)
    if any(isinstance(one, Wake) for one in given):
        turn.cause = own_wake
    _pass_time(turn)
    standing.due = _due(turn)

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
        standing.journeys,
        standing.entries,
        standing.measures,
        standing.truths,
        standing.confirmed,
        standing.due,
        standing.book,
    )


def _forget(standing: Standing, evidence: Evidence) -> None:
    for input_id in evidence.logged:
        standing.pending.pop(input_id, None)
    for message_id in evidence.settled:
        standing.outbox.pop(message_id, None)
    outgoing = {entry.run for entry in standing.outbox.values()}
    for run in [run for run, it in standing.journeys.items() if not it.active and run not in outgoing]:
        del standing.journeys[run]


def _take_baseline(turn: Turn) -> None:
    """The first time a book sees this contact: its new conditions start from what is true before the
    input; so applying a book fires no edge, and being created with plan=pro does."""
    standing = turn.standing
    standing.book = turn.book.sequence
    standing.truths = {key: truth for key, truth in standing.truths.items() if key in turn.book.truths}
    for key, condition in turn.book.truths.items():
        if key not in standing.truths:
            standing.truths[key] = turn.verdict(condition)
            if key.startswith(SEGMENT) and standing.truths[key][0]:
                turn.do(Membership(segment=key.removeprefix(SEGMENT), member=True))
    standing.measures = {key: kept for key, kept in standing.measures.items() if key in turn.book.measures}


def _apply(turn: Turn, event: Event) -> None:
    """One event: what it changes, what turns true by it, what it starts."""
    standing, profile = turn.standing, turn.profile
    if event.stream.startswith("user:"):
        standing.identified = True
    touched: list[str] = []
    for measure in turn.book.measures_of.get(event.name, ()):
        if turn.holds(measure.where, properties=event.properties):
            samples = standing.measures.get(measure.key)
            standing.measures[measure.key] = measures.add(measure, samples, event.occurred_at, turn.now)
            touched += turn.book.truths_on_measure.get(measure.key, ())
    if event.traits:
        turn.profile = say(turn.profile, standing, event.traits, event.occurred_at)
    _learn(turn, event)
    if turn.profile is not profile:
        touched += turn.book.truths_on_profile

    for journey in journeys.active(turn):
        if journeys.check(turn, journey) and turn.profile is not profile:
            # An address, a consent or a trait may be what it stands and waits for.
            journeys.proceed(turn, journey)
    starts = not event.historical and event.received_at - event.occurred_at <= turn.book.policy.lateness
    _edges(turn, dict.fromkeys(touched), event if starts else None, starts=starts)
    for workflow, trigger in turn.book.entries_of.get(event.name, ()):
        if not turn.holds(trigger.where, properties=event.properties):
            continue
        if starts:
            journeys.enter(turn, workflow, trigger, event)
        else:
            turn.tell("not_entered", workflow=workflow.name, why="historical" if event.historical else "late")


def _learn(turn: Turn, event: Event) -> None:
    """What Redshank's own events mean for the profile and the journeys."""
    properties = event.properties
    match event.name:
        case inputs.TOPIC_SUBSCRIBED | inputs.TOPIC_UNSUBSCRIBED:
            topic = str(properties.get("topic") or consent.EVERYTHING)
            subscribed = event.name == inputs.TOPIC_SUBSCRIBED
            turn.profile = consent.say(turn.profile, topic, subscribed, event.occurred_at)
            if not subscribed:
                _leave_topic(turn, topic)
        case inputs.EMAIL_BOUNCED if properties.get("kind") == "hard":
            _block(turn, event, "hard_bounce")
        case inputs.EMAIL_COMPLAINED:
            _block(turn, event, "complaint")
        case inputs.EMAIL_OPENED | inputs.LINK_CLICKED:
            journey = turn.standing.journeys.get(str(properties.get("run")))
            if journey is not None:
                seen = journey.opened if event.name == inputs.EMAIL_OPENED else journey.clicked
                seen.setdefault(str(properties.get("step")), event.occurred_at)
        case inputs.EMAIL_DEFERRED:
            journeys.deferred(turn, event)
        case inputs.EMAIL_FAILED:
            turn.standing.outbox.pop(str(properties.get("message_id")), None)


def _leave_topic(turn: Turn, topic: str) -> None:
    """Unsubscribing ends the workflows whose topic it is; the others skip its emails."""
    for journey in journeys.active(turn):
        workflow = turn.book.workflows.get(journey.workflow)
        about = turn.book.topics.get(workflow.topic) if workflow else None
        if about is None or about.transactional:
            continue
        if topic in (consent.EVERYTHING, about.name) and not consent.allows(about, turn.profile):
            journeys.end(turn, journey, "unsubscribed")


def _block(turn: Turn, event: Event, reason: str) -> None:
    """Nothing may be sent to this address any more: all that mails ends, if it is still the contact's."""
    hashed = str(event.properties.get("address_hash", ""))
    if not turn.profile.email or hashed != address_hash(turn.profile.email):
        return
    turn.profile = replace(
        turn.profile, block=Block(address_hash=hashed, reason=reason, at=event.occurred_at)
    )
    for journey in list(turn.standing.journeys.values()):
        journeys.end(turn, journey, reason)


def _edges(turn: Turn, keys: Iterable[str], event: Event | None, *, starts: bool = True) -> None:
    """Judge these stored truths anew; one that turns true fires, one that turned false is armed again."""
    for key in keys:
        was, _ = turn.standing.truths[key]
        verdict = turn.standing.truths[key] = turn.verdict(turn.book.truths[key])
        if verdict[0] == was:
            continue
        if key.startswith(SEGMENT):
            turn.do(Membership(segment=key.removeprefix(SEGMENT), member=verdict[0]))
        elif verdict[0] and starts:
            journeys.enter(turn, *turn.book.becoming[key], event)


def _pass_time(turn: Turn) -> None:
    """What time alone has changed: truths that held only until now, journeys whose wait is over."""
    over = [
        key for key, (_, until) in turn.standing.truths.items() if until is not None and until <= turn.now
    ]
    _edges(turn, over, None)
    for journey in journeys.active(turn):
        if journeys.check(turn, journey) and journey.until is not None and journey.until <= turn.now:
            journeys.proceed(turn, journey)


def _due(turn: Turn) -> int | None:
    """The next instant at which time alone changes something."""
    found = [until for _, until in turn.standing.truths.values()]
    for journey in journeys.active(turn):
        workflow = turn.book.workflows[journey.workflow]
        found.append(journey.until)
        if workflow.goal is not None and workflow.goal_ends:
            found.append(turn.verdict(workflow.goal, journey)[1])
        if workflow.exit_if is not None:
            found.append(turn.verdict(workflow.exit_if, journey)[1])
    return earliest(*found)
