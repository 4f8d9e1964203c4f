"""What do a book's conditions mean to the engine, and which measures do they need?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from redshank.definitions.compiling.references import References
from redshank.definitions.models import conditions as written
from redshank.definitions.models.conditions import Condition
from redshank.definitions.problems import Problems, did_you_mean
from redshank.engine import conditions as engine
from redshank.engine import measures, serial, values
from redshank.identity import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a condition stands decides what it can ask."""

    #: As an error message calls the place.
    called: str
    #: Whether there is an event whose properties can be looked at.
    has_event: bool = True
    #: Whether only that event can be looked at.
    only_event: bool = False
    #: The emails of the journey, or None where there is no journey.
    emails: Collection[str] | None = None
    #: Whether these are known to be all.
    is_whole: bool = True
    #: In a goal: the events that start the journey. A bare event then means: since entry.
    started_by: frozenset[str] | None = None


FILTER = Scope(called="`where`", only_event=True)
SEGMENT = Scope(called="a segment", has_event=False)
EDGE = Scope(called="`becomes`", has_event=False)
ENTRY = Scope(called="a trigger's `if`")


@dataclass(frozen=True)
class Conditions:
    references: References
    problems: Problems
    #: The measures that the conditions compiled so far need, by key.
    measures: dict[str, measures.Measure] = field(default_factory=dict)

    def compile(self, source: Condition, scope: Scope) -> engine.Condition:
        """The engine's form of a condition; what is wrong goes to ``problems``."""
        if isinstance(source, written.AllCondition):
            return self._joined(engine.All, source.all, scope)
        if isinstance(source, written.AnyCondition):
            return self._joined(engine.Any_, source.any, scope)
        if isinstance(source, written.NotCondition):
            return engine.Not(self.compile(source.negated, scope))
        if isinstance(source, written.PropertyCondition):
            if not scope.has_event:
                self.problems.add(source.at("property"), f"{scope.called} has no event to look at")
            return _compared(values.Property(source.property), source)
        if scope.only_event:
            message = f"{scope.called} filters events by their `property`; ask about the contact in `if`"
            self.problems.add(source.at(), message)
        if isinstance(source, written.TraitCondition):
            return _compared(values.Trait(source.trait), source)
        if isinstance(source, written.EventCondition):
            return self._event(source, scope)
        if isinstance(source, written.InCondition):
            self.references.check("segment", source.segment, source.at("in"))
            return engine.InSegment(source.segment)
        if isinstance(source, written.SubscribedCondition):
            self.references.check("topic", source.subscribed, source.at("subscribed"))
            return engine.Subscribed(source.subscribed)
        if isinstance(source, written.EmailCondition):
            return self._email(source, scope)
        assert_never(source)

    def optional(self, source: Condition | None, scope: Scope) -> engine.Condition | None:
        return None if source is None else self.compile(source, scope)

    def check_circles(self, segments: Mapping[str, Condition]) -> None:
        """Report segments that are defined by themselves."""
        for name, source in segments.items():
            seen: set[str] = set()
            waiting = list(_segments_in(source))
            while waiting:
                asked = waiting.pop()
                if asked.segment == name:
                    self.problems.add(source.at(), f"the segment `{name}` is defined by itself")
                    break
                if asked.segment not in seen and asked.segment in segments:
                    seen.add(asked.segment)
                    waiting += _segments_in(segments[asked.segment])

    def _joined(
        self, kind: type[engine.All | engine.Any_], items: list[Condition], scope: Scope
    ) -> engine.Condition:
        made = tuple(self.compile(item, scope) for item in items)
        return made[0] if len(made) == 1 else kind(made)

    def _event(self, source: written.EventCondition, scope: Scope) -> engine.Condition:
        where = self.optional(source.where, FILTER)
        comparison = source.comparison
        if scope.started_by is not None:
            if comparison is not None:
                name = comparison[0]
                self.problems.add(source.at(name), f"counting in a goal (`{name}`) is not supported yet")
            measure = self._measure(source, where, window=measures.SinceEntry())
            strictly = not scope.started_by.isdisjoint(measure.events)
            since = values.Measured(measure.key, values.ENTRY, source.within, strictly)
            return engine.Compare(since, "gte", 1)
        window = None if source.within is None else measures.Rolling(length=source.within)
        measure = self._measure(source, where, window=window)
        name, wanted = comparison or ("gte", 1)
        return engine.Compare(values.Measured(measure.key), name, _frozen(wanted))

    def _measure(
        self,
        source: written.EventCondition,
        where: engine.Condition | None,
        *,
        window: measures.Window | None,
    ) -> measures.Measure:
        """The measure of an event, named by its content: equal questions share one."""
        unnamed = measures.Measure(
            key="", events=tuple(sorted(set(source.event))), where=where, window=window
        )
        key = digest("measure", serial.canonical(unnamed), size=5)
        made = replace(unnamed, key=key)
        if self.measures.setdefault(key, made) != made:
            raise ValueError(f"two measures have the key {key}; make the digest longer")
        return made

    def _email(self, source: written.EmailCondition, scope: Scope) -> engine.Condition:
        fact, step = source.fact
        if scope.emails is None:
            self.problems.add(
                source.at(fact), f"`{fact}` asks about a journey's emails; {scope.called} has none"
            )
        elif scope.is_whole and step not in scope.emails:
            hint = did_you_mean(step, scope.emails)
            self.problems.add(source.at(fact), f"no step `{step}` sends an email in this workflow{hint}")
        return engine.Email(fact, step)


def _compared(
    value: values.Value, source: written.TraitCondition | written.PropertyCondition
) -> engine.Condition:
    # A value alone has been refused, unless what it is compared with is not supported yet.
    name, wanted = source.comparison or ("exists", True)
    return engine.Compare(value, name, _frozen(wanted))


def _frozen(wanted: object) -> object:
    return tuple(wanted) if isinstance(wanted, list) else wanted


def _segments_in(source: Condition) -> list[written.InCondition]:
    if isinstance(source, written.InCondition):
        return [source]
    if isinstance(source, written.NotCondition):
        return _segments_in(source.negated)
    items: list[Condition] = []
    if isinstance(source, written.AllCondition):
        items = source.all
    elif isinstance(source, written.AnyCondition):
        items = source.any
    return [found for item in items for found in _segments_in(item)]
