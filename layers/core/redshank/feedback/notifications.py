"""What does a notification say? SES's JSON -> a value. Pure: the clock only converts the time it carries.

Sources: "Contents of event data that Amazon SES publishes to Amazon SNS" (event publishing, ``eventType``)
and "Amazon SNS notification contents for Amazon SES" (notifications of an identity, ``notificationType``).
Fields unknown here are ignored, as SES asks: it adds some over time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redshank import instants
from redshank.clock import Clock
from redshank.errors import BadInput
from redshank.feedback.bounces import Verdict, verdict
from redshank.identity import normalized_address
from redshank.ports import ATTEMPT_TAG, MESSAGE_TAG

#: What SES publishes, not as JSON, when an event destination is made.
_TOPIC_CHECK = "Successfully validated SNS topic for Amazon SES event publishing."

#: The ``complaintFeedbackType`` (RFC 5965) of somebody who takes an email out of the spam folder.
_NOT_SPAM = "not-spam"


class Kind(StrEnum):
    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    OPEN = "Open"
    CLICK = "Click"
    DELAY = "DeliveryDelay"
    RENDERING_FAILURE = "Rendering Failure"
    SUBSCRIPTION = "Subscription"


#: Kind -> the object of the notification that describes it. Send, Reject and Rendering Failure carry no time
#: of their own there: the email's is taken.
_DETAILS = {
    Kind.SEND: "send",
    Kind.DELIVERY: "delivery",
    Kind.BOUNCE: "bounce",
    Kind.COMPLAINT: "complaint",
    Kind.REJECT: "reject",
    Kind.OPEN: "open",
    Kind.CLICK: "click",
    Kind.DELAY: "deliveryDelay",
    Kind.RENDERING_FAILURE: "failure",
    Kind.SUBSCRIPTION: "subscription",
}
#: The kinds of which the details decide something.
_TELLING = frozenset({Kind.BOUNCE, Kind.COMPLAINT, Kind.SUBSCRIPTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing SES says about one email."""

    kind: Kind
    #: When it happened, in Redshank's time.
    at: int
    #: The same as SES wrote it: equal for every delivery of the notification.
    timestamp: str
    #: Our message id and attempt, from the email's tags; empty and 0 if it is not ours.
    message_id: str = ""
    attempt: int = 0
    #: SES's own id of the email.
    provider_id: str = ""
    #: Whom it is about, normalised.
    recipients: tuple[str, ...] = ()
    #: Of a bounce.
    verdict: Verdict | None = None
    #: The addresses of ``recipients`` nothing may be sent to any more.
    unreachable: tuple[str, ...] = ()
    #: Of a complaint: ``abuse``, ``not-spam``, … (RFC 5965); often empty.
    feedback_type: str = ""
    #: Why: ``bounceType/bounceSubType``, ``complaintSubType``, ``delayType``, the reason of a rejection.
    reason: str = ""
    #: Of a click.
    link: str = ""
    #: Of an open, a click, or the feedback report of a complaint.
    user_agent: str = ""
    ip: str = ""
    #: Of a subscription: topics the contact has just left; ``*`` is everything.
    left: tuple[str, ...] = ()


def decode(body: str, clock: Clock) -> Notification | None:
    """The notification in the body of a message of the feedback queue; None for SES's check of the topic.

    With raw message delivery the body is SES's JSON; without, it is inside SNS's envelope. Raises BadInput
    for anything else.
    """
    if body == _TOPIC_CHECK:
        return None
    plain = _json(body, "body")
    if "Message" in plain and "Type" in plain:
        if plain["Message"] == _TOPIC_CHECK:
            return None
        plain = _json(plain["Message"], "Message")
    name = str(plain.get("eventType", plain.get("notificationType")))
    try:
        kind = Kind(name)
    except ValueError:
        raise BadInput(f"{name[:40]!r} is no kind of notification known here", field="eventType") from None
    return _notification(kind, plain, clock)


def _json(text: Any, field: str) -> dict[str, Any]:
    try:
        plain = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise BadInput("is not JSON", field=field) from None
    if not isinstance(plain, dict):
        raise BadInput("is not a JSON object", field=field)
    return plain


def _notification(kind: Kind, plain: Mapping[str, Any], clock: Clock) -> Notification:
    mail, details = _object(plain, "mail"), _object(plain, _DETAILS[kind])
    if not details and kind in _TELLING:
        raise BadInput("is missing", field=_DETAILS[kind])
    tags = _object(mail, "tags")
    timestamp = _text(details, "timestamp") or _text(mail, "timestamp")
    try:
        at = clock.at(instants.parse(timestamp))
    except ValueError:
        raise BadInput("is not an ISO 8601 timestamp", field=f"{_DETAILS[kind]}.timestamp") from None
    attempt = _tag(tags, ATTEMPT_TAG)
    more: dict[str, Any]
    match kind:
        case Kind.BOUNCE:
            more = _bounce(mail, details)
        case Kind.COMPLAINT:
            more = _complaint(mail, details)
        case Kind.SUBSCRIPTION:
            more = {"left": _left(details)}
        case Kind.DELAY:
            more = {"reason": _text(details, "delayType")}
        case Kind.REJECT:
            more = {"reason": _text(details, "reason")}
        case _:
            more = {"link": _text(details, "link"), "ip": _text(details, "ipAddress")}
    return Notification(
        kind=kind,
        at=at,
        timestamp=timestamp,
        message_id=_tag(tags, MESSAGE_TAG),
        attempt=int(attempt) if attempt.isdecimal() else 0,
        provider_id=_text(mail, "messageId"),
        user_agent=_text(details, "userAgent"),
        **{"recipients": _destination(mail), **more},
    )


def _bounce(mail: Mapping[str, Any], bounce: Mapping[str, Any]) -> dict[str, Any]:
    kind, subtype = _text(bounce, "bounceType"), _text(bounce, "bounceSubType")
    bounced = [
        (
            _address(_text(recipient, "emailAddress")),
            verdict(kind, subtype, _text(recipient, "status"), _text(recipient, "diagnosticCode")),
        )
        for recipient in _objects(bounce, "bouncedRecipients")
    ]
    sent_to = _destination(mail)
    if len(sent_to) == 1:
        # What was written to: the mail may have been forwarded, and the report names the last address.
        bounced = [(sent_to[0], it) for _, it in bounced] or [(sent_to[0], verdict(kind, subtype))]
    return {
        "verdict": min((it for _, it in bounced), key=list(Verdict).index, default=verdict(kind, subtype)),
        "recipients": _distinct(address for address, _ in bounced),
        "unreachable": _distinct(address for address, it in bounced if it.final),
        "reason": f"{kind}/{subtype}",
    }


def _complaint(mail: Mapping[str, Any], complaint: Mapping[str, Any]) -> dict[str, Any]:
    """Most providers hide who complained; SES then lists all recipients at that provider."""
    sent_to = _destination(mail)
    named = _distinct(
        _address(_text(recipient, "emailAddress"))
        for recipient in _objects(complaint, "complainedRecipients")
    )
    recipients = sent_to if len(sent_to) == 1 else named
    feedback_type = _text(complaint, "complaintFeedbackType")
    return {
        "recipients": recipients,
        "unreachable": () if feedback_type == _NOT_SPAM else recipients,
        "feedback_type": feedback_type,
        "reason": _text(complaint, "complaintSubType"),
    }


def _left(subscription: Mapping[str, Any]) -> tuple[str, ...]:
    """The topics whose status turned to OptOut, or ``*`` if everything was left."""
    new = _object(subscription, "newTopicPreferences")
    old = _object(subscription, "oldTopicPreferences")
    if new.get("unsubscribeAll") and not old.get("unsubscribeAll"):
        return ("*",)
    before = _opted_out(old)
    return tuple(topic for topic in _opted_out(new) if topic not in before)


def _opted_out(preferences: Mapping[str, Any]) -> list[str]:
    return [
        _text(topic, "topicName")
        for topic in _objects(preferences, "topicSubscriptionStatus")
        if topic.get("subscriptionStatus") == "OptOut" and topic.get("topicName")
    ]


def _destination(mail: Mapping[str, Any]) -> tuple[str, ...]:
    given = mail.get("destination")
    return _distinct(_address(it) for it in given if isinstance(it, str)) if isinstance(given, list) else ()


def _address(text: str) -> str:
    """The bare address of ``Ann <ann@example.com>`` or of a report's ``rfc822;ann@example.com``."""
    bare = text.rpartition("<")[2].partition(">")[0] if "<" in text else text.rpartition(";")[2]
    return normalized_address(bare)


def _distinct(addresses: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for address in addresses if address))


def _object(plain: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = plain.get(field)
    return found if isinstance(found, dict) else {}


def _objects(plain: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    found = plain.get(field)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def _text(plain: Mapping[str, Any], field: str) -> str:
    found = plain.get(field)
    return found if isinstance(found, str) else ""


def _tag(tags: Mapping[str, Any], name: str) -> str:
    """SES gives every tag a list of values."""
    values = tags.get(name)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""
