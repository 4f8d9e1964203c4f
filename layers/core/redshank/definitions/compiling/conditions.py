"""What do a book's conditions mean to the engine, and which measures do they need?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, assert_never

from redshank.definitions.compiling.measures import Known, Named
from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.schema import NUMBER, Declared
from redshank.definitions.models import conditions as written
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.measures import Measure as NamedMeasure
from redshank.definitions.problems import Problems, did_you_mean
from redshank.engine import book, inputs, measuring, serial, values
from redshank.engine import conditions as engine
from redshank.engine.book import Kind
from redshank.engine.learning import MACHINES
from redshank.engine.measures import Calendar, Measure, Rolling, SinceEntry, Window
from redshank.identity import digest
from redshank.instants import DAY


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
    #: The steps of the journey.
    steps: Collection[str] = ()
    #: In a goal: the events that start the journey. A bare event then means: since entry.
    started_by: frozenset[str] | None = None
    #: In a ``wait_for``: a bare event means since the step began.
    waits: bool = False
    #: The kinds of events whose properties can be looked at, where they are known.
    events: tuple[str, ...] = ()

    def may_start_with(self, events: Collection[str]) -> bool:
        """Whether one of these events may be the one that started the journey."""
        if self.started_by is None and not self.events:
            return True
        starts = frozenset(self.events) if self.started_by is None else self.started_by
        return not starts.isdisjoint(events)


FILTER = Scope(called="`where`", only_event=True)
SEGMENT = Scope(called="a segment", has_event=False)
EDGE = Scope(called="`becomes`", has_event=False)
ENTRY = Scope(called="a trigger's `if`")
MEASURE = Scope(called="a measure", has_event=False)

#: How ``since`` calls the beginning of the journey.
_ENTRY = "entry"
#: Whose hour of opening and clicking counts: not a machine's.
_BY_HUMANS = engine.Not(engine.Compare(values.Property("by"), "one_of", tuple(sorted(MACHINES))))
#: So far back goes the habit that ``best_hour`` looks at.
_HABIT = 90 * DAY


@dataclass(frozen=True)
class Conditions:
    references: References
    problems: Problems
    declared: Declared
    #: What ``measures.yaml`` says.
    sources: Mapping[str, NamedMeasure] = field(default_factory=dict)
    #: The names of the static lists.
    lists: Collection[str] = ()
    #: The measures that what was compiled so far needs, by key.
    measures: dict[str, Measure] = field(default_factory=dict)

    @cached_property
    def named(self) -> Named:
        """The measures of ``measures.yaml``."""
        return Named(self.sources, self, MEASURE)

    def compile(self, source: Condition, scope: Scope) -> engine.Condition:
        """The engine's form of a condition; what is wrong goes to ``problems``."""
        if isinstance(source, written.AllCondition):
            return self._joined(engine.All, source.all, scope)
        if isinstance(source, written.AnyCondition):
            return self._joined(engine.Any_, source.any, scope)
        if isinstance(source, written.NotCondition):
            return engine.Not(self.compile(source.negated, scope))
        if isinstance(source, written.PropertyCondition):
            return self._property(source, scope)
        if scope.only_event:
            message = f"{scope.called} filters events by their `property`; ask about the contact in `if`"
            self.problems.add(source.at(), message)
        if isinstance(source, written.TraitCondition):
            kind = self.declared.trait(source.trait, source.at("trait"))
            return self._compared(Known(values.Trait(source.trait), kind), source.trait, source)
        if isinstance(source, written.AccountCondition):
            return self._compared(Known(values.Account(source.account)), source.account, source)
        if isinstance(source, written.MeasureCondition):
            return self._measure(source)
        if isinstance(source, written.EventCondition):
            return self._event(source, scope)
        if isinstance(source, written.InCondition):
            return self._in(source)
        if isinstance(source, written.SubscribedCondition):
            self.references.check("topic", source.subscribed, source.at("subscribed"))
            return engine.Subscribed(source.subscribed)
        if isinstance(source, written.EmailCondition):
            return self._email(source, scope)
        assert_never(source)

    def optional(self, source: Condition | None, scope: Scope) -> engine.Condition | None:
        return None if source is None else self.compile(source, scope)

    def filter(self, source: Condition | None, events: tuple[str, ...]) -> engine.Condition | None:
        """Which of these events count. Opens and clicks mean those of humans, unless the filter asks ``by`` whom."""
        where = self.optional(source, replace(FILTER, events=events))
        if not {inputs.EMAIL_OPENED, inputs.LINK_CLICKED}.intersection(events):
            return where
        if any(isinstance(node, values.Property) and node.path == "by" for node in book.nodes(where)):
            return where
        return _BY_HUMANS if where is None else engine.All((where, _BY_HUMANS))

    def best_hour(self) -> str:
        """The key of the measure whose value is the hour of day at which the contact opens and clicks most."""
        return self._kept(
            Measure(
                key="",
                events=(inputs.EMAIL_OPENED, inputs.LINK_CLICKED),
                where=_BY_HUMANS,
                aggregate="top",
                of=measuring.HOUR_OF_DAY,
                window=Rolling(length=_HABIT),
            )
        )

    def happened(self, source: written.EventValue, scope: Scope) -> Known:
        """What events amount to, seen from where it is asked."""
        events = self.declared.events(source.event, source.at("event"))
        aggregate, of = source.aggregate
        since = self._since(source, scope)
        window = SinceEntry() if since else _window(source)
        asked = Measure(key="", events=events, aggregate=aggregate, of=of, window=window)
        key = self._filtered(asked, source, scope)
        kind = self._kind(source, events)
        if not since:
            return Known(values.Measured(key), kind)
        within = source.within if scope.started_by is not None else None
        return Known(values.Measured(key, since, within, scope.may_start_with(events)), kind)

    def faded(self, source: written.EventValue, half_life: int, scope: Scope) -> values.Measured:
        """How many events there are, each worth half after the half-life."""
        for name in ("within", "during", "since"):
            if getattr(source, name) is not None:
                message = (
                    f"points with a half-life fade; `{name}` would cut them off, leave one of the two out"
                )
                self.problems.add(source.at(name), message)
        events = self.declared.events(source.event, source.at("event"))
        asked = Measure(key="", events=events, aggregate="fading", half_life=half_life)
        return values.Measured(self._filtered(asked, source, scope))

    def _joined(
        self, kind: type[engine.All | engine.Any_], items: list[Condition], scope: Scope
    ) -> engine.Condition:
        made = tuple(self.compile(item, scope) for item in items)
        return made[0] if len(made) == 1 else kind(made)

    def _property(self, source: written.PropertyCondition, scope: Scope) -> engine.Condition:
        if not scope.has_event:
            self.problems.add(source.at("property"), f"{scope.called} has no event to look at")
        kind = self.declared.property(scope.events, source.property, source.at("property"))
        return self._compared(Known(values.Property(source.property), kind), source.property, source)

    def _measure(self, source: written.MeasureCondition) -> engine.Condition:
        self.references.check("measure", source.measure, source.at("measure"))
        found = self.named.of(source.measure)
        operator, _ = _comparison(source)
        if found.fades and operator in ("eq", "ne", "one_of"):
            self.problems.add(
                source.at(operator),
                f"`{source.measure}` has a half-life, and so another value at every instant; "
                f"compare it with `lt`, `lte`, `gt` or `gte`, not `{operator}`",
            )
        return self._compared(found, source.measure, source)

    def _in(self, source: written.InCondition) -> engine.Condition:
        self.references.check("segment", source.segment, source.at("in"))
        if source.segment in self.lists:
            return engine.InList(source.segment)
        return engine.InSegment(source.segment)

    def _email(self, source: written.EmailCondition, scope: Scope) -> engine.Condition:
        fact, step = source.fact
        if scope.emails is None:
            self.problems.add(
                source.at(fact), f"`{fact}` asks about a journey's emails; {scope.called} has none"
            )
        elif scope.is_whole and step not in scope.emails:
            hint = did_you_mean(step, scope.emails)
            self.problems.add(source.at(fact), f"no step `{step}` sends an email in this workflow{hint}")
        return engine.Email(fact, step, source.link or "", source.by == "anyone")

    def _event(self, source: written.EventCondition, scope: Scope) -> engine.Condition:
        found = self.happened(source, scope)
        operator, wanted = source.comparison or ("gte", 1)
        aggregate, of = source.aggregate
        if aggregate not in written.NUMERIC:
            self.declared.check(found.kind, of, source)
        return engine.Compare(found.value, operator, _frozen(wanted))

    def _compared(self, known: Known, called: str, source: written.Comparison) -> engine.Condition:
        self.declared.check(known.kind, called, source)
        operator, wanted = _comparison(source)
        return engine.Compare(known.value, operator, _frozen(wanted))

    # --- events

    def _kept(self, measure: Measure) -> str:
        """The key of a measure, named by its content: equal questions share one."""
        key = digest("measure", serial.canonical(measure), size=5)
        made = replace(measure, key=key)
        if self.measures.setdefault(key, made) != made:
            raise ValueError(f"two measures have the key {key}; make the digest longer")
        return key

    def _filtered(self, measure: Measure, source: written.EventValue, scope: Scope) -> str:
        """The key of a measure that counts only what the source asks for."""
        where = self.filter(source.where, measure.events)
        return self._kept(replace(measure, where=where, same=self._same(source, measure.events, scope)))

    def _since(self, source: written.EventValue, scope: Scope) -> str:
        """Where in the journey the events begin to count, or an empty string."""
        if source.since is not None:
            return self._asked_since(source.since, source, scope)
        if scope.waits:
            windowed = source.within is not None or source.during is not None
            return "" if windowed else values.HERE
        if scope.started_by is None:
            return ""
        for name in ("ago", "during"):
            if getattr(source, name) is not None:
                message = f"a goal counts from the journey's start; `{name}` would look before it"
                self.problems.add(source.at(name), message)
        return values.ENTRY

    def _asked_since(self, since: str, source: written.EventValue, scope: Scope) -> str:
        place = source.at("since")
        if scope.emails is None:
            self.problems.add(place, f"`since` asks about a journey; {scope.called} has none")
        elif since != _ENTRY and scope.is_whole and since not in scope.steps:
            hint = did_you_mean(since, {_ENTRY, *scope.steps})
            self.problems.add(place, f"no step `{since}` is in this workflow{hint}")
        return values.ENTRY if since == _ENTRY else since

    def _same(self, source: written.EventValue, events: tuple[str, ...], scope: Scope) -> str:
        if source.same is None:
            return ""
        place = source.at("same")
        if not scope.has_event:
            self.problems.add(
                place, f"`same` compares with the event that started a journey; {scope.called} has none"
            )
        for names in (events, scope.events):
            self.declared.property(names, source.same, place)
        return source.same

    def _kind(self, source: written.EventValue, events: tuple[str, ...]) -> Kind | None:
        """What events amount to is, if that is known."""
        aggregate, of = source.aggregate
        kind = self.declared.property(events, of, source.at(aggregate)) if of else None
        if aggregate in ("sum", "avg") and kind is not None and (kind.type != "number" or kind.many):
            message = f"`{aggregate}` is of numbers, and `{of}` is declared as something else"
            self.problems.add(source.at(aggregate), message)
        if aggregate in written.NUMERIC:
            return NUMBER
        return None if kind is None or kind.many else kind


def _window(source: written.EventValue) -> Window | None:
    if source.during is not None:
        return Calendar(during=source.during)
    if source.within is not None:
        return Rolling(length=source.within, ago=source.ago or 0)
    return None


def _comparison(source: written.Comparison) -> tuple[str, Any]:
    found = source.comparison
    assert found is not None  # the grammar refuses a value alone
    return found


def _frozen(wanted: object) -> object:
    return tuple(wanted) if isinstance(wanted, list) else wanted
