"""What does a scenario of ``tests/*.yaml`` say?"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Tag, WithJsonSchema

from redshank.definitions.models.base import TOLERANT, Definition, Kinds, refusal, shown
from redshank.definitions.models.scalars import Duration, Name, Text
from redshank.definitions.models.times import Moment
from redshank.instants import parse_duration

_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def _when(value: Any) -> Any:
    refused = refusal(
        "should be a time since `start` such as `2d`, or a local time such as `2026-12-08 09:00`,"
        f" not {shown(value)}"
    )
    if not isinstance(value, str):
        raise refused
    try:
        return datetime.fromisoformat(value).isoformat() if _LOCAL.fullmatch(value) else parse_duration(value)
    except ValueError:
        raise refused from None


#: Milliseconds since the start, or ``2026-12-08T09:00:00``: a local time of the contact.
When = Annotated[
    int | str,
    BeforeValidator(_when),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({_LOCAL.pattern}|([0-9]+[smhdw])+)$",
            "title": "time since start, or local time",
            "examples": ["2d", "2026-12-08 09:00"],
        }
    ),
]


class _Timed(Definition):
    #: When: since the start, or a local time of the contact.
    when: When = Field(alias="at")


# --- what happens


class _OfEmail(_Timed):
    #: Of which workflow, where several have a step of that name; otherwise the latest email counts.
    workflow: Name | None = None


class EventHappens(_Timed):
    """The contact does something."""

    #: The name of the event.
    event: Text
    #: Its properties.
    properties: dict[str, Any] = Field(default_factory=dict)


class TraitsHappen(_Timed):
    """Something is said of the contact, as by an identify; `null` removes a trait."""

    #: Trait -> value.
    traits: dict[str, Any]


class AccountHappens(_Timed):
    """Something is said of the contact's account."""

    #: Traits of the account.
    account: dict[str, Any]


class OpenHappens(_OfEmail):
    """The contact opens an email, or a machine does."""

    #: The step that sent it.
    opened: Text
    #: Who, or what, opens.
    by: Literal["human", "proxy", "scanner"] = "human"


class ClickHappens(_OfEmail):
    """The contact clicks a link in an email, or a machine does."""

    #: The step that sent it.
    clicked: Text
    #: The address of the link.
    link: Text | None = None
    #: Who, or what, clicks.
    by: Literal["human", "proxy", "scanner"] = "human"


class BounceHappens(_OfEmail):
    """The address of an email does not exist."""

    #: The step that sent it.
    bounced: Text


class ComplaintHappens(_OfEmail):
    """The contact calls an email spam."""

    #: The step that sent it.
    complained: Text


class SubscribeHappens(_Timed):
    """The contact subscribes to a topic."""

    #: The topic.
    subscribed: Text


class UnsubscribeHappens(_Timed):
    """The contact unsubscribes from a topic; `*` is everything that is not transactional."""

    #: The topic.
    unsubscribed: Text


class EnrollHappens(_Timed):
    """Somebody enrols the contact in a workflow."""

    #: The workflow.
    enrolled: Name
    #: What is known to it as properties of the starting event.
    properties: dict[str, Any] = Field(default_factory=dict)


_HAPPENING = Kinds(
    "happening",
    {
        "event": "<event>",
        "traits": "<traits>",
        "account": "<account>",
        "opened": "<opened>",
        "clicked": "<clicked>",
        "bounced": "<bounced>",
        "complained": "<complained>",
        "subscribed": "<subscribed>",
        "unsubscribed": "<unsubscribed>",
        "enrolled": "<enrolled>",
    },
    set(),
    example="{at: 1d, event: product_activated}",
)

type Happens = Annotated[
    Annotated[EventHappens, Tag("<event>")]
    | Annotated[TraitsHappen, Tag("<traits>")]
    | Annotated[AccountHappens, Tag("<account>")]
    | Annotated[OpenHappens, Tag("<opened>")]
    | Annotated[ClickHappens, Tag("<clicked>")]
    | Annotated[BounceHappens, Tag("<bounced>")]
    | Annotated[ComplaintHappens, Tag("<complained>")]
    | Annotated[SubscribeHappens, Tag("<subscribed>")]
    | Annotated[UnsubscribeHappens, Tag("<unsubscribed>")]
    | Annotated[EnrollHappens, Tag("<enrolled>")],
    _HAPPENING.discriminator,
    _HAPPENING.check,
    TOLERANT,
]

# --- what is expected


class _Expected(_Timed):
    #: Of which workflow, where several have a step of that name.
    workflow: Name | None = None


class SentExpected(_Expected):
    """An email; any that is not expected fails the scenario."""

    #: The step.
    sent: Text
    #: The arm of the test that it is in.
    arm: Text | None = None


class SkippedExpected(_Expected):
    """A step is passed over, and why."""

    #: The step.
    skipped: Text
    #: The reason.
    why: Text | None = None


class EnteredExpected(_Timed):
    """A journey begins."""

    #: The workflow.
    entered: Name


class ExitedExpected(_Expected):
    """A journey ends: `goal`, `exit_if`, `unsubscribed`, `finished`, or the reason of an `exit` step."""

    #: Why it ends.
    exited: Text


_EXPECTATION = Kinds(
    "expectation",
    {"sent": "<sent>", "skipped": "<skipped>", "entered": "<entered>", "exited": "<exited>"},
    set(),
    example="{at: 0s, sent: welcome}",
)

type Expects = Annotated[
    Annotated[SentExpected, Tag("<sent>")]
    | Annotated[SkippedExpected, Tag("<skipped>")]
    | Annotated[EnteredExpected, Tag("<entered>")]
    | Annotated[ExitedExpected, Tag("<exited>")],
    _EXPECTATION.discriminator,
    _EXPECTATION.check,
    TOLERANT,
]


class Scenario(Definition):
    """What happens to one contact, and what is expected of the book.

    Where the first thing expected comes at `0s`, is of a workflow that events start, and `when` has none of them, that
    event happens at the start.
    """

    #: What it shows: the name of the test.
    scenario: Text
    #: A local time of the contact.
    start: Moment
    #: The contact's traits: known from the start.
    contact: dict[str, Any]
    #: Split, send or wait with arms -> the arm that the contact gets.
    arms: dict[str, Text] = Field(default_factory=dict)
    #: What happens, in whatever order.
    when: list[Happens] = Field(default_factory=list)
    #: What the book does.
    expect: list[Expects]
    #: How long it is watched: else until nothing is due any more, at most 90 days after all that is named here.
    until: Duration | None = None
