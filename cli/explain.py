"""Why did a contact get an email, or not? Its log is played again with the same engine, and every decision is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event
from redshank.engine.moments import local
from redshank.engine.state import State
from redshank.engine.values import zone_of
from redshank.engine.workflows import EventTrigger
from redshank.errors import RedshankError
from redshank.identity import contact_of, contact_stream
from redshank.instants import MINUTE
from redshank.ports import Contacts, LedgerRow, Log
from redshank.simulation.events import BadEvents, Reader, index
from redshank.simulation.reasons import stamp
from redshank.simulation.report import until_of
from redshank.simulation.sentences import Sentence, Teller
from redshank.simulation.world import Moment, play

if TYPE_CHECKING:
    from cli.stack import Stack

#: Merged contacts are followed so far.
_MAX_HOPS = 8
#: So long (wall time) an email that was decided may be on its way to the ledger.
_UNDER_WAY = 2 * MINUTE


def _all_sent(_: Collection[Mail]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is known to have happened to a contact."""

    contact_id: str
    #: In the order in which it was received.
    events: tuple[Event, ...]
    #: Up to when it is to be explained.
    until: int
    #: Times of the year of this instant are said without the year.
    today: int


def in_file(
    book: Book, file: Path, name: str, *, workflow: str | None = None, message: str | None = None
) -> list[str]:
    """The explanation of a contact in an events file. Raises RedshankError."""
    return list(explain(book, life_in_file(file, name), workflow=workflow, message=message))


def in_stack(
    stack: Stack,
    name: str,
    book: Book | None = None,
    *,
    workflow: str | None = None,
    message: str | None = None,
    now: int,
) -> list[str]:
    """The explanation of a contact of a stack, by its live book unless another is given. Raises RedshankError."""
    from cli.pausing import paused_of

    life = life_in_stack(stack.contacts, stack.log, name, now=now)
    row = None if message is None else stack.ledger.rows([message], consistent=False).get(message)
    live, pointer = stack.live_book()
    paused = paused_of(live, pointer)
    # Before the first book there was nothing that another could have decided.
    since = stack.applied_at(pointer) if book is None and pointer.lies_at > 1 else None
    under_way = now - stack.clock.span(_UNDER_WAY)

    def unsent(mails: Collection[Mail]) -> frozenset[str]:
        decided = [mail.message_id for mail in mails if mail.decided_at < under_way]
        return frozenset(decided) - stack.ledger.rows(decided, consistent=False).keys()

    told = explain(
        book or live,
        life,
        workflow=workflow,
        message=message,
        row=row,
        paused=paused,
        since=since,
        unsent=unsent if book is None else _all_sent,
    )
    return list(told)


def life_in_file(file: Path, name: str) -> Life:
    """The life of the contact that an events file calls so. Raises RedshankError."""
    found = index(file)
    stream = next((it for it in (f"user:{name}", f"anon:{name}") if it in found.of_stream), None)
    bad = list(found.bad)
    events: list[Event] = []
    if stream is not None:
        with Reader(file) as reader:
            events = reader.events(found.of_stream[stream], bad)
    if bad:
        raise BadEvents(file, bad)
    if stream is None:
        raise RedshankError(f"nothing in {file} is about `{name}`")
    return Life(contact_id=contact_of(stream), events=tuple(events), until=until_of(found), today=found.last)


def life_in_stack(contacts: Contacts, log: Log, name: str, *, now: int) -> Life:
    """The life of the contact with that user id, anonymous id or contact id. Raises RedshankError."""
    candidates = [contact_of(f"user:{name}"), name, contact_of(f"anon:{name}")]
    standings = contacts.standings(candidates, consistent=True)
    standing = next((standings[it] for it in candidates if it in standings), None)
    if standing is None:
        raise RedshankError(
            f"there is no contact `{name}`; a user id, an anonymous id or a contact id names one"
        )
    for _ in range(_MAX_HOPS):
        if standing.merged_into is None:
            break
        root = standing.merged_into
        standing = contacts.standings([root], consistent=True).get(root, standing)
    if standing.erased_at is not None:
        raise RedshankError(f"`{name}` has been erased")
    streams = dict.fromkeys([*standing.streams, contact_stream(standing.contact_id)])
    events = sorted(log.of_contact(streams), key=lambda it: (it.received_at, it.occurred_at))
    return Life(contact_id=standing.contact_id, events=tuple(events), until=now, today=now)


def explain(
    book: Book,
    life: Life,
    *,
    workflow: str | None = None,
    message: str | None = None,
    row: LedgerRow | None = None,
    paused: Collection[str] = (),
    since: int | None = None,
    unsent: Callable[[Collection[Mail]], Collection[str]] = _all_sent,
) -> Iterator[str]:
    """What happened to a contact and why, a line each. Raises RedshankError for what is not there.

    With a message, only its journey; ``row`` is what the ledger knows of it. ``paused`` are the workflows that are
    paused by command: what is logged is played as if they had not been. ``since`` is when the book followed another:
    what is logged from before is played by this book all the same. ``unsent`` says which of these emails (by
    message id) were never decided.
    """
    if workflow is not None and workflow not in book.workflows:
        raise RedshankError(f"the book has no workflow `{workflow}`; it has {', '.join(book.workflows)}")
    moments = list(play(book, life.contact_id, life.events, life.until, deferred=_deferred(life.events)))
    state = _last(moments, life.contact_id)
    zone = zone_of(state.profile, book)
    run = None if message is None else _run_of(moments, message, row)
    missing = unsent(_named_as_then(book, moments))
    told = list(_kept(list(Teller(book, missing).tell(moments)), workflow, run))
    year = local(life.today, zone).year
    if since is not None and any(event.received_at < since for event in life.events):
        yield (
            f"this is what the live book makes of it; before {stamp(since, zone, year=year)} another was live, and may"
            " have decided otherwise"
        )
    for it in told:
        yield f"{stamp(it.at, zone, year=year)}: {it.text}"
    teller = Teller(book)
    if workflow is not None and not any(it.workflow for it in told):
        yield teller.never(workflow, state, frozenset(event.name for event in life.events))
    if row is not None:
        yield _outcome(row, zone, year)
    if run is None:
        for name, text in teller.stands(state):
            if workflow in (None, name):
                yield f"now: {text}" + (", which is paused" if name in paused else "")


def _named_as_then(book: Book, moments: Collection[Moment]) -> list[Mail]:
    """The emails whose ids are what they were when it happened: those of journeys that an event alone has started."""
    runs = {
        it.run
        for moment in moments
        if moment.event is not None and moment.transition is not None
        for it in moment.transition.trace
        if it.what == "entered"
        and all(isinstance(trigger, EventTrigger) for trigger in book.workflows[it.workflow].triggers)
    }
    return [mail for moment in moments for mail in moment.mails if mail.run in runs]


def _last(moments: list[Moment], contact_id: str) -> State:
    made = (moment.transition for moment in reversed(moments))
    return next((it.state for it in made if it is not None), State.empty(contact_id))


def _deferred(events: Collection[Event]) -> frozenset[tuple[str, str]]:
    """The emails that send put off at first, as (workflow, step)."""
    return frozenset(
        (str(event.properties.get("workflow")), str(event.properties.get("step")))
        for event in events
        if event.name == inputs.EMAIL_DEFERRED
    )


def _run_of(moments: list[Moment], message: str, row: LedgerRow | None) -> str:
    """The journey that a message belongs to.

    One that time alone started has another name when it is played again: then it is the latest that sent this email.
    """
    mails = [mail for moment in moments for mail in moment.mails]
    own = [mail.run for mail in mails if mail.message_id == message]
    if not own and row is not None:
        own = [mail.run for mail in mails if (mail.workflow, mail.step) == (row.workflow, row.step)]
    if not own:
        raise RedshankError(f"no email `{message}` comes out of what is logged of this contact")
    return own[-1]


def _outcome(row: LedgerRow, zone: ZoneInfo, year: int) -> str:
    """What became of an email after it was decided."""
    reason = f": {row.reason or row.unwanted}" if row.reason or row.unwanted else ""
    facts = sorted(row.facts.items(), key=lambda it: it[1])
    said = "".join(f", {name.replace('_', ' ')} {stamp(at, zone, year=year)}" for name, at in facts)
    return f"the ledger: `{row.step}` is {row.status}{reason}{said}"


def _kept(sentences: list[Sentence], workflow: str | None, run: str | None) -> Iterator[Sentence]:
    """What is about the workflow or the run; of what happened, what that followed from."""
    if workflow is None and run is None:
        yield from sentences
        return
    cause: Sentence | None = None
    for it in sentences:
        if not it.workflow:
            cause = it
        elif workflow in (None, it.workflow) and run in (None, it.run):
            if cause is not None and cause.at == it.at:
                yield cause
            cause = None
            yield it
