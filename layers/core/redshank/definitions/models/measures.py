"""What can a contact's history add up to? ``measures.yaml``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Tag

from redshank.definitions.models.base import (
    Definition,
    Kinds,
    not_empty,
    options_beside,
    refusal,
)
from redshank.definitions.models.conditions import Condition, EventValue
from redshank.definitions.models.scalars import Name, Number, Operand, PositiveDuration, Text


class EventMeasure(EventValue):
    """What events amount to."""


class ExpressionMeasure(Definition):
    """Arithmetic over other measures, ``account.…`` and ``contact.…``."""

    #: With ``+ - * /`` and parentheses; x / 0 is missing.
    expr: Text


def _filled(value: Any) -> Any:
    if value == {}:
        raise refusal("should not be empty")
    return value


class MapMeasure(Definition):
    """What a table has for a measure or a trait; missing where it has nothing."""

    #: The name of a measure; else a trait's, or ``account.…``.
    map: Text
    #: Value -> what it stands for.
    to: Annotated[dict[Text, Operand], BeforeValidator(_filled)]


#: Where an item keeps its condition: not a key that a file can have.
_CONDITION = "<condition>"


class PointsItem(Definition):
    """Points for each event, or for as long as a condition holds."""

    #: The rest of the mapping: any condition.
    condition: Condition = Field(alias="<condition>")
    #: The points; they may be negative.
    add: Number


class PointsMeasure(Definition):
    """A score."""

    #: Conditions, each with an ``add``: a bare event counts each time.
    points: Annotated[
        list[Annotated[PointsItem, options_beside(_CONDITION, "add")]], BeforeValidator(not_empty)
    ]
    #: After so long, the points for an event are worth half.
    half_life: PositiveDuration | None = None


class ModelMeasure(Definition):
    """The prediction of a model of ``models.yaml``; missing as long as it is not trained."""

    #: The name of the model.
    model: Name


_MEASURE = Kinds(
    "measure",
    {"event": "<event>", "expr": "<expr>", "map": "<map>", "points": "<points>", "model": "<model>"},
    (),
    example="{event: report_run, sum: credits, within: 30d}",
)

type Measure = Annotated[
    Annotated[EventMeasure, Tag("<event>")]
    | Annotated[ExpressionMeasure, Tag("<expr>")]
    | Annotated[MapMeasure, Tag("<map>")]
    | Annotated[PointsMeasure, Tag("<points>")]
    | Annotated[ModelMeasure, Tag("<model>")],
    _MEASURE.discriminator,
    _MEASURE.check,
]
