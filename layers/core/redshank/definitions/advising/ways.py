"""Under which conditions does a workflow send which email?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from redshank.engine import conditions, values
from redshank.engine import workflows as flow
from redshank.engine.book import Book, nodes
from redshank.engine.conditions import Condition
from redshank.engine.measures import Calendar, Rolling
from redshank.engine.state import END


@dataclass(frozen=True, slots=True)
class Way:
    """What is known of whoever comes this way, beside what the triggers say."""

    #: All of them were true when the contact came by.
    conditions: tuple[Condition, ...] = ()
    #: Traits that were written on the way.
    written: frozenset[str] = field(default_factory=frozenset)

    def asking(self, *asked: Condition | None) -> Way:
        return replace(self, conditions=(*self.conditions, *(it for it in asked if it is not None)))


def emails(workflow: flow.Workflow) -> Iterator[tuple[flow.Send, Way]]:
    """Every send, with what is known of who gets to it."""
    yield from _along(workflow, workflow.first, END, Way())


#: (``contact``, ``account`` or ``event``, a path).
type Path = tuple[str, str]


def known_to(workflow: flow.Workflow, book: Book) -> Iterator[tuple[flow.Send, frozenset[Path]]]:
    """Every send, with what surely has a value for who gets to it."""
    found = [_of_entry(trigger, workflow, book) for trigger in workflow.triggers]
    entry = set.intersection(*found) if found else set()
    for send, way in emails(workflow):
        written = {("contact", name) for name in way.written}
        yield send, frozenset(entry | proven(conditions.All(way.conditions), book) | written)


def _along(workflow: flow.Workflow, first: str, end: str, way: Way) -> Iterator[tuple[flow.Send, Way]]:
    at = first
    while at not in (end, END):
        step = workflow.steps[at]
        inside = way.asking(step.when)
        match step:
            case flow.Send():
                yield step, inside
            case flow.Branch():
                for arm in step.arms:
                    yield from _along(workflow, arm.to, step.next, inside.asking(arm.when))
            case flow.Split():
                for to in (it.to for it in step.arms.values()):
                    yield from _along(workflow, to, step.next, inside)
            case flow.WaitFor():
                yield from _along(workflow, step.then, step.next, inside.asking(step.condition))
                yield from _along(workflow, step.otherwise, step.next, inside)
            case flow.Set() if step.when is None:
                way = replace(way, written=way.written | step.traits.keys())
        at = step.next


def of_trigger(trigger: flow.Trigger) -> tuple[Condition, ...]:
    """What is true of whoever enters by a trigger; of a schedule, beside the segment."""
    given = [trigger.when]
    match trigger:
        case flow.EventTrigger() | flow.AbsenceTrigger():
            given.append(trigger.where)
        case flow.BecomesTrigger() | flow.DateTrigger():
            given.append(trigger.condition)
    return tuple(it for it in given if it is not None)


def _of_entry(trigger: flow.Trigger, workflow: flow.Workflow, book: Book) -> set[Path]:
    found = proven(conditions.All(of_trigger(trigger)), book)
    match trigger:
        case flow.ScheduleTrigger():
            found |= proven(book.segments[trigger.segment], book)
        case flow.AbsenceTrigger() if trigger.same:
            found.add(("event", trigger.same))
    if workflow.key:
        found.add(("event", workflow.key))
    return found


def proven(condition: Condition, book: Book) -> set[Path]:
    """What has a value wherever a condition is true: a missing one compares false."""
    match condition:
        case conditions.Compare() if condition.operator != "exists" or condition.wanted:
            return _path(condition.value)
        case conditions.Reached():
            return _path(condition.date)
        case conditions.All():
            return set().union(*(proven(it, book) for it in condition.items))
        case conditions.Any_():
            return set.intersection(*(proven(it, book) for it in condition.items))
        case conditions.InSegment():
            return proven(book.segments[condition.segment], book)
    return set()


def _path(value: values.Value) -> set[Path]:
    match value:
        case values.Trait():
            return {("contact", value.path)}
        case values.Account():
            return {("account", value.path)}
        case values.Property():
            return {("event", value.path)}
    return set()


def asks_for_activity(condition: Condition, book: Book) -> bool:
    """Whether it asks what somebody did lately: opened, clicked, logged in …"""
    return any(_is_activity(node, book) for node in _parts(condition, book))


def _parts(condition: Any, book: Book) -> Iterator[Any]:
    for node in nodes(condition):
        yield node
        if isinstance(node, conditions.InSegment):
            yield from _parts(book.segments[node.segment], book)


def _is_activity(node: Any, book: Book) -> bool:
    match node:
        case values.Measured():
            return isinstance(book.measures[node.measure].window, Rolling | Calendar)
        case values.Points() | values.Predicted():
            return True
        case conditions.Compare():
            return node.operator == "in_last"
    return False
