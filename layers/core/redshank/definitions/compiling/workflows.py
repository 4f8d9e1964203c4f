"""What does a workflow mean to the engine?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from redshank.definitions.compiling.conditions import Conditions
from redshank.definitions.compiling.emails import uses_event
from redshank.definitions.compiling.journeys import Steps
from redshank.definitions.compiling.loops import Written
from redshank.definitions.compiling.snippets import resolve_uses
from redshank.definitions.compiling.steps import name_steps
from redshank.definitions.compiling.triggers import Triggers, events_of
from redshank.definitions.folder import Folder
from redshank.definitions.models import triggers as written
from redshank.definitions.models.conditions import EventCondition, parts
from redshank.definitions.models.workflow import Entry, Workflow
from redshank.definitions.problems import Problems, listed
from redshank.engine import book, values
from redshank.engine import workflows as flow
from redshank.engine.conditions import InList

#: The triggers of a broadcast.
_BROADCASTING = (written.AtTrigger, written.EveryTrigger, written.ManualTrigger)
#: What nothing happens at that has properties.
_WITHOUT_EVENT: Mapping[type, str] = {
    written.BecomesTrigger: "becomes",
    written.DateTrigger: "date",
    written.EveryTrigger: "every",
    written.AtTrigger: "at",
}


def compile_workflow(
    name: str,
    source: Workflow,
    folder: Folder,
    topics: Mapping[str, book.Topic],
    conditions: Conditions,
    problems: Problems,
) -> tuple[flow.Workflow, Written]:
    """The engine's form of a workflow, and where its parts stand; what is wrong goes to ``problems``."""
    uses = resolve_uses(source.steps, folder.snippets, conditions.references, problems)
    # Where steps were left out because they are wrong, the names of the rest prove nothing.
    is_whole = not any(problems.in_file(file) for file in (source.at().file, *uses.files))
    names = name_steps(source.steps, uses.steps, problems if is_whole else Problems())
    triggers = Triggers(name, folder.settings, conditions).compile(source.trigger)
    steps = Steps(
        source=source,
        folder=folder,
        topics=topics,
        conditions=conditions,
        names=names,
        uses=uses,
        is_whole=is_whole,
        events=events_of(triggers),
        is_broadcast=all(isinstance(it, flow.ScheduleTrigger) for it in triggers),
    )
    first = steps.compile()
    _check_entry(source, conditions, problems)
    _check_value(source, conditions)
    _check_broadcast(source, problems)
    entry = source.entry or Entry.model_construct()
    goal = source.goal
    started_by = frozenset(
        event
        for it in triggers
        if isinstance(it, flow.EventTrigger | flow.AbsenceTrigger)
        for event in it.events
    )
    made = flow.Workflow(
        name=name,
        state=source.state,
        topic=steps.topic(),
        priority=source.priority,
        triggers=triggers,
        again=_again(entry, triggers),
        key=entry.key or "",
        restarts=entry.while_active == "restart",
        max_active=entry.max_active,
        ends_oldest=entry.when_full == "end_oldest",
        goal=None
        if goal is None
        else conditions.compile(goal.condition, replace(steps.scope, started_by=started_by)),
        goal_ends=goal.ends if goal else True,
        goal_value=(goal.value or "") if goal else "",
        exit_if=conditions.optional(source.exit_if, steps.scope),
        holdout=source.holdout,
        first=first,
        steps=steps.in_order(),
        moved=dict(names.moved),
    )
    made = replace(
        made,
        keeps_event=uses_event(made, steps.subject_roots, folder, conditions.measures),
        remembers=_remembered(made),
    )
    return made, Written(
        triggers=[it.at() for it in source.trigger],
        steps={step: it.at() for step, it in names.steps.items()},
    )


def lists_sent_to(workflows: Mapping[str, flow.Workflow], lists: Collection[str]) -> dict[str, InList]:
    """The static lists that a schedule sends to, as segments of the same name."""
    asked = {
        trigger.segment
        for workflow in workflows.values()
        for trigger in workflow.triggers
        if isinstance(trigger, flow.ScheduleTrigger)
    }
    return {name: InList(name) for name in sorted(asked & set(lists))}


def _again(entry: Entry, triggers: tuple[flow.Trigger, ...]) -> str | int:
    """A newsletter goes out each time; everything else once, if nothing is said."""
    if entry.again is not None:
        return entry.again
    scheduled = [it for it in triggers if isinstance(it, flow.ScheduleTrigger)]
    others = [it for it in triggers if not isinstance(it, flow.ScheduleTrigger | flow.ManualTrigger)]
    return "always" if not others and any(not it.at for it in scheduled) else "never"


def _remembered(made: flow.Workflow) -> tuple[str, ...]:
    """The steps whose end a ``since`` asks for."""
    asked = {node.since for node in book.nodes(made) if isinstance(node, values.Measured)}
    return tuple(name for name in made.steps if name in asked)


def _check_entry(source: Workflow, conditions: Conditions, problems: Problems) -> None:
    entry = source.entry
    if entry is None:
        return
    if entry.key is not None:
        for trigger in source.trigger:
            if isinstance(trigger, written.EventTrigger):
                conditions.declared.property(trigger.event, entry.key, entry.at("key"))
    without = [_WITHOUT_EVENT[type(it)] for it in source.trigger if type(it) in _WITHOUT_EVENT]
    if entry.key is not None and without:
        has = f"{listed(dict.fromkeys(without), 'and')} {'has' if len(set(without)) == 1 else 'have'} none"
        problems.add(entry.at("key"), f"`key` is a property of the event that triggers; {has}")
    for option in ("max_active", "when_full"):
        if entry.gives(option) and entry.key is None:
            message = (
                f"`{option}` is of runs that differ by their `key`; without one there is one run at a time"
            )
            problems.add(entry.at(option), message)


def _check_value(source: Workflow, conditions: Conditions) -> None:
    """What a goal is worth is a property of its event."""
    goal = source.goal
    if goal is not None and goal.value is not None:
        for part in parts(goal.condition):
            if isinstance(part, EventCondition):
                conditions.declared.property(part.event, goal.value, goal.at("value"))


def _check_broadcast(source: Workflow, problems: Problems) -> None:
    if not source.at().file.startswith("broadcasts/"):
        return
    for trigger in source.trigger:
        if not isinstance(trigger, _BROADCASTING):
            message = (
                "a broadcast has a trigger `at`, `every` or `manual`; what waits for contacts is a workflow"
            )
            problems.add(trigger.at(), message)
