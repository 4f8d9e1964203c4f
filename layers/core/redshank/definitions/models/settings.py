"""What holds for the whole book? ``redshank.yaml`` and ``segments.yaml``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from redshank.definitions.models.base import Definition, one_or_more, refusal
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import (
    Address,
    Count,
    Duration,
    Name,
    PositiveDuration,
    Share,
    Text,
    Timezone,
    refuse_double,
)
from redshank.definitions.models.times import TimeOfDay
from redshank.instants import DAY, MINUTE


class Sender(Definition):
    """Whom an email comes from."""

    later: ClassVar[frozenset[str]] = frozenset({"pool"})

    #: What inboxes show.
    name: Text
    #: The address; its domain is verified with SES.
    email: Address
    #: Where replies go, if not there.
    reply_to: Address | None = None


class Topic(Definition):
    """What an email is about, and what a contact can subscribe to."""

    later: ClassVar[frozenset[str]] = frozenset({"confirm", "remind", "expires"})

    #: What contacts read on the preference page.
    name: Text
    #: ``none``: until they unsubscribe; ``single``: once they have subscribed.
    opt_in: Annotated[Literal["none", "single"], BeforeValidator(refuse_double)] = "none"
    #: ``transactional`` is what the contact's own action asks for, such as a receipt: no caps, no quiet
    #: hours, no unsubscribing.
    kind: Literal["marketing", "transactional"] = "marketing"


class Cap(Definition):
    """At most so many emails, per day of the contact's calendar or within a rolling span."""

    #: So many.
    max: Count
    #: ``day``: from midnight to midnight on the contact's clock.
    per: Literal["day"] | None = None
    #: In any such span.
    within: PositiveDuration | None = None

    @model_validator(mode="after")
    def _one_span(self) -> Self:
        if (self.per is None) == (self.within is None):
            raise refusal("a cap is `per: day` or `within` a duration such as `7d`")
        return self


class Quiet(Definition):
    """From one time of day to another, as the contact's clock shows them; over midnight too."""

    #: The first minute that is quiet.
    start: TimeOfDay = Field(alias="from")
    #: The first that is not.
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.start == self.end:
            raise refusal("`from` and `to` are the same time; leave `quiet` out if no hour is quiet")
        return self


class Policy(Definition):
    """How sending is held back."""

    later: ClassVar[frozenset[str]] = frozenset({"sunset", "breaker"})

    #: Longest wait for whatever holds an email back; after that it is skipped, with the reason.
    hold: Duration = DAY
    #: A trigger's ``if`` may come true this late, since identify and track race each other.
    entry_grace: Duration = 10 * MINUTE
    #: The runaway guard: so many emails in any 24 hours, transactional ones not counted.
    max_emails_per_day: Count = 10
    #: So many marketing emails to a contact, over all workflows; what is too much waits up to ``hold``.
    caps: Annotated[list[Cap], BeforeValidator(one_or_more)] = Field(default_factory=list)
    #: When no marketing email goes out; it waits for their end.
    quiet: Quiet | None = None


class BookSettings(Definition):
    """``redshank.yaml``."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"warm_up", "conversions", "attribution", "links", "environments"}
    )

    #: The version of this language.
    version: Literal[1]
    #: Of contacts that have none.
    timezone: Timezone = "UTC"
    #: The law asks for it in marketing email; templates show it as ``{{ postal_address }}``.
    postal_address: Text | None = None
    #: Name -> sender; ``default`` sends what names no other.
    senders: dict[Name, Sender]
    #: Name -> topic.
    topics: dict[Name, Topic]
    #: How sending is held back.
    policy: Policy | None = None
    #: The share of contacts that get no marketing email at all, to compare with.
    holdout: Share = 0.0


type Segments = dict[Name, Condition]
