"""What does SES report? The JSON of event publishing, as SES writes it to an SNS topic.

Shapes: "Contents of event data that Amazon SES publishes to Amazon SNS" and the examples beside it, in the SES
developer guide. Times are the wall's: SES knows no other clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from typing import Any

from infra.local.ses.emails import Email

ACCOUNT = "000000000000"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"

#: The name of an event type in a notification -> its name in an event destination.
MATCHING_TYPES = {
    "Send": "SEND",
    "Reject": "REJECT",
    "Bounce": "BOUNCE",
    "Complaint": "COMPLAINT",
    "Delivery": "DELIVERY",
    "Open": "OPEN",
    "Click": "CLICK",
    "Rendering Failure": "RENDERING_FAILURE",
    "DeliveryDelay": "DELIVERY_DELAY",
    "Subscription": "SUBSCRIPTION",
}

type Notification = dict[str, Any]


def iso(wall: int) -> str:
    """``2026-11-24T16:00:00.000Z`` from wall milliseconds."""
    moment = datetime.fromtimestamp(wall / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sent(email: Email, region: str) -> Notification:
    return _event("Send", email, region, {"send": {}})


def delivered(email: Email, region: str, now: int) -> Notification:
    return _event(
        "Delivery",
        email,
        region,
        {
            "delivery": {
                "timestamp": iso(now),
                "processingTimeMillis": max(0, now - email.sent_at),
                "recipients": list(email.recipients),
                "smtpResponse": "250 2.0.0 OK",
                "reportingMTA": "a8-50.smtp-out.amazonses.com",
            }
        },
    )


def bounced(
    email: Email, region: str, now: int, *, permanent: bool, sub_type: str = "General"
) -> Notification:
    """A hard bounce (permanent) or a soft one (the mailbox is full)."""
    status, code = (
        ("5.1.1", "smtp; 550 5.1.1 user unknown")
        if permanent
        else ("4.2.2", "smtp; 452 4.2.2 The email account that you tried to reach is over quota.")
    )
    recipients: Sequence[dict[str, str]] = [
        {"emailAddress": address, "action": "failed", "status": status, "diagnosticCode": code}
        for address in email.recipients
    ]
    return _event(
        "Bounce",
        email,
        region,
        {
            "bounce": {
                "feedbackId": _feedback_id(now),
                "bounceType": "Permanent" if permanent else "Transient",
                "bounceSubType": sub_type if permanent else "MailboxFull",
                "bouncedRecipients": recipients,
                "timestamp": iso(now),
                "reportingMTA": "dns; a8-50.smtp-out.amazonses.com",
            }
        },
    )


def complained(email: Email, region: str, now: int) -> Notification:
    return _event(
        "Complaint",
        email,
        region,
        {
            "complaint": {
                "feedbackId": _feedback_id(now),
                "complaintSubType": None,
                "complainedRecipients": [{"emailAddress": address} for address in email.recipients],
                "timestamp": iso(now),
                "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse",
                "arrivalDate": iso(email.sent_at),
            }
        },
    )


def opened(email: Email, region: str, now: int) -> Notification:
    return _event(
        "Open",
        email,
        region,
        {"open": {"timestamp": iso(now), "userAgent": _AGENT, "ipAddress": "192.0.2.1"}},
    )


def clicked(email: Email, region: str, now: int, link: str) -> Notification:
    return _event(
        "Click",
        email,
        region,
        {
            "click": {
                "timestamp": iso(now),
                "ipAddress": "192.0.2.1",
                "userAgent": _AGENT,
                "link": link,
                "linkTags": None,
            }
        },
    )


def _event(kind: str, email: Email, region: str, detail: dict[str, Any]) -> Notification:
    return {"eventType": kind, "mail": _mail(email, region), **detail}


def _mail(email: Email, region: str) -> dict[str, Any]:
    address = parseaddr(email.sender)[1]
    domain = address.rpartition("@")[2]
    content_type = "multipart/alternative" if email.html and email.text else "text/html; charset=UTF-8"
    return {
        "timestamp": iso(email.sent_at),
        "source": email.sender,
        "sourceArn": f"arn:aws:ses:{region}:{ACCOUNT}:identity/{domain}",
        "sendingAccountId": ACCOUNT,
        "messageId": email.id,
        "destination": list(email.recipients),
        "headersTruncated": False,
        "headers": [
            *({"name": name, "value": value} for name, value in email.headers),
            {"name": "Content-Type", "value": content_type},
        ],
        "commonHeaders": {
            "from": [email.sender],
            "date": format_datetime(datetime.fromtimestamp(email.sent_at / 1000, UTC)),
            "to": list(email.to),
            "messageId": email.id,
            "subject": email.subject,
        },
        "tags": {
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": [email.configuration_set],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [domain],
            "ses:caller-identity": ["redshank-send"],
            "ses:outgoing-ip": ["192.0.2.0"],
            **{name: [value] for name, value in email.tags.items()},
        },
    }


def _feedback_id(now: int) -> str:
    return f"0100{now:012x}-{uuid.uuid4()}-000000"
