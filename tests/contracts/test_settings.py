"""Do the small things that change while the functions run change for one at a time?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from redshank.aws.doorstep import KeyTable
from redshank.aws.signed import JsonService
from redshank.errors import Conflict, RedshankError
from redshank.memory import MemorySettings
from redshank.ports import ApiKey, BookPointer, Settings
from tests.contracts import adapters
from tests.contracts.conftest import IN_MEMORY
from tests.contracts.values import T0
from tests.unit.cli.fakes import FakeSettings


@pytest.fixture
def settings(side: str) -> Settings:
    return MemorySettings(secrets=[]) if side == IN_MEMORY else adapters.DynamoSettings()


@pytest.fixture
def desk(side: str) -> FakeSettings | adapters.DynamoSettings:
    """What the command line uses of the settings."""
    return FakeSettings() if side == IN_MEMORY else adapters.DynamoSettings()


type Desk = FakeSettings | adapters.DynamoSettings


# --- the port


def test_at_first_there_is_nothing(settings: Settings) -> None:
    assert settings.pointer() is None
    assert settings.api_key("hash") is None
    assert settings.swept_until() == 0
    with pytest.raises(RedshankError, match="no signing key"):
        settings.signing_keys()


def test_the_sweep_moves_its_pointer_from_where_it_read_it(settings: Settings) -> None:
    assert settings.move_sweep(until=T0, before=0) is True
    assert settings.move_sweep(until=T0 + 5, before=T0) is True
    assert settings.swept_until() == T0 + 5


@pytest.mark.parametrize("before", [0, T0 - 1, T0 + 9])
def test_of_two_sweeps_the_second_does_not_move_the_pointer(settings: Settings, before: int) -> None:
    settings.move_sweep(until=T0, before=0)
    assert settings.move_sweep(until=T0 + 7, before=before) is False
    assert settings.swept_until() == T0


def test_a_sweep_that_read_a_pointer_that_is_not_there_does_not_move_it(settings: Settings) -> None:
    assert settings.move_sweep(until=T0 + 7, before=T0) is False
    assert settings.swept_until() == 0


# --- the command line


def _pointer(sequence: int, name: str = "one") -> BookPointer:
    return BookPointer(sequence=sequence, hash=name, listens=frozenset({"b", "a"}))


def test_books_are_published_one_after_the_other(desk: Desk) -> None:
    for sequence in (1, 2, 3):
        desk.publish(_pointer(sequence))
        assert desk.pointer() == _pointer(sequence)


def test_a_book_that_listens_to_nothing_is_published(desk: Desk) -> None:
    desk.publish(BookPointer(sequence=1, hash="one"))
    assert desk.pointer() == BookPointer(sequence=1, hash="one", listens=frozenset())


@pytest.mark.parametrize("sequence", [1, 2, 4])
def test_a_book_that_does_not_follow_the_live_one_is_a_conflict(desk: Desk, sequence: int) -> None:
    desk.publish(_pointer(1))
    desk.publish(_pointer(2))
    with pytest.raises(Conflict):
        desk.publish(_pointer(sequence, "other"))
    assert desk.pointer() == _pointer(2)


def test_the_first_book_is_number_one(desk: Desk) -> None:
    with pytest.raises(Conflict):
        desk.publish(_pointer(2))
    assert desk.pointer() is None


def test_the_first_signing_key_stays(desk: Desk) -> None:
    assert desk.add_signing_key("first") is True
    assert desk.add_signing_key("second") is False


def test_keys_are_listed_with_when_they_were_made_and_revoked(desk: Desk) -> None:
    desk.add_api_key("h1", label="web", scopes=["write", "read"], now=T0)
    desk.add_api_key("h2", label="app", scopes=["write"], now=T0 + 1)
    assert desk.revoke_api_key("h1", now=T0 + 2) is True
    assert sorted(desk.api_keys(), key=lambda row: row[0]) == [
        ("h1", ApiKey(label="web", scopes=frozenset({"read", "write"})), T0, T0 + 2),
        ("h2", ApiKey(label="app", scopes=frozenset({"write"})), T0 + 1, None),
    ]


def test_a_key_that_is_not_there_is_not_revoked(desk: Desk) -> None:
    assert desk.revoke_api_key("h1", now=T0) is False
    assert desk.api_keys() == []


# --- from the command line to the functions


class Signed:
    """``aws.signed``, by way of moto."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        assert operation == "GetItem"
        return dict(adapters.dynamodb().get_item(**parameters))


@pytest.fixture(params=["settings", "doorstep"])
def keys(request: pytest.FixtureRequest, account: None) -> adapters.DynamoSettings | KeyTable:
    """Whoever looks up a key: through PynamoDB, or without an SDK as ingest does."""
    if request.param == "settings":
        return adapters.DynamoSettings()
    return KeyTable(cast("JsonService", Signed()), adapters.tables.SettingItem.Meta.table_name)


def test_a_key_is_found_until_it_is_revoked(keys: adapters.DynamoSettings | KeyTable) -> None:
    desk = adapters.DynamoSettings()
    desk.add_api_key("h1", label="web", scopes=["write", "read"], now=T0)
    assert keys.api_key("h1") == ApiKey(label="web", scopes=frozenset({"read", "write"}))
    assert keys.api_key("h2") is None
    desk.revoke_api_key("h1", now=T0 + 1)
    assert keys.api_key("h1") is None


def test_the_signing_key_that_was_kept_signs(account: None) -> None:
    desk = adapters.DynamoSettings()
    desk.add_signing_key("first")
    desk.add_signing_key("second")
    assert desk.signing_keys() == ["first"]


def test_neither_books_nor_keys_are_in_the_sweeps_way(account: None) -> None:
    desk = adapters.DynamoSettings()
    desk.publish(_pointer(1))
    desk.add_signing_key("first")
    desk.move_sweep(until=T0, before=0)
    desk.add_api_key("h1", label="web", scopes=[], now=T0)
    assert [row[0] for row in desk.api_keys()] == ["h1"]
    assert (desk.pointer(), desk.signing_keys(), desk.swept_until()) == (_pointer(1), ["first"], T0)
