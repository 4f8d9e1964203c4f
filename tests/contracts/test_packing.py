"""Does everything come back out of its packing as it went in?"""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given

from redshank.engine import packing
from redshank.engine.inputs import Event
from redshank.engine.state import Standing
from tests.contracts import values
from tests.contracts.adapters import pack_event, unpack_event

#: Plain attributes of the item, in no packing.
_PLAIN = ("version", "profile_version", "merged_into", "erased_at", "indexed")


def _again(standing: Standing) -> Standing:
    """The standing as a table gives it back: plain attributes, and the rest unpacked."""
    plain = {name: getattr(standing, name) for name in _PLAIN}
    made = Standing(contact_id=standing.contact_id, **plain)
    packing.unpack(made, packing.pack(standing))
    return made


@given(values.standings)
def test_a_standing_comes_back_as_it_was_packed(standing: Standing) -> None:
    assert _again(standing) == standing


@given(values.events)
def test_an_event_comes_back_as_it_was_packed(event: Event) -> None:
    assert unpack_event(event.stream, event.id, pack_event(event)) == event


def test_pairs_are_pairs_again() -> None:
    standing = _again(values.full_standing())
    assert standing.journeys["run-1"].releases == {"welcome": (2, values.T0 + 6)}
    assert standing.truths["upgrade#0"] == (True, None)


def test_a_layout_of_a_later_version_is_refused_by_its_contact() -> None:
    with pytest.raises(ValueError, match=r"ann .*unknown layout b'\\x02'"):
        packing.unpack(Standing(contact_id="ann"), b"\x02" + packing.pack(values.full_standing())[1:])


def test_a_row_of_before_a_field_was_added_takes_its_default() -> None:
    standing = values.full_standing()
    journey = standing.journeys["run-1"]
    shorter = [getattr(journey, name) for name in type(journey).__slots__[:-1]]
    packed = msgpack.unpackb(msgpack.packb(shorter))
    assert journey.links_by_machine
    assert packing._made(type(journey), packed).links_by_machine == {}
