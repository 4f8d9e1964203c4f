"""Does the book do what its tests expect?

A scenario is one contact's life: what it does, what the book is expected to do about it. What was not expected and
happened all the same fails the scenario if it is an email; the rest is there to be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from redshank.engine import chance
from redshank.engine.book import Book
from redshank.engine.inputs import Event
from redshank.engine.moments import instant_of
from redshank.engine.state import Profile
from redshank.engine.values import zone_of
from redshank.engine.workflows import EventTrigger, Send, Split, WaitUntil
from redshank.errors import RedshankError
from redshank.identity import contact_of, contact_stream
from redshank.instants import DAY, SECOND
from redshank.simulation.world import ABOUT_EMAILS, play

#: A span since the start, or a local time of the contact: ``2026-12-08T09:00``.
type When = int | str

#: So long after all that a scenario names it is watched, where nothing else is said.
AFTER = 90 * DAY
#: So many contacts are tried until one gets the arms that a scenario asks for.
_TRIES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What is done by the contact, or becomes known of it."""

    at: When
    #: ``track``, ``identify`` or ``group``.
    type: str = "track"
    name: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the book should do."""

    at: When
    #: ``sent``, ``skipped``, ``entered`` or ``exited``.
    what: str
    #: An empty string: any.
    workflow: str = ""
    #: Of ``sent`` and ``skipped``.
    step: str = ""
    #: The reason, or the arm of an email; an empty string: any.
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    #: A local time of the contact.
    start: str
    traits: Mapping[str, Any]
    #: Step -> the arm that the contact gets.
    arms: Mapping[str, str] = field(default_factory=dict)
    when: tuple[Happening, ...] = ()
    expect: tuple[Expected, ...] = ()
    #: How long it is watched.
    until: int | None = None


class Done(NamedTuple):
    """Something that the book did, or should have done."""

    at: int
    what: str
    workflow: str = ""
    step: str = ""
    why: str = ""


class Line(NamedTuple):
    """A line of the timeline: `` `` as it should be, ``-`` expected only, ``+`` happened only."""

    mark: str
    done: Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    start: int
    #: The contact's timezone.
    zone: ZoneInfo
    timeline: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        return all(line.mark == " " for line in self.timeline)


def run(book: Book, scenario: Scenario) -> Result:
    """Let a scenario happen. Raises RedshankError if no contact gets the arms that it asks for."""
    zone = zone_of(Profile(contact_id="", traits=scenario.traits), book)
    start = instant_of(datetime.fromisoformat(scenario.start), zone)

    def instant(when: When) -> int:
        return start + when if isinstance(when, int) else instant_of(datetime.fromisoformat(when), zone)

    expected = [Done(instant(it.at), it.what, it.workflow, it.step, it.why) for it in scenario.expect]
    user = _contact(book, scenario.arms)
    happenings = [
        Happening(at=0, type="identify", traits=scenario.traits),
        *_beginning(book, scenario, expected, start),
        *sorted(scenario.when, key=lambda it: instant(it.at)),
    ]
    events = [_event(it, instant(it.at), user, str(number)) for number, it in enumerate(happenings)]
    if scenario.until is not None:
        until = start + scenario.until
    else:
        until = max(start, *(it.received_at for it in events), *(it.at for it in expected)) + AFTER
    happened = list(_happened(book, contact_of(f"user:{user}"), events, until))
    return Result(start=start, zone=zone, timeline=tuple(_compare(expected, happened)))


def _event(it: Happening, at: int, user: str, event_id: str) -> Event:
    stream = f"user:{user}"
    return Event(
        id=event_id,
        stream=contact_stream(contact_of(stream)) if it.name in ABOUT_EMAILS else stream,
        type=it.type,
        name=it.name,
        occurred_at=at,
        received_at=at,
        properties=it.properties,
        traits=it.traits,
    )


def _beginning(book: Book, scenario: Scenario, expected: list[Done], start: int) -> Iterator[Happening]:
    """The event that starts what is expected at the start, where the scenario leaves it out."""
    first = min(expected, key=lambda it: it.at, default=None)
    if first is None or first.at != start:
        return
    for workflow in book.workflows.values():
        if (first.workflow or workflow.name) != workflow.name or (
            first.step and first.step not in workflow.steps
        ):
            continue
        events = [it.events for it in workflow.triggers if isinstance(it, EventTrigger)]
        names = {name for some in events for name in some}
        if (
            events
            and len(events) == len(workflow.triggers)
            and names.isdisjoint(it.name for it in scenario.when)
        ):
            yield Happening(at=0, name=events[0][0])
            return


# --- arms


def _contact(book: Book, arms: Mapping[str, str]) -> str:
    """A user id that gets these arms, and is in no holdout: arms are a hash of the contact."""
    wanted = dict(_shares(book, arms))
    sampled = [
        (workflow.name, step.id, step.decide.sample)
        for workflow in book.workflows.values()
        for step in workflow.steps.values()
        if isinstance(step, Send) and step.decide and step.id in arms
    ]
    for number in range(1, _TRIES):
        contact_id = contact_of(f"user:contact-{number}")
        if (
            all(chance.pick(shares, contact_id, step) == arms[step] for step, shares in wanted.items())
            and all(chance.fraction(contact_id, *it[:2], "sample") < it[2] for it in sampled)
            and chance.fraction(contact_id, "holdout") >= book.holdout
            and all(
                chance.fraction(contact_id, it.name, "holdout") >= it.holdout
                for it in book.workflows.values()
            )
        ):
            return f"contact-{number}"
    raise RedshankError(
        f"no contact was found that gets the arms {', '.join(arms.values())} and is in no holdout"
    )


def _shares(book: Book, arms: Mapping[str, str]) -> Iterator[tuple[str, dict[str, float]]]:
    for workflow in book.workflows.values():
        for step in workflow.steps.values():
            if step.id not in arms:
                continue
            if isinstance(step, Send | Split) and step.arms:
                yield step.id, {name: arm.share for name, arm in step.arms.items()}
            elif isinstance(step, WaitUntil) and step.arms:
                yield step.id, {name: share for name, (share, _) in step.arms.items()}


# --- what happened


def _happened(book: Book, contact_id: str, events: list[Event], until: int) -> Iterator[Done]:
    for moment in play(book, contact_id, events, until):
        if moment.transition is None:
            continue
        for it in moment.transition.trace:
            if it.what in ("entered", "skipped", "exited"):
                yield Done(it.at, it.what, it.workflow, "" if it.what == "entered" else it.step, it.why)
            elif it.what == "sent":
                mail = next(
                    (mail for mail in moment.mails if (mail.run, mail.step) == (it.run, it.step)), None
                )
                if mail is not None:
                    yield Done(mail.decided_at, "sent", mail.workflow, mail.step, it.why)


def _compare(expected: list[Done], happened: list[Done]) -> list[Line]:
    """The timeline of both: what was expected is taken off what happened, one for one."""
    left = list(expected)
    lines: list[Line] = []
    for done in happened:
        found = next((one for one in left if _is(done, one)), None)
        if found is not None:
            left.remove(found)
        lines.append(Line("+" if found is None and done.what == "sent" else " ", done))
    lines += [Line("-", one) for one in left]
    return sorted(lines, key=lambda line: (line.done.at // SECOND, line.mark != "-"))


def _is(done: Done, expected: Done) -> bool:
    """To the second; what the expectation leaves open may be anything."""
    return (
        done.what == expected.what
        and done.at // SECOND == expected.at // SECOND
        and expected.workflow in ("", done.workflow)
        and expected.why in ("", done.why)
        and (expected.what == "exited" or expected.step in ("", done.step))
    )
