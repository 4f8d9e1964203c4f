"""What can be asked about a contact?

A condition compares a value (a trait, a measure, what events add up to …), or asks for what is true or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, Tag, model_validator

from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.models.base import Definition, Kinds, not_empty, one_or_more, refusal
from redshank.definitions.models.scalars import Name, Operand, Ordered, PositiveDuration, Text
from redshank.definitions.problems import listed

OPERATORS = (
    *("eq", "ne", "one_of", "lt", "lte", "gt", "gte"),
    *("has", "like", "exists", "in_next", "in_last"),
)
#: The operators that a number can be compared with which is never missing.
COUNTING = ("eq", "ne", "one_of", "lt", "lte", "gt", "gte")
#: What events can amount to, beside how many there are.
AGGREGATES = ("sum", "avg", "min", "max", "first", "last", "distinct", "top")
#: Those that are numbers whatever the property, and what they do.
NUMERIC = {"count": "counts events", "sum": "adds up", "avg": "averages", "distinct": "counts values"}
_WINDOWS = ("within", "during", "since")


class Comparison(Definition):
    """A value and one comparison."""

    #: Is equal to.
    eq: Operand | None = None
    #: Has a value, and another one.
    ne: Operand | None = None
    #: Is one of these.
    one_of: Annotated[list[Operand], BeforeValidator(not_empty)] | None = None
    #: Is less than; text is ordered by its characters.
    lt: Ordered | None = None
    #: Is less than, or equal to.
    lte: Ordered | None = None
    #: Is more than.
    gt: Ordered | None = None
    #: Is more than, or equal to.
    gte: Ordered | None = None
    #: Of a list: has this item. Of text: has this in it.
    has: Operand | None = None
    #: Of text: fits a pattern such as ``*@acme.*``; upper and lower case are the same.
    like: Text | None = None
    #: Whether there is a value at all.
    exists: bool | None = None
    #: Of a time: comes within so long from now.
    in_next: PositiveDuration | None = None
    #: Of a time: came within the last so long.
    in_last: PositiveDuration | None = None

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
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in OPERATORS]})

    @model_validator(mode="after")
    def _some_comparison(self) -> Self:
        if self.comparison is None:
            raise refusal(f"this compares with nothing; add {listed(OPERATORS)}")
        return self


class TraitCondition(_Compared):
    """A trait of the contact; a path such as ``address.city`` looks inside."""

    #: Its name, or a path.
    trait: Text


class AccountCondition(_Compared):
    """A trait of the account (a Segment group) that the contact belongs to."""

    #: Its name; a path such as ``billing.plan`` looks inside.
    account: Text


class MeasureCondition(_Compared):
    """A measure of ``measures.yaml``."""

    #: Its name.
    measure: Text


class PropertyCondition(_Compared):
    """A property of the event at hand: the one that is filtered, or the one that started the journey."""

    #: Its name; a path such as ``cart.total`` looks inside.
    property: Text


class EventValue(Definition):
    """What the contact's events of some kind amount to; how many there are, if nothing else is asked for."""

    #: Its name, or several: any of them counts.
    event: Annotated[list[Text], BeforeValidator(one_or_more)]
    #: Only events whose properties fit.
    where: Condition | None = None
    #: Only events with the same value of a property as the event that started the journey.
    same: Text | None = None
    #: The last so many hours or days; with ``ago``, those that ended so long ago.
    within: PositiveDuration | None = None
    #: Moves the window of ``within`` so far back.
    ago: PositiveDuration | None = None
    #: A period of the calendar, in the contact's timezone.
    during: Literal["today", "this_month", "last_month"] | None = None
    #: Since the journey's ``entry``, or since a step of it was left.
    since: Text | None = None
    #: The sum of a property.
    sum: Text | None = None
    #: The average of a property.
    avg: Text | None = None
    #: The least value of a property.
    min: Text | None = None
    #: The greatest value of a property.
    max: Text | None = None
    #: The value of a property in the earliest of them.
    first: Text | None = None
    #: The value of a property in the latest of them.
    last: Text | None = None
    #: How many different values a property has.
    distinct: Text | None = None
    #: The most frequent value of a property.
    top: Text | None = None

    @property
    def aggregate(self) -> tuple[str, str]:
        """(``count`` or another aggregate, the property it is of, or an empty string)."""
        given = ((name, getattr(self, name)) for name in AGGREGATES)
        return next(((name, path) for name, path in given if path is not None), ("count", ""))

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        windows = [name for name in _WINDOWS if getattr(self, name) is not None]
        if len(windows) > 1:
            raise refusal(f"this has {listed(windows, 'and')}; an event has one window at most")
        if self.ago is not None and self.within is None:
            raise refusal(
                "`ago` moves the window of `within`, which is missing; add for example `within: 30d`"
            )
        return self

    @model_validator(mode="after")
    def _one_aggregate(self) -> Self:
        given = [name for name in AGGREGATES if getattr(self, name) is not None]
        if len(given) > 1:
            raise refusal(f"this asks for {listed(given, 'and')}; an event is asked for one of them")
        return self


class EventCondition(EventValue, Comparison):
    """Whether an event happened, how often, or what its properties amount to."""

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        aggregate, of = self.aggregate
        if self.comparison is None:
            if of:
                raise refusal(f"this compares `{aggregate}` with nothing; add {listed(OPERATORS)}")
            return self
        if aggregate not in NUMERIC:
            return self
        name, operand = self.comparison
        does = NUMERIC[aggregate]
        allowed = (*COUNTING, "exists") if aggregate == "avg" else COUNTING
        if name not in allowed:
            what = "a count" if aggregate == "count" else f"`{aggregate}`"
            raise refusal(f"this {does}, and {what} is compared with {listed(allowed)}, not `{name}`")
        wanted = operand if isinstance(operand, list) else [operand]
        if name != "exists" and any(
            isinstance(item, bool) or not isinstance(item, int | float) for item in wanted
        ):
            raise refusal(f"this {does}; `{name}` should be a number")
        return self


class InCondition(Definition):
    """Whether the contact is in a segment, or on a static list."""

    #: The name of the segment or list.
    segment: Name = Field(alias="in")


class SubscribedCondition(Definition):
    """Whether we may write to the contact about a topic."""

    #: The topic.
    subscribed: Name


class EmailCondition(Definition):
    """What became of an email of this journey."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("sent", "opened", "clicked")]}
    )

    #: The step whose email was sent.
    sent: Text | None = None
    #: The step whose email was opened.
    opened: Text | None = None
    #: The step in whose email a link was clicked.
    clicked: Text | None = None
    #: A pattern such as ``*/pricing*`` for the address of the link.
    link: Text | None = None
    #: ``anyone``: opens and clicks by machines (privacy proxies, scanners) count too.
    by: Literal["human", "anyone"] | None = None

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
        if self.link is not None and given != ["clicked"]:
            raise refusal(f"`link` is of `clicked`; what is {given[0]} has none")
        if self.by is not None and given == ["sent"]:
            raise refusal("`by` is of `opened` and `clicked`; it is we who send")
        return self


class AllCondition(Definition):
    """All of them; a list of conditions means the same."""

    #: Each of them has to be true.
    all: Annotated[list[Condition], BeforeValidator(not_empty)]


class AnyCondition(Definition):
    """At least one of them."""

    #: One of them has to be true.
    any: Annotated[list[Condition], BeforeValidator(not_empty)]


class NotCondition(Definition):
    """Not that."""

    #: What has to be false.
    negated: Condition = Field(alias="not")


def list_means_all(value: Any) -> Any:
    """A list of conditions as one that asks for all of them."""
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
        "account": "<account>",
        "measure": "<measure>",
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
    (),
    example="{trait: plan, eq: pro}",
)

type Condition = Annotated[
    Annotated[TraitCondition, Tag("<trait>")]
    | Annotated[AccountCondition, Tag("<account>")]
    | Annotated[MeasureCondition, Tag("<measure>")]
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
    BeforeValidator(list_means_all),
]


def parts(source: Condition) -> Iterator[Condition]:
    """A condition and all that it is joined of."""
    yield source
    if isinstance(source, AllCondition):
        items = source.all
    elif isinstance(source, AnyCondition):
        items = source.any
    else:
        items = [source.negated] if isinstance(source, NotCondition) else []
    for item in items:
        yield from parts(item)
