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
