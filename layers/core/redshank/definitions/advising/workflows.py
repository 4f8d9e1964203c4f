"""What about a workflow should be looked at again?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import dropwhile
from zoneinfo import ZoneInfo

from redshank.definitions.advising.ways import asks_for_activity, emails, of_trigger
from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.snippets import resolve_uses
from redshank.definitions.compiling.steps import name_steps
from redshank.definitions.folder import Folder
from redshank.definitions.models import steps as written
from redshank.definitions.models.workflow import Workflow
from redshank.definitions.problems import Place, Problems, listed
from redshank.engine import moments
from redshank.engine import workflows as flow
from redshank.engine.book import Book
from redshank.engine.conditions import Condition
from redshank.engine.state import END
from redshank.instants import DAY, HOUR

#: So many contacts in each arm before a test says anything.
ENOUGH = 1_000
_WAITS = (flow.Wait, flow.WaitFor, flow.WaitUntil)
#: So many emails within a day are too many.
MANY = 3


def written_steps(source: Workflow, folder: Folder) -> Mapping[str, written.Step]:
    """The steps of a workflow by their ids, those of its snippets included."""
    ignored = Problems()
    uses = resolve_uses(source.steps, folder.snippets, References(folder.names, ignored), ignored)
    return name_steps(source.steps, uses.steps, ignored).steps


class Advice:
    """On one workflow of a book that compiles; it goes to ``problems``."""

    def __init__(self, book: Book, folder: Folder, name: str, problems: Problems) -> None:
        self.book = book
        self.workflow = book.workflows[name]
        self.source = folder.workflows[name]
        self.folder = folder
        self.problems = problems
        self.steps = written_steps(self.source, folder)

    def give(self, now: int | None) -> None:
        self._goal()
        for step in self.steps.values():
            self._test(step)
        self._everybody()
        self._pace()
        if now is not None:
            self._past(now)

    # --- what it is for

    def _goal(self) -> None:
        if self.workflow.goal is not None or self.workflow.exit_if is not None or self._exits():
            return
        if self._goes_on():
            message = (
                "there is no `goal` and no `exit_if`: who has done what this is for gets the rest all the same;"
                " add for example `goal: {event: product_activated}`"
            )
            self.problems.add(self.source.at(), message)

    def _exits(self) -> bool:
        """Whether some leave it on the way."""
        outermost = [step for step in self.source.steps if step.when is None]
        return any(isinstance(it, written.ExitStep) and it not in outermost for it in self.steps.values())

    def _goes_on(self) -> bool:
        """Whether it sends after it has waited, so that something can have happened meanwhile."""
        kinds = [type(step) for step in self.workflow.steps.values()]
        if all(isinstance(it, flow.ScheduleTrigger) for it in self.workflow.triggers):
            kinds = list(dropwhile(lambda kind: kind in _WAITS, kinds))  # they wait for a good hour
        return flow.Send in dropwhile(lambda kind: kind not in _WAITS, kinds)

    # --- tests

    def _test(self, step: written.Step) -> None:
        if isinstance(step, written.SendStep) and step.arms:
            self._arms(step, list(step.arms.values()))
        if isinstance(step, written.SendStep | written.SplitStep | written.WaitUntilStep) and step.decide:
            if step.decide.minimum < ENOUGH:
                message = (
                    f"with fewer than {ENOUGH:,} contacts in each arm it is mostly chance that decides;"
                    f" leave `min` out, or make it {ENOUGH:,} or more"
                )
                self.problems.add(step.decide.at("min"), message)
            if isinstance(step, written.SplitStep) and step.decide.by == "opens":
                message = (
                    "opens judge a subject; what a way is worth shows in what is done at its end:"
                    " `by: conversion`, with a `within`"
                )
                self.problems.add(step.decide.at("by"), message)

    def _arms(self, step: written.SendStep, arms: list[written.SendArm]) -> None:
        templates = [arm.template or step.send for arm in arms]
        different = {
            "template": templates,
            "subject": [
                arm.subject or step.subject or self._subject_of(name)
                for arm, name in zip(arms, templates, strict=True)
            ],
            "sender": [arm.sender or step.sender or "default" for arm in arms],
        }
        changed = [what for what, given in different.items() if len(set(given)) > 1]
        if len(changed) > 1:
            message = (
                f"the arms differ in {listed(changed, 'and')}: whichever wins, nobody will know why;"
                " test one thing at a time"
            )
            if changed == ["template", "subject"] and not any(arm.subject for arm in arms):
                message += ", here with one `subject` for the step"
            self.problems.add(step.at("arms"), message)

    def _subject_of(self, template: str) -> str:
        email = self.folder.library.templates.get(template)
        return email.front.subject if email is not None and email.front is not None else ""

    # --- whom it reaches, and how often

    def _everybody(self) -> None:
        sent = [
            way
            for send, way in emails(self.workflow)
            if send.topic in self.book.topics and not self.book.topics[send.topic].transactional
        ]
        if not sent or all(any(self._is_engaged(it) for it in way.conditions) for way in sent):
            return
        for source, trigger in zip(self.source.trigger, self.workflow.triggers, strict=True):
            if isinstance(trigger, flow.ScheduleTrigger):
                asked = (self.book.segments[trigger.segment], *of_trigger(trigger))
                if not any(self._is_engaged(it) for it in asked):
                    message = (
                        f"this goes to everybody in `{trigger.segment}`, also to those who have not opened anything"
                        " for months, which spoils the sender's reputation; send to the engaged, for example"
                        " `if: {event: [email_opened, link_clicked], within: 180d}`"
                    )
                    self.problems.add(source.at("to"), message)

    def _is_engaged(self, condition: Condition) -> bool:
        return asks_for_activity(condition, self.book)

    def _pace(self) -> None:
        """Emails that nobody is spared, one after the other, with plain waits between them."""
        passed = 0
        sent: list[int] = []
        at = self.workflow.first
        while at != END:
            step = self.workflow.steps[at]
            match step:
                case flow.Wait():
                    passed += step.span
                case flow.WaitFor() | flow.WaitUntil() | flow.Branch() | flow.Split():
                    sent = []
                case flow.Send() if step.when is None and not self.book.topics[step.topic].transactional:
                    sent.append(passed)
                    if len(sent) >= MANY and passed - sent[-MANY] < DAY:
                        message = f"this is email number {MANY} of the same day for a contact; give it a longer `wait`"
                        self.problems.add(self._place(step.id), message)
                        return
            at = step.next

    def _place(self, step_id: str) -> Place:
        found = self.steps.get(step_id)
        return self.source.at() if found is None else found.at()

    # --- when

    def _past(self, now: int) -> None:
        for source, trigger in zip(self.source.trigger, self.workflow.triggers, strict=True):
            if isinstance(trigger, flow.ScheduleTrigger) and trigger.at and self._last(trigger) < now:
                then = (
                    "nobody gets it any more"
                    if trigger.skip_late
                    else "whoever has not got it gets it as soon as this is applied"
                )
                message = (
                    f"`{trigger.at.replace('T', ' ')}` has passed everywhere, and {then};"
                    " if it went out, say `state: retired`"
                )
                self.problems.add(source.at("at"), message)

    @staticmethod
    def _last(trigger: flow.ScheduleTrigger) -> int:
        """The last instant at which it comes anywhere."""
        zone = moments.zone(trigger.timezone) if trigger.timezone else None
        instant = moments.instant_of(datetime.fromisoformat(trigger.at), zone or ZoneInfo("UTC"))
        return instant if zone is not None else instant + 12 * HOUR
