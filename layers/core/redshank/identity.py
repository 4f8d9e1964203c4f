"""How are contacts, events and messages named, so that a retry names them alike?

Every id is a hash of something stable: whoever makes it a second time makes the same one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

#: Partitions of the index of due contacts: one alone takes 1,000 writes a second.
DUE_SHARDS = 16
#: Partitions of one segment's members.
MEMBER_SHARDS = 8


def digest(*parts: str, size: int = 15) -> str:
    """A short stable hash of strings: 24 characters of base32, 120 bits."""
    joined = "\x1f".join(parts).encode()
    return base64.b32encode(hashlib.blake2b(joined, digest_size=size).digest()).decode().lower()


def stream_of(user_id: str | None, anonymous_id: str | None) -> str:
    """The identity as posted: the partition of the event log. It never changes after a merge."""
    return f"user:{user_id}" if user_id else f"anon:{anonymous_id}"


def contact_of(stream: str) -> str:
    """The contact id of an identity: no look-up, and no race between two first events."""
    return stream.removeprefix("contact:") if stream.startswith("contact:") else digest(stream)


def contact_stream(contact_id: str) -> str:
    """The stream of what Redshank itself learns about a contact: feedback, preferences, reports."""
    return f"contact:{contact_id}"


def event_id_of(stream: str, name: str, timestamp: str, properties: Mapping[str, Any]) -> str:
    """The id of an event that came without a ``messageId``: equal content, equal id."""
    content = json.dumps(properties, sort_keys=True, separators=(",", ":"), default=str)
    return "h_" + digest(stream, name, timestamp, content)


def run_id_of(contact_id: str, workflow: str, cause: str) -> str:
    """One run of a contact through a workflow, started by the input ``cause``."""
    return digest(contact_id, workflow, cause)


def message_id_of(run_id: str, step: str, visit: int) -> str:
    """One email: the run, the step that sends it, and how often the run has been there."""
    return digest(run_id, step, str(visit))


def normalized_address(address: str) -> str:
    """The address as suppression sees it: trimmed and lower case.

    RFC 5321 lets a local part be case-sensitive; no provider of note is, and treating ``Ann@`` and
    ``ann@`` as two would mail somebody who complained.
    """
    return address.strip().lower()


def address_hash(address: str) -> str:
    """The key of the suppression list: it survives erasure without being personal data in the clear."""
    return digest("address", normalized_address(address), size=20)


def due_shard(contact_id: str) -> int:
    """The partition of the index of due contacts that a contact is in: 0 to DUE_SHARDS - 1."""
    return crc32(contact_id.encode()) % DUE_SHARDS


def member_shard(contact_id: str) -> int:
    """The partition of a segment's members that a contact is in: 0 to MEMBER_SHARDS - 1."""
    return crc32(contact_id.encode()) % MEMBER_SHARDS
