"""How are a workflow's steps called?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from redshank.definitions.models import steps as written
from redshank.definitions.models.steps import SendStep, Step, UseStep
from redshank.definitions.problems import Problems

_VERBS: Mapping[type, str] = {
    written.SendStep: "send",
    written.WaitStep: "wait",
    written.WaitForStep: "wait_for",
    written.WaitUntilStep: "wait_until",
    written.BranchStep: "branch",
    written.SplitStep: "split",
    written.UseStep: "use",
    written.SetStep: "set",
    written.SubscribeStep: "subscribe",
    written.UnsubscribeStep: "unsubscribe",
    written.EmitStep: "emit",
    written.EnrollStep: "enroll",
    written.SuppressStep: "suppress",
    written.ExitStep: "exit",
}


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

    @property
    def taken(self) -> list[str]:
        """The ids of the steps that a journey takes: the use of a snippet is none, unless it has an ``if``."""
        return [
            name
            for name, step in self.steps.items()
            if not isinstance(step, UseStep) or step.when is not None
        ]


def ways(step: Step) -> list[list[Step]]:
    """The steps inside a step, one list for each way that a journey may go."""
    if isinstance(step, written.BranchStep):
        return [arm.then for arm in step.branch]
    if isinstance(step, written.SplitStep):
        return [arm.then for arm in step.arms.values()]
    if isinstance(step, written.WaitForStep):
        return [way for way in (step.then, step.otherwise) if way is not None]
    return []


def name_steps(steps: Sequence[Step], uses: Mapping[int, Sequence[Step]], problems: Problems) -> Names:
    """Give every step its id: its own, its template's, or one after the nearest named step before it.

    ``welcome/wait`` is the wait that follows the step ``welcome``, before the next named step on the same
    level. What stands inside a step is named after that one: ``welcome/wait_for/wait``. The steps of a snippet
    have the id of its use before theirs: ``n1/mail``. Where two would be called the same, the author is asked
    for an id. ``uses`` has the steps that the use of a snippet stands for.
    """
    of_step: dict[int, str] = {}
    by_id: dict[str, Step] = {}
    moved: dict[str, str] = {}
    renamed: list[tuple[str, Step]] = []
    for named in _named(steps, _Level("", "", ()), uses):
        step, name = named.step, named.name
        of_step[id(step)] = name
        first = by_id.setdefault(name, step)
        if first is not step:
            place = first.at()
            where = f"like the one on line {place.line}"
            if place.file != step.at().file:
                where += f" of {place.file}"
            if step.given_id is None or first.given_id is None:
                message = f"this step would be called `{name}`, {where}; give it an `id`"
            else:
                message = f"two steps are called `{name}`, {where}; give this one an `id` of its own"
            problems.add(step.at(), message)
        if isinstance(step, UseStep):
            continue  # no journey stands there
        for was in named.was:
            if moved.setdefault(was, name) != name:
                renamed.append((was, step))
    renamed += [(was, by_id[name]) for was, name in moved.items() if was in by_id]
    for was, step in renamed:
        problems.add(step.at("was"), f"`{was}` is the id of another step")
    return Names(of_step, by_id, moved)


@dataclass(frozen=True)
class _Level:
    """Where steps stand."""

    #: The nearest named step before them.
    before: str
    #: What their ids begin with.
    prefix: str
    #: What their ids began with in earlier books.
    prefixes_were: tuple[str, ...]


@dataclass(frozen=True)
class _Named:
    step: Step
    name: str
    was: list[str]


def _named(steps: Sequence[Step], level: _Level, uses: Mapping[int, Sequence[Step]]) -> Iterator[_Named]:
    before, prefix, were = level.before, level.prefix, level.prefixes_were
    for step in steps:
        given = step.given_id
        name = prefix + given if given is not None else "/".join(filter(None, (before, _VERBS[type(step)])))
        if given is not None:
            before = name
        old = [it + name.removeprefix(prefix) for it in were]
        if step.was is not None:
            old += [it + step.was for it in (prefix, *were)]
        yield _Named(step, name, old)
        for way in ways(step):
            yield from _named(way, _Level(name, prefix, were), uses)
        if isinstance(step, UseStep):
            inside = _Level(name, name + "/", tuple(it + "/" for it in old))
            yield from _named(uses.get(id(step), ()), inside, uses)
