"""What holds for the whole book? ``redshank.yaml`` and ``segments.yaml``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from redshank.definitions.models.base import Definition
from redshank.definitions.models.conditions import Condition
from redshank.definitions.models.scalars import (
    Address,
    Count,
    Duration,
    Name,
    Share,
    Text,
    Timezone,
    refuse_double,
)
from redshank.instants import DAY, MINUTE


class Sender(Definition):
    """Whom an email comes from."""

    later: ClassVar[frozenset[str]] = frozenset({"pool"})

    name: Text
    email: Address
    reply_to: Address | None = None


class Topic(Definition):
    """What an email is about, and what a contact can subscribe to."""

    later: ClassVar[frozenset[str]] = frozenset({"confirm", "remind", "expires"})

    name: Text
    opt_in: Annotated[Literal["none", "single"], BeforeValidator(refuse_double)] = "none"
    kind: Literal["marketing", "transactional"] = "marketing"


class Policy(Definition):
    """How sending is held back."""

    later: ClassVar[frozenset[str]] = frozenset({"caps", "quiet", "sunset", "breaker"})

    hold: Duration = DAY
    entry_grace: Duration = 10 * MINUTE
    #: The runaway guard: so many emails in any 24 hours, transactional ones not counted.
    max_emails_per_day: Count = 10


class BookSettings(Definition):
    """``redshank.yaml``."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"warm_up", "conversions", "attribution", "links", "environments"}
    )

    version: Literal[1]
    timezone: Timezone = "UTC"
    postal_address: Text | None = None
    senders: dict[Name, Sender]
    topics: dict[Name, Topic]
    policy: Policy | None = None
    #: The share of contacts that get no marketing email at all, to compare with.
    holdout: Share = 0.0


type Segments = dict[Name, Condition]
