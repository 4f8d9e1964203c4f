"""Can a workflow start itself for ever?

Only what can be seen is reported: that a workflow's own doings (its emails, the traits it sets, whom it enrols)
cause what triggers it, and that its entry lets them. The runaway guard stops the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from redshank.definitions.compiling.outlooks import Known, can_be, can_rise, inlined, successors
from redshank.definitions.problems import Place, Problems, listed
from redshank.engine import book, inputs
from redshank.engine import workflows as flow
from redshank.engine.conditions import Condition
from redshank.engine.measures import Measure
from redshank.engine.values import Constant, Measured, Property, Trait

#: What an email brings about. A complaint bars all but transactional ones, and so ends what it starts.
_CAUSED = frozenset(
    {
        *("email_sent", "email_replied", inputs.EMAIL_DELIVERED, inputs.EMAIL_OPENED, inputs.LINK_CLICKED),
        *(inputs.EMAIL_BOUNCED, inputs.EMAIL_DEFERRED, inputs.EMAIL_FAILED),
    }
)
#: What their properties say of the workflow; a key of anything else is another one each time.
_OF_WORKFLOW = ("workflow", "step")


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where a workflow's parts stand."""

    triggers: Sequence[Place]
    #: Id of a step -> its place.
    steps: Mapping[str, Place]


@dataclass(frozen=True, kw_only=True)
class _Cause:
    """That what one workflow does can start another, or itself."""

    source: str
    target: str
    #: Whether emails are what does it.
    by_email: bool
    #: Whether it happens in the moment in which the source starts.
    at_once: bool
    place: Place
    #: What happens, as a sentence without its end.
    said: str
    #: What to do about it.
    remedy: str
    #: The condition that has to turn false before it can turn true again.
    edge: Condition | None = None


def check_loops(
    workflows: Mapping[str, flow.Workflow],
    written: Mapping[str, Written],
    topics: Mapping[str, book.Topic],
    segments: Mapping[str, Condition],
    measures: Mapping[str, Measure],
    problems: Problems,
) -> None:
    """Report workflows that start themselves without end."""
    _Search(workflows, written, topics, segments, measures, problems).check()


@dataclass(frozen=True)
class _Search:
    workflows: Mapping[str, flow.Workflow]
    written: Mapping[str, Written]
    topics: Mapping[str, book.Topic]
    segments: Mapping[str, Condition]
    measures: Mapping[str, Measure]
    problems: Problems

    def check(self) -> None:
        # A retired workflow takes nobody, and one in shadow does nothing.
        active = [it for it in self.workflows.values() if it.state not in ("shadow", "retired")]
        causes = [cause for source in active for target in active for cause in self._causes(source, target)]
        sudden = [cause for cause in causes if cause.at_once]
        for cause in causes:
            if cause.by_email:
                way = _way_back(cause, causes)
            elif cause.at_once and self._is_rearmed(cause, sudden):
                way = _way_back(cause, sudden)
            else:
                continue
            if way is not None:
                self._report(cause, way)

    def _report(self, cause: _Cause, way: list[str]) -> None:
        if len(way) == 1:
            message = f"{cause.said}, which starts it again, for ever; {cause.remedy}"
        else:
            circle = " → ".join((cause.source, *way))
            message = f"{cause.said}, and so on for ever ({circle}); {cause.remedy}"
        self.problems.add(cause.place, message)

    def _causes(self, source: flow.Workflow, target: flow.Workflow) -> Iterator[_Cause]:
        whose = "its own emails" if source is target else f"emails of `{source.name}`"
        places = self.written[target.name].triggers
        for trigger, place in zip(target.triggers, places, strict=True):
            event = self._event_of(source, target, trigger)
            if event:
                yield _Cause(
                    source=source.name,
                    target=target.name,
                    by_email=True,
                    at_once=False,
                    place=place,
                    said=f"{whose} cause `{event}`",
                    remedy=_exclusion(source, target, trigger),
                )
            elif isinstance(trigger, flow.BecomesTrigger) and target.again == "always":
                yield from self._sets(source, target, trigger, place)
        if target.again == "always":
            yield from self._enrolls(source, target)

    # --- by email

    def _event_of(self, source: flow.Workflow, target: flow.Workflow, trigger: flow.Trigger) -> str:
        """The event of an email of the one that starts the other, or an empty string."""
        match trigger:
            case flow.EventTrigger() | flow.AbsenceTrigger():
                if not _enters_again(target):
                    return ""
                asked, filters = trigger.events, (trigger.where, trigger.when)
            case flow.BecomesTrigger():
                if target.again != "always":
                    return ""
                return self._counted(source, trigger.condition)
            case _:
                return ""
        for step in _sends(source):
            caused = [event for event in asked if event in self._caused(step)]
            if caused and all(can_be(True, it, _properties(source, step)) for it in filters):
                return caused[0]
        return ""

    def _counted(self, source: flow.Workflow, condition: Condition) -> str:
        """The event of an email that a measure counts until the condition turns true."""
        fed: dict[str, str] = {}
        for step in _sends(source):
            for measure in self.measures.values():
                caused = [event for event in measure.events if event in self._caused(step)]
                if caused and can_be(True, measure.where, _properties(source, step)):
                    fed[measure.key] = caused[0]
        condition = inlined(condition, self.segments)
        if not can_rise(condition, fed.keys(), self.measures):
            return ""
        asked = (node.measure for node in book.nodes(condition) if isinstance(node, Measured))
        return next(fed[key] for key in asked if key in fed)

    def _caused(self, step: flow.Send) -> frozenset[str]:
        topic = self.topics.get(step.topic)
        return _CAUSED | {inputs.EMAIL_COMPLAINED} if topic and topic.transactional else _CAUSED

    # --- at once

    def _sets(
        self, source: flow.Workflow, target: flow.Workflow, trigger: flow.BecomesTrigger, place: Place
    ) -> Iterator[_Cause]:
        condition = inlined(trigger.condition, self.segments)
        asked = {node for node in book.nodes(condition) if isinstance(node, Trait)}
        for step, at_once in _reached(source):
            traits = _constants(step)
            if asked & traits.keys() and can_be(True, condition, traits):
                names = listed(sorted(it.path for it in asked & traits.keys()), "and")
                whose = "it" if source is target else f"`{source.name}`"
                yield _Cause(
                    source=source.name,
                    target=target.name,
                    by_email=False,
                    at_once=at_once,
                    place=place,
                    said=f"{whose} sets {names} itself at `{step.id}`",
                    remedy="set it once, put a `wait` before, or enter with `again: never`",
                    edge=condition,
                )

    def _is_rearmed(self, cause: _Cause, causes: Sequence[_Cause]) -> bool:
        """Whether a condition that turned true is made false again on the way back to it."""
        if cause.edge is None:
            return True
        between = {cause.source, *(_way_back(cause, causes) or ())}
        return any(
            not can_be(True, cause.edge, _constants(step))
            for name in between
            for step, at_once in _reached(self.workflows[name])
            if at_once and _constants(step)
        )

    def _enrolls(self, source: flow.Workflow, target: flow.Workflow) -> Iterator[_Cause]:
        for step, at_once in _reached(source):
            if isinstance(step, flow.Enroll) and step.workflow == target.name:
                who = "this enrols in itself" if source is target else f"this enrols in `{target.name}`"
                yield _Cause(
                    source=source.name,
                    target=target.name,
                    by_email=False,
                    at_once=at_once,
                    place=self.written[source.name].steps[step.id],
                    said=f"{who} without a wait",
                    remedy="put a `wait` before, or let nobody enter twice (`again: never`)",
                )


def _enters_again(workflow: flow.Workflow) -> bool:
    if workflow.again != "never" or workflow.restarts:
        return True
    return workflow.key != "" and workflow.key not in _OF_WORKFLOW


def _exclusion(source: flow.Workflow, target: flow.Workflow, trigger: flow.Trigger) -> str:
    without = f"{{property: workflow, ne: {source.name}}}"
    if isinstance(trigger, flow.BecomesTrigger) or target.again != "never":
        return f"leave them out with `where: {without}`, or enter with `again: never`"
    return f"leave them out with `where: {without}`, or enter without the `key`, which differs each time"


def _sends(workflow: flow.Workflow) -> Iterator[flow.Send]:
    return (step for step in workflow.steps.values() if isinstance(step, flow.Send))


def _properties(workflow: flow.Workflow, step: flow.Send) -> Known:
    return {Property("workflow"): workflow.name, Property("step"): step.id}


def _constants(step: flow.Step) -> Known:
    """What a step makes of traits, where it is known."""
    if not isinstance(step, flow.Set):
        return {}
    return {Trait(name): it.value for name, it in step.traits.items() if isinstance(it, Constant)}


def _reached(workflow: flow.Workflow) -> Iterator[tuple[flow.Step, bool]]:
    """The steps that a journey can come to, and whether it can without a wait."""
    at_once: set[str] = set()
    later: set[str] = set()
    waiting = [(workflow.first, True)]
    while waiting:
        name, sudden = waiting.pop()
        step = workflow.steps.get(name)
        if step is None or name in at_once or (name in later and not sudden):
            continue
        (at_once if sudden else later).add(name)
        waits = isinstance(step, flow.Wait | flow.WaitFor | flow.WaitUntil)
        waiting += ((following, sudden and not waits) for following in successors(step))
    return (
        (step, name in at_once) for name, step in workflow.steps.items() if name in at_once or name in later
    )


def _way_back(cause: _Cause, causes: Sequence[_Cause]) -> list[str] | None:
    """The workflows from what it starts to where it comes from, or None if there is no way."""
    ways = {cause.target: [cause.target]}
    waiting = [cause.target]
    while waiting:
        name = waiting.pop(0)
        if name == cause.source:
            return ways[name]
        for other in causes:
            if other.source == name and other.target not in ways:
                ways[other.target] = [*ways[name], other.target]
                waiting.append(other.target)
    return None
