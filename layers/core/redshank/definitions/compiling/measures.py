"""What do the names of ``measures.yaml`` stand for?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from redshank.definitions.compiling import expressions
from redshank.definitions.compiling.schema import NUMBER, TEXT, Declared
from redshank.definitions.models import conditions as asked
from redshank.definitions.models import measures as written
from redshank.definitions.problems import Place, Problems, did_you_mean, nearest
from redshank.engine import conditions as engine
from redshank.engine import values
from redshank.engine.book import Kind

if TYPE_CHECKING:
    from redshank.definitions.compiling.conditions import Conditions, Scope


@dataclass(frozen=True, slots=True)
class Known:
    """A value, and what it is if that is known."""

    value: values.Value
    kind: Kind | None = None

    @property
    def fades(self) -> bool:
        """Whether it changes at every instant."""
        return isinstance(self.value, values.Points) and self.value.half_life > 0


_NOTHING = Known(values.Constant(values.MISSING))


@dataclass(frozen=True)
class Named:
    """The measures of ``measures.yaml``."""

    sources: Mapping[str, written.Measure]
    conditions: Conditions
    #: Where a measure stands.
    scope: Scope
    _made: dict[str, Known] = field(default_factory=dict)

    def all(self) -> dict[str, values.Value]:
        """Every measure by its name."""
        return {name: self.of(name).value for name in self.sources}

    def of(self, name: str) -> Known:
        """What a name stands for: the value itself, so that whoever uses it needs no name."""
        if name not in self._made:
            source = self.sources.get(name)
            # What is defined by itself meets this while it is being made; the circle is reported elsewhere.
            self._made[name] = _NOTHING
            if source is not None:
                self._made[name] = self._compiled(name, source)
        return self._made[name]

    def refer(self, name: str, place: Place) -> Known:
        """What a plain name stands for: a measure's, else a trait's, ``account.…`` or ``contact.…``."""
        root, _, rest = name.partition(".")
        if rest and root == "account":
            return Known(values.Account(rest))
        if name in self._names:
            if name in self._declared.schema.traits:
                message = f"`{name}` is a measure and a trait; write `contact.{name}` if you mean the trait"
                self._problems.add(place, message)
            return self.of(name)
        path = rest if rest and root == "contact" else name
        return Known(values.Trait(path), self._declared.trait(path, place))

    @property
    def _names(self) -> frozenset[str]:
        return self._declared.references.names.get("measure", frozenset())

    @property
    def _declared(self) -> Declared:
        return self.conditions.declared

    @property
    def _problems(self) -> Problems:
        return self.conditions.problems

    def _compiled(self, name: str, source: written.Measure) -> Known:
        if isinstance(source, written.EventMeasure):
            return self.conditions.happened(source, self.scope)
        if isinstance(source, written.ExpressionMeasure):
            return self._expression(source)
        if isinstance(source, written.MapMeasure):
            return self._map(source)
        if isinstance(source, written.PointsMeasure):
            return Known(self._points(source), NUMBER)
        if isinstance(source, written.ModelMeasure):
            self._declared.references.check("model", source.model, source.at("model"))
            return Known(values.Predicted(source.model), NUMBER)
        assert_never(source)

    def _expression(self, source: written.ExpressionMeasure) -> Known:
        place = source.at("expr")
        tree = expressions.parse(source.expr, place, self._problems)
        if tree is None:
            return Known(values.Constant(values.MISSING), NUMBER)
        return Known(expressions.evaluated(tree, lambda name: self._operand(name, place)), NUMBER)

    def _operand(self, name: str, place: Place) -> values.Value:
        root, _, rest = name.partition(".")
        if not (rest and root in ("account", "contact")) and name not in self._names:
            hint = nearest(name, self._names) or f"; a trait is written `contact.{name}`"
            self._problems.add(place, f"unknown measure `{name}`{hint}")
            return values.Constant(values.MISSING)
        found = self.refer(name, place)
        if found.fades:
            message = f"{_fading(name)}; compare it directly, an expression cannot use it"
            self._problems.add(place, message)
        elif found.kind is not None and (found.kind.type != "number" or found.kind.many):
            self._problems.add(place, f"`{name}` is no number; an expression cannot use it")
        return found.value

    def _map(self, source: written.MapMeasure) -> Known:
        place = source.at("map")
        found = self.refer(source.map, place)
        if found.fades:
            self._problems.add(place, f"{_fading(source.map)}; compare it directly, a table cannot use it")
        if found.kind is not None and found.kind.type == "one_of":
            options = {str(option) for option in found.kind.options}
            for key in source.to:
                if key not in options:
                    message = f"`{source.map}` is never `{key}`{did_you_mean(key, options)}"
                    self._problems.add(source.at("to"), message)
        return Known(values.Mapped(found.value, dict(source.to)), _kind_of(source.to.values()))

    def _points(self, source: written.PointsMeasure) -> values.Points:
        half_life = source.half_life or 0
        events: list[tuple[values.Measured, float]] = []
        held: list[tuple[engine.Condition, float]] = []
        for item in source.points:
            condition = item.condition
            if isinstance(condition, asked.EventCondition) and condition.comparison is None:
                events.append((self._counted(condition, half_life), item.add))
            else:
                held.append((self.conditions.compile(condition, self.scope), item.add))
        return values.Points(tuple(events), tuple(held), half_life)

    def _counted(self, source: asked.EventCondition, half_life: int) -> values.Measured:
        """What points are given for: each event by itself."""
        if half_life:
            return self.conditions.faded(source, half_life, self.scope)
        found = self.conditions.happened(source, self.scope).value
        assert isinstance(found, values.Measured)
        return found


def _fading(name: str) -> str:
    return f"`{name}` has a half-life, and so another value at every instant"


def _kind_of(items: Collection[object]) -> Kind | None:
    """What all of some values are, if they are of one kind."""
    if all(isinstance(item, str) for item in items):
        return TEXT
    if all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
        return NUMBER
    return None
