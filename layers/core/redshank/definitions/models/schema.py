"""What does the app send? ``schema.yaml``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.models.base import Definition, not_empty, refusal, shown
from redshank.definitions.models.scalars import Text

#: Events that Redshank makes itself, or from what Segment's libraries send.
RESERVED_EVENTS = frozenset(
    {
        *("email_sent", "email_delivered", "email_opened", "email_bounced", "email_complained"),
        *("email_replied", "link_clicked", "page_viewed", "screen_viewed"),
        *("topic_requested", "topic_subscribed", "topic_unsubscribed"),
    }
)
#: Of these, what an app's own pages and screens are, with whatever properties it gives them.
_OF_THE_APP = frozenset({"page_viewed", "screen_viewed"})

#: Traits that mean something without being declared.
#: Source: the Segment spec, "Identify", reserved traits; and what Redshank itself reads.
RESERVED_TRAITS = frozenset(
    {
        *("address", "age", "avatar", "birthday", "company", "createdAt", "description", "email"),
        *("firstName", "gender", "id", "lastName", "name", "phone", "title", "username", "website"),
        *("created_at", "first_name", "last_name", "language", "locale", "timezone"),
    }
)


def _option(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal(f"should be text or numbers, not {shown(value)}")
    return value


def _distinct(value: Any) -> Any:
    if isinstance(value, list) and len({str(item) for item in value}) < len(value):
        raise refusal("should not name a value twice")
    return not_empty(value)


class OneOf(Definition):
    """One of a few values."""

    #: The values.
    one_of: Annotated[
        list[Annotated[str | int | float, BeforeValidator(_option)]], BeforeValidator(_distinct)
    ]


def _check(value: Any) -> Any:
    if not isinstance(value, str | Mapped):
        raise refusal(
            f"should be a type such as `text`, `[text]` or `{{one_of: [a, b]}}`, not {shown(value)}"
        )
    return value


def _check_list(value: Any) -> Any:
    if isinstance(value, Listed) and len(value) != 1:
        raise refusal("should name one type that all items have, such as `[text]`")
    return value


def _shape(value: Any) -> str:
    if isinstance(value, Listed):
        return "<list>"
    return "<one_of>" if isinstance(value, Mapped) else "<name>"


type _Item = Annotated[
    Annotated[Literal["text", "number", "bool", "time"], Tag("<name>")] | Annotated[OneOf, Tag("<one_of>")],
    Discriminator(_shape),
    BeforeValidator(_check),
]


def _check_kind(value: Any) -> Any:
    return value if isinstance(value, Listed) else _check(value)


#: What a trait or property may be: ``text``, ``number``, ``bool``, ``time``, one of a few values, or a list of such.
type Kind = Annotated[
    Annotated[Literal["text", "number", "bool", "time"], Tag("<name>")]
    | Annotated[OneOf, Tag("<one_of>")]
    | Annotated[list[_Item], BeforeValidator(_check_list), Tag("<list>")],
    Discriminator(_shape),
    BeforeValidator(_check_kind),
]


def nothing(value: Any) -> Any:
    """``signed_up:`` declares an event without properties."""
    return {} if value is None else value


type Properties = Annotated[dict[Text, Kind], BeforeValidator(nothing)]


def _not_reserved(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if name in RESERVED_EVENTS - _OF_THE_APP:
            raise refusal(f"`{name}` is an event of Redshank itself, and is not declared")
    return value


class Schema(Definition):
    """``schema.yaml``."""

    #: Whether what does not match is taken with a warning or refused.
    on_mismatch: Literal["warn", "reject"] = "warn"
    #: Trait -> what it is: ``text``, ``number``, ``bool``, ``time``, ``{one_of: [a, b]}``, or a list such
    #: as ``[text]``. With it, a trait that is not declared is a mistake wherever the book asks for it.
    traits: Properties = Field(default_factory=dict)
    #: Event -> its properties, as with traits; nothing where it has none.
    events: Annotated[dict[Text, Properties], BeforeValidator(nothing), AfterValidator(_not_reserved)] = (
        Field(default_factory=dict)
    )
