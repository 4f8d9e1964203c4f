"""Which steps does the use of a snippet stand for?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.steps import name_steps, ways
from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.models.base import shown, validate
from redshank.definitions.models.snippets import Snippet
from redshank.definitions.models.steps import Step, UseStep
from redshank.definitions.problems import Place, Problems, did_you_mean, listed

_PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_STEPS: TypeAdapter[list[Step]] = TypeAdapter(list[Step])
#: The keys whose value is the name of a step, and those below which no such key is.
_NAMING = frozenset({"sent", "opened", "clicked", "since", "of"})
_OTHER = frozenset({"set", "detail", "with"})


@dataclass(frozen=True)
class Uses:
    """What the uses of snippets in a workflow stand for."""

    #: Identity of the step that uses -> the steps it stands for.
    steps: dict[int, list[Step]] = field(default_factory=dict)
    #: The files that the steps come from.
    files: set[str] = field(default_factory=set)

    def of(self, step: UseStep) -> list[Step]:
        return self.steps.get(id(step), [])


@dataclass(frozen=True)
class _Inside:
    """Where in the nest of snippets one is."""

    #: The snippets that are being used, outermost first.
    open: tuple[str, ...] = ()
    #: What the ids of the steps begin with.
    prefix: str = ""
    #: For each of the snippets: that beginning, and the ids its steps have without it.
    known: tuple[tuple[str, Collection[str]], ...] = ()

    def resolved(self, name: str) -> str:
        """The id of a step that is called by its name: of this snippet, else of those around it."""
        return next((prefix + name for prefix, names in reversed(self.known) if name in names), name)


def resolve_uses(
    steps: Sequence[Step], snippets: Mapping[str, Snippet], references: References, problems: Problems
) -> Uses:
    """The steps that a workflow's uses of snippets stand for; what is wrong goes to ``problems``."""
    uses = Uses()
    _Resolver(snippets, references, problems, uses).resolve(steps, _Inside())
    return uses


def check_snippets(snippets: Mapping[str, Snippet], problems: Problems) -> None:
    """Report what is wrong with snippets, whether or not they are used."""
    for snippet in snippets.values():
        for name, place in _parameters(snippet.steps, snippet.at("steps")):
            if name not in snippet.params:
                hint = did_you_mean(name, snippet.params) or "; it has no `params`"
                problems.add(place, f"unknown parameter `${name}`{hint}")
        if not snippet.params:
            validate(_STEPS.validate_python, snippet.steps, problems, at=snippet.at("steps"))


class _Resolver:
    def __init__(
        self, snippets: Mapping[str, Snippet], references: References, problems: Problems, uses: Uses
    ) -> None:
        self.snippets = snippets
        self.references = references
        self.problems = problems
        self.uses = uses

    def resolve(self, steps: Sequence[Step], inside: _Inside) -> None:
        for step in _uses_in(steps):
            self._use(step, inside)

    def _use(self, step: UseStep, around: _Inside) -> None:
        self.references.check("snippet", step.use, step.at("use"))
        snippet = self.snippets.get(step.use)
        if snippet is None:
            return
        self.uses.files.add(snippet.at().file)
        if step.use in around.open:
            circle = " → ".join((*around.open[around.open.index(step.use) :], step.use))
            self.problems.add(step.at("use"), f"the snippet `{step.use}` uses itself: {circle}")
            return
        if not self._fits(step, snippet):
            return
        raw = _filled(snippet.steps, step.values, snippet.at("steps"), self.problems)
        prefix = f"{around.prefix}{step.given_id}/"
        inside = _Inside((*around.open, step.use), prefix, around.known)
        inside = _Inside(inside.open, prefix, (*around.known, (prefix, self._names(raw, inside))))
        made = validate(_STEPS.validate_python, _renamed(raw, inside), self.problems, at=snippet.at("steps"))
        if made is not None:
            self.uses.steps[id(step)] = made
            self.resolve(made, inside)

    def _names(self, raw: Any, inside: _Inside) -> Collection[str]:
        """What the steps are called among themselves; what is wrong with them is found elsewhere."""
        ignored = Problems()
        steps = validate(_STEPS.validate_python, raw, ignored, at=Place("")) or []
        references = References(self.references.names, ignored)
        draft = _Draft(self.snippets, references, ignored, Uses())
        draft.resolve(steps, inside)
        return name_steps(steps, draft.uses.steps, ignored).steps

    def _fits(self, step: UseStep, snippet: Snippet) -> bool:
        missing = [name for name in snippet.params if name not in step.values]
        if missing:
            message = f"the snippet `{step.use}` needs {listed(missing, 'and')} in `with`"
            self.problems.add(step.at("use"), message)
        unknown = [name for name in step.values if name not in snippet.params]
        for name in unknown:
            hint = did_you_mean(name, snippet.params) or "; it has no `params`"
            self.problems.add(step.at("with"), f"the snippet `{step.use}` has no parameter `{name}`{hint}")
        return not missing and not unknown


class _Draft(_Resolver):
    """For names only: what steps refer to does not matter."""

    def _names(self, raw: Any, inside: _Inside) -> Collection[str]:
        return ()


def _uses_in(steps: Sequence[Step]) -> Iterator[UseStep]:
    for step in steps:
        if isinstance(step, UseStep):
            yield step
        for way in ways(step):
            yield from _uses_in(way)


# --- documents


def _parameters(value: Any, place: Place) -> Iterator[tuple[str, Place]]:
    if isinstance(value, Mapped):
        for key, inner in value.items():
            yield from _parameters(inner, value.at(key))
    elif isinstance(value, Listed):
        for line, inner in zip(value.lines, value, strict=True):
            yield from _parameters(inner, Place(place.file, line))
    elif isinstance(value, str):
        for name in _PARAMETER.findall(value):
            yield name, place


def _filled(value: Any, given: Mapping[str, Any], place: Place, problems: Problems) -> Any:
    """A document with the parameters' values in their places."""
    if isinstance(value, Mapped):
        mapped = Mapped(value.place)
        mapped.update((key, _filled(it, given, value.at(key), problems)) for key, it in value.items())
        mapped.lines = value.lines
        return mapped
    if isinstance(value, Listed):
        made = Listed(value.place)
        for line, inner in zip(value.lines, value, strict=True):
            made.append(_filled(inner, given, Place(place.file, line), problems))
        made.lines = value.lines
        return made
    if not isinstance(value, str):
        return value
    whole = _PARAMETER.fullmatch(value)
    if whole is not None:
        return given.get(whole[1], value)
    for name in _PARAMETER.findall(value):
        if isinstance(given.get(name), dict | list):
            message = f"`${name}` stands inside of text here, and is {shown(given[name])}"
            problems.add(place, message)
    return _PARAMETER.sub(lambda found: _text(given.get(found[1], found[0])), value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _renamed(value: Any, inside: _Inside) -> Any:
    """A document in which steps are called by their ids in the workflow."""
    if isinstance(value, Mapped):
        mapped = Mapped(value.place)
        mapped.update((key, _renamed_in(key, inner, inside)) for key, inner in value.items())
        mapped.lines = value.lines
        return mapped
    if isinstance(value, Listed):
        made = Listed(value.place)
        made += (_renamed(inner, inside) for inner in value)
        made.lines = value.lines
        return made
    return value


def _renamed_in(key: str, value: Any, inside: _Inside) -> Any:
    if key in _OTHER:
        return value
    return inside.resolved(value) if key in _NAMING and isinstance(value, str) else _renamed(value, inside)
