"""Is an event what the app declared that it would send?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.book import Kind, Schema
from redshank.engine.inputs import Event
from redshank.ingest import segment
from redshank.ingest.declared import compact, mismatches
from redshank.ingest.door import Door
from redshank.ingest.keys import Keys
from redshank.ingest.segment import Reading
from redshank.memory import MemoryQueues, MemorySettings
from redshank.ports import BookPointer
from tests.raw import event as raw
from tests.unit.ingest.test_door import CLOCK, Front, batch, known_keys
from tests.unit.ingest.test_segment import NOW, track

PLAN = Kind(type="one_of", options=("trial", "pro", 3))
SCHEMA = Schema(
    rejects=True,
    traits={
        "plan": PLAN,
        "trial_ends_at": Kind(type="time"),
        "tags": Kind(type="text", many=True),
        "plans": Kind(type="one_of", options=("trial", "pro"), many=True),
        "vip": Kind(type="bool"),
        "address.city": Kind(type="text"),
    },
    events={"cart_updated": {"cart_id": Kind(type="text"), "total": Kind(type="number")}, "signed_up": {}},
)


def travelled(schema: Schema) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(json.dumps(compact(schema)))
    return found


def read(call: str, document: Mapping[str, Any], schema: Schema = SCHEMA) -> Reading:
    body = json.dumps(document).encode()
    return segment.read(
        call, document, size=len(body), clock=CLOCK, received_at=NOW, schema=travelled(schema)
    )


def identify(**traits: Any) -> dict[str, Any]:
    return {"userId": "7", "traits": traits}


@pytest.mark.parametrize(
    "traits",
    [
        {"plan": "pro", "vip": False, "tags": ["a", "b"], "plans": ["trial"]},
        {"plan": 3},
        {"plan": None, "tags": [], "vip": None},
        {"trial_ends_at": "2026-12-24"},
        {"trial_ends_at": "2026-12-24T18:00:00Z"},
        {"trial_ends_at": 1_800_000_000},
        {"address": {"city": "Springfield"}},
        {"address.city": "Springfield"},
        {"address": "somewhere"},
        {"something_else": [1, {}]},
    ],
)
def test_what_matches_or_is_not_declared_is_taken(traits: dict[str, Any]) -> None:
    reading = read("identify", identify(**traits))
    assert (len(reading.events), reading.flaws, reading.oddities) == (1, [], [])


@pytest.mark.parametrize(
    ("traits", "field", "reason"),
    [
        ({"plan": "free"}, "traits.plan", "is not one of trial, pro, 3"),
        ({"plan": True}, "traits.plan", "is not one of trial, pro, 3"),
        ({"vip": 1}, "traits.vip", "is not true or false"),
        ({"trial_ends_at": "soon"}, "traits.trial_ends_at", "is not a time (ISO 8601, or since 1970)"),
        ({"trial_ends_at": True}, "traits.trial_ends_at", "is not a time (ISO 8601, or since 1970)"),
        ({"tags": "a"}, "traits.tags", "is not a list, each text"),
        ({"tags": ["a", 1]}, "traits.tags", "is not a list, each text"),
        ({"plans": ["free"]}, "traits.plans", "is not a list, each one of trial, pro"),
        ({"address": {"city": 7}}, "traits.address.city", "is not text"),
    ],
)
def test_what_does_not_match_is_refused_with_what_was_expected(
    traits: dict[str, Any], field: str, reason: str
) -> None:
    reading = read("identify", identify(**traits))
    assert (reading.events, reading.flaws) == ([], [(field, reason)])


@pytest.mark.parametrize("total", ["29.30", True, [1], {"a": 1}])
def test_properties_are_looked_at_too(total: Any) -> None:
    reading = read("track", track(event="cart_updated", properties={"total": total}))
    assert reading.flaws == [("properties.total", "is not a number")]


def test_traits_are_the_contacts_not_a_groups() -> None:
    assert not read("group", {"userId": "7", "groupId": "g", "traits": {"plan": "free"}}).flaws


def test_in_a_batch_only_what_does_not_match_is_refused_and_its_place_is_named() -> None:
    posts = [
        {"type": "track", **track()},
        {"type": "identify", **identify(plan="free")},
        {"type": "nonsense"},
        {"type": "identify", **identify(plan="pro")},
    ]
    reading = read("batch", {"batch": posts})
    assert [event.type for event in reading.events] == ["track", "identify"]
    assert [flaw.field for flaw in reading.flaws] == ["batch[1].traits.plan", "batch[2].type"]


def test_where_the_book_only_warns_the_event_is_taken() -> None:
    warns = Schema(rejects=False, traits=SCHEMA.traits)
    reading = read("identify", identify(plan="free"), warns)
    assert (len(reading.events), reading.flaws) == (1, [])
    assert reading.oddities == [("traits.plan", "is not one of trial, pro, 3")]


_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.integers())
)


@given(value=_values, kind=st.sampled_from(["text", "number", "bool", "time"]), many=st.booleans())
def test_whatever_is_sent_is_compared_without_an_accident(value: Any, kind: str, many: bool) -> None:
    schema = travelled(Schema(traits={"it": Kind(type=kind, many=many)}))
    event = Event(
        id="e", stream="user:7", type="identify", name="", occurred_at=0, received_at=0, traits={"it": value}
    )
    found = list(mismatches(schema, event))
    is_list = isinstance(value, list)
    if value is None:
        assert found == []
    elif is_list != many:
        assert len(found) == 1


# --- at the door


def front(schema: Schema) -> Front:
    settings: MemorySettings = known_keys()
    settings.live = BookPointer(sequence=1, hash="one", schema=travelled(schema))
    queues = MemoryQueues()
    keys = Keys(settings=settings, clock=CLOCK)
    door = Door(keys=keys, queues=queues, clock=CLOCK, schema=lambda: settings.schema, stack="acme")
    return Front(queues, door)


def test_the_caller_is_told_the_field_and_what_was_expected() -> None:
    schema = Schema(rejects=True, events={"signed_up": {"seats": Kind(type="text")}})
    made = front(schema)
    status, said = made.post(raw("http/track"))
    assert (status, said["code"]) == (400, "invalid_request")
    assert said["errors"] == [{"field": "properties.seats", "reason": "is not text"}]
    assert made.events() == []


def test_a_warning_is_counted_and_logged_without_the_value(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made = front(Schema(rejects=False, traits={"plan": PLAN}))
    posts = [{"type": "identify", **identify(plan="top secret")}]
    assert made.post(batch(posts)) == (200, {"success": True, "accepted": 1})
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["SchemaMismatch"], line["Stack"]) == (1, "acme")
    assert "batch[0].traits.plan is not one of trial, pro, 3" in caplog.text
    assert "secret" not in caplog.text


def test_where_all_is_as_declared_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    made = front(SCHEMA)
    assert made.post(batch([{"type": "identify", **identify(plan="pro")}]))[0] == 200
    assert capsys.readouterr().out == ""
