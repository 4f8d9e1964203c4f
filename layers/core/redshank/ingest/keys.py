"""May this caller post? Write keys, remembered for a minute."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from redshank.clock import Clock
from redshank.instants import MINUTE, SECOND
from redshank.ports import ApiKey

#: How long a key is taken as valid without looking again: so long may a revoked one still work.
REMEMBERED = MINUTE
#: How long a key is taken as unknown: so long may a new one not work yet.
REFUSED = 5 * SECOND
#: How many unknown keys are remembered: who tries more is looked up, not stored.
MOST_REFUSED = 256

#: What a key must be allowed to do.
SCOPE = "write"


def presented(headers: Mapping[str, str]) -> str | None:
    """The write key in the ``Authorization`` header, or None: it may be in the body instead.

    Basic (RFC 7617) has it as the user, whatever the password; Bearer (RFC 6750) as the token.
    """
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        return credentials or None
    if scheme.lower() == "basic":
        try:
            user = binascii.a2b_base64(credentials + "==").decode().partition(":")[0]
        except ValueError:
            return None
        return user or None
    return None


class KeyStore(Protocol):
    """The part of ports.Settings that is asked here."""

    def api_key(self, key_hash: str) -> ApiKey | None: ...


@dataclass(slots=True, kw_only=True)
class Keys:
    settings: KeyStore
    clock: Clock
    #: SHA-256 of a key -> the wall instant until which the answer is remembered.
    valid: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def allow(self, key: str) -> bool:
        """Whether the key may post events. Raises what the settings raise."""
        hashed = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        now = self.clock.wall()
        if self.valid.get(hashed, 0) > now:
            return True
        if self.unknown.get(hashed, 0) > now:
            return False
        found = self.settings.api_key(hashed)
        if found is not None and SCOPE in found.scopes:
            self.valid[hashed] = now + REMEMBERED
            self.unknown.pop(hashed, None)
            return True
        self.valid.pop(hashed, None)
        if len(self.unknown) >= MOST_REFUSED:
            self.unknown = {it: until for it, until in self.unknown.items() if until > now}
        if len(self.unknown) < MOST_REFUSED:
            self.unknown[hashed] = now + REFUSED
        return False
