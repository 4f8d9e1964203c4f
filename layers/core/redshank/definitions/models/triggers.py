"""What starts a journey?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, Tag

from redshank.definitions.models.base import TOLERANT, Definition, Kinds, one_or_more
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Text


class EventTrigger(Definition):
    """An event arrives."""

    later: ClassVar[frozenset[str]] = frozenset({"without", "for", "same", "include_existing"})

    event: Annotated[list[Text], BeforeValidator(one_or_more)]
    where: Condition | None = None
    when: Condition | None = Field(None, alias="if")


class BecomesTrigger(Definition):
    """A condition turns true for the contact."""

    later: ClassVar[frozenset[str]] = frozenset({"include_existing"})

    becomes: Condition
    when: Condition | None = Field(None, alias="if")


_TRIGGER = Kinds(
    "trigger",
    {"event": "<event>", "becomes": "<becomes>"},
    {"date", "every", "at", "manual", "without"},
    example="{event: signed_up}",
)

type Trigger = Annotated[
    Annotated[EventTrigger, Tag("<event>")] | Annotated[BecomesTrigger, Tag("<becomes>")],
    _TRIGGER.discriminator,
    _TRIGGER.check,
    TOLERANT,
]
