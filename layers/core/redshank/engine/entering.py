"""May a journey begin?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redshank.engine import chance, conditions, journeys, packing, values
from redshank.engine.book import nodes
from redshank.engine.conditions import Condition
from redshank.engine.state import Hopeful, Journey
from redshank.engine.turn import Turn
from redshank.engine.values import dig
from redshank.engine.workflows import ManualTrigger, Trigger, Workflow
from redshank.identity import digest, run_id_of

#: So many journeys of a contact at a time, whatever the workflows allow: a standing has to stay small.
MAX_JOURNEYS = 500
#: So many entries are remembered; the oldest are forgotten first.
MAX_ENTRIES = 1_000
#: Bytes of events and keys (see packing.weight) that a standing has room for.
MAX_WEIGHT = 120_000
#: A key longer than this goes by its hash.
MAX_KEY = 100
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
    if not grace or not _can_change(trigger.when):
        return
    if len(turn.standing.hopefuls) >= MAX_HOPEFULS or is_full(turn):
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
    key = key_of(dig(event, workflow.key)) if workflow.key else ""
    entry = f"{workflow.name}#{key}" if key else workflow.name

    def refuse(why: str) -> None:
        turn.tell("not_entered", workflow=workflow.name, why=why)

    if workflow.key and not key:
        return refuse(f"no_{workflow.key}")
    under_way = [it for it in journeys.active(turn) if it.workflow == workflow.name]
    same = [it for it in under_way if it.key == key]
    if same and not workflow.restarts:
        return refuse("already_active")
    last = standing.entries.get(entry)
    # What happens at one instant starts one run; `while_active` rules while it is under way, `again` after it.
    begun = (entry, turn.cause, turn.reach) in turn.begun
    if begun or (not same and last is not None and not _again(workflow, at - last)):
        return refuse("entered_before")
    journey = Journey(
        run=_run(turn, entry),
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
    others = sorted((it for it in under_way if it.key != key), key=lambda it: it.entered_at)
    while why := _no_room(turn, workflow, len(others)):
        if not workflow.ends_oldest or not others:
            return refuse(why)
        journeys.end(turn, others.pop(0), "made_room")
    if not (key and workflow.again == "always"):
        standing.entries.pop(entry, None)
        standing.entries[entry] = at
        while len(standing.entries) > MAX_ENTRIES:
            del standing.entries[next(iter(standing.entries))]
    standing.journeys[journey.run] = journey
    turn.begun.add((entry, turn.cause, turn.reach))
    turn.runs.add(journey.run)
    turn.tell("entered", journey, why="holdout" if journey.held_out else "")
    journeys.proceed(turn, journey)
    return None


def key_of(value: Any) -> str:
    """A property's value as what is kept per value of it goes by; nothing for a missing one."""
    text = "" if value is None else str(value)
    return text if len(text) <= MAX_KEY else digest("key", text)


def _run(turn: Turn, entry: str) -> str:
    """The name of a run: of what caused it, and of the instant where time that passes starts one after another."""
    run = run_id_of(turn.standing.contact_id, entry, turn.cause)
    if run not in turn.runs:
        return run
    return run_id_of(turn.standing.contact_id, entry, f"{turn.cause}@{turn.reach}")


def _no_room(turn: Turn, workflow: Workflow, under_way: int) -> str:
    """Why one more journey would be too many, or an empty string."""
    if under_way >= workflow.max_active or len(turn.standing.journeys) >= MAX_JOURNEYS:
        return "too_many_journeys"
    return "standing_too_large" if is_full(turn) else ""


def is_full(turn: Turn) -> bool:
    """Whether the standing has no room for what one more journey or wait would keep."""
    return packing.weight(turn.standing) > MAX_WEIGHT


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
