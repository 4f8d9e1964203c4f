"""Do the small things that change while the functions run change for one at a time?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from redshank.aws.doorstep import KeyTable
from redshank.aws.signed import JsonService
from redshank.errors import Conflict, RedshankError
from redshank.memory import MemorySettings
from redshank.ports import EVERYBODY, ApiKey, BookPointer, Settings
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


def test_what_the_pointer_says_comes_back(desk: Desk) -> None:
    pointer = BookPointer(
        sequence=1,
        hash="one",
        listens=frozenset({"a"}),
        applied=1,
        paused=frozenset({"w"}),
        visits=frozenset({EVERYBODY}),
        schema={"rejects": True, "traits": {"plan": ["trial", "pro"]}, "events": {}},
    )
    desk.publish(pointer)
    assert desk.pointer() == pointer


def test_pausing_changes_what_is_paused_and_nothing_else(desk: Desk) -> None:
    desk.publish(_pointer(1))
    desk.pause(["b", "a"], sequence=1)
    assert desk.pointer() == replace(_pointer(1), paused=frozenset({"a", "b"}))
    desk.pause([], sequence=1)
    assert desk.pointer() == _pointer(1)


def test_only_the_live_book_is_paused(desk: Desk) -> None:
    desk.publish(_pointer(1))
    desk.publish(_pointer(2))
    with pytest.raises(Conflict):
        desk.pause(["a"], sequence=1)
    assert desk.pointer() == _pointer(2)


def test_a_back_fill_notes_how_far_it_has_come(desk: Desk) -> None:
    assert desk.backfill() is None
    desk.note_backfill(3, {"seen": 1, "after": {"0": {"contact_id": {"S": "ann"}}}})
    desk.note_backfill(3, {"seen": 2})
    assert desk.backfill() == (3, {"seen": 2})


def test_the_back_fill_of_an_older_book_gives_way(desk: Desk) -> None:
    desk.note_backfill(4, {"seen": 0})
    with pytest.raises(Conflict):
        desk.note_backfill(3, {"seen": 7})
    assert desk.backfill() == (4, {"seen": 0})


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
        assert operation == "BatchGetItem"
        return dict(adapters.dynamodb().batch_get_item(**parameters))


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


def _declared(table: KeyTable, key_hash: str) -> Mapping[str, Any] | None:
    """What the app declared, after a look at a key."""
    table.api_key(key_hash)
    return table.schema


def test_with_a_key_comes_what_the_app_declared(account: None) -> None:
    desk = adapters.DynamoSettings()
    desk.add_api_key("h1", label="web", scopes=["write"], now=T0)
    table = KeyTable(cast("JsonService", Signed()), adapters.tables.SettingItem.Meta.table_name)
    assert _declared(table, "h1") is None
    schema = {"rejects": False, "traits": {"plan": "text"}, "events": {}}
    desk.publish(replace(_pointer(1), schema=schema))
    assert _declared(table, "h1") == schema
    desk.publish(_pointer(2))
    assert _declared(table, "h2") is None


def test_a_key_that_dynamodb_did_not_read_at_first_is_asked_for_again(account: None) -> None:
    desk = adapters.DynamoSettings()
    desk.add_api_key("h1", label="web", scopes=["write"], now=T0)

    class Busy(Signed):
        calls = 0

        def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            self.calls += 1
            if self.calls == 1:
                return {"Responses": {}, "UnprocessedKeys": parameters["RequestItems"]}
            return super().call(operation, parameters)

    table = KeyTable(cast("JsonService", Busy()), adapters.tables.SettingItem.Meta.table_name)
    assert table.api_key("h1") is not None


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
