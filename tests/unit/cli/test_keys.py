"""Who may call the API?"""

from __future__ import annotations

import hashlib

import pytest

from cli.keys import Scope, create_key, list_keys, revoke_key
from redshank.errors import RedshankError
from tests.unit.cli.fakes import FakeSettings


def test_of_a_key_only_its_hash_is_kept() -> None:
    settings = FakeSettings()
    key = create_key(settings, "web", [Scope.WRITE], now=5)
    assert list(settings.keys) == [hashlib.sha256(key.encode()).hexdigest()]
    assert key not in repr(settings)


def test_a_key_is_long_and_stands_in_a_header_as_it_is() -> None:
    keys = {create_key(FakeSettings(), "web", [Scope.WRITE], now=5) for _ in range(20)}
    assert len(keys) == 20
    assert all(len(key) >= 32 and ":" not in key and key.isascii() and key.isprintable() for key in keys)


def test_keys_are_listed_oldest_first_with_what_they_may_do() -> None:
    settings = FakeSettings()
    create_key(settings, "new", [Scope.WRITE], now=9)
    create_key(settings, "old", [Scope.MANAGE, Scope.WRITE], now=2)
    assert [(key.label, key.scopes, key.created_at) for key in list_keys(settings)] == [
        ("old", ("manage", "write"), 2),
        ("new", ("write",), 9),
    ]


def test_a_key_is_revoked_by_its_name_or_id() -> None:
    settings = FakeSettings()
    create_key(settings, "web", [Scope.WRITE], now=1)
    create_key(settings, "app", [Scope.WRITE], now=2)
    web, app = list_keys(settings)
    revoke_key(settings, "web", now=7)
    revoke_key(settings, app.id, now=8)
    assert [(key.label, key.revoked_at) for key in list_keys(settings)] == [("web", 7), ("app", 8)]
    assert web.id != app.id


def test_a_name_that_two_keys_have_is_not_enough_to_revoke_one() -> None:
    settings = FakeSettings()
    create_key(settings, "web", [Scope.WRITE], now=1)
    create_key(settings, "web", [Scope.WRITE], now=2)
    ids = ", ".join(key.id for key in list_keys(settings))
    with pytest.raises(
        RedshankError, match=f"2 keys are called `web`; name the one you mean by its id: {ids}"
    ):
        revoke_key(settings, "web", now=7)


def test_a_revoked_key_is_not_revoked_again() -> None:
    settings = FakeSettings()
    create_key(settings, "web", [Scope.WRITE], now=1)
    revoke_key(settings, "web", now=7)
    with pytest.raises(RedshankError, match="no valid key called `web`"):
        revoke_key(settings, "web", now=8)
