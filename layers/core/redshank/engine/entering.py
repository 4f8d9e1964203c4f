"""May a journey begin?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redshank.engine import chance, conditions, journeys, values
from redshank.engine.book import nodes
from redshank.engine.conditions import Condition
from redshank.engine.state import Hopeful, Journey
from redshank.engine.turn import Turn
from redshank.engine.values import dig
from redshank.engine.workflows import ManualTrigger, Trigger, Workflow
from redshank.identity import run_id_of

#: So many journeys of a contact at a time, whatever the workflows allow: a standing has to stay small.
MAX_JOURNEYS = 500
#: So many entries are remembered; the oldest are forgotten first.
MAX_ENTRIES = 1_000
#: So many entries wait for their trigger's ``if`` at a time.
MAX_HOPEFULS = 50


def enter(turn: Turn, workflow: Workflow, trigger: Trigger, at: int, event: Mapping[str, Any]) -> None:
    """Start a journey, unless the workflow's entry rules say no; ``at`` is when what triggers it happened."""
    if not _may(turn, workflow):
        return
    if not turn.holds(trigger.when, properties=event):
        turn.tell("not_entered", workflow=workflow.name, why="condition")
        _hope(turn, workflow, trigger, at, event)
        return
    _begin(turn, workflow, at, event)


def enroll(turn: Turn, name: str, at: int, event: Mapping[str, Any]) -> None:
    """Start a journey because somebody, or another workflow, says so."""
    workflow = turn.book.workflows.get(name)
    if workflow is None:
        turn.tell("not_entered", workflow=name, why="no_workflow")
        return
    manual = next((it for it in workflow.triggers if isinstance(it, ManualTrigger)), ManualTrigger())
    enter(turn, workflow, manual, at, event)


def retry(turn: Turn) -> None:
    """Look again at the entries that a trigger's ``if`` refused moments ago."""
    hopefuls, turn.standing.hopefuls = turn.standing.hopefuls, []
    for one in hopefuls:
        workflow = turn.book.workflows.get(one.workflow)
        if one.until < turn.reach or workflow is None or one.trigger >= len(workflow.triggers):
            continue
        if not turn.holds(workflow.triggers[one.trigger].when, properties=one.event):
            turn.standing.hopefuls.append(one)
        elif _may(turn, workflow):
            _begin(turn, workflow, one.at, one.event)


def _may(turn: Turn, workflow: Workflow) -> bool:
    why = ""
    if workflow.state in ("paused", "retired"):
        why = workflow.state
    elif not turn.standing.identified:
        why = "anonymous"
    if why:
        turn.tell("not_entered", workflow=workflow.name, why=why)
    return not why


def _hope(turn: Turn, workflow: Workflow, trigger: Trigger, at: int, event: Mapping[str, Any]) -> None:
    grace = turn.book.policy.entry_grace
    if not grace or len(turn.standing.hopefuls) >= MAX_HOPEFULS or not _can_change(trigger.when):
        return
    index = next(index for index, one in enumerate(workflow.triggers) if one is trigger)
    turn.standing.hopefuls.append(
        Hopeful(
            workflow=workflow.name,
            trigger=index,
            at=at,
            until=turn.now + grace,
            event=kept(workflow, trigger.when, event),
        )
    )


def _can_change(condition: Condition | None) -> bool:
    """Whether a condition asks for more than the event at hand."""
    return any(
        isinstance(
            node,
            values.Trait
            | values.Account
            | values.Measured
            | conditions.Subscribed
            | conditions.InSegment
            | conditions.InList,
        )
        for node in nodes(condition)
    )


def kept(workflow: Workflow, when: Condition | None, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an event's properties is needed later: all, the entry key, or nothing."""
    if workflow.keeps_event or any(isinstance(node, values.Property) for node in nodes(when)):
        return event
    found = dig(event, workflow.key) if workflow.key else None
    return {} if found is None else {workflow.key: found}


def _begin(turn: Turn, workflow: Workflow, at: int, event: Mapping[str, Any]) -> None:
    standing = turn.standing
    found = dig(event, workflow.key) if workflow.key else ""
    key = "" if found is None else str(found)
    entry = f"{workflow.name}#{key}" if key else workflow.name
    run = run_id_of(standing.contact_id, entry, turn.cause)
    # Time that passes may start one run after another; what happens at one instant starts one.
    moment = run_id_of(standing.contact_id, entry, f"{turn.cause}@{turn.reach}")
    run, begun = (moment if run in turn.begun else run), moment in turn.begun

    def refuse(why: str) -> None:
        turn.tell("not_entered", workflow=workflow.name, why=why)

    if workflow.key and not key:
        return refuse(f"no_{workflow.key}")
    under_way = [it for it in journeys.active(turn) if it.workflow == workflow.name]
    same = [it for it in under_way if it.key == key]
    if same and not workflow.restarts:
        return refuse("already_active")
    last = standing.entries.get(entry)
    if begun or (last is not None and not _again(workflow, at - last)):
        return refuse("entered_before")
    journey = Journey(
        run=run,
        workflow=workflow.name,
        key=key,
        entered_at=at,
        at=workflow.first,
        since=at,
        event=kept(workflow, None, event),
        held_out=_is_held_out(turn, workflow),
    )
    if workflow.exit_if is not None and turn.holds(workflow.exit_if, journey):
        return refuse("exit_if")
    if workflow.goal is not None and turn.holds(workflow.goal, journey):
        # A goal counts only after the trigger.
        if workflow.goal_ends:
            return refuse("goal")
        journey.reached = True
    for earlier in same:
        journeys.end(turn, earlier, "restarted")
    if len(under_way) - len(same) >= workflow.max_active or len(standing.journeys) >= MAX_JOURNEYS:
        oldest = min((it for it in under_way if it not in same), key=lambda it: it.entered_at, default=None)
        if not workflow.ends_oldest or oldest is None:
            return refuse("too_many_journeys")
        journeys.end(turn, oldest, "made_room")
    if not (key and workflow.again == "always"):
        standing.entries.pop(entry, None)
        standing.entries[entry] = at
        while len(standing.entries) > MAX_ENTRIES:
            del standing.entries[next(iter(standing.entries))]
    standing.journeys[run] = journey
    turn.begun |= {run, moment}
    turn.tell("entered", journey, why="holdout" if journey.held_out else "")
    journeys.proceed(turn, journey)
    return None


def _again(workflow: Workflow, since_last: int) -> bool:
    """Whether one may enter again so long after the last time."""
    if isinstance(workflow.again, int):
        return since_last >= workflow.again
    return workflow.again == "always"


def _is_held_out(turn: Turn, workflow: Workflow) -> bool:
    contact_id = turn.standing.contact_id
    return (
        chance.fraction(contact_id, "holdout") < turn.book.holdout
        or chance.fraction(contact_id, workflow.name, "holdout") < workflow.holdout
    )
