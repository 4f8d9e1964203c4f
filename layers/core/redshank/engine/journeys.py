"""Where does a journey go next?

A journey stands at one step. ``proceed`` takes it as far as it can go now, ``end`` takes it off the road at
whatever step it is and cancels what it had decided but not sent. How one begins is in entering.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from redshank.engine import consent, emails, moments
from redshank.engine.conditions import earliest
from redshank.engine.effects import Cancel, Emission
from redshank.engine.state import END, Journey, say
from redshank.engine.turn import Turn
from redshank.engine.values import Facts, Measured, present
from redshank.engine.workflows import (
    Branch,
    Emit,
    Enroll,
    Exit,
    Send,
    Set,
    Split,
    Step,
    Subscribe,
    Suppress,
    Wait,
    WaitFor,
    WaitUntil,
    Workflow,
)
from redshank.identity import message_id_of

#: More steps than this of a journey at one instant are a loop.
MAX_STEPS = 1_000


def active(turn: Turn) -> list[Journey]:
    """The journeys that still have a step to take, by priority, then age; a copy: they may end meanwhile."""
    found = [journey for journey in turn.standing.journeys.values() if journey.active]
    if len(found) > 1:
        found.sort(key=lambda it: (-_priority(turn, it), it.entered_at))
    return found


def proceed(turn: Turn, journey: Journey) -> None:
    """Take every step that can be taken now."""
    workflow = turn.book.workflows.get(journey.workflow)
    if workflow is None:
        return end(turn, journey, "workflow_removed")
    if workflow.state == "paused":
        return None
    taken = 0
    while journey.run in turn.standing.journeys and journey.active:
        step = _step(turn, workflow, journey)
        taken += 1
        if taken > MAX_STEPS:
            return end(turn, journey, "runaway")
        if step is None:
            continue
        # Whoever stands at a wait waits; what was held back is judged again.
        arrives = journey.until is None or isinstance(step, Send)
        if arrives and not turn.holds(step.when, journey):
            turn.tell("skipped", journey, why="condition")
            emails.withdraw(turn, journey, step.id, "condition")
            journey.go(step.next, journey.since)
        elif not _take(turn, workflow, journey, step):
            return None
        if step.id in workflow.remembers:
            journey.passed[step.id] = journey.since
        if journey.at == END and journey.run in turn.standing.journeys:
            emails.withdraw_all(turn, journey, "overtaken")
            if not isinstance(step, Exit):
                turn.tell("exited", journey, step=step.id, why="finished")
    return None


def end(turn: Turn, journey: Journey, reason: str) -> None:
    """Take the journey off the road; what it decided and nobody has claimed is cancelled."""
    turn.tell("exited", journey, why=reason)
    for message_id, outgoing in turn.standing.outbox.items():
        if outgoing.run == journey.run:
            turn.do(Cancel(message_id=message_id, reason=reason))
    if journey.active:
        emails.withdraw_all(turn, journey, reason)
    del turn.standing.journeys[journey.run]


def adapt(turn: Turn, journey: Journey) -> None:
    """Look anew at where a journey stands, for a new book: what that releases is over now, not long since."""
    workflow = turn.book.workflows.get(journey.workflow)
    if workflow is None:
        return end(turn, journey, "workflow_removed")
    moved = False
    for _ in range(MAX_STEPS):
        if not journey.active or _step(turn, workflow, journey) is not None:
            break
        moved = True
    step = workflow.steps.get(journey.at)
    if isinstance(step, Wait | WaitUntil | WaitFor):
        if moved or journey.until is None or journey.until > turn.now:
            journey.until = turn.now
    elif moved or not isinstance(step, Send):
        # It has just come here.
        journey.since = journey.until = turn.now
    return None


def check(turn: Turn, journey: Journey) -> bool:
    """End the journey if its goal is reached or its exit condition holds; whether it goes on."""
    if journey.run not in turn.standing.journeys:
        # It has ended by what another one did.
        return False
    workflow = turn.book.workflows.get(journey.workflow)
    if workflow is None:
        end(turn, journey, "workflow_removed")
        return False
    if workflow.goal is not None and not journey.reached and turn.holds(workflow.goal, journey):
        if workflow.goal_ends:
            end(turn, journey, "goal")
            return False
        journey.reached = True
        turn.tell("reached", journey, why="goal")
    if workflow.exit_if is not None and turn.holds(workflow.exit_if, journey):
        end(turn, journey, "exit_if")
        return False
    return True


def due(turn: Turn, journey: Journey) -> int | None:
    """When time alone takes the journey further, or ends it."""
    workflow = turn.book.workflows[journey.workflow]
    if workflow.state == "paused":
        return None
    if workflow.name not in turn.book.ended_by_time:
        return journey.until
    found = [journey.until]
    if workflow.goal is not None and not journey.reached:
        found.append(turn.verdict(workflow.goal, journey)[1])
    if workflow.exit_if is not None:
        found.append(turn.verdict(workflow.exit_if, journey)[1])
    return earliest(*found)


def is_concerned(turn: Turn, journey: Journey, fed: Collection[str]) -> bool:
    """Whether it asks for one of these measures."""
    asking = turn.book.workflows_on_measure
    return any(journey.workflow in asking.get(measure, ()) for measure in fed)


def listens(turn: Turn, journey: Journey) -> bool:
    """Whether it stands at a step that an event can end."""
    workflow = turn.book.workflows.get(journey.workflow)
    return workflow is not None and isinstance(workflow.steps.get(journey.at), WaitFor)


def leave_topic(turn: Turn, topic: str) -> None:
    """Unsubscribing ends the workflows whose topic it is; the others skip its emails."""
    for journey in active(turn):
        workflow = turn.book.workflows.get(journey.workflow)
        about = turn.book.topics.get(workflow.topic) if workflow else None
        if about is None or about.transactional:
            continue
        if topic in (consent.EVERYTHING, about.name) and not consent.allows(about, turn.profile):
            end(turn, journey, "unsubscribed")


def _priority(turn: Turn, journey: Journey) -> int:
    workflow = turn.book.workflows.get(journey.workflow)
    return workflow.priority if workflow else 0


# --- steps


def _step(turn: Turn, workflow: Workflow, journey: Journey) -> Step | None:
    """The step it stands at; a step that an edit removed sends it on, and None is returned for that."""
    step = workflow.steps.get(journey.at)
    if step is None:
        gone = journey.at
        emails.withdraw(turn, journey, gone, "step_removed")
        journey.go(workflow.moved.get(gone, END), journey.since)
        turn.tell("moved", journey, step=gone, why="step_removed")
    return step


def _take(turn: Turn, workflow: Workflow, journey: Journey, step: Step) -> bool:
    """Take one step; whether the journey has left it."""
    match step:
        case Send():
            return emails.take(turn, workflow, journey, step)
        case Wait():
            return _wait(turn, journey, step.next, journey.since + step.span)
        case WaitFor():
            return _wait_for(turn, journey, step)
        case WaitUntil():
            return _wait(turn, journey, step.next, _moment(turn, journey, step))
        case Branch():
            arm = next((arm for arm in step.arms if turn.holds(arm.when, journey)), None)
            turn.tell("branched", journey, why=arm.to if arm else "none")
            journey.go(arm.to if arm else step.next, journey.since)
            return True
        case Split():
            shares = {name: way.share for name, way in step.arms.items()}
            name = emails.arm(turn, journey, step.id, shares, step.decide)
            turn.tell("branched", journey, why=name)
            journey.go(step.arms[name].to, journey.since)
            return True
        case Exit():
            # What it has decided to send stays decided.
            turn.tell("exited", journey, why=step.reason)
            journey.go(END, turn.now)
            return True
        case Set() | Subscribe() | Emit() | Enroll() | Suppress():
            if workflow.state == "shadow":
                turn.tell("did", journey, why="shadow")
            else:
                _act(turn, journey, step)
            # An action may end the journey that takes it: by unsubscribing from its topic.
            journey.go(step.next, journey.since)
            return True
        case _:
            assert_never(step)


def _act(turn: Turn, journey: Journey, step: Set | Subscribe | Emit | Enroll | Suppress) -> None:
    turn.tell("did", journey)
    # As of when it was due: what she said after that, but before anybody looked, is the newer word.
    match step:
        case Set():
            facts = turn.facts(journey)
            traits = {name: present(value, facts) for name, value in step.traits.items()}
            turn.change(say(turn.profile, turn.standing, traits, turn.reach))
        case Subscribe():
            turn.change(consent.say(turn.profile, step.topic, step.subscribed, turn.reach))
            if step.subscribed:
                turn.change(consent.lift(turn.profile, turn.reach))
            else:
                leave_topic(turn, step.topic)
        case Emit():
            facts = turn.facts(journey)
            turn.do(
                Emission(
                    id=message_id_of(journey.run, step.id, 1),
                    name=step.name,
                    contact_id=turn.standing.contact_id,
                    workflow=journey.workflow,
                    step=step.id,
                    at=turn.now,
                    detail={name: present(value, facts) for name, value in step.detail.items()},
                )
            )
        case Enroll():
            turn.enrolling.append((step.workflow, journey))
        case Suppress():
            turn.change(consent.suppress(turn.profile, step.reason, turn.reach))
        case _:
            assert_never(step)


# --- waits


def _wait(turn: Turn, journey: Journey, then: str, until: int) -> bool:
    """Wait until an instant, which is when the step is over, however late that is noticed."""
    if until > turn.reach:
        _stand(turn, journey, until)
        return False
    journey.go(then, _settled(turn, journey, until))
    return True


def _wait_for(turn: Turn, journey: Journey, step: WaitFor) -> bool:
    truth, changes = turn.verdict(step.condition, journey)
    if truth:
        turn.tell("branched", journey, why="then")
        journey.go(step.then, turn.reach)
        return True
    over = None if step.at_most is None else journey.since + step.at_most
    if over is not None and over <= turn.reach:
        turn.tell("branched", journey, why="else")
        journey.go(step.otherwise, _settled(turn, journey, over))
        return True
    _stand(turn, journey, earliest(over, changes))
    return False


def _settled(turn: Turn, journey: Journey, until: int) -> int:
    """When a wait was over: at its instant however late that is noticed, or when a change released it early."""
    released = until if journey.until is None else min(journey.until, turn.reach)
    return max(journey.since, until, released)


def _stand(turn: Turn, journey: Journey, until: int | None) -> None:
    if journey.until != until or until is None:
        turn.tell("waiting", journey)
    journey.until = until


def _moment(turn: Turn, journey: Journey, step: WaitUntil) -> int:
    """The instant that a step waits for; one that has passed, or that nothing is known of, ends it at once."""
    facts = turn.facts(journey)
    if step.date is not None:
        moment = moments.moment(present(step.date, facts), facts.zone)
        if moment is None:
            return journey.since
        return moments.on_day(moment, step.offset, step.minutes, facts.zone)
    minutes = step.minutes
    if step.arms:
        shares = {name: share for name, (share, _) in step.arms.items()}
        minutes = step.arms[emails.arm(turn, journey, step.id, shares, step.decide)][1]
    elif step.best_hour:
        minutes = _best_hour(facts, step.best_hour)
    if minutes is None:
        return journey.since
    return moments.next_time(journey.since - 1, minutes, step.days, facts.zone)


def _best_hour(facts: Facts, measure: str) -> int | None:
    """The hour at which the contact opens and clicks most, in minutes after midnight; None if it never did."""
    hour = present(Measured(measure), facts)
    return None if hour is None else int(hour) * 60
