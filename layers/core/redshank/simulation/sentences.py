"""How is a decision said to a person? What was traced of a contact's life, a sentence each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from redshank.engine import inputs
from redshank.engine.advance import Transition
from redshank.engine.book import Book
from redshank.engine.conditions import Condition
from redshank.engine.inputs import Event
from redshank.engine.state import Journey, State
from redshank.engine.turn import Trace
from redshank.engine.values import Facts, zone_of
from redshank.engine.workflows import (
    AbsenceTrigger,
    BecomesTrigger,
    Branch,
    DateTrigger,
    Emit,
    Enroll,
    EventTrigger,
    Exit,
    ManualTrigger,
    ScheduleTrigger,
    Set,
    Split,
    Step,
    Subscribe,
    Suppress,
    Trigger,
    WaitFor,
    Workflow,
)
from redshank.simulation.reasons import holds, shown, span, stamp, why
from redshank.simulation.world import Moment


class Sentence(NamedTuple):
    at: int
    text: str
    #: An empty string: it is about the contact.
    workflow: str = ""
    run: str = ""


#: Why something was skipped or refused, where no condition says so.
_REASONS = {
    "unsubscribed": "they were not subscribed to its topic",
    "holdout": "they are in the holdout",
    "no_address": "no address was known",
    "hard_bounce": "the address does not exist",
    "complaint": "they had called an email spam",
    "held_too_long": "it had been held too long",
    "quiet": "quiet hours",
    "capped": "they had got as many emails as a cap allows (`caps`)",
    "max_emails_per_day": "they had got as many emails in 24 hours as the book allows (`max_emails_per_day`)",
    "anonymous": "nobody knew who they were: no user id had come",
    "paused": "it is paused",
    "retired": "it is retired",
    "already_active": "they were in it already",
    "entered_before": "they had entered it before, and `entry.again` does not let them so soon",
    "too_many_journeys": "they were in too many journeys",
    "too_many_open_keys": "too many others are being watched for it already",
    "goal": "its goal was reached already",
    "no_workflow": "there is no such workflow",
    "historical": "the event was imported as history",
    "late": "the event came too late",
    "date_passed": "the date had passed when it became known",
    "workflow_removed": "the workflow is no longer in the book",
    "restarted": "they entered it anew",
    "made_room": "a newer journey took its place",
    "runaway": "it went in circles",
    "finished": "no step was left",
    "test": "it waits for what the test decides",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what happened, in the contact's local time."""

    book: Book
    #: Ids of the emails that come out of it and were not decided when it happened.
    unsent: Collection[str] = ()

    def tell(self, moments: Iterable[Moment]) -> Iterator[Sentence]:
        """The sentences of a life, in order; an event comes before what followed from it."""
        for moment in moments:
            made = moment.transition
            if made is None:
                continue
            if moment.event is not None:
                yield Sentence(moment.at, _happened(moment.event))
            for it in made.trace:
                text = _Telling(self.book, self.unsent, moment, made, it).text()
                if text:
                    yield Sentence(it.at or moment.at, text, it.workflow, it.run)

    def stands(self, state: State) -> Iterator[tuple[str, str]]:
        """(workflow, where they stand in it now and what they wait for)."""
        for journey in state.standing.journeys.values():
            if journey.active:
                zone = zone_of(state.profile, self.book)
                until = f" until {stamp(journey.until, zone)}" if journey.until is not None else ""
                yield journey.workflow, f"stands at `{journey.at}` of `{journey.workflow}`{until}"

    def never(self, name: str, state: State, happened: frozenset[str]) -> str:
        """Why a workflow was never even considered."""
        workflow = self.book.workflows[name]
        facts = Facts(
            book=self.book, profile=state.profile, standing=state.standing, now=state.standing.as_of
        )
        reasons = [_not_triggered(trigger, facts, happened) for trigger in workflow.triggers]
        return f"never came to `{name}`: {'; '.join(dict.fromkeys(reasons)) or 'nothing starts it'}"


def _not_triggered(trigger: Trigger, facts: Facts, happened: frozenset[str]) -> str:
    match trigger:
        case EventTrigger(events=events, where=where):
            if where is not None and not happened.isdisjoint(events):
                return f"{_names(events)} happened, but not as its `where` asks"
            return f"{_names(events)} did not happen"
        case AbsenceTrigger(events=events, without=without, span=length):
            return f"{_names(events)} did not happen and stay without {_names(without)} for {span(length)}"
        case BecomesTrigger(condition=condition) | DateTrigger(condition=condition):
            truth = "it was so from the beginning: " if holds(condition, facts) else ""
            return truth + why(condition, facts)
        case ScheduleTrigger(segment=segment):
            return f"its time did not come while they were in `{segment}`"
        case ManualTrigger():
            return "nobody enrolled them"


def _happened(event: Event) -> str:
    properties = {name: it for name, it in event.properties.items() if name not in _INTERNAL}
    if event.type == "identify":
        return f"was said to be {shown(event.traits)}" if event.traits else "was identified"
    if event.type == "group":
        return f"was said to be of an account that is {shown(event.traits)}"
    step = event.properties.get("step")
    if event.name in inputs.RESERVED and step:
        return f"`{event.name}`: `{step}`" + (f" {shown(properties)}" if properties else "")
    return f"`{event.name}` happened" + (f" {shown(properties)}" if properties else "")


#: Properties of Redshank's own events that say nothing to a person.
_INTERNAL = frozenset({"message_id", "run", "address_hash", "step", "workflow"})


@dataclass(frozen=True, slots=True)
class _Telling:
    book: Book
    unsent: Collection[str]
    moment: Moment
    made: Transition
    it: Trace

    @property
    def workflow(self) -> Workflow | None:
        return self.book.workflows.get(self.it.workflow)

    @property
    def step(self) -> Step | None:
        return self.workflow.steps.get(self.it.step) if self.workflow else None

    @property
    def journey(self) -> Journey | None:
        """The journey as it is afterwards, or as it was before it ended."""
        run = self.it.run
        return self.made.state.standing.journeys.get(run) or self.moment.before.standing.journeys.get(run)

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.made.state.profile, self.book)

    def facts(self) -> Facts:
        after, journey, event = self.made.state, self.journey, self.moment.event
        if journey is not None and (journey.event or event is None):
            properties = journey.event
        else:
            properties = event.properties if event else {}
        return Facts(
            book=self.book,
            profile=after.profile,
            standing=after.standing,
            now=self.it.at or self.moment.at,
            properties=properties,
            journey=journey,
        )

    def because(self, condition: Condition | None, *, truth: bool) -> str:
        """What made a condition so, as far as it can still be seen."""
        if condition is None:
            return ""
        facts = self.facts()
        return why(condition, facts) if holds(condition, facts) is truth else ""

    def text(self) -> str:
        it = self.it
        match it.what:
            case "entered":
                held_out = "; they are in the holdout, and get no marketing email of it" if it.why else ""
                return f"entered `{it.workflow}`: {self._entered()}{held_out}"
            case "not_entered":
                return f"did not enter `{it.workflow}`: {self._refused()}"
            case "sent":
                return self._sent()
            case "skipped":
                return f"skipped `{it.step}`: {self._skipped()}"
            case "held":
                return f"`{it.step}` was held back: {self._reason()}"
            case "waiting":
                return self._waiting()
            case "branched":
                return self._branched()
            case "reached":
                return f"reached the goal of `{it.workflow}`{self._goal()}"
            case "exited":
                return f"left `{it.workflow}` at `{it.step}`: {self._exited()}"
            case "moved":
                return f"went on from `{it.step}`, which is no longer in `{it.workflow}`"
            case "did":
                return self._did() + ("; not really: it is in shadow" if it.why == "shadow" else "")
            case "not_armed":
                return f"is not watched for `{it.workflow}`: {self._reason()}"
            case "shrunk":
                return "has done so much that old events are counted by the hour"
            case _:
                about = f" `{it.step or it.workflow}`" if it.step or it.workflow else ""
                return f"{it.what.replace('_', ' ')}{about}" + (f": {self._reason()}" if it.why else "")

    def _reason(self) -> str:
        return _REASONS.get(self.it.why, self.it.why.replace("_", " "))

    # --- beginning

    def _entered(self) -> str:
        event = self.moment.event
        triggers = self.workflow.triggers if self.workflow else ()
        name = event.name if event else ""
        for trigger in triggers:
            if isinstance(trigger, EventTrigger) and name in trigger.events:
                return self._and(f"`{name}` happened", trigger)
        if name == inputs.WORKFLOW_ENROLLED:
            return "somebody enrolled them"
        for trigger in triggers:
            match trigger:
                case BecomesTrigger(condition=condition) | DateTrigger(condition=condition):
                    reason = self.because(condition, truth=True)
                    if reason:
                        return self._and(reason, trigger)
                case AbsenceTrigger(without=without, span=length) if event is None:
                    return self._and(f"{_names(without)} had not happened for {span(length)}", trigger)
                case ScheduleTrigger(segment=segment) if event is None:
                    return self._and(f"its time had come, and they were in `{segment}`", trigger)
        return "another workflow enrolled them"

    def _and(self, reason: str, trigger: Trigger) -> str:
        also = self.because(trigger.when, truth=True)
        return f"{reason}, and {also}" if also else reason

    def _refused(self) -> str:
        it, workflow = self.it, self.workflow
        if workflow is not None and it.why == "condition":
            reasons = (self.because(trigger.when, truth=False) for trigger in self._tried(workflow))
            return next(filter(None, reasons), "its `if` was false")
        if workflow is not None and it.why == "exit_if":
            return f"its `exit_if` was true: {self.because(workflow.exit_if, truth=True) or 'at that moment'}"
        if workflow is not None and workflow.key and it.why == f"no_{workflow.key}":
            return f"the event has no `{workflow.key}`"
        return self._reason()

    def _tried(self, workflow: Workflow) -> list[Trigger]:
        """The triggers that may have been the one: those of the event first."""
        name = self.moment.event.name if self.moment.event else ""
        own: list[Trigger] = [
            it for it in workflow.triggers if isinstance(it, EventTrigger) and name in it.events
        ]
        return own or [it for it in workflow.triggers if not isinstance(it, EventTrigger)]

    # --- on the way

    def _sent(self) -> str:
        it = self.it
        if it.why == "shadow":
            return f"would have been sent `{it.step}`: `{it.workflow}` is in shadow"
        mails = (mail for mail in self.moment.mails if (mail.run, mail.step) == (it.run, it.step))
        mail = next(mails, None)
        if mail is None:
            return f"`{it.step}` was decided, and cancelled before it was sent"
        if mail.message_id in self.unsent:
            return (
                f"would receive `{it.step}` of `{it.workflow}` by this book, and did not: it was paused then, or"
                " another book was live"
            )
        template = f" (template `{mail.template}`)" if mail.template != it.step else ""
        arm = f", arm `{it.why}`" if it.why else ""
        return f"received `{it.step}` of `{it.workflow}`{template}{arm}"

    def _skipped(self) -> str:
        if self.it.why == "condition" and self.step is not None:
            return self.because(self.step.when, truth=False) or "its `if` was false"
        return self._reason()

    def _waiting(self) -> str:
        journey, step = self.made.state.standing.journeys.get(self.it.run), self.step
        if journey is None or journey.at != self.it.step:
            return ""
        until = f" until {stamp(journey.until, self.zone)}" if journey.until is not None else ""
        if isinstance(step, WaitFor):
            most = f", at most{until}" if until else ""
            yet = self.because(step.condition, truth=False)
            return f"waits at `{self.it.step}`{f': {yet}' if yet else ''}{most}"
        return f"waits at `{self.it.step}`{until}"

    def _branched(self) -> str:
        it, step = self.it, self.step
        match step:
            case Split():
                return f"went the way `{it.why}` at `{it.step}`, by chance"
            case WaitFor() if it.why == "then":
                reason = self.because(step.condition, truth=True)
                return f"waited enough at `{it.step}`: {reason or 'what it waits for had come'}"
            case WaitFor():
                reason = self.because(step.condition, truth=False)
                return f"waited in vain at `{it.step}`{f': {reason}' if reason else ''}"
            case Branch():
                arm = next((arm for arm in step.arms if arm.to == it.why), None)
                if arm is None:
                    return f"went no way at `{it.step}`: none of its conditions was true"
                reason = self.because(arm.when, truth=True)
                return f"went to `{it.why or 'the end'}` at `{it.step}`" + (f": {reason}" if reason else "")
            case _:
                return f"went the way `{it.why}` at `{it.step}`"

    def _did(self) -> str:
        match self.step:
            case Set(traits=traits):
                return f"`{self.it.step}` set {_names(traits)}"
            case Subscribe(topic=topic, subscribed=subscribed):
                return f"`{self.it.step}` {'' if subscribed else 'un'}subscribed them: `{topic}`"
            case Emit(name=name):
                return f"`{self.it.step}` put `{name}` onto the bus"
            case Enroll(workflow=workflow):
                return f"`{self.it.step}` enrolled them in `{workflow}`"
            case Suppress(reason=reason):
                return f"`{self.it.step}` stopped marketing to them: {reason}"
            case _:
                return f"did `{self.it.step}`"

    # --- the end

    def _goal(self) -> str:
        reason = self.because(self.workflow.goal, truth=True) if self.workflow else ""
        return f": {reason}" if reason else ""

    def _exited(self) -> str:
        workflow = self.workflow
        if isinstance(self.step, Exit) and self.it.why == self.step.reason:
            return f"`{self.it.why}`"
        if workflow is not None and self.it.why == "goal":
            return f"the goal was reached{self._goal()}"
        if workflow is not None and self.it.why == "exit_if":
            reason = self.because(workflow.exit_if, truth=True)
            return "its `exit_if` came true" + (f": {reason}" if reason else "")
        if self.it.why == "unsubscribed":
            return "they unsubscribed"
        return self._reason()


def _names(names: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)
