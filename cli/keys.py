"""Who may call the API? Keys are shown once and kept as SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from redshank.errors import RedshankError
from redshank.ports import ApiKey


class Scope(StrEnum):
    """What a key is for."""

    #: Posting events, as an app or a Segment SDK does.
    WRITE = "write"
    #: Reading and changing everything else.
    MANAGE = "manage"


class Settings(Protocol):
    """What of the settings managing keys needs."""

    def add_api_key(self, key_hash: str, *, label: str, scopes: Iterable[str], now: int) -> None: ...

    def api_keys(self) -> list[tuple[str, ApiKey, int, int | None]]: ...

    def revoke_api_key(self, key_hash: str, *, now: int) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    #: Enough of the hash to tell keys apart.
    id: str
    hash: str
    label: str
    scopes: tuple[str, ...]
    created_at: int
    revoked_at: int | None


def create_key(settings: Settings, label: str, scopes: Iterable[Scope], *, now: int) -> str:
    """Make a key; it cannot be read again."""
    key = f"rsk_{secrets.token_urlsafe(24)}"
    hashed = hashlib.sha256(key.encode()).hexdigest()
    settings.add_api_key(hashed, label=label, scopes=[str(scope) for scope in scopes], now=now)
    return key


def list_keys(settings: Settings) -> list[KeyRecord]:
    """All keys, revoked ones included, oldest first."""
    records = [
        KeyRecord(
            id=hashed[:8],
            hash=hashed,
            label=key.label,
            scopes=tuple(sorted(key.scopes)),
            created_at=created_at,
            revoked_at=revoked_at,
        )
        for hashed, key, created_at, revoked_at in settings.api_keys()
    ]
    return sorted(records, key=lambda record: (record.created_at, record.hash))


def revoke_key(settings: Settings, name: str, *, now: int) -> KeyRecord:
    """Revoke the one valid key of that name or id; raises if there is none or more than one."""
    valid = [record for record in list_keys(settings) if record.revoked_at is None]
    meant = [record for record in valid if record.label == name or record.id == name]
    if not meant:
        raise RedshankError(f"there is no valid key called `{name}`; `redshank keys list` shows them")
    if len(meant) > 1:
        ids = ", ".join(record.id for record in meant)
        raise RedshankError(f"{len(meant)} keys are called `{name}`; name the one you mean by its id: {ids}")
    settings.revoke_api_key(meant[0].hash, now=now)
    return meant[0]
