"""What was asked to be sent? The requests of SES v2, with the rules SES would refuse them by.

Rules and limits: SendEmail, MessageHeader and MessageTag in the SES API v2 reference.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,870}")
_MAX_HEADERS = 15
_MAX_RECIPIENTS = 50
_MAX_TAGS = 50
#: Headers that SES writes itself; it refuses them in ``Headers``.
_OWN_HEADERS = frozenset({"bcc", "cc", "content-disposition", "content-type", "date", "from", "message-id",
                          "mime-version", "reply-to", "return-path", "subject", "to"})  # fmt: skip


class Refused(Exception):
    """SES answers with an error, and nothing was accepted."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    #: As SES names it in its answer and in every notification.
    id: str
    #: Wall milliseconds.
    sent_at: int
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    #: As the recipient sees them, in order.
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    tags: Mapping[str, str]
    configuration_set: str

    @property
    def recipients(self) -> tuple[str, ...]:
        """Bare addresses of everybody it goes to."""
        return tuple(parseaddr(address)[1] for address in (*self.to, *self.cc, *self.bcc))

    def header(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def read(request: Mapping[str, Any], *, now: int) -> Email:
    """Read a SendEmail request; raises Refused as SES would."""
    content = request.get("Content") or {}
    if content.get("Simple"):
        parts = _simple(content["Simple"])
    elif content.get("Raw"):
        parts = _raw(content["Raw"])
    elif content.get("Template"):
        parts = _template(content["Template"])
    else:
        raise Refused("BadRequestException", "Content must have one of Simple, Raw and Template.")
    destination = request.get("Destination") or {}
    sender = request.get("FromEmailAddress") or parts.sender
    if not sender:
        raise Refused("BadRequestException", "Missing required header 'From'.")
    to = _addresses(destination.get("ToAddresses")) or parts.to
    cc = _addresses(destination.get("CcAddresses"))
    bcc = _addresses(destination.get("BccAddresses"))
    if not 0 < len(to) + len(cc) + len(bcc) <= _MAX_RECIPIENTS:
        raise Refused("BadRequestException", f"Recipient count is not between 1 and {_MAX_RECIPIENTS}.")
    for address in (sender, *to, *cc, *bcc):
        _check_address(address)
    identifier = f"0100{now:012x}-{uuid.uuid4()}-000000"
    reply_to = ", ".join(request.get("ReplyToAddresses") or ())
    own = [
        ("From", sender),
        ("To", ", ".join(to)),
        ("Cc", ", ".join(cc)),
        ("Reply-To", reply_to),
        ("Subject", parts.subject),
        ("Message-ID", f"<{identifier}@email.amazonses.com>"),
        ("MIME-Version", "1.0"),
    ]
    return Email(
        id=identifier,
        sent_at=now,
        sender=sender,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=parts.subject,
        headers=(*((name, value) for name, value in own if value), *parts.headers),
        html=parts.html,
        text=parts.text,
        tags=_tags(request.get("EmailTags") or ()),
        configuration_set=request.get("ConfigurationSetName") or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    sender: str = ""
    to: tuple[str, ...] = ()


def _simple(simple: Mapping[str, Any]) -> _Parts:
    body = simple.get("Body") or {}
    html = (body.get("Html") or {}).get("Data") or ""
    text = (body.get("Text") or {}).get("Data") or ""
    subject = (simple.get("Subject") or {}).get("Data")
    if subject is None:
        raise Refused("BadRequestException", "Missing required parameter: Content.Simple.Subject.Data")
    if "\n" in subject or "\r" in subject:
        raise Refused("BadRequestException", "Header values must not contain line breaks: Subject.")
    if not html and not text:
        raise Refused("BadRequestException", "Body must have one of Html and Text.")
    return _Parts(subject=subject, html=html, text=text, headers=_headers(simple.get("Headers") or ()))


def _raw(raw: Mapping[str, Any]) -> _Parts:
    try:
        data = base64.b64decode(raw.get("Data") or "", validate=True)
    except binascii.Error:
        raise Refused("BadRequestException", "Content.Raw.Data is not base64.") from None
    message = message_from_bytes(data, policy=policy.default)
    return _Parts(
        subject=str(message.get("Subject", "")),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        headers=tuple(
            (name, str(value))
            for name, value in message.items()
            if name.lower() not in _OWN_HEADERS and name.lower() != "content-transfer-encoding"
        ),
        sender=str(message.get("From", "")),
        to=tuple(part.strip() for part in str(message.get("To", "")).split(",") if part.strip()),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""


def _template(template: Mapping[str, Any]) -> _Parts:
    content = template.get("TemplateContent")
    if not content:
        raise Refused("NotFoundException", f"Template {template.get('TemplateName')} does not exist.", 404)
    return fill(content, template.get("TemplateData") or "{}", template.get("Headers") or ())


def fill(content: Mapping[str, str], data: str, headers: Sequence[Mapping[str, str]]) -> _Parts:
    """Fill an inline template; raises Refused for a variable without a value."""
    values = json.loads(data)

    def filled(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                raise Refused(
                    "BadRequestException", f"Attribute '{match[1]}' is not present in the rendering data."
                )
            return str(values[match[1]])

        return re.sub(r"\{\{\s*(\w+)\s*\}\}", value, text)

    return _Parts(
        subject=filled(content.get("Subject") or ""),
        html=filled(content.get("Html") or ""),
        text=filled(content.get("Text") or ""),
        headers=_headers(headers),
    )


def _headers(headers: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    if len(headers) > _MAX_HEADERS:
        raise Refused("BadRequestException", f"At most {_MAX_HEADERS} headers can be added.")
    for header in headers:
        name, value = header.get("Name", ""), header.get("Value", "")
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise Refused("BadRequestException", f"Invalid header name: {name!r}.")
        if not _HEADER_VALUE.fullmatch(value):
            raise Refused(
                "BadRequestException", f"Invalid value of header {name}: 1 to 870 printable ASCII characters."
            )
    return tuple((header["Name"], header["Value"]) for header in headers)


def _tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if len(tags) > _MAX_TAGS:
        raise Refused("BadRequestException", f"At most {_MAX_TAGS} tags can be given.")
    for tag in tags:
        for part in (tag.get("Name", ""), tag.get("Value", "")):
            if not _TAG.fullmatch(part):
                raise Refused(
                    "BadRequestException",
                    f"Invalid tag {part!r}: 1 to 256 letters, digits, underscores and dashes.",
                )
    return {tag["Name"]: tag["Value"] for tag in tags}


def _addresses(addresses: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(addresses or ())


def _check_address(address: str) -> None:
    bare = parseaddr(address)[1]
    local, at, domain = bare.rpartition("@")
    if not at or not domain or "." not in domain:
        raise Refused("BadRequestException", "Missing final '@domain'")
    if not local.isascii() or not address.isprintable() or re.search(r"\s", bare):
        raise Refused("BadRequestException", "Local address contains control or whitespace")
    if not domain.isascii():
        raise Refused("BadRequestException", "Domain contains illegal character")
