"""How are a workflow's steps called, and which follows which?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from redshank.definitions.models.steps import BranchStep, ExitStep, SendStep, Step, WaitStep
from redshank.definitions.problems import Problems

_VERBS = {SendStep: "send", WaitStep: "wait", BranchStep: "branch", ExitStep: "exit"}


@dataclass(frozen=True)
class Names:
    """The ids of all steps of a workflow."""

    #: Identity of the step's definition -> its id.
    of_step: Mapping[int, str]
    #: Id -> the step.
    steps: Mapping[str, Step]
    #: Ids of steps of earlier books -> those of today.
    moved: Mapping[str, str] = field(default_factory=dict)

    def of(self, step: Step) -> str:
        return self.of_step[id(step)]

    @property
    def emails(self) -> list[str]:
        """The ids of the steps that send."""
        return [name for name, step in self.steps.items() if isinstance(step, SendStep)]


def name_steps(steps: Sequence[Step], problems: Problems) -> Names:
    """Give every step its id: its own, its template's, or one after the nearest named step before it.

    ``welcome/wait`` is the wait that follows the step ``welcome``, before the next named step on the same
    level. Where two would be called the same, the author is asked for an id.
    """
    of_step: dict[int, str] = {}
    by_id: dict[str, Step] = {}
    moved: dict[str, str] = {}
    for step, name in _named(steps, ""):
        of_step[id(step)] = name
        first = by_id.setdefault(name, step)
        if first is not step:
            where = f"like the one on line {first.at().line}"
            if step.given_id is None or first.given_id is None:
                message = f"this step would be called `{name}`, {where}; give it an `id`"
            else:
                message = f"two steps are called `{name}`, {where}; give this one an `id` of its own"
            problems.add(step.at(), message)
    for step in by_id.values():
        if step.was is not None:
            if step.was in by_id or step.was in moved:
                problems.add(step.at("was"), f"`{step.was}` is the id of another step")
            moved[step.was] = of_step[id(step)]
    return Names(of_step, by_id, moved)


def _named(steps: Sequence[Step], before: str) -> Iterator[tuple[Step, str]]:
    for step in steps:
        given = step.given_id
        if given is not None:
            before = given
        yield step, given or "/".join(filter(None, (before, _VERBS[type(step)])))
        if isinstance(step, BranchStep):
            for arm in step.branch:
                yield from _named(arm.then, before)
