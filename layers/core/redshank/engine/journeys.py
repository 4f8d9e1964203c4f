"""Where does a journey go next?

A journey stands at one step. ``enter`` starts one, ``proceed`` takes it as far as it can go now, ``end``
takes it off the road at whatever step it is and cancels what it had decided but not sent.
"""

from __future__ import annotations

from typing import assert_never

from redshank.engine import consent
from redshank.engine.book import Branch, Exit, Send, Step, Trigger, Wait, Workflow
from redshank.engine.conditions import dig
from redshank.engine.effects import Cancel, Mail
from redshank.engine.inputs import Event
from redshank.engine.state import END, Journey, Outgoing
from redshank.engine.turn import Turn
from redshank.identity import message_id_of, run_id_of


def active(turn: Turn) -> list[Journey]:
    """The journeys that still have a step to take; a copy, so that they may end meanwhile."""
    return [journey for journey in turn.standing.journeys.values() if journey.active]


def enter(turn: Turn, workflow: Workflow, trigger: Trigger, event: Event | None) -> None:
    """Start a journey, unless the workflow's entry rules say no."""
    properties = event.properties if event else {}
    found = dig(properties, workflow.key) if workflow.key else ""
    key = "" if found is None else str(found)

    def refuse(why: str) -> None:
        turn.tell("not_entered", workflow=workflow.name, why=why)

    if workflow.state != "live":
        return refuse(workflow.state)
    if not turn.standing.identified:
        return refuse("anonymous")
    if workflow.key and not key:
        return refuse(f"no_{workflow.key}")
    if not turn.holds(trigger.when, properties=properties):
        return refuse("condition")
    if any(it.workflow == workflow.name and it.key == key for it in active(turn)):
        return refuse("already_active")
    entry = f"{workflow.name}#{key}" if key else workflow.name
    last = turn.standing.entries.get(entry)
    if last is not None and (
        workflow.again == "never" or (isinstance(workflow.again, int) and turn.now - last < workflow.again)
    ):
        return refuse("entered_before")
    journey = Journey(
        run=run_id_of(turn.standing.contact_id, entry, turn.cause),
        workflow=workflow.name,
        key=key,
        entered_at=event.occurred_at if event else turn.now,
        at=workflow.first,
        since=turn.now,
        event=properties if workflow.keeps_event else {},
    )
    if workflow.exit_if is not None and turn.holds(workflow.exit_if, journey):
        return refuse("exit_if")
    turn.standing.entries[entry] = turn.now
    turn.standing.journeys[journey.run] = journey
    turn.tell("entered", journey)
    proceed(turn, journey)
    return None


def proceed(turn: Turn, journey: Journey) -> None:
    """Take every step that can be taken now."""
    workflow = turn.book.workflows.get(journey.workflow)
    if workflow is None:
        return end(turn, journey, "workflow_removed")
    while journey.run in turn.standing.journeys and journey.active:
        step = _step(turn, workflow, journey)
        if step is None:
            continue
        turn.fuel -= 1
        if turn.fuel < 0:
            return end(turn, journey, "runaway")
        if not turn.holds(step.when, journey):
            turn.tell("skipped", journey, why="condition")
            _withdraw(turn, journey, step, "condition")
            _go(journey, step.next, journey.since)
        elif not _take(turn, journey, step):
            return None
    return None


def end(turn: Turn, journey: Journey, reason: str) -> None:
    """Take the journey off the road; what it decided and nobody has claimed is cancelled."""
    turn.tell("exited", journey, why=reason)
    for message_id, outgoing in turn.standing.outbox.items():
        if outgoing.run == journey.run:
            turn.do(Cancel(message_id=message_id, reason=reason))
    if journey.active and journey.at in journey.releases:
        turn.do(Cancel(message_id=message_id_of(journey.run, journey.at, 1), reason=reason))
    del turn.standing.journeys[journey.run]


def check(turn: Turn, journey: Journey) -> bool:
    """End the journey if its goal is reached or its exit condition holds; whether it goes on."""
    workflow = turn.book.workflows.get(journey.workflow)
    if workflow is None:
        end(turn, journey, "workflow_removed")
        return False
    if workflow.goal is not None and workflow.goal_ends and turn.holds(workflow.goal, journey):
        end(turn, journey, "goal")
        return False
    if workflow.exit_if is not None and turn.holds(workflow.exit_if, journey):
        end(turn, journey, "exit_if")
        return False
    return True


def deferred(turn: Turn, event: Event) -> None:
    """Send could not send it yet: the journey stands at that step again until ``retry_at``."""
    message_id = str(event.properties.get("message_id"))
    outgoing = turn.standing.outbox.get(message_id)
    if outgoing is None:
        # Forgotten when it was claimed; that claim was given back, and nobody else would ever settle it.
        turn.do(Cancel(message_id=message_id, reason="overtaken"))
        return
    reason = str(event.properties.get("reason", ""))
    journey = turn.standing.journeys.get(outgoing.run)
    decided_at = journey.sent.get(outgoing.step) if journey else None
    if journey is None or decided_at is None or any(at > decided_at for at in journey.sent.values()):
        turn.do(Cancel(message_id=message_id, reason="overtaken"))
        return
    del turn.standing.outbox[message_id]
    del journey.sent[outgoing.step]
    count, first = journey.releases.get(outgoing.step, (0, decided_at))
    journey.releases[outgoing.step] = (count + 1, first)
    journey.at, journey.since = outgoing.step, first
    journey.until = int(event.properties.get("retry_at") or turn.now)
    turn.tell("held", journey, why=reason)


def _step(turn: Turn, workflow: Workflow, journey: Journey) -> Step | None:
    """The step it stands at; a step that an edit removed sends it on, and None is returned for that."""
    step = workflow.steps.get(journey.at)
    if step is None:
        gone = journey.at
        _go(journey, workflow.moved.get(gone, END), journey.since)
        turn.tell("moved", journey, step=gone, why="step_removed")
    return step


def _go(journey: Journey, to: str, since: int) -> None:
    journey.at, journey.since, journey.until = to, since, None


def _take(turn: Turn, journey: Journey, step: Step) -> bool:
    """Take one step; whether the journey has left it."""
    match step:
        case Wait():
            journey.until = journey.since + step.span
            if journey.until > turn.now:
                return False
            _go(journey, step.next, journey.until)
        case Branch():
            arm = next((arm for arm in step.arms if turn.holds(arm.when, journey)), None)
            turn.tell("branched", journey, why=arm.to if arm else "none")
            _go(journey, arm.to if arm else step.next, journey.since)
        case Exit():
            end(turn, journey, step.reason)
        case Send():
            return _send(turn, journey, step)
        case _:
            assert_never(step)
    return True


def _send(turn: Turn, journey: Journey, step: Send) -> bool:
    """Decide to send, to skip, or to hold; whether that settled the step."""
    topic = turn.book.topics[step.topic]
    releases, first_decided = journey.releases.get(step.id, (0, turn.now))
    if releases and journey.until is not None and journey.until > turn.now:
        return False
    if turn.now > first_decided + step.hold:
        return _skip(turn, journey, step, "held_too_long")
    if not consent.allows(topic, turn.profile):
        return _skip(turn, journey, step, "unsubscribed")
    if not turn.profile.email:
        journey.until = journey.since + turn.book.policy.entry_grace
        return journey.until <= turn.now and _skip(turn, journey, step, "no_address")
    barred = consent.barred(turn.profile, topic)
    if barred:
        return _skip(turn, journey, step, barred)
    message_id = message_id_of(journey.run, step.id, 1)
    turn.standing.outbox[message_id] = Outgoing(cause=turn.cause, run=journey.run, step=step.id)
    journey.sent[step.id] = turn.now
    turn.tell("sent", journey)
    turn.do(
        Mail(
            message_id=message_id,
            contact_id=turn.standing.contact_id,
            workflow=journey.workflow,
            run=journey.run,
            step=step.id,
            template=step.template,
            topic=step.topic,
            transactional=topic.transactional,
            decided_at=turn.now,
            release=releases,
            not_after=first_decided + step.hold,
            event=journey.event,
            sender=step.sender,
            subject=step.subject,
        )
    )
    _go(journey, step.next, turn.now)
    return True


def _skip(turn: Turn, journey: Journey, step: Send, reason: str) -> bool:
    turn.tell("skipped", journey, why=reason)
    _withdraw(turn, journey, step, reason)
    _go(journey, step.next, turn.now)
    return True


def _withdraw(turn: Turn, journey: Journey, step: Step, reason: str) -> None:
    """A deferred email may have a twin on its way: the ledger must know that it is not wanted any more."""
    if step.id in journey.releases:
        turn.do(Cancel(message_id=message_id_of(journey.run, step.id, 1), reason=reason))
