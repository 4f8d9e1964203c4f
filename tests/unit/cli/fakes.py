"""What of a stack the commands touch, in memory."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redshank.errors import Conflict
from redshank.ports import ApiKey, BookPointer


@dataclass
class FakeSettings:
    live: BookPointer | None = None
    signing: list[str] = field(default_factory=list)
    filled: tuple[int, Mapping[str, Any]] | None = None
    keys: dict[str, tuple[ApiKey, int, int | None]] = field(default_factory=dict)

    def pointer(self) -> BookPointer | None:
        return self.live

    def publish(self, pointer: BookPointer) -> None:
        if pointer.sequence != (self.live.sequence if self.live else 0) + 1:
            raise Conflict
        self.live = pointer

    def pause(self, names: Iterable[str], *, sequence: int) -> None:
        if self.live is None or self.live.sequence != sequence:
            raise Conflict
        self.live = replace(self.live, paused=frozenset(names))

    def backfill(self) -> tuple[int, Mapping[str, Any]] | None:
        return self.filled

    def note_backfill(self, sequence: int, progress: Mapping[str, Any]) -> None:
        if self.filled is not None and self.filled[0] > sequence:
            raise Conflict
        self.filled = (sequence, json.loads(json.dumps(progress)))

    def add_signing_key(self, secret: str) -> bool:
        if self.signing:
            return False
        self.signing.append(secret)
        return True

    def add_api_key(self, key_hash: str, *, label: str, scopes: Iterable[str], now: int) -> None:
        self.keys[key_hash] = (ApiKey(label=label, scopes=frozenset(scopes)), now, None)

    def api_keys(self) -> list[tuple[str, ApiKey, int, int | None]]:
        return [(key_hash, *rest) for key_hash, rest in self.keys.items()]

    def revoke_api_key(self, key_hash: str, *, now: int) -> bool:
        if key_hash not in self.keys:
            return False
        key, created_at, _ = self.keys[key_hash]
        self.keys[key_hash] = (key, created_at, now)
        return True


@dataclass
class FakeBucket:
    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:
        self.objects[f"{Bucket}/{Key}"] = Body
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}
