"""What does a workflow mean to the engine?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from redshank.definitions.compiling.conditions import EDGE, ENTRY, FILTER, Conditions, Scope
from redshank.definitions.compiling.emails import uses_event
from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.steps import Names, name_steps
from redshank.definitions.folder import Folder
from redshank.definitions.models import steps as written
from redshank.definitions.models.triggers import BecomesTrigger, EventTrigger
from redshank.definitions.models.workflow import Workflow
from redshank.definitions.problems import Problems
from redshank.definitions.sources import check_line
from redshank.engine import book, serial
from redshank.engine import workflows as flow
from redshank.engine.state import END
from redshank.identity import digest


def compile_workflow(
    name: str,
    source: Workflow,
    folder: Folder,
    topics: Mapping[str, book.Topic],
    conditions: Conditions,
    references: References,
    problems: Problems,
) -> flow.Workflow:
    """The engine's form of a workflow; what is wrong goes to ``problems``."""
    return _Compiler(name, source, folder, topics, conditions, references, problems).compile()


class _Compiler:
    def __init__(
        self,
        name: str,
        source: Workflow,
        folder: Folder,
        topics: Mapping[str, book.Topic],
        conditions: Conditions,
        references: References,
        problems: Problems,
    ) -> None:
        self.name = name
        self.source = source
        self.folder = folder
        self.topics = topics
        self.conditions = conditions
        self.references = references
        # Where steps were left out because they are wrong, the names of the rest prove nothing.
        self.is_whole = not problems.in_file(source.at().file)
        self.names: Names = name_steps(source.steps, problems if self.is_whole else Problems())
        self.problems = problems
        self.journey = Scope(called="a step", emails=self.names.emails, is_whole=self.is_whole)
        self.steps: dict[str, flow.Step] = {}
        #: The topic that sends fall back to, once one did.
        self.fallback = ""
        #: What the subjects in the steps use of a template's variables.
        self.subject_roots: set[str] = set()

    def compile(self) -> flow.Workflow:
        source = self.source
        triggers = self._triggers()
        started_by = frozenset(
            event
            for trigger in triggers
            if isinstance(trigger, flow.EventTrigger)
            for event in trigger.events
        )
        goal = source.goal
        first = self._sequence(source.steps, END)
        self._check_entry()
        made = flow.Workflow(
            name=self.name,
            state=source.state,
            topic=self._topic(),
            priority=source.priority,
            triggers=triggers,
            again=source.entry.again if source.entry else "never",
            key=(source.entry.key or "") if source.entry else "",
            goal=None
            if goal is None
            else self.conditions.compile(goal.condition, replace(self.journey, started_by=started_by)),
            goal_ends=goal.ends if goal else True,
            exit_if=self.conditions.optional(source.exit_if, self.journey),
            first=first,
            steps=dict(self.steps),
            moved=dict(self.names.moved),
        )
        return replace(made, keeps_event=uses_event(made, self.subject_roots, self.folder))

    # --- entry

    def _triggers(self) -> tuple[flow.Trigger, ...]:
        made: list[flow.Trigger] = []
        keys: set[str] = set()
        for trigger in self.source.trigger:
            if isinstance(trigger, EventTrigger):
                made.append(
                    flow.EventTrigger(
                        events=tuple(sorted(set(trigger.event))),
                        where=self.conditions.optional(trigger.where, FILTER),
                        when=self.conditions.optional(trigger.when, ENTRY),
                    )
                )
            elif isinstance(trigger, BecomesTrigger):
                edge = self._edge(trigger)
                if edge.key in keys:
                    self.problems.add(trigger.at(), "another trigger of this workflow has the same condition")
                keys.add(edge.key)
                made.append(edge)
            else:
                assert_never(trigger)
        return tuple(made)

    def _edge(self, trigger: BecomesTrigger) -> flow.BecomesTrigger:
        condition = self.conditions.compile(trigger.becomes, EDGE)
        return flow.BecomesTrigger(
            key=digest("becomes", self.name, serial.canonical(condition), size=5),
            condition=condition,
            when=self.conditions.optional(trigger.when, replace(ENTRY, has_event=False)),
        )

    def _check_entry(self) -> None:
        entry = self.source.entry
        edges = [trigger for trigger in self.source.trigger if isinstance(trigger, BecomesTrigger)]
        if entry is not None and entry.key is not None and edges:
            self.problems.add(
                entry.at("key"), "`key` is a property of the event that triggers; `becomes` has none"
            )

    # --- topics

    def _topic(self) -> str:
        """The topic whose unsubscribe ends the workflow."""
        if self.source.topic is not None:
            self.references.check("topic", self.source.topic, self.source.at("topic"))
            return self.source.topic
        if self.fallback:
            return self.fallback
        used = {step.topic for step in self.steps.values() if isinstance(step, flow.Send)}
        return used.pop() if len(used) == 1 else ""

    def _topic_of(self, step: written.SendStep) -> str:
        """The step's topic, else its template's, else the workflow's, else the only marketing topic."""
        if step.topic is not None:
            self.references.check("topic", step.topic, step.at("topic"))
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

    # --- steps

    def _sequence(self, steps: Sequence[written.Step], after: str) -> str:
        """Compile steps that are followed by ``after``; the id of the first."""
        following = [self.names.of(step) for step in steps[1:]] + [after]
        for step, next_id in zip(steps, following, strict=False):
            self._step(step, next_id)
        return self.names.of(steps[0]) if steps else after

    def _step(self, step: written.Step, next_id: str) -> None:
        name = self.names.of(step)
        when = self.conditions.optional(step.when, self.journey)
        made: flow.Step
        if isinstance(step, written.SendStep):
            made = self._send(name, next_id, step)
        elif isinstance(step, written.WaitStep):
            made = flow.Wait(id=name, next=next_id, span=step.wait)
        elif isinstance(step, written.BranchStep):
            # The branch comes before the steps of its arms, as in the file.
            self.steps[name] = flow.Branch(id=name, next=next_id, arms=())
            made = flow.Branch(id=name, next=next_id, arms=self._arms(step, next_id))
        elif isinstance(step, written.ExitStep):
            made = flow.Exit(id=name, next=next_id, reason=step.exit)
        else:
            assert_never(step)
        self.steps[name] = replace(made, when=when)

    def _send(self, name: str, next_id: str, step: written.SendStep) -> flow.Send:
        self.references.check("template", step.send, step.at("send"))
        sender = step.sender or "default"
        self.references.check("sender", sender, step.at("sender" if step.sender else "send"))
        if step.subject is not None:
            self.subject_roots |= check_line(step.subject, step.at("subject"), self.problems)
        settings = self.folder.settings
        hold = settings.policy.hold if settings and settings.policy else book.Policy().hold
        return flow.Send(
            id=name,
            next=next_id,
            template=step.send,
            topic=self._topic_of(step),
            sender=sender,
            subject=step.subject or "",
            hold=hold if step.hold is None else step.hold,
        )

    def _arms(self, step: written.BranchStep, after: str) -> tuple[flow.Arm, ...]:
        made = []
        for index, arm in enumerate(step.branch):
            if arm.when is None and index < len(step.branch) - 1:
                self.problems.add(arm.at(), "an arm without `if` takes everybody; it must be the last")
            when = self.conditions.optional(arm.when, self.journey)
            made.append(flow.Arm(to=self._sequence(arm.then, after), when=when))
        return tuple(made)
