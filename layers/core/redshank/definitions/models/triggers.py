"""What starts a journey?"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from redshank.definitions.models.base import (
    TOLERANT,
    Definition,
    Kinds,
    one_or_more,
    refusal,
    shown,
)
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import Name, PositiveDuration, Text, Timezone
from redshank.definitions.models.times import Moment, Offset, TimeOfDay, Weekday


class _Trigger(Definition):
    #: What has to be true of the contact too, then or within ``entry_grace``.
    when: Condition | None = Field(None, alias="if")


class EventTrigger(_Trigger):
    """An event arrives; with ``without`` and ``for``: it arrives, and the other one stays away so long.

    ``where`` filters the event, ``same`` names the property that both have the same value of.
    """

    #: Its name, or several: any of them.
    event: Annotated[list[Text], BeforeValidator(one_or_more)]
    #: Only events whose properties fit.
    where: Condition | None = None
    #: The event that stays away, or several.
    without: Annotated[list[Text], BeforeValidator(one_or_more)] | None = None
    #: For how long.
    span: PositiveDuration | None = Field(None, alias="for")
    #: The property, such as ``cart_id``.
    same: Text | None = None
    #: Whether those for whom it is due already are enrolled when the book is applied, once.
    include_existing: bool = False

    @model_validator(mode="after")
    def _absence(self, info: ValidationInfo) -> Self:
        if self.without is not None:
            if not self.gives("for"):
                self.tell(info, "`without` needs a `for`: how long nothing comes, such as `for: 48h`")
            return self
        for key in ("for", "same"):
            if self.gives(key):
                self.tell(info, f"`{key}` goes with `without`: the event that stays away", key)
        if self.include_existing:
            message = "`include_existing` is of `becomes`, `without` and `date`; an event comes once"
            self.tell(info, message, "include_existing")
        return self


class BecomesTrigger(_Trigger):
    """A condition turns true for the contact."""

    #: The condition.
    becomes: Condition
    #: Whether those for whom it is true already are enrolled when the book is applied, once.
    include_existing: bool = False


class DateTrigger(_Trigger):
    """A date of the contact comes: a trait, or ``account.x``; ``offset`` before or after, ``time`` on that day."""

    #: A trait that is a time, or ``account.x``.
    date: Text
    #: Before it (``-3d``) or after.
    offset: Offset = 0
    #: The time of day, on the day that is reached so.
    time: TimeOfDay | None = None
    #: Whether those whose date has passed already are enrolled when the book is applied, once.
    include_existing: bool = False


def _days(value: Any) -> Any:
    """``day`` is every day: no weekday in particular."""
    return [] if value == "day" else one_or_more(value)


def _zone(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """``contact`` is each contact's own."""
    if isinstance(value, str) and value.lower() in ("contacts", "contact's", "local"):
        raise refusal(f"should be `contact` or a timezone such as `Europe/Berlin`, not {shown(value)}")
    return value if value == "contact" else handler(value)


class _Scheduled(_Trigger):
    #: The segment or list; membership is looked at when each contact's moment comes.
    to: Name
    #: A timezone's name, or ``contact``; the book's, if nothing is said.
    timezone: Annotated[Timezone, WrapValidator(_zone)] | None = None


class EveryTrigger(_Scheduled):
    """The clock shows a time, on some weekdays or every ``day``: for each member of a segment or list."""

    #: Weekdays, or ``day``.
    every: Annotated[
        list[Weekday],
        BeforeValidator(_days, json_schema_input_type=Literal["day"] | Weekday | list[Weekday]),
    ]
    #: The time of day.
    time: TimeOfDay


class AtTrigger(_Scheduled):
    """An instant comes, once: for each member of a segment or list. A broadcast."""

    #: The local time.
    at_: Moment = Field(alias="at")
    #: What a contact gets whose moment had passed when the book was applied.
    late: Literal["send", "skip"] = "send"


def _true(value: Any) -> Any:
    if value is not True:
        raise refusal(f"should be `true`, not {shown(value)}; without it, leave the trigger out")
    return value


class ManualTrigger(_Trigger):
    """Somebody enrols the contact, or another workflow does."""

    #: Always ``true``.
    manual: Annotated[Literal[True], BeforeValidator(_true)]


_TRIGGER = Kinds(
    "trigger",
    {
        "event": "<event>",
        "becomes": "<becomes>",
        "date": "<date>",
        "every": "<every>",
        "at": "<at>",
        "manual": "<manual>",
    },
    (),
    example="{event: signed_up}",
)

type Trigger = Annotated[
    Annotated[EventTrigger, Tag("<event>")]
    | Annotated[BecomesTrigger, Tag("<becomes>")]
    | Annotated[DateTrigger, Tag("<date>")]
    | Annotated[EveryTrigger, Tag("<every>")]
    | Annotated[AtTrigger, Tag("<at>")]
    | Annotated[ManualTrigger, Tag("<manual>")],
    _TRIGGER.discriminator,
    _TRIGGER.check,
    TOLERANT,
]
