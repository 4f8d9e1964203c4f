"""Who is this link for? Signed links to the public pages, in every email.

A link says whose preferences it is about, and the signature that Redshank wrote it; whoever holds the email may
unsubscribe its reader, and nobody else. Unsubscribe links do not expire: an old newsletter must still let go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from itsdangerous import BadData, URLSafeSerializer

from redshank.errors import RedshankError

if TYPE_CHECKING:
    from redshank.engine.effects import Mail


class Purpose(StrEnum):
    """What a link is for: the first part of its path, and the salt of its signature."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"


class BadLink(RedshankError):
    """This link was not written by Redshank, or not for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    contact_id: str
    #: The topic of the email it was in; empty if the email had none.
    topic: str = ""
    #: The email it was in; empty for a link made on a page.
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links of one email, for the contact's eyes only."""

    unsubscribe: str
    preferences: str


def token(keys: Sequence[str], purpose: Purpose, link: Link) -> str:
    """The link as URL-safe text. ``keys`` from the oldest on; the last one signs."""
    plain = {"c": link.contact_id, "t": link.topic, "m": link.message_id}
    return _serializer(keys, purpose).dumps({name: value for name, value in plain.items() if value})


def read(keys: Sequence[str], purpose: Purpose, text: str) -> Link:
    """The link of ``token``, under any of the keys; raises BadLink."""
    try:
        plain = _serializer(keys, purpose).loads(text)
    except (BadData, UnicodeError):
        raise BadLink from None
    return Link(contact_id=plain["c"], topic=plain.get("t", ""), message_id=plain.get("m", ""))


def links(public_url: str, keys: Sequence[str]) -> Callable[[Mail], Links]:
    """Makes the links of an email: ``{public_url}/u/…`` and ``{public_url}/p/…``."""

    def of(mail: Mail) -> Links:
        link = Link(contact_id=mail.contact_id, topic=mail.topic, message_id=mail.message_id)
        urls = {it: f"{public_url}/{it}/{token(keys, it, link)}" for it in Purpose}
        return Links(unsubscribe=urls[Purpose.UNSUBSCRIBE], preferences=urls[Purpose.PREFERENCES])

    return of


def _serializer(keys: Sequence[str], purpose: Purpose) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(keys),
        salt=f"redshank.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
