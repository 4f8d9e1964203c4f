"""What did the team write, compiled for the engine? Immutable; named by a sequence number and a hash.

``definitions`` makes a Book from YAML; ``serial`` carries it to the functions as JSON, so that a function needs neither
YAML nor pydantic to run it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from redshank.engine import conditions, inputs, values
from redshank.engine.conditions import Condition
from redshank.engine.measures import Calendar, Measure, Rolling
from redshank.engine.state import Profile, State
from redshank.engine.values import Value
from redshank.engine.workflows import (
    AbsenceTrigger,
    BecomesTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    Trigger,
    Workflow,
)
from redshank.identity import digest, normalized_address
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
class Template:
    """An email as Jinja source, layouts and partials included by name."""

    name: str
    subject: str
    preheader: str
    #: Name of the Jinja source in ``Book.sources``.
    html: str
    #: Name of the Jinja source of the text part.
    text: str
    #: Names of ``Book.named`` that it shows.
    measures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """So many emails per calendar day of the contact, or within a rolling span of milliseconds."""

    max: int
    within: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """From one time of day to another (minutes after midnight, as the contact's clock shows), over midnight too."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    hold: int = DAY
    #: How late a fact may come that a decision is waiting for (identify racing with track).
    entry_grace: int = 10 * MINUTE
    #: An event older than this when received feeds measures but starts nothing.
    lateness: int = DAY
    #: The runaway guard: so many emails in any 24 hours, transactional ones not counted.
    max_emails_per_day: int = 10
    caps: tuple[Cap, ...] = ()
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a declared trait or property may be."""

    #: ``text``, ``number``, ``bool``, ``time``, or ``one_of``.
    type: str
    #: Of ``one_of``: the values.
    options: tuple[str | int | float, ...] = ()
    #: Whether it is a list of such values.
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What the app declared that it would send."""

    #: Whether what does not match is refused, or taken with a warning.
    rejects: bool = False
    traits: Mapping[str, Kind] = field(default_factory=dict)
    #: Event name -> its properties.
    events: Mapping[str, Mapping[str, Kind]] = field(default_factory=dict)


#: Of ``with_paused``: every workflow, those of books to come included.
ALL = "*"

#: What a truth depends on beside traits: no trait is called so.
ACCOUNT, CONSENT = "\x1faccount", "\x1fconsent"
#: Prefix of a segment's truth key.
SEGMENT = "segment:"


@dataclass(frozen=True, kw_only=True)
class Book:
    sequence: int
    hash: str
    timezone: str = "UTC"
    postal_address: str = ""
    topics: Mapping[str, Topic] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)
    policy: Policy = Policy()
    #: The share of contacts that get no marketing email at all, to compare with.
    holdout: float = 0.0
    schema: Schema | None = None
    #: What is kept of events, by key.
    measures: Mapping[str, Measure] = field(default_factory=dict)
    #: What measures.yaml calls by name.
    named: Mapping[str, Value] = field(default_factory=dict)
    segments: Mapping[str, Condition] = field(default_factory=dict)
    #: Static lists: the entries (``list_entry`` of an address or a contact id), joined without a separator.
    lists: Mapping[str, str] = field(default_factory=dict)
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    #: Jinja sources by name: templates, layouts, partials.
    sources: Mapping[str, str] = field(default_factory=dict)
    #: ``workflow/step`` -> the arm that was chosen: of tests that are decided.
    winners: Mapping[str, str] = field(default_factory=dict)
    #: Key of a measure, truth or trigger -> (sequence of the book that brought it, when that was applied).
    #: Set when a book is applied, and no part of its hash; what is not in it is as old as the book.
    born: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    # --- who depends on what: an event touches only what listens to it

    @cached_property
    def measures_of(self) -> Mapping[str, tuple[Measure, ...]]:
        """Event name -> the measures it feeds."""
        return _index((event, measure) for measure in self.measures.values() for event in measure.events)

    @cached_property
    def _triggers(self) -> tuple[tuple[Workflow, Trigger], ...]:
        """Every trigger, those of the highest priority first: who goes first under a cap. Equals go by name, so that
        a book read from its folder and one read from its JSON do the same."""
        ranked = sorted(self.workflows.values(), key=lambda workflow: (-workflow.priority, workflow.name))
        return tuple((workflow, trigger) for workflow in ranked for trigger in workflow.triggers)

    @cached_property
    def entries_of(self) -> Mapping[str, tuple[tuple[Workflow, EventTrigger], ...]]:
        """Event name -> the event triggers that listen to it."""
        return _index(
            (event, (workflow, trigger))
            for workflow, trigger in self._triggers
            if isinstance(trigger, EventTrigger)
            for event in trigger.events
        )

    @cached_property
    def absences(self) -> Mapping[str, tuple[Workflow, AbsenceTrigger]]:
        """Trigger key -> the absence trigger."""
        return {
            trigger.key: (workflow, trigger)
            for workflow, trigger in self._triggers
            if isinstance(trigger, AbsenceTrigger)
        }

    @cached_property
    def absences_of(self) -> Mapping[str, tuple[tuple[Workflow, AbsenceTrigger], ...]]:
        """Event name -> the absence triggers that it arms or disarms."""
        return _index(
            (event, (workflow, trigger))
            for workflow, trigger in self.absences.values()
            for event in dict.fromkeys((*trigger.events, *trigger.without))
        )

    @cached_property
    def edges(self) -> Mapping[str, tuple[Workflow, BecomesTrigger | DateTrigger]]:
        """Truth key -> the trigger whose edge it is."""
        return {
            trigger.key: (workflow, trigger)
            for workflow, trigger in self._triggers
            if isinstance(trigger, BecomesTrigger | DateTrigger)
        }

    @cached_property
    def schedules(self) -> tuple[tuple[Workflow, ScheduleTrigger], ...]:
        """The triggers that a clock fires."""
        return tuple(
            (workflow, trigger)
            for workflow, trigger in self._triggers
            if isinstance(trigger, ScheduleTrigger)
        )

    @cached_property
    def truths(self) -> Mapping[str, Condition]:
        """Truth key -> condition, of all whose truth a standing stores: edges of triggers, segments."""
        edges = {key: trigger.condition for key, (_, trigger) in self.edges.items()}
        return edges | {SEGMENT + name: condition for name, condition in self.segments.items()}

    @cached_property
    def truth_ranks(self) -> Mapping[str, int]:
        """Truth key -> its place among those that change at one instant: priority first."""
        return {key: rank for rank, key in enumerate(self.truths)}

    @cached_property
    def truths_on_measure(self) -> Mapping[str, tuple[str, ...]]:
        """Measure key -> the truth keys that depend on it."""
        return _index(
            (measure, key)
            for key, condition in self.truths.items()
            for measure in sorted(
                {node.measure for node in self._within(condition) if isinstance(node, values.Measured)}
            )
        )

    @cached_property
    def truths_on_profile(self) -> Mapping[str, tuple[str, ...]]:
        """Trait (the first part of its path), ACCOUNT or CONSENT -> the truth keys that depend on it."""
        return _index(
            (part, key)
            for key, condition in self.truths.items()
            for part in sorted({it for node in self._within(condition) for it in self._parts(node)})
        )

    @cached_property
    def truths_of_nobody(self) -> Mapping[str, conditions.Verdict]:
        """Truth key -> verdict about a contact of whom nothing is known, where that is not false for ever."""
        empty = State.empty("")
        facts = values.Facts(book=self, profile=empty.profile, standing=empty.standing, now=0)
        verdicts = {key: conditions.verdict(condition, facts) for key, condition in self.truths.items()}
        return {key: verdict for key, verdict in verdicts.items() if verdict != (False, None)}

    @cached_property
    def truths_on_identity(self) -> tuple[str, ...]:
        """The truth keys that depend on who the contact is: on static lists."""
        return tuple(
            key
            for key, condition in self.truths.items()
            if any(isinstance(node, conditions.InList) for node in self._within(condition))
        )

    @cached_property
    def workflows_on_measure(self) -> Mapping[str, frozenset[str]]:
        """Measure key -> the workflows whose journeys ask for it."""
        asked = _index(
            (node.measure, workflow.name)
            for workflow in self.workflows.values()
            for node in self._within((workflow.goal, workflow.exit_if, *workflow.steps.values()))
            if isinstance(node, values.Measured)
        )
        return {measure: frozenset(names) for measure, names in asked.items()}

    @cached_property
    def ended_by_time(self) -> frozenset[str]:
        """The workflows whose goal or exit condition time alone can make true."""
        return frozenset(
            workflow.name
            for workflow in self.workflows.values()
            if any(self._is_timely(node) for node in self._within((workflow.goal, workflow.exit_if)))
        )

    def _is_timely(self, node: Any) -> bool:
        match node:
            case values.Measured(measure=key, since=""):
                return isinstance(self.measures[key].window, Rolling | Calendar)
            case values.Points() | conditions.Reached():
                return True
            case conditions.Compare(operator=operator):
                return operator in conditions.TIMELY
        return False

    @cached_property
    def asks_links(self) -> bool:
        """Whether a condition asks which link was clicked."""
        return any(node.link for node in nodes(self.workflows) if isinstance(node, conditions.Email))

    @cached_property
    def listens(self) -> frozenset[str]:
        """The names of all events that can change a standing beyond its traits."""
        return (
            frozenset(self.measures_of)
            | frozenset(self.entries_of)
            | frozenset(self.absences_of)
            | self._email_facts
        )

    @cached_property
    def _email_facts(self) -> frozenset[str]:
        """Feedback events that a condition on a journey's emails asks for."""
        asked = {node.fact for node in nodes(self.workflows) if isinstance(node, conditions.Email)}
        names = {"opened": inputs.EMAIL_OPENED, "clicked": inputs.LINK_CLICKED}
        return frozenset(names[fact] for fact in asked if fact in names)

    def _within(self, condition: Any) -> Iterator[Any]:
        """All that a condition, or several, is made of, through the segments it asks for."""
        for node in nodes(condition):
            yield node
            if isinstance(node, conditions.InSegment):
                yield from self._within(self.segments[node.segment])

    def _parts(self, node: Any) -> Iterator[str]:
        """The parts of a profile that a node depends on."""
        match node:
            case values.Trait():
                # A trait may be called `a.b`.
                yield from (node.path, node.path.partition(".")[0])
            case values.Account():
                yield ACCOUNT
            case conditions.Subscribed():
                yield CONSENT
            case conditions.InList():
                yield "email"
            case conditions.Reached():
                yield "timezone"
            case conditions.Compare(operator=operator) if operator in conditions.TIMELY:
                yield "timezone"
            case values.Measured(measure=key) if isinstance(self.measures[key].window, Calendar):
                yield "timezone"

    # --- what the contact's standing has to be compared with

    def is_new(self, key: str, seen: int) -> bool | None:
        """Whether a measure, truth or trigger is younger than book ``seen``; None if nobody knows."""
        born = self.born.get(key)
        return None if born is None else born[0] > seen

    def with_paused(self, names: Collection[str]) -> Book:
        """The book with these workflows paused, whatever it says of them itself; ALL stands for every one."""
        paused = {
            name: replace(workflow, state="paused")
            for name, workflow in self.workflows.items()
            if name in names or ALL in names
        }
        return replace(self, workflows={**self.workflows, **paused}) if paused else self

    def is_listed(self, name: str, profile: Profile) -> bool:
        """Whether the contact, or its address, is on a static list."""
        entries = self._entries(name)
        return list_entry(profile.contact_id) in entries or (
            bool(profile.email) and list_entry(normalized_address(profile.email)) in entries
        )

    def _entries(self, name: str) -> frozenset[str]:
        found = self._listed.get(name)
        if found is None:
            joined = self.lists.get(name, "")
            entries = (joined[at : at + _ENTRY] for at in range(0, len(joined), _ENTRY))
            found = self._listed[name] = frozenset(entries)
        return found

    @cached_property
    def _listed(self) -> dict[str, frozenset[str]]:
        return {}


#: Characters of an entry of a static list.
_ENTRY = 16


def list_entry(of: str) -> str:
    """What stands in a static list for a normalized address or a contact id."""
    return digest("list", of, size=10)


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
