"""May this caller post?"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from redshank.clock import Clock
from redshank.ingest.keys import MOST_REFUSED, REFUSED, REMEMBERED, Keys, presented
from redshank.memory import MemorySettings
from redshank.ports import ApiKey


def hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


@dataclass(slots=True)
class CountingSettings(MemorySettings):
    asked: int = 0

    def api_key(self, key_hash: str) -> ApiKey | None:
        self.asked += 1
        return self.keys.get(key_hash)


@dataclass(slots=True)
class Wall:
    now: int = 1_000_000
    moves: list[int] = field(default_factory=list)

    def __call__(self) -> int:
        return self.now


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("wk:"), "wk"),
        (basic("wk:a password"), "wk"),
        (basic("wk"), "wk"),
        (basic("wk:").rstrip("="), "wk"),
        (basic("wk:").replace("Basic", "basic"), "wk"),
        ("Bearer wk", "wk"),
        ("bearer  wk ", "wk"),
        (basic(":"), None),
        ("Basic ÿ", None),
        ("Basic " + base64.b64encode(b"\xff:").decode(), None),
        ("Basic", None),
        ("Bearer ", None),
        ("Digest wk", None),
        ("", None),
    ],
)
def test_the_key_is_the_basic_user_or_the_bearer_token(header: str, key: str | None) -> None:
    assert presented({"authorization": header}) == key


def test_no_header_presents_no_key() -> None:
    assert presented({}) is None


class TestKeys:
    def setup_method(self) -> None:
        self.wall = Wall()
        write = ApiKey(label="app", scopes=frozenset({"write"}))
        reads = ApiKey(label="dashboard", scopes=frozenset({"read"}))
        self.settings = CountingSettings(keys={hashed("wk"): write, hashed("rk"): reads})
        self.keys = Keys(settings=self.settings, clock=Clock(wall=self.wall))

    def test_a_key_needs_the_scope_to_write(self) -> None:
        assert self.keys.allow("wk")
        assert not self.keys.allow("rk")
        assert not self.keys.allow("unknown")

    def test_a_valid_key_is_looked_up_once_a_minute(self) -> None:
        for _ in range(5):
            assert self.keys.allow("wk")
        assert self.settings.asked == 1
        self.wall.now += REMEMBERED
        assert self.keys.allow("wk")
        assert self.settings.asked == 2

    def test_a_revoked_key_stops_working_within_a_minute(self) -> None:
        assert self.keys.allow("wk")
        self.settings.keys.clear()
        assert self.keys.allow("wk")
        self.wall.now += REMEMBERED
        assert not self.keys.allow("wk")

    def test_a_new_key_works_within_seconds(self) -> None:
        assert not self.keys.allow("new")
        assert not self.keys.allow("new")
        assert self.settings.asked == 1
        self.settings.keys[hashed("new")] = ApiKey(label="new", scopes=frozenset({"write"}))
        self.wall.now += REFUSED
        assert self.keys.allow("new")

    def test_trying_keys_does_not_fill_the_memory(self) -> None:
        for number in range(3 * MOST_REFUSED):
            assert not self.keys.allow(f"guess {number}")
        assert len(self.keys.unknown) == MOST_REFUSED
        self.wall.now += REFUSED
        assert not self.keys.allow("one more")
        assert len(self.keys.unknown) == 1

    def test_a_fast_clock_does_not_shorten_what_is_remembered(self) -> None:
        keys = Keys(settings=self.settings, clock=Clock(speed=8_640, wall=self.wall))
        assert keys.allow("wk")
        self.wall.now += REMEMBERED - 1
        assert keys.allow("wk")
        assert self.settings.asked == 1
