"""What do the steps of a workflow mean to the engine, and which follows which?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import assert_never

from redshank.definitions.compiling.arms import Tests, shares
from redshank.definitions.compiling.conditions import Conditions, Scope
from redshank.definitions.compiling.emails import check_members
from redshank.definitions.compiling.snippets import Uses
from redshank.definitions.compiling.steps import Names
from redshank.definitions.compiling.texts import compile_date, compile_value
from redshank.definitions.folder import Folder
from redshank.definitions.models import steps as written
from redshank.definitions.models.steps import Step
from redshank.definitions.models.workflow import Workflow
from redshank.definitions.problems import Problems
from redshank.definitions.sources import check_line
from redshank.engine import book, values
from redshank.engine import workflows as flow
from redshank.engine.state import END


@dataclass(kw_only=True)
class Steps:
    """Compiles the steps of one workflow; what is wrong goes to the problems of ``conditions``."""

    source: Workflow
    folder: Folder
    topics: Mapping[str, book.Topic]
    conditions: Conditions
    names: Names
    uses: Uses
    #: Whether the names are known to be all.
    is_whole: bool
    #: The events that start the journeys, if nothing else does.
    events: tuple[str, ...]
    #: Whether a schedule starts all journeys.
    is_broadcast: bool
    #: The steps compiled so far.
    made: dict[str, flow.Step] = field(default_factory=dict)
    #: The topic that sends fall back to, once one did.
    fallback: str = ""
    #: What the subjects in the steps use of a template's variables.
    subject_roots: set[str] = field(default_factory=set)

    @property
    def problems(self) -> Problems:
        return self.conditions.problems

    @cached_property
    def scope(self) -> Scope:
        """What a condition in a journey can ask."""
        return Scope(
            called="a step",
            emails=self.names.emails,
            steps=self.names.taken,
            is_whole=self.is_whole,
            events=self.events,
        )

    @cached_property
    def tests(self) -> Tests:
        return Tests(self.names, self.is_whole, self.is_broadcast, self.problems)

    def compile(self) -> str:
        """Compile all; the id of the first step."""
        return self._sequence(self.source.steps, END)

    def in_order(self) -> dict[str, flow.Step]:
        """The steps in the order of the file: what has steps inside comes before them."""
        return {name: self.made[name] for name in self.names.steps if name in self.made}

    # --- topics

    def topic(self) -> str:
        """The topic whose unsubscribe ends the workflow, once its steps are compiled."""
        if self.source.topic is not None:
            self._check("topic", self.source.topic, self.source, "topic")
            return self.source.topic
        if self.fallback:
            return self.fallback
        used = {step.topic for step in self.made.values() if isinstance(step, flow.Send)}
        return used.pop() if len(used) == 1 else ""

    def _topic_of(self, step: written.SendStep) -> str:
        """The step's topic, else its template's, else the workflow's, else the only marketing topic."""
        if step.topic is not None:
            self._check("topic", step.topic, step, "topic")
            return step.topic
        email = self.folder.library.templates.get(step.send)
        if email is not None and email.front is not None and email.front.topic is not None:
            return email.front.topic
        if self.source.topic is not None:
            return self.source.topic
        marketing = [name for name, topic in self.topics.items() if not topic.transactional]
        if len(marketing) == 1:
            self.fallback = marketing[0]
            return self.fallback
        if self.folder.settings is not None:
            self.problems.add(step.at(), f"`{step.send}` has no topic; give the workflow a `topic`")
        return ""

    # --- order

    def _sequence(self, steps: Sequence[Step], after: str) -> str:
        """Compile steps that are followed by ``after``; the id of the first."""
        entries = [after]
        for step in reversed(steps):
            entries.append(self._entry(step, entries[-1]))
        entries.reverse()
        for index, step in enumerate(steps):
            following = steps[index + 1] if index + 1 < len(steps) else None
            self._step(step, entries[index + 1], following)
        return entries[0]

    def _entry(self, step: Step, after: str) -> str:
        """The id of what is taken first: a snippet's use is no step of its own, unless it has an ``if``."""
        if not isinstance(step, written.UseStep) or step.when is not None:
            return self.names.of(step)
        for inner in self.uses.of(step):
            return self._entry(inner, after)
        return after

    def _step(self, step: Step, after: str, following: Step | None) -> None:
        name = self.names.of(step)
        if isinstance(step, written.UseStep):
            self._use(name, after, step)
            return
        when = self.conditions.optional(step.when, self.scope)
        self.made[name] = replace(self._compiled(name, after, step, following), when=when)

    def _use(self, name: str, after: str, step: written.UseStep) -> None:
        """The steps of a snippet; with an ``if``, a way that only some go."""
        if step.when is None:
            self._sequence(self.uses.of(step), after)
            return
        taken = self.conditions.compile(step.when, self.scope)
        arm = flow.Arm(to=self._sequence(self.uses.of(step), after), when=taken)
        self.made[name] = flow.Branch(id=name, next=after, arms=(arm,))

    def _compiled(self, name: str, after: str, step: Step, following: Step | None) -> flow.Step:
        match step:
            case written.SendStep():
                return self._send(name, after, step, following)
            case written.WaitStep():
                return flow.Wait(id=name, next=after, span=step.wait)
            case written.WaitForStep():
                return self._wait_for(name, after, step)
            case written.WaitUntilStep():
                return self._wait_until(name, after, step, following)
            case written.BranchStep():
                return flow.Branch(id=name, next=after, arms=self._branch_arms(step, after))
            case written.SplitStep():
                return self._split(name, after, step, following)
            case written.SetStep():
                for trait in step.set:
                    self.conditions.declared.trait(trait, step.at("set"))
                return flow.Set(id=name, next=after, traits=self._values(step, "set", step.set))
            case written.SubscribeStep():
                return self._subscribe(name, after, step, "subscribe", step.subscribe)
            case written.UnsubscribeStep():
                return self._subscribe(name, after, step, "unsubscribe", step.unsubscribe)
            case written.EmitStep():
                detail = self._values(step, "detail", step.detail)
                return flow.Emit(id=name, next=after, name=step.emit, detail=detail)
            case written.EnrollStep():
                self._check("workflow", step.enroll, step, "enroll")
                return flow.Enroll(id=name, next=after, workflow=step.enroll)
            case written.SuppressStep():
                return flow.Suppress(id=name, next=after, reason=step.suppress)
            case written.ExitStep():
                return flow.Exit(id=name, next=after, reason=step.exit)
            case written.UseStep():
                raise AssertionError("the use of a snippet is compiled with its steps")
            case _:
                assert_never(step)

    def _check(self, kind: str, name: str, source: Step | written.SendArm | Workflow, key: str) -> None:
        self.conditions.references.check(kind, name, source.at(key))

    # --- email

    def _send(self, name: str, after: str, step: written.SendStep, following: Step | None) -> flow.Send:
        self._check("template", step.send, step, "send")
        sender = step.sender or "default"
        self._check("sender", sender, step, "sender" if step.sender else "send")
        self._subject(step)
        arms = step.arms or {}
        for arm in arms.values():
            if arm.template is not None:
                self._check("template", arm.template, arm, "template")
            if arm.sender is not None:
                self._check("sender", arm.sender, arm, "sender")
            self._subject(arm)
        settings = self.folder.settings
        hold = settings.policy.hold if settings and settings.policy else book.Policy().hold
        parts = self._shares(step, {key: arm.share for key, arm in arms.items()})
        return flow.Send(
            id=name,
            next=after,
            template=step.send,
            topic=self._topic_of(step),
            sender=sender,
            subject=step.subject or "",
            hold=hold if step.hold is None else step.hold,
            arms={
                key: flow.Variant(
                    share=parts[key],
                    template=arm.template or "",
                    subject=arm.subject or "",
                    sender=arm.sender or "",
                )
                for key, arm in arms.items()
            },
            decide=self.tests.decide(step, following),
        )

    def _subject(self, source: written.SendStep | written.SendArm) -> None:
        if source.subject is not None:
            place = source.at("subject")
            self.subject_roots |= check_line(source.subject, place, self.problems)
            check_members(source.subject, place, self.conditions.references)

    def _shares(
        self,
        step: written.SendStep | written.SplitStep | written.WaitUntilStep,
        given: Mapping[str, float | None],
    ) -> dict[str, float]:
        return shares(given, step.at("arms"), self.problems) if given else {}

    # --- time

    def _wait_for(self, name: str, after: str, step: written.WaitForStep) -> flow.WaitFor:
        scope = replace(self.scope, called="`wait_for`", waits=True)
        return flow.WaitFor(
            id=name,
            next=after,
            condition=self.conditions.compile(step.wait_for, scope),
            at_most=step.at_most,
            then=self._sequence(step.then or (), after),
            otherwise=self._sequence(step.otherwise or (), after),
        )

    def _wait_until(
        self, name: str, after: str, step: written.WaitUntilStep, following: Step | None
    ) -> flow.WaitUntil:
        arms = step.arms or {}
        parts = self._shares(step, {key: arm.share for key, arm in arms.items()})
        waits = flow.WaitUntil(
            id=name,
            next=after,
            arms={key: (parts[key], arm.time) for key, arm in arms.items()},
            decide=self.tests.decide(step, following),
        )
        until = step.wait_until
        if not isinstance(until, written.Moment):
            return replace(waits, best_hour=self.conditions.best_hour())
        days = tuple(sorted(set(until.days or ())))
        date = until.date
        return replace(
            waits,
            minutes=until.time,
            days=days if len(days) < 7 else (),
            date=None if date is None else compile_date(date, until.at("date"), self.conditions),
            offset=until.offset or 0,
        )

    # --- ways

    def _branch_arms(self, step: written.BranchStep, after: str) -> tuple[flow.Arm, ...]:
        made = []
        for index, arm in enumerate(step.branch):
            if arm.when is None and index < len(step.branch) - 1:
                self.problems.add(arm.at(), "an arm without `if` takes everybody; it must be the last")
            when = self.conditions.optional(arm.when, self.scope)
            made.append(flow.Arm(to=self._sequence(arm.then, after), when=when))
        return tuple(made)

    def _split(self, name: str, after: str, step: written.SplitStep, following: Step | None) -> flow.Split:
        parts = self._shares(step, {key: arm.share for key, arm in step.arms.items()})
        return flow.Split(
            id=name,
            next=after,
            arms={
                key: flow.Way(share=parts[key], to=self._sequence(arm.then, after))
                for key, arm in step.arms.items()
            },
            decide=self.tests.decide(step, following),
        )

    # --- what is written down, or told to others

    def _values(self, step: Step, key: str, given: Mapping[str, object]) -> dict[str, values.Value]:
        return {
            name: compile_value(value, step.at(key), self.conditions, self.problems)
            for name, value in given.items()
        }

    def _subscribe(self, name: str, after: str, step: Step, verb: str, topic: str) -> flow.Subscribe:
        self._check("topic", topic, step, verb)
        known = self.topics.get(topic)
        if known is not None and known.transactional:
            message = f"`{topic}` is transactional: nobody subscribes to it, and nobody can unsubscribe"
            self.problems.add(step.at(verb), message)
        return flow.Subscribe(id=name, next=after, topic=topic, subscribed=verb == "subscribe")
