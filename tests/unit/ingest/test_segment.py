"""What did the app say?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from redshank.clock import Clock
from redshank.engine.inputs import RESERVED, Event
from redshank.errors import BadInput, TooLarge
from redshank.identity import event_id_of
from redshank.ingest import segment
from redshank.ingest.segment import Reading
from redshank.instants import HOUR, MINUTE, SECOND, iso, parse

NOW = parse("2026-12-01T09:00:00Z")
CLOCK = Clock(wall=lambda: NOW)


def read(call: str, document: Mapping[str, Any], *, clock: Clock = CLOCK) -> Reading:
    body = json.dumps(document).encode()
    return segment.read(call, segment.parse(body), size=len(body), clock=clock, received_at=clock.now())


def one(call: str, document: Mapping[str, Any], *, clock: Clock = CLOCK) -> Event:
    reading = read(call, document, clock=clock)
    assert not reading.flaws
    [event] = reading.events
    return event


def flaw(call: str, document: Mapping[str, Any]) -> tuple[str, str]:
    reading = read(call, document)
    assert not reading.events
    [found] = reading.flaws
    return found


def track(**more: Any) -> dict[str, Any]:
    return {"userId": "7", "event": "signed_up", **more}


def nested(depth: int) -> dict[str, Any]:
    """An object with ``depth`` objects in one another."""
    return {"in": nested(depth - 1)} if depth > 1 else {}


class TestCalls:
    def test_track_carries_the_name_the_properties_and_who_it_was(self) -> None:
        event = one("track", track(properties={"plan": "free"}, messageId="m1"))
        assert event == Event(
            id="m1",
            stream="user:7",
            type="track",
            name="signed_up",
            occurred_at=NOW,
            received_at=NOW,
            properties={"plan": "free"},
        )

    def test_identify_carries_traits_and_no_name(self) -> None:
        event = one("identify", {"userId": "7", "traits": {"email": "ann@example.com"}})
        assert (event.type, event.name) == ("identify", "")
        assert event.traits == {"email": "ann@example.com"}
        assert event.properties == {}

    @pytest.mark.parametrize(("call", "name"), [("page", "page_viewed"), ("screen", "screen_viewed")])
    def test_page_and_screen_fold_name_and_category_into_the_properties(self, call: str, name: str) -> None:
        event = one(
            call, {"anonymousId": "a", "name": "Pricing", "category": "Site", "properties": {"url": "/"}}
        )
        assert event.name == name
        assert event.properties == {"url": "/", "name": "Pricing", "category": "Site"}
        assert event.stream == "anon:a"

    def test_a_group_says_which_it_is_and_its_traits_are_the_groups(self) -> None:
        event = one("group", {"userId": "7", "groupId": 12, "traits": {"name": "Initech"}})
        assert (event.type, event.name) == ("group", "")
        assert event.properties == {"group_id": "12"}
        assert event.traits == {"name": "Initech"}

    def test_alias_needs_both_identities(self) -> None:
        assert one("alias", {"userId": "7", "previousId": "a"}).properties == {"previousId": "a"}
        assert flaw("alias", {"userId": "7"}) == ("previousId", "is missing")
        assert flaw("alias", {"anonymousId": "a", "previousId": "b"}) == ("userId", "is missing")

    def test_the_route_says_the_type_of_a_single_event(self) -> None:
        assert one("track", track(type="page")).type == "track"

    def test_what_is_not_used_may_be_anything(self) -> None:
        post = track(context=5, integrations=[], traits="x", anonymousId=None)
        assert one("track", post).name == "signed_up"

    @pytest.mark.parametrize("name", sorted(RESERVED))
    def test_events_that_redshank_makes_cannot_be_posted(self, name: str) -> None:
        assert flaw("track", track(event=name))[0] == "event"


class TestIdentity:
    def test_numbers_are_taken_as_their_digits(self) -> None:
        event = one("track", track(userId=42, messageId=7))
        assert (event.stream, event.id) == ("user:42", "7")

    def test_a_null_or_empty_id_is_none(self) -> None:
        assert one("track", track(userId=None, anonymousId="a")).stream == "anon:a"
        assert flaw("track", track(userId="", anonymousId=None))[0] == "userId"

    @pytest.mark.parametrize("value", [1.5, True, [], {}, "x" * 256, "a\x00b", "\ud800", "\uffff"])
    @pytest.mark.parametrize("field", ["userId", "anonymousId", "messageId"])
    def test_other_ids_are_refused_by_name(self, field: str, value: object) -> None:
        assert flaw("track", track(**{field: value}))[0] == field

    def test_ids_of_wake_ups_cannot_be_posted(self) -> None:
        assert flaw("track", track(messageId="w:abc:3"))[0] == "messageId"

    def test_the_same_post_without_a_message_id_is_the_same_event(self) -> None:
        post = track(timestamp="2026-12-01T08:00:00Z", properties={"n": 1})
        later = Clock(wall=lambda: NOW + MINUTE)
        first, second = one("track", post), one("track", {**post, "sentAt": iso(NOW)}, clock=later)
        assert first.id == second.id == event_id_of("user:7", "signed_up", "2026-12-01T08:00:00Z", {"n": 1})

    def test_without_a_timestamp_doing_it_again_is_another_event(self) -> None:
        later = Clock(wall=lambda: NOW + 1)
        assert one("track", track()).id != one("track", track(), clock=later).id
        twice = read("batch", {"batch": [track(type="track"), track(type="track")]})
        assert len({event.id for event in twice.events}) == 2

    def test_identifies_that_say_different_things_are_different_events(self) -> None:
        at = {"userId": "7", "timestamp": "2026-12-01T08:00:00Z"}
        free, pro = (one("identify", {**at, "traits": {"plan": plan}}) for plan in ("free", "pro"))
        assert free.id != pro.id


class TestTime:
    def test_a_wrong_client_clock_is_corrected_by_when_it_sent(self) -> None:
        # The client is a year behind; it sent five minutes after the event.
        post = track(timestamp="2025-12-01T08:55:00Z", sentAt="2025-12-01T09:00:00Z")
        assert one("track", post).occurred_at == NOW - 5 * MINUTE

    def test_nothing_occurs_after_it_was_received(self) -> None:
        assert one("track", track(timestamp=iso(NOW + HOUR))).occurred_at == NOW
        post = track(timestamp=iso(NOW + HOUR), sentAt=iso(NOW))
        assert one("track", post).occurred_at == NOW

    def test_nothing_occurs_before_1970(self) -> None:
        post = track(timestamp="1970-01-02T00:00:00Z", sentAt="9999-12-31T00:00:00Z")
        assert one("track", post).occurred_at == 0

    def test_without_sent_at_the_timestamp_is_taken_as_it_is(self) -> None:
        assert one("track", track(timestamp="2012-12-02T00:30:12.984Z")).occurred_at == parse(
            "2012-12-02T00:30:12.984Z"
        )

    def test_original_timestamp_stands_in_for_a_missing_timestamp(self) -> None:
        post = track(originalTimestamp=iso(NOW - 10 * MINUTE), sentAt=iso(NOW - 4 * MINUTE))
        assert one("track", post).occurred_at == NOW - 6 * MINUTE

    def test_what_segment_has_corrected_is_not_corrected_again(self) -> None:
        post = track(
            originalTimestamp="2025-01-01T00:00:00Z",
            timestamp=iso(NOW - 3 * HOUR),
            sentAt="2025-01-01T00:00:05Z",
        )
        assert one("track", post).occurred_at == NOW - 3 * HOUR

    def test_sent_at_of_the_batch_counts_for_its_events(self) -> None:
        event = track(type="track", timestamp=iso(NOW - 2 * HOUR))
        reading = read("batch", {"batch": [event], "sentAt": iso(NOW - HOUR)})
        assert reading.events[0].occurred_at == NOW - HOUR

    def test_client_times_pass_through_a_fast_clock(self) -> None:
        fast = Clock(speed=100, since=NOW - MINUTE, wall=lambda: NOW)
        received = NOW + 99 * MINUTE
        post = track(timestamp=iso(NOW - 3 * SECOND), sentAt=iso(NOW - SECOND))
        event = one("track", post, clock=fast)
        assert event.received_at == received
        assert event.occurred_at == received - 200 * SECOND

    @pytest.mark.parametrize(
        "text",
        ["yesterday", "", "2026-12-01", "2026-12-01T09:00:00", 1764579600, True, {}, "1969-12-31T23:59:59Z"],
    )
    @pytest.mark.parametrize("field", ["timestamp", "originalTimestamp", "sentAt"])
    def test_a_time_that_is_none_is_refused_by_name(self, field: str, text: object) -> None:
        assert flaw("track", track(**{field: text}))[0] == field


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [2**64, -(2**63) - 1, float("nan"), float("inf"), 1e200, 1e-200, "\ud800", "\ufffe", nested(32)],
    )
    def test_what_could_not_be_kept_is_refused_with_its_path(self, value: object) -> None:
        field, _ = flaw("track", track(properties={"items": [{"price": value}]}))
        assert field.startswith("properties.items[0].price")

    @pytest.mark.parametrize(
        "value", [2**64 - 1, -(2**63), 1e125, -1e-129, 0.0, "\U0001f426", nested(31), None]
    )
    def test_what_can_be_kept_is_kept(self, value: object) -> None:
        assert one("track", track(properties={"a": value})).properties == {"a": value}

    def test_a_strange_key_is_quoted_in_the_path(self) -> None:
        assert flaw("identify", {"userId": "7", "traits": {"a b": 2**64}})[0] == 'traits["a b"]'
        assert flaw("identify", {"userId": "7", "traits": {"\ud800": 1}})[0] == 'traits["\\ud800"]'

    @pytest.mark.parametrize("value", [5, "x", True, [1]])
    def test_properties_and_traits_are_objects(self, value: object) -> None:
        assert flaw("track", track(properties=value)) == ("properties", "is not an object")
        assert flaw("identify", {"userId": "7", "traits": value}) == ("traits", "is not an object")

    def test_an_empty_list_is_how_php_writes_an_empty_object(self) -> None:
        assert one("track", track(properties=[])).properties == {}

    @pytest.mark.parametrize("value", [None, "", 5, [], "x" * 256, "a\nb"])
    def test_a_track_needs_a_name(self, value: object) -> None:
        assert flaw("track", track(event=value))[0] == "event"


class TestBatches:
    def test_bad_events_do_not_take_the_good_ones_with_them(self) -> None:
        good = track(type="track", messageId="good")
        reading = read("batch", {"batch": [5, good, {"type": "dance"}, {"type": "track", "event": "x"}]})
        assert [event.id for event in reading.events] == ["good"]
        assert [it.field for it in reading.flaws] == ["batch[0]", "batch[2].type", "batch[3].userId"]

    def test_import_is_batch(self) -> None:
        assert read("import", {"batch": [track(type="track")]}).events

    @pytest.mark.parametrize("batch", [None, {}, "x", 5])
    def test_a_batch_is_a_list(self, batch: object) -> None:
        with pytest.raises(BadInput, match="batch: is not a list"):
            read("batch", {"batch": batch})

    def test_a_batch_has_at_most_2500_events(self) -> None:
        with pytest.raises(TooLarge, match="batch"):
            read("batch", {"batch": [1] * 2_501})

    def test_a_malformed_sent_at_of_the_batch_is_named(self) -> None:
        with pytest.raises(BadInput, match="sentAt"):
            read("batch", {"batch": [], "sentAt": "now"})


class TestSizes:
    def test_a_single_event_has_at_most_32_kb(self) -> None:
        with pytest.raises(TooLarge, match="body: is larger than 32 KB"):
            read("track", track(properties={"a": "x" * 32 * 1024}))

    def test_an_event_of_a_batch_has_at_most_32_kb(self) -> None:
        large = track(type="track", properties={"a": "x" * 32 * 1024})
        reading = read("batch", {"batch": [large, track(type="track")]})
        assert len(reading.events) == 1
        assert reading.flaws == [("batch[0]", "is larger than 32 KB")]

    def test_characters_count_as_bytes(self) -> None:
        large = track(type="track", properties={"a": "€" * 11_000})
        assert read("batch", {"batch": [large]}).flaws

    def test_numbers_that_grow_when_written_out_count_as_written_out(self) -> None:
        body = b'{"userId":"7","event":"e","properties":{"a":[' + b"1e15," * 6_000 + b"1]}}"
        reading = segment.read("track", segment.parse(body), size=len(body), clock=CLOCK, received_at=NOW)
        assert reading.flaws == [("body", "is larger than 32 KB")]

    def test_a_batch_has_at_most_500_kb(self) -> None:
        with pytest.raises(TooLarge, match="500 KB"):
            segment.read("batch", {"batch": []}, size=500 * 1024 + 1, clock=CLOCK, received_at=NOW)


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            b"5",
            b"null",
            b'"x"',
            b"\xff",
            b'{"a":"\xed\xa0\x80"}',
            "{}".encode("utf-16"),
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b'{"a":' + b"9" * 5_000 + b"}",
            b"",
            b"{}{}",
        ],
    )
    def test_what_is_no_json_object_is_refused(self, body: bytes) -> None:
        with pytest.raises(BadInput, match="body"):
            segment.parse(body)

    def test_what_is_nested_too_deeply_where_nobody_looks_is_refused_or_ignored(self) -> None:
        for depth in (100, 900, 5_000):
            body = b'{"batch":[{"context":' + b"[" * depth + b"]" * depth + b',"x":"' + b"y" * 9_000 + b'"}]}'
            try:
                document = segment.parse(body)
            except BadInput:
                continue
            assert segment.read("batch", document, size=len(body), clock=CLOCK, received_at=NOW).flaws
