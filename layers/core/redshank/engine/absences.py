"""What did not happen? An event anchors the wait, another that comes in time disarms it.

``without W, for D`` after an anchor A fires at A + D if no W came from A's own second to A + D. A newer A starts it
anew. An event that is both is an A: so each one disarms the last and arms the next.

Only the latest of what disarms is remembered: an anchor that comes late, when A + D is over, fires if no W and no
other anchor has come since.
"""

from __future__ import annotations

from redshank.engine import entering
from redshank.engine.inputs import Event
from redshank.engine.state import Anchor
from redshank.engine.turn import Turn
from redshank.engine.values import dig
from redshank.engine.workflows import AbsenceTrigger, Workflow
from redshank.instants import SECOND

#: So many anchors of a contact at a time.
MAX_ANCHORS = 500

_NOTHING = Anchor()


def note(
    turn: Turn, workflow: Workflow, trigger: AbsenceTrigger, event: Event, *, not_before: int | None
) -> None:
    """Arm or disarm by one event; it arms only what falls due after ``not_before`` (None: nothing)."""
    same = dig(event.properties, trigger.same) if trigger.same else ""
    if same is None:
        return
    key = f"{trigger.key}#{entering.key_of(same)}"
    anchors = turn.standing.anchors
    known = anchors.get(key, _NOTHING)
    at = event.occurred_at
    arms = event.name in trigger.events and turn.passes(trigger.where, event)
    if arms and not_before is not None and at + trigger.span > not_before:
        if known.at is not None and at <= known.at:
            return
        if known.disarmed is not None and _second(at) <= known.disarmed:
            return
        if known.at is None and len(due(turn)) >= MAX_ANCHORS:
            turn.tell("not_armed", workflow=workflow.name, why="too_many_open_keys")
            return
        if known.at is None and entering.is_full(turn):
            turn.tell("not_armed", workflow=workflow.name, why="standing_too_large")
            return
        kept = entering.kept(workflow, trigger.when, event.properties)
        anchors[key] = Anchor(at=at, disarmed=known.disarmed, event=kept)
    elif event.name in trigger.without:
        disarmed = at if known.disarmed is None else max(known.disarmed, at)
        if known.at is not None and _second(known.at) <= at <= known.at + trigger.span:
            anchors[key] = Anchor(disarmed=disarmed)
        else:
            anchors[key] = Anchor(at=known.at, disarmed=disarmed, event=known.event)


def due(turn: Turn) -> list[tuple[int, str]]:
    """(when it fires, its key) of all that is armed."""
    return [
        (anchor.at + found[1].span, key)
        for key, anchor in turn.standing.anchors.items()
        if anchor.at is not None and (found := turn.book.absences.get(trigger_of(key))) is not None
    ]


def fire(turn: Turn, key: str, at: int, *, starts: bool = True) -> None:
    """What was waited for did not happen; an older anchor that comes late does not fire too."""
    anchor = turn.standing.anchors[key]
    workflow, trigger = turn.book.absences[trigger_of(key)]
    turn.standing.anchors[key] = Anchor(disarmed=max(anchor.at or 0, anchor.disarmed or 0))
    if starts:
        entering.enter(turn, workflow, trigger, at, anchor.event)
    else:
        turn.tell("not_entered", workflow=workflow.name, why="late")


def forget(turn: Turn) -> None:
    """Drop what belongs to no trigger any more, and what disarms if it is too old for an anchor to come late."""
    before = _second(turn.now - turn.book.policy.lateness)
    known = {key: it for key, it in turn.standing.anchors.items() if trigger_of(key) in turn.book.absences}
    unarmed = sorted((it.disarmed or 0, key) for key, it in known.items() if it.at is None)
    for disarmed, key in unarmed:
        if disarmed < before or len(known) > 2 * MAX_ANCHORS:
            del known[key]
    turn.standing.anchors = known


def trigger_of(key: str) -> str:
    """The key of the trigger that an anchor is of."""
    return key.partition("#")[0]


def _second(instant: int) -> int:
    return instant - instant % SECOND
