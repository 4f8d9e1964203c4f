"""What can be asked about a contact?"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, Tag, model_validator

from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.models.base import Definition, Kinds, not_empty, one_or_more, refusal
from redshank.definitions.models.scalars import Name, Operand, Ordered, PositiveDuration, Text
from redshank.definitions.problems import listed

OPERATORS = ("eq", "ne", "one_of", "lt", "lte", "gt", "gte", "has", "like", "exists")
#: The operators that a count can be compared with.
COUNTING = ("eq", "ne", "one_of", "lt", "lte", "gt", "gte")
_LATER_OPERATORS = frozenset({"in_next", "in_last"})


class Comparison(Definition):
    """A value and one comparison."""

    later: ClassVar[frozenset[str]] = _LATER_OPERATORS

    eq: Operand | None = None
    ne: Operand | None = None
    one_of: list[Operand] | None = None
    lt: Ordered | None = None
    lte: Ordered | None = None
    gt: Ordered | None = None
    gte: Ordered | None = None
    has: Operand | None = None
    like: Text | None = None
    exists: bool | None = None

    @property
    def comparison(self) -> tuple[str, Any] | None:
        """(operator, operand), or None for a bare value."""
        given = ((name, getattr(self, name)) for name in OPERATORS)
        return next(((name, operand) for name, operand in given if operand is not None), None)

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        given = [name for name in OPERATORS if getattr(self, name) is not None]
        if len(given) > 1:
            raise refusal(f"this compares twice ({listed(given, 'and')}); write a list of two conditions")
        return self


class _Compared(Comparison):
    @model_validator(mode="after")
    def _some_comparison(self) -> Self:
        if self.comparison is None and not self.later.intersection(self._source):
            raise refusal(f"this compares with nothing; add {listed(OPERATORS)}")
        return self


class TraitCondition(_Compared):
    """A trait of the contact; a path such as ``address.city`` looks inside."""

    trait: Text


class PropertyCondition(_Compared):
    """A property of the event at hand: the one that is filtered, or the one that started the journey."""

    property: Text


class EventCondition(Comparison):
    """Whether an event happened, or how often."""

    later: ClassVar[frozenset[str]] = _LATER_OPERATORS | {
        *("ago", "during", "since", "same"),
        *("sum", "avg", "min", "max", "first", "last", "distinct", "top"),
    }

    event: Annotated[list[Text], BeforeValidator(one_or_more)]
    where: Condition | None = None
    within: PositiveDuration | None = None

    @model_validator(mode="after")
    def _countable(self) -> Self:
        name, operand = self.comparison or ("gte", 1)
        if name not in COUNTING:
            raise refusal(
                f"this counts events, and a count is compared with {listed(COUNTING)}, not `{name}`"
            )
        wanted = operand if isinstance(operand, list) else [operand]
        if any(not isinstance(item, int | float) for item in wanted):
            raise refusal(f"this counts events; `{name}` should be a number")
        return self


class InCondition(Definition):
    """Whether the contact is in a segment."""

    segment: Name = Field(alias="in")


class SubscribedCondition(Definition):
    """Whether we may write to the contact about a topic."""

    subscribed: Name


class EmailCondition(Definition):
    """What became of an email of this journey."""

    later: ClassVar[frozenset[str]] = frozenset({"link", "by"})

    sent: Text | None = None
    opened: Text | None = None
    clicked: Text | None = None

    @property
    def fact(self) -> tuple[str, str]:
        """(``sent``, ``opened`` or ``clicked``, the step)."""
        given = (("sent", self.sent), ("opened", self.opened), ("clicked", self.clicked))
        return next((fact, step) for fact, step in given if step is not None)

    @model_validator(mode="after")
    def _one_fact(self) -> Self:
        given = [name for name in ("sent", "opened", "clicked") if getattr(self, name) is not None]
        if len(given) != 1:
            raise refusal(
                "this asks for nothing: name one step" if not given else "this asks twice; write a list"
            )
        return self


class AllCondition(Definition):
    """All of them; a list of conditions means the same."""

    all: Annotated[list[Condition], BeforeValidator(not_empty)]


class AnyCondition(Definition):
    """At least one of them."""

    any: Annotated[list[Condition], BeforeValidator(not_empty)]


class NotCondition(Definition):
    """Not that."""

    negated: Condition = Field(alias="not")


def _list_means_all(value: Any) -> Any:
    if not isinstance(value, Listed):
        return value
    if not value:
        raise refusal("should not be an empty list")
    made = Mapped(value.place)
    made["all"] = value
    made.lines["all"] = value.place.line
    return made


_CONDITION = Kinds(
    "condition",
    {
        "trait": "<trait>",
        "property": "<property>",
        "event": "<event>",
        "in": "<in>",
        "subscribed": "<subscribed>",
        "sent": "<email>",
        "opened": "<email>",
        "clicked": "<email>",
        "all": "<all>",
        "any": "<any>",
        "not": "<not>",
    },
    {"account", "measure"},
    example="{trait: plan, eq: pro}",
)

type Condition = Annotated[
    Annotated[TraitCondition, Tag("<trait>")]
    | Annotated[PropertyCondition, Tag("<property>")]
    | Annotated[EventCondition, Tag("<event>")]
    | Annotated[InCondition, Tag("<in>")]
    | Annotated[SubscribedCondition, Tag("<subscribed>")]
    | Annotated[EmailCondition, Tag("<email>")]
    | Annotated[AllCondition, Tag("<all>")]
    | Annotated[AnyCondition, Tag("<any>")]
    | Annotated[NotCondition, Tag("<not>")],
    _CONDITION.discriminator,
    _CONDITION.check,
    BeforeValidator(_list_means_all),
]
