"""Do standings and profiles keep what they promise: whole, once, both or neither?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings

from redshank.engine.state import Profile, Standing
from redshank.errors import Conflict
from redshank.identity import due_shard
from redshank.memory import MemoryContacts
from redshank.ports import Contacts
from tests.contracts import adapters, values

T0 = values.T0
_ids = count()


def _standing(contacts: Contacts, contact_id: str = "ann") -> Standing:
    return contacts.standings([contact_id], consistent=True)[contact_id]


def _profile(contacts: Contacts, contact_id: str = "ann") -> Profile:
    return contacts.profiles([contact_id], consistent=True)[contact_id]


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _due(contacts: Contacts, after: int, until: int) -> dict[str, int]:
    return {contact_id: at for shard in range(16) for contact_id, at in contacts.due(shard, after, until)}


# --- round trips


@pytest.mark.parametrize("full", [values.full_standing(), values.full_profile(), values.full_event()])
def test_the_examples_leave_no_field_at_its_default(full: object) -> None:
    silent = [field.name for field in fields(full) if getattr(full, field.name) == _default(field)]  # type: ignore[arg-type]
    assert silent == []


def test_every_field_of_a_standing_comes_back(contacts: Contacts) -> None:
    contacts.write(values.full_standing())
    assert _standing(contacts) == values.full_standing()


def test_every_field_of_a_profile_comes_back(contacts: Contacts) -> None:
    contacts.write(values.full_standing(), values.full_profile())
    assert _profile(contacts) == values.full_profile()


def test_a_standing_and_a_profile_of_defaults_come_back(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="ann", version=1), Profile(contact_id="ann", version=1))
    assert _standing(contacts) == Standing(contact_id="ann", version=1)
    assert _profile(contacts) == Profile(contact_id="ann", version=1)


# The tables are shared by the examples; each has a contact of its own.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(standing=values.standings, profile=values.profiles)
def test_any_standing_and_profile_come_back(contacts: Contacts, standing: Standing, profile: Profile) -> None:
    contact_id = f"contact-{next(_ids)}"
    standing = replace(standing, contact_id=contact_id)
    profile = replace(profile, contact_id=contact_id)
    contacts.write(standing, profile)
    assert _standing(contacts, contact_id) == standing
    assert _profile(contacts, contact_id) == profile


def test_what_is_changed_after_a_write_or_a_read_is_not_thereby_written(contacts: Contacts) -> None:
    standing = values.full_standing()
    contacts.write(standing)
    standing.entries["late"] = 1
    standing.journeys["run-1"].sent["late"] = 1
    _standing(contacts).entries["read"] = 1
    assert _standing(contacts) == values.full_standing()


def test_more_than_one_request_holds_are_read_at_once_and_the_absent_left_out(contacts: Contacts) -> None:
    ids = [f"contact-{number}" for number in range(105)]
    for contact_id in ids:
        contacts.write(Standing(contact_id=contact_id, version=1), Profile(contact_id=contact_id, version=1))
    asked = [*ids, "nobody", *ids[:3]]
    for consistent in (True, False):
        assert contacts.standings(asked, consistent=consistent).keys() == set(ids)
        assert contacts.profiles(asked, consistent=consistent).keys() == set(ids)


def test_reading_nobody_finds_nothing(contacts: Contacts) -> None:
    assert contacts.standings([], consistent=False) == {}
    assert contacts.profiles([], consistent=True) == {}


def test_a_profile_is_not_there_before_it_is_written(contacts: Contacts) -> None:
    contacts.write(values.full_standing())
    assert contacts.profiles(["ann"], consistent=True) == {}


# --- conditional writes


def test_versions_are_written_one_after_the_other(contacts: Contacts) -> None:
    for version in (1, 2, 3):
        contacts.write(values.full_standing(version=version, book=version))
    assert _standing(contacts) == values.full_standing(version=3, book=3)


def test_of_two_who_create_a_contact_the_second_conflicts(contacts: Contacts) -> None:
    contacts.write(values.full_standing(book=1))
    with pytest.raises(Conflict):
        contacts.write(values.full_standing(book=2))
    assert _standing(contacts).book == 1


@pytest.mark.parametrize("version", [2, 3, 5])
def test_whoever_did_not_read_the_newest_version_conflicts(contacts: Contacts, version: int) -> None:
    for there in (1, 2, 3):
        contacts.write(Standing(contact_id="ann", version=there))
    with pytest.raises(Conflict):
        contacts.write(Standing(contact_id="ann", version=version, book=9))
    assert _standing(contacts) == Standing(contact_id="ann", version=3)


def test_a_later_version_of_nobody_conflicts(contacts: Contacts) -> None:
    with pytest.raises(Conflict):
        contacts.write(Standing(contact_id="ann", version=2))
    assert contacts.standings(["ann"], consistent=True) == {}


def test_a_new_version_leaves_nothing_of_the_old_one(contacts: Contacts) -> None:
    contacts.write(values.full_standing(), values.full_profile())
    standing, profile = Standing(contact_id="ann", version=2), Profile(contact_id="ann", version=2)
    contacts.write(standing, profile)
    assert (_standing(contacts), _profile(contacts)) == (standing, profile)
    assert _due(contacts, 0, 2 * T0) == {}


# --- both or neither


@pytest.fixture
def both(contacts: Contacts) -> Contacts:
    """Ann's standing is at version 2 and her profile at version 1."""
    contacts.write(Standing(contact_id="ann", version=1), Profile(contact_id="ann", version=1))
    contacts.write(Standing(contact_id="ann", version=2))
    return contacts


def test_standing_and_profile_are_written_together(both: Contacts) -> None:
    both.write(Standing(contact_id="ann", version=3), Profile(contact_id="ann", version=2))
    assert (_standing(both).version, _profile(both).version) == (3, 2)


@pytest.mark.parametrize(
    ("standing", "profile"),
    [(2, 2), (4, 2), (3, 1), (3, 3), (2, 1), (1, 1)],
    ids=["standing moved", "standing ahead", "profile moved", "profile ahead", "both moved", "both made"],
)
def test_if_either_moved_neither_is_written(both: Contacts, standing: int, profile: int) -> None:
    with pytest.raises(Conflict):
        both.write(
            Standing(contact_id="ann", version=standing, book=9),
            Profile(contact_id="ann", version=profile, created_at=9),
        )
    assert _standing(both) == Standing(contact_id="ann", version=2)
    assert _profile(both) == Profile(contact_id="ann", version=1)


def test_of_two_who_create_standing_and_profile_the_second_conflicts(contacts: Contacts) -> None:
    contacts.write(values.full_standing(), values.full_profile())
    with pytest.raises(Conflict):
        contacts.write(values.full_standing(book=9), values.full_profile(created_at=9))
    assert (_standing(contacts), _profile(contacts)) == (values.full_standing(), values.full_profile())


# --- the index of what is due


def test_the_index_excludes_its_lower_bound_and_includes_its_upper_one(contacts: Contacts) -> None:
    for offset in range(5):
        contacts.write(Standing(contact_id=f"c{offset}", version=1, indexed=T0 + offset))
    assert _due(contacts, T0 + 1, T0 + 3) == {"c2": T0 + 2, "c3": T0 + 3}


def test_a_contact_is_due_in_its_own_shard_only(contacts: Contacts) -> None:
    for number in range(40):
        contacts.write(Standing(contact_id=f"c{number}", version=1, indexed=T0))
    for shard in range(16):
        expected = {f"c{number}" for number in range(40) if due_shard(f"c{number}") == shard}
        assert {contact_id for contact_id, _ in contacts.due(shard, 0, T0)} == expected


def test_who_waits_for_nothing_is_not_in_the_index(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="idle", version=1, due=T0))
    contacts.write(Standing(contact_id="ann", version=1, indexed=T0))
    contacts.write(Standing(contact_id="ann", version=2))
    contacts.write(Standing(contact_id="bob", version=1, indexed=T0), Profile(contact_id="bob", version=1))
    assert _due(contacts, 0, 2 * T0) == {"bob": T0}


def test_the_index_follows_the_standing(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="ann", version=1, indexed=T0))
    contacts.write(Standing(contact_id="ann", version=2, indexed=T0 + 5))
    assert _due(contacts, 0, T0 + 4) == {}
    assert _due(contacts, T0 + 4, T0 + 5) == {"ann": T0 + 5}


@pytest.mark.parametrize("until", [T0, T0 - 1])
def test_nobody_is_due_between_an_instant_and_one_not_after_it(contacts: Contacts, until: int) -> None:
    contacts.write(Standing(contact_id="ann", version=1, indexed=T0))
    assert _due(contacts, T0, until) == {}


def test_dynamodb_is_not_asked_for_a_range_that_it_would_refuse(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses a BETWEEN whose upper bound is the lower one; moto does not."""

    def query(*given: object) -> None:
        raise AssertionError("it has been asked")

    monkeypatch.setattr(adapters.tables.Due, "query", query)
    contacts = adapters.DynamoContacts()
    assert list(contacts.due(0, T0, T0)) == []
    with pytest.raises(AssertionError, match="asked"):
        list(contacts.due(0, T0, T0 + 1))


# --- parking


def test_a_parked_contact_is_due_when_its_time_is_over(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="ann", version=1, due=T0, indexed=T0))
    contacts.park("ann", until=T0 + 9)
    assert _due(contacts, 0, T0 + 8) == {}
    assert _due(contacts, T0 + 8, T0 + 9) == {"ann": T0 + 9}


def test_parking_touches_nothing_but_the_index(contacts: Contacts) -> None:
    contacts.write(values.full_standing(), values.full_profile())
    contacts.park("ann", until=T0 + 9)
    assert _standing(contacts) == values.full_standing(indexed=T0 + 9)
    assert _profile(contacts) == values.full_profile()


def test_the_next_write_ends_the_parking(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="ann", version=1, indexed=T0))
    contacts.park("ann", until=T0 + 9)
    contacts.write(Standing(contact_id="ann", version=2, indexed=T0 + 1))
    assert _due(contacts, 0, T0 + 99) == {"ann": T0 + 1}


def test_parking_somebody_unknown_has_no_effect(contacts: Contacts) -> None:
    contacts.park("nobody", until=T0)
    assert contacts.standings(["nobody"], consistent=True) == {}
    assert _due(contacts, 0, T0) == {}


def test_the_table_says_who_is_parked(account: None) -> None:
    contacts = adapters.DynamoContacts()
    contacts.write(Standing(contact_id="ann", version=1, indexed=T0))
    contacts.park("ann", until=T0 + 9)
    item = adapters.tables.StandingItem
    assert item.get("ann", adapters.tables.STANDING).parked is True
    contacts.write(Standing(contact_id="ann", version=2))
    assert item.get("ann", adapters.tables.STANDING).parked is None


# --- all of them, for the command line


type Everybody = MemoryContacts | adapters.DynamoContacts


def _all(contacts: Everybody, *, segments: int, limit: int, whole: bool = False) -> list[Standing]:
    found: list[Standing] = []
    for segment in range(segments):
        after: Mapping[str, Any] | None = None
        while True:
            some, after = contacts.some(segment, segments, after=after, limit=limit, whole=whole)
            # What a later run goes on from is kept as JSON.
            after = json.loads(json.dumps(after))
            found += some
            if after is None:
                break
    return found


@pytest.mark.parametrize(("segments", "limit"), [(1, 3), (4, 1), (4, 100)])
def test_every_contact_is_found_once_however_the_work_is_cut(
    contacts: Contacts, segments: int, limit: int
) -> None:
    for number in range(11):
        standing = Standing(contact_id=f"c{number}", version=1, profile_version=1)
        contacts.write(standing, Profile(contact_id=f"c{number}", version=1))
    found = _all(cast("Everybody", contacts), segments=segments, limit=limit)
    assert sorted(it.contact_id for it in found) == sorted(f"c{number}" for number in range(11))


def test_tombstones_are_passed_over(contacts: Contacts) -> None:
    contacts.write(Standing(contact_id="ann", version=1, merged_into="bob"))
    contacts.write(Standing(contact_id="bob", version=1))
    contacts.write(Standing(contact_id="cem", version=1, erased_at=T0))
    assert [it.contact_id for it in _all(cast("Everybody", contacts), segments=1, limit=2)] == ["bob"]


def test_whole_standings_are_found_where_they_are_asked_for(contacts: Contacts) -> None:
    standing = values.full_standing(merged_into=None, erased_at=None)
    contacts.write(standing)
    assert _all(cast("Everybody", contacts), segments=2, limit=5, whole=True) == [standing]
