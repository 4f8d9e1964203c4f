"""What can happen to a contact? An event, or the time it waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Events that Redshank itself makes, beside those named in the reference.
EMAIL_DEFERRED = "email_deferred"
EMAIL_FAILED = "email_failed"
EMAIL_BOUNCED = "email_bounced"
EMAIL_COMPLAINED = "email_complained"
EMAIL_SENT = "email_sent"
EMAIL_DELIVERED = "email_delivered"
EMAIL_OPENED = "email_opened"
LINK_CLICKED = "link_clicked"
TOPIC_SUBSCRIBED = "topic_subscribed"
TOPIC_UNSUBSCRIBED = "topic_unsubscribed"

#: Somebody enrols the contact in the workflow of the property ``workflow``.
WORKFLOW_ENROLLED = "workflow_enrolled"

#: Names an app may not post: they would let anybody with a write key forge feedback.
RESERVED = frozenset(
    {
        EMAIL_DEFERRED,
        EMAIL_FAILED,
        EMAIL_BOUNCED,
        EMAIL_COMPLAINED,
        EMAIL_DELIVERED,
        EMAIL_OPENED,
        LINK_CLICKED,
        WORKFLOW_ENROLLED,
        EMAIL_SENT,
        "email_replied",
    }
)

#: Names that mean something to the engine itself, whether or not a book listens.
UNDERSTOOD = RESERVED | {TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something somebody did, in Segment's terms.

    Its key in the log is ``(stream, id)``. ``occurred_at`` is corrected for the client's clock and
    never after ``received_at``; being corrected, it may differ between two posts of the same event, so
    it is in no key.
    """

    #: The event's id: the caller's ``messageId``, or a hash of the content.
    id: str
    #: The identity as posted: ``user:7``, ``anon:…`` or ``contact:…`` for what Redshank learned itself.
    stream: str
    #: ``track``, ``identify``, ``page``, ``screen``, ``group`` or ``alias``.
    type: str
    #: The event's name: ``signed_up``; ``page_viewed`` for a page; empty for an identify.
    name: str
    occurred_at: int
    received_at: int
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    #: Imported as history: feeds measures, starts nothing.
    historical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """The instant a contact waited for has come (or will within seconds)."""

    contact_id: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A new book has something for contacts that nothing happens to: a segment, a measure, a schedule."""

    contact_id: str
    #: Sequence number of the book.
    book: int


type Input = Event | Wake | Visit
