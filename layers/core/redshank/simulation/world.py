"""What happens to one contact, and when? Its history on a virtual clock.

Each event is advanced at its own instant, and between events the clock jumps to whatever the contact waits for. The
world outside does its part at once: what is decided is sent, and nothing is lost, doubled or late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redshank.engine import inputs
from redshank.engine.advance import Evidence, Transition, advance
from redshank.engine.book import Book
from redshank.engine.effects import Cancel, Mail
from redshank.engine.inputs import Event, Input, Wake
from redshank.engine.state import State
from redshank.errors import RedshankError
from redshank.identity import address_hash, contact_stream
from redshank.instants import iso

#: Events about an email, which are told by its step where the run is not known.
ABOUT_EMAILS = frozenset(
    {
        inputs.EMAIL_OPENED,
        inputs.LINK_CLICKED,
        inputs.EMAIL_DELIVERED,
        inputs.EMAIL_BOUNCED,
        inputs.EMAIL_COMPLAINED,
        inputs.EMAIL_DEFERRED,
        inputs.EMAIL_FAILED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step of a contact: when, what was given, and what followed."""

    at: int
    #: None where time alone was the cause.
    event: Event | None
    before: State
    #: None where nobody listens: the event changes nothing.
    transition: Transition | None
    #: The emails that were decided and stay decided.
    mails: tuple[Mail, ...] = ()


def play(
    book: Book,
    contact_id: str,
    events: Sequence[Event],
    until: int,
    *,
    deferred: Collection[tuple[str, str]] = (),
) -> Iterator[Moment]:
    """What follows from events (in the order in which they were received) up to an instant.

    ``deferred`` are emails, as (workflow, step), that ``events`` say were put off: these are not taken as sent.
    """
    state = State.empty(contact_id)
    latest: dict[tuple[str, str], Mail] = {}
    waiting = deque(event for event in events if event.received_at <= until)
    while True:
        due = state.standing.due
        given: Input
        if waiting and (due is None or due >= waiting[0].received_at):
            event: Event | None = waiting.popleft()
            assert event is not None
            now = event.received_at
            if is_idle(book, state, event):
                yield Moment(at=now, event=event, before=state, transition=None)
                continue
            if event.name in ABOUT_EMAILS:
                event = _completed(event, state, latest)
            given = event
        elif due is not None and due <= until:
            event, now = None, max(due, state.standing.as_of)
            given = Wake(contact_id=contact_id, at=due)
        else:
            return
        standing = state.standing
        evidence = Evidence(
            logged=frozenset(standing.pending),
            settled=frozenset(
                message_id
                for message_id, it in standing.outbox.items()
                if not deferred or not _is_deferred(standing.journeys.get(it.run), it.step, deferred)
            ),
        )
        transition = advance(state, (given,), book, now, evidence)
        mails = _decided(transition)
        for mail in mails:
            latest[mail.workflow, mail.step] = latest["", mail.step] = mail
            if inputs.EMAIL_SENT in book.listens:
                waiting.appendleft(_sent(mail, now))
        if event is None and transition.state.standing.due == due:
            raise RedshankError(f"the contact {contact_id} waits for {iso(now)}, and nothing comes of it")
        yield Moment(at=now, event=event, before=state, transition=transition, mails=mails)
        state = transition.state


def _sent(mail: Mail, now: int) -> Event:
    """What SES tells of an email that it took, as feedback passes it on."""
    about = {"message_id": mail.message_id, "run": mail.run, "workflow": mail.workflow, "step": mail.step}
    return Event(
        id=f"sent-{mail.message_id}",
        stream=contact_stream(mail.contact_id),
        type="track",
        name=inputs.EMAIL_SENT,
        occurred_at=now,
        received_at=now,
        properties=about,
    )


def is_idle(book: Book, state: State, event: Event) -> bool:
    """Whether an event can change nothing, so that evaluate only logs it."""
    standing = state.standing
    return (
        event.name not in book.listens
        and not event.traits
        and event.type != "group"
        and event.name not in inputs.UNDERSTOOD
        and standing.identified
        and event.stream in standing.streams
    )


def _is_deferred(journey: Any, step: str, deferred: Collection[tuple[str, str]]) -> bool:
    return journey is not None and (journey.workflow, step) in deferred


def _decided(transition: Transition) -> tuple[Mail, ...]:
    made = [effect for effects in transition.effects.values() for effect in effects]
    if not made:
        return ()
    cancelled = {effect.message_id for effect in made if isinstance(effect, Cancel)}
    return tuple(it for it in made if isinstance(it, Mail) and it.message_id not in cancelled)


def _completed(event: Event, state: State, latest: Mapping[tuple[str, str], Mail]) -> Event:
    """An event about an email, with what only the ledger would know of it."""
    properties = dict(event.properties)
    if str(properties.get("run")) not in state.standing.journeys:
        workflow, step = str(properties.get("workflow") or ""), str(properties.get("step") or "")
        mail = latest.get((workflow, step))
        if mail is not None:
            properties |= {"run": mail.run, "workflow": mail.workflow, "message_id": mail.message_id}
    if event.name in (inputs.EMAIL_BOUNCED, inputs.EMAIL_COMPLAINED):
        properties.setdefault("address_hash", address_hash(state.profile.email))
    if event.name == inputs.EMAIL_BOUNCED:
        properties.setdefault("kind", "hard")
    return replace(event, properties=properties)
