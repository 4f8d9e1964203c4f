"""What did the team write, compiled for the engine? Immutable; named by a sequence number and a hash.

``definitions`` makes a Book from YAML; ``dump`` and ``load`` carry it to the functions as JSON, so that a
function needs neither YAML nor pydantic to run it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from redshank.engine import conditions, inputs
from redshank.engine.conditions import Condition
from redshank.instants import DAY, MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What an email is about, and what a contact can subscribe to."""

    name: str
    title: str
    #: ``none`` (until unsubscribed), ``single`` or ``double``.
    opt_in: str = "none"
    #: Transactional email needs no consent and is never held back.
    transactional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    name: str
    email: str
    reply_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """An aggregate over a contact's events."""

    key: str
    #: The names of the events it counts.
    events: tuple[str, ...]
    where: Condition | None = None
    #: Length of the rolling window, or None for all time.
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger:
    """Starts a journey when one of these events arrives."""

    events: tuple[str, ...]
    where: Condition | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BecomesTrigger:
    """Starts a journey when a condition turns true for the contact."""

    #: Names the stored truth; derived from the condition, so that an unchanged one keeps it.
    key: str
    condition: Condition
    when: Condition | None = None


#: Prefix of a segment's truth key.
SEGMENT = "segment:"

type Trigger = EventTrigger | BecomesTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    id: str
    #: The id of the step that follows, or END.
    next: str
    template: str
    topic: str
    sender: str = "default"
    #: Overrides the template's subject.
    subject: str = ""
    when: Condition | None = None
    #: Longest wait for whatever holds the email back; after that it is skipped, with the reason.
    hold: int = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    id: str
    next: str
    span: int
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of a branch: where to go if the condition holds (None: else)."""

    to: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    id: str
    next: str
    arms: tuple[Arm, ...]
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    id: str
    next: str
    reason: str
    when: Condition | None = None


type Step = Send | Wait | Branch | Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    #: ``live``, ``shadow``, ``paused`` or ``retired``.
    state: str = "live"
    topic: str = ""
    priority: int = 50
    triggers: tuple[Trigger, ...] = ()
    #: ``never``, ``always``, or the least span in milliseconds between two entries.
    again: str | int = "never"
    #: Path of the event property that makes one run per value, or an empty string.
    key: str = ""
    goal: Condition | None = None
    goal_ends: bool = True
    exit_if: Condition | None = None
    #: The first step, or END.
    first: str
    steps: Mapping[str, Step]
    #: Steps of earlier books -> the surviving step where their journeys go on (or END).
    moved: Mapping[str, str] = field(default_factory=dict)
    #: Whether a template or condition needs the starting event's properties later.
    keeps_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An email as Jinja source, layouts and partials included by name."""

    name: str
    subject: str
    preheader: str
    #: Name of the Jinja source in ``Book.sources``.
    html: str
    #: Name of the Jinja source of the text part.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    hold: int = DAY
    #: How late a fact may come that a decision is waiting for (identify racing with track).
    entry_grace: int = 10 * MINUTE
    #: An event older than this when received feeds measures but starts nothing.
    lateness: int = DAY


@dataclass(frozen=True, kw_only=True)
class Book:
    sequence: int
    hash: str
    timezone: str = "UTC"
    postal_address: str = ""
    topics: Mapping[str, Topic] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)
    policy: Policy = Policy()
    measures: Mapping[str, Measure] = field(default_factory=dict)
    segments: Mapping[str, Condition] = field(default_factory=dict)
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    #: Jinja sources by name: templates, layouts, partials.
    sources: Mapping[str, str] = field(default_factory=dict)

    # --- who depends on what: an event touches only what listens to it

    @cached_property
    def measures_of(self) -> Mapping[str, tuple[Measure, ...]]:
        """Event name -> the measures it feeds."""
        return _index((event, measure) for measure in self.measures.values() for event in measure.events)

    @cached_property
    def entries_of(self) -> Mapping[str, tuple[tuple[Workflow, EventTrigger], ...]]:
        """Event name -> the event triggers that listen to it."""
        return _index(
            (event, (workflow, trigger))
            for workflow in self.workflows.values()
            for trigger in workflow.triggers
            if isinstance(trigger, EventTrigger)
            for event in trigger.events
        )

    @cached_property
    def becoming(self) -> Mapping[str, tuple[Workflow, BecomesTrigger]]:
        """Truth key -> the trigger whose edge it is."""
        return {
            trigger.key: (workflow, trigger)
            for workflow in self.workflows.values()
            for trigger in workflow.triggers
            if isinstance(trigger, BecomesTrigger)
        }

    @cached_property
    def truths(self) -> Mapping[str, Condition]:
        """Truth key -> condition, of all whose truth a standing stores: edges of triggers, segments."""
        edges = {key: trigger.condition for key, (_, trigger) in self.becoming.items()}
        return edges | {SEGMENT + name: condition for name, condition in self.segments.items()}

    @cached_property
    def truths_on_measure(self) -> Mapping[str, tuple[str, ...]]:
        """Measure key -> the truth keys that depend on it."""
        return _index(
            (measure, key)
            for key, condition in self.truths.items()
            for measure in sorted(self._needs(condition, conditions.Measured, "measure"))
        )

    @cached_property
    def truths_on_profile(self) -> tuple[str, ...]:
        """The truth keys that depend on traits or consent."""
        return tuple(
            key
            for key, condition in self.truths.items()
            if self._needs(condition, conditions.Trait, "path")
            or self._needs(condition, conditions.Subscribed, "topic")
        )

    @cached_property
    def listens(self) -> frozenset[str]:
        """The names of all events that can change a standing beyond its traits."""
        return frozenset(self.measures_of) | frozenset(self.entries_of) | self._email_facts

    @cached_property
    def _email_facts(self) -> frozenset[str]:
        """Feedback events that a condition on a journey's emails asks for."""
        asked = {node.fact for node in nodes(self.workflows) if isinstance(node, conditions.Email)}
        names = {"opened": inputs.EMAIL_OPENED, "clicked": inputs.LINK_CLICKED}
        return frozenset(names[fact] for fact in asked if fact in names)

    def _needs(self, condition: Condition, kind: type, attribute: str) -> set[str]:
        """What a condition names of a kind, through the segments it asks for."""
        found: set[str] = set()
        for node in nodes(condition):
            if isinstance(node, kind):
                found.add(getattr(node, attribute))
            elif isinstance(node, conditions.InSegment):
                found |= self._needs(self.segments[node.segment], kind, attribute)
        return found


def _index[V](pairs: Iterator[tuple[str, V]]) -> Mapping[str, tuple[V, ...]]:
    found: dict[str, list[V]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def nodes(value: Any) -> Iterator[Any]:
    """Every dataclass inside a value, itself included."""
    if dataclasses.is_dataclass(value):
        yield value
        for item in dataclasses.fields(value):
            yield from nodes(getattr(value, item.name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from nodes(inner)


# --- as JSON: a dataclass is {"is": its name, and its fields that differ from the defaults}

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Book, Topic, Sender, Measure, EventTrigger, BecomesTrigger, Send, Wait, Arm, Branch, Exit),
        *(Workflow, Template, Policy),
        *(conditions.Trait, conditions.Property, conditions.Measured, conditions.Compare),
        *(conditions.HappenedSinceEntry, conditions.Subscribed, conditions.Email, conditions.InSegment),
        *(conditions.All, conditions.Any_, conditions.Not),
    )
}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        given: dict[str, Any] = {"is": type(value).__name__}
        for item in dataclasses.fields(value):
            inner = getattr(value, item.name)
            if inner != item.default:
                given[item.name] = _plain(inner)
        return given
    if isinstance(value, Mapping):
        return {"of": {name: _plain(inner) for name, inner in value.items()}}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    if "of" in value:
        return {name: _made(inner) for name, inner in value["of"].items()}
    kind = _KINDS[value["is"]]
    return kind(**{name: _made(inner) for name, inner in value.items() if name != "is"})


def canonical(value: Any) -> str:
    """A part of a book as JSON: equal parts, equal text, also after fields with defaults were added."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def dump(book: Book) -> str:
    """The book as JSON: equal books, equal text."""
    return canonical(book)


def load(text: str | bytes) -> Book:
    """The book of ``dump``."""
    book: Book = _made(json.loads(text))
    return book
