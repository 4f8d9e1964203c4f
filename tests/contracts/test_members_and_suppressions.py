"""Who is in a segment, and to whom nothing may be sent?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from redshank.instants import DAY, SECOND
from redshank.memory import MemoryMembers
from redshank.ports import Members, Suppressions
from tests.contracts import adapters
from tests.contracts.conftest import IN_MEMORY
from tests.contracts.values import T0

type Read = Callable[[str, str], tuple[bool, int] | None]


def _in_the_table(segment: str, contact_id: str) -> tuple[bool, int] | None:
    items = [
        (item.member, int(item.version))
        for item in adapters.tables.MemberItem.scan()
        if item.segment_shard.rpartition("#")[0] == segment and item.contact_id == contact_id
    ]
    assert len(items) <= 1
    return items[0] if items else None


@pytest.fixture
def members(side: str) -> tuple[Members, Read]:
    """The port, and what it holds of a contact: whether in the segment, as of which version."""
    if side == IN_MEMORY:
        memory = MemoryMembers()
        return memory, lambda segment, contact_id: memory.held.get((segment, contact_id))
    return adapters.DynamoMembers(), _in_the_table


# --- members


@pytest.mark.parametrize("order", list(permutations([(1, True), (2, False), (3, True)])))
def test_the_newest_version_wins_in_any_order(
    members: tuple[Members, Read], order: Sequence[tuple[int, bool]]
) -> None:
    port, read = members
    for version, member in order:
        port.put("active", "ann", member=member, version=version, now=T0)
    assert read("active", "ann") == (True, 3)


def test_what_a_version_has_said_it_does_not_say_otherwise(members: tuple[Members, Read]) -> None:
    port, read = members
    port.put("active", "ann", member=True, version=2, now=T0)
    port.put("active", "ann", member=False, version=2, now=T0)
    assert read("active", "ann") == (True, 2)


def test_who_has_left_does_not_come_back_by_an_older_version(members: tuple[Members, Read]) -> None:
    port, read = members
    port.put("active", "ann", member=False, version=5, now=T0)
    port.put("active", "ann", member=True, version=4, now=T0)
    assert read("active", "ann") == (False, 5)


def test_segments_and_contacts_do_not_mix(members: tuple[Members, Read]) -> None:
    port, read = members
    port.put("active", "ann", member=True, version=2, now=T0)
    port.put("active", "bob", member=True, version=1, now=T0)
    port.put("idle", "ann", member=False, version=1, now=T0)
    assert (read("active", "ann"), read("active", "bob")) == ((True, 2), (True, 1))
    assert (read("idle", "ann"), read("idle", "bob")) == ((False, 1), None)


def _paged(port: Members, segment: str, limit: int) -> list[str]:
    found: list[str] = []
    while some := port.page(segment, after=found[-1] if found else "", limit=limit):
        assert len(some) <= limit
        found += some
    return found


def _fill(port: Members, *, members: int, left: int) -> set[str]:
    """A segment with so many members, and so many that have left; who is in it."""
    for number in range(members + left):
        port.put("active", f"c{number}", member=number >= left, version=1, now=T0)
    port.put("idle", "other", member=True, version=1, now=T0)
    return {f"c{number}" for number in range(left, members + left)}


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_members_are_listed_page_by_page_without_those_who_have_left(
    members: tuple[Members, Read], limit: int
) -> None:
    port, _ = members
    inside = _fill(port, members=23, left=19)
    found = _paged(port, "active", limit)
    assert len(found) == 23
    assert set(found) == inside


def test_a_page_is_full_as_long_as_there_are_members(members: tuple[Members, Read]) -> None:
    port, _ = members
    _fill(port, members=20, left=30)
    first = port.page("active", limit=15)
    assert (len(first), len(port.page("active", after=first[-1], limit=15))) == (15, 5)


def test_members_are_counted_without_those_who_have_left(members: tuple[Members, Read]) -> None:
    port, _ = members
    _fill(port, members=23, left=19)
    assert (port.count("active"), port.count("idle"), port.count("nobody")) == (23, 1, 0)
    assert port.page("nobody", limit=5) == []


def test_only_who_has_left_is_forgotten_after_a_while(account: None) -> None:
    port = adapters.DynamoMembers()
    port.put("active", "ann", member=True, version=1, now=T0)
    port.put("active", "bob", member=False, version=1, now=T0)
    kept = {item.contact_id: item.expires_at for item in adapters.tables.MemberItem.scan()}
    assert kept == {"ann": None, "bob": (T0 + 30 * DAY) // SECOND}
    port.put("active", "bob", member=True, version=2, now=T0)
    kept = {item.contact_id: item.expires_at for item in adapters.tables.MemberItem.scan()}
    assert kept == {"ann": None, "bob": None}


# --- suppressions


def test_the_first_reason_stays(suppressions: Suppressions) -> None:
    suppressions.add("h1", reason="hard_bounce", source="ses", at=T0)
    suppressions.add("h1", reason="complaint", source="ses", at=T0 + 1)
    assert suppressions.reasons(["h1"]) == {"h1": "hard_bounce"}


def test_only_the_suppressed_have_a_reason(suppressions: Suppressions) -> None:
    suppressions.add("h1", reason="hard_bounce", source="ses", at=T0)
    suppressions.add("h2", reason="complaint", source="ses", at=T0)
    assert suppressions.reasons(["h2", "h3", "h2"]) == {"h2": "complaint"}
    assert suppressions.reasons([]) == {}


def test_more_addresses_than_one_request_holds_are_looked_up(suppressions: Suppressions) -> None:
    hashes = [f"h{number}" for number in range(102)]
    for one in hashes:
        suppressions.add(one, reason="hard_bounce", source="ses", at=T0)
    assert suppressions.reasons([*hashes, "other"]) == dict.fromkeys(hashes, "hard_bounce")


def test_the_table_says_who_suppressed_an_address_and_when(account: None) -> None:
    port = adapters.DynamoSuppressions()
    port.add("h1", reason="hard_bounce", source="ses", at=T0)
    port.add("h1", reason="complaint", source="somebody", at=T0 + 1)
    item = adapters.tables.SuppressionItem.get("h1")
    assert (item.source, item.at) == ("ses", T0)
