"""What is to be predicted, and from what? ``models.yaml``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from redshank.definitions.models.base import Definition, not_empty, refusal
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import PositiveDuration, Text


class Model(Definition):
    """How likely it is that a condition will be true at the end of a time, from what is known at its beginning."""

    #: An event in it means: within the horizon.
    predict: Condition
    #: How far ahead.
    horizon: PositiveDuration
    #: How old a score may become.
    rescore: PositiveDuration | None = None
    #: The event after which a contact is scored, once.
    event: Text | None = Field(None, alias="at")
    #: Names of measures and traits.
    features: Annotated[list[Text], BeforeValidator(not_empty)] = Field(alias="from")

    @model_validator(mode="after")
    def _when(self) -> Self:
        if (self.rescore is None) == (self.event is None):
            how = "neither" if self.rescore is None else "both"
            raise refusal(
                "a model scores again and again (`rescore: 1d`) or at an event (`at: signed_up`); "
                f"this has {how}"
            )
        return self
