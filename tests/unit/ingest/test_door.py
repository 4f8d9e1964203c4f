"""What becomes of a request?"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redshank import wire
from redshank.clock import Clock
from redshank.engine.inputs import Event
from redshank.environment import Environment
from redshank.ingest.door import Door
from redshank.ingest.keys import Keys
from redshank.ingest.segment import CALLS
from redshank.instants import iso, parse
from redshank.memory import MemoryQueues, MemorySettings
from redshank.ports import ApiKey, Outbound, Queue
from tests.handlers import load
from tests.raw import event as raw

NOW = parse("2026-12-01T09:00:00Z")
CLOCK = Clock(wall=lambda: NOW)


def known_keys() -> MemorySettings:
    key = ApiKey(label="app", scopes=frozenset({"write"}))
    return MemorySettings(keys={sha256(b"wk_test").hexdigest(): key})


@dataclass(slots=True)
class Front:
    """The door, with what stands behind it."""

    queues: MemoryQueues
    door: Door

    def post(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = self.door.answer(request)
        assert answer["headers"]["content-type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"])

    def events(self) -> list[Event]:
        inputs = [one for message in self.queues.sent[Queue.EVENTS] for one in wire.unpack(message.body)]
        return [one for one in inputs if isinstance(one, Event)]


def made(queues: MemoryQueues | None = None, keys: MemorySettings | None = None) -> Front:
    queues = queues or MemoryQueues()
    keys = keys or known_keys()
    return Front(queues, Door(keys=Keys(settings=keys, clock=CLOCK), queues=queues, clock=CLOCK))


@pytest.fixture
def front() -> Front:
    return made()


def batch(events: Sequence[object], **more: Any) -> dict[str, Any]:
    request = raw("http/batch_with_bad_events")
    request["body"] = json.dumps({"batch": events, "writeKey": "wk_test", **more})
    return request


def test_a_track_is_accepted_and_enqueued(front: Front) -> None:
    assert front.post(raw("http/track")) == (200, {"success": True, "accepted": 1})
    [event] = front.events()
    assert event == Event(
        id="api-1jokKm",
        stream="user:7",
        type="track",
        name="signed_up",
        occurred_at=NOW - 1_000,
        received_at=NOW,
        properties={"plan": "free", "seats": 3},
    )


def test_a_compressed_batch_of_the_python_library_is_accepted(front: Front) -> None:
    assert front.post(raw("http/batch_gzip")) == (200, {"success": True, "accepted": 2})
    assert [(event.type, event.stream) for event in front.events()] == [
        ("identify", "user:7"),
        ("track", "user:7"),
    ]
    assert len(front.queues.sent[Queue.EVENTS]) == 1


def test_the_answer_names_the_bad_events_of_a_batch_and_the_good_ones_are_taken(front: Front) -> None:
    status, said = front.post(raw("http/batch_with_bad_events"))
    assert status == 200
    assert (said["success"], said["accepted"]) == (True, 2)
    assert [error["field"] for error in said["errors"]] == ["batch[1].userId", "batch[2].event", "batch[3]"]
    assert [event.id for event in front.events()] == ["good-1", "good-2"]


def test_a_batch_in_which_all_are_bad_is_refused(front: Front) -> None:
    status, said = front.post(batch([{}, 5]))
    assert status == 400
    assert said["success"] is False
    assert [error["field"] for error in said["errors"]] == ["batch[0].type", "batch[1]"]
    assert not front.events()


def test_an_empty_batch_is_accepted(front: Front) -> None:
    assert front.post(batch([])) == (200, {"success": True, "accepted": 0})
    assert not front.queues.sent[Queue.EVENTS]


def test_a_large_request_becomes_several_messages_of_at_most_60_kb(front: Front) -> None:
    events = [
        {"type": "track", "userId": n, "event": "e", "properties": {"a": "x" * 20_000}} for n in range(20)
    ]
    assert front.post(batch(events))[0] == 200
    bodies = [message.body for message in front.queues.sent[Queue.EVENTS]]
    assert len(bodies) == 10
    assert max(len(body.encode()) for body in bodies) <= 60_000 + 100
    assert [event.stream for event in front.events()] == [f"user:{n}" for n in range(20)]


def test_the_write_key_may_be_in_the_header_or_in_the_body(front: Front) -> None:
    for header in (None, "Bearer wk_test", raw("http/track")["headers"]["authorization"]):
        request = raw("http/batch_with_bad_events")
        if header:
            request["headers"]["authorization"] = header
            request["body"] = request["body"].replace("wk_test", "another")
        assert front.post(request)[0] == 200


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic " + base64.b64encode(b"wrong:").decode()])
def test_an_unknown_key_is_not_let_in(front: Front, header: str) -> None:
    request = raw("http/track")
    request["headers"]["authorization"] = header
    status, said = front.post(request)
    assert (status, said["success"], said["code"]) == (401, False, "unauthorized")
    assert not front.events()


@pytest.mark.parametrize("key", [None, "", "wrong", 5, ["wk_test"], "\ud800"])
def test_a_missing_key_is_not_let_in(front: Front, key: object) -> None:
    assert front.post(batch([], writeKey=key))[0] == 401


def test_when_sqs_does_not_take_the_events_the_caller_is_asked_to_repeat() -> None:
    class Down(MemoryQueues):
        def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
            raise ConnectionError

    front = made(queues=Down())
    answer = front.door.answer(raw("http/track"))
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "1"
    assert json.loads(answer["body"])["success"] is False


def test_when_the_keys_cannot_be_looked_up_the_caller_is_asked_to_repeat() -> None:
    class Down(MemorySettings):
        def api_key(self, key_hash: str) -> ApiKey | None:
            raise ConnectionError

    assert made(keys=Down()).post(raw("http/track"))[0] == 503


@pytest.mark.parametrize("path", ["/v1/", "/v1/dance", "/", "/v2/track", "/v1/track/more"])
def test_there_is_nothing_else_to_post_to(front: Front, path: str) -> None:
    assert front.post(raw("http/track") | {"rawPath": path})[0] == 404


def test_a_path_may_have_a_prefix_and_a_slash_at_the_end(front: Front) -> None:
    assert front.post(raw("http/track") | {"rawPath": "/stage/v1/track/"})[0] == 200


def test_events_are_posted(front: Front) -> None:
    request = raw("http/track")
    request["requestContext"]["http"]["method"] = "GET"
    assert front.post(request)[0] == 405


def test_the_handler_answers_through_the_ports_it_is_wired_to(monkeypatch: pytest.MonkeyPatch) -> None:
    queues = MemoryQueues()
    app = load(
        "ingest",
        monkeypatch,
        Environment(stack="test", clock=CLOCK),
        events_queue=queues,
        write_keys=known_keys(),
    )
    assert app.handler(raw("http/track"), None)["statusCode"] == 200
    assert len(queues.sent[Queue.EVENTS]) == 1


# --- whatever comes: a 2xx whose accepted events are enqueued, or a 4xx and nothing is

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
    | st.sampled_from(["7", "signed_up", "email_opened", "w:x:1", "\ud800", "\uffff", iso(NOW), iso(NOW + 1)])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec=None, exclude_categories=()), max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)
FIELDS = (
    *("type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "name", "category"),
    *("properties", "traits", "context", "integrations", "timestamp", "originalTimestamp", "sentAt"),
)
likely = {
    "type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]),
    "userId": st.sampled_from(["7", 8]),
    "event": st.just("signed_up"),
}
posts = st.fixed_dictionaries(
    {}, optional={field: likely.get(field, st.nothing()) | json_values for field in FIELDS}
)
documents = st.one_of(
    posts,
    st.fixed_dictionaries(
        {"batch": st.lists(posts | json_values, max_size=5) | json_values}, optional={"sentAt": json_values}
    ),
    json_values,
)


def as_request(call: str, body: bytes, *, as_base64: bool, compressed: bool) -> dict[str, Any]:
    request = raw("http/track") | {"rawPath": f"/v1/{call}"}
    if compressed:
        body = gzip.compress(body, 1)
        request["headers"]["content-encoding"] = "gzip"
    if as_base64 or compressed:
        return request | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return request | {"body": body.decode("utf-8", "surrogatepass")}


def judge(request: dict[str, Any]) -> None:
    front = made()
    answer = front.door.answer(request)
    status, said = answer["statusCode"], json.loads(answer["body"])
    # What DynamoDB, msgpack and JSON proper must hold is read back through the wire.
    events = front.events()
    for message in front.queues.sent[Queue.EVENTS]:
        message.body.encode()
        json.loads(message.body, parse_constant=pytest.fail)
    if status == 200:
        assert said["success"] is True
        assert said["accepted"] == len(events)
        assert all(0 <= event.occurred_at <= event.received_at == NOW for event in events)
        assert all(event.id and event.stream.startswith(("user:", "anon:")) for event in events)
        assert all(len(event.stream) <= 260 and len(event.id.encode()) <= 1_024 for event in events)
    else:
        assert 400 <= status < 500, said
        assert said["success"] is False
        assert said["errors"] or status in (401, 404)
        assert not events


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(call=st.sampled_from(sorted(CALLS)), document=documents, compressed=st.booleans())
def test_any_json_is_accepted_and_enqueued_or_refused_and_not(
    call: str, document: object, compressed: bool
) -> None:
    body = json.dumps(document).encode()
    judge(as_request(call, body, as_base64=False, compressed=compressed))


@settings(max_examples=200, deadline=None)
@given(call=st.sampled_from(sorted(CALLS)), body=st.binary(max_size=200), as_gzip=st.booleans())
def test_any_bytes_are_refused(call: str, body: bytes, as_gzip: bool) -> None:
    request = as_request(call, body, as_base64=True, compressed=False)
    if as_gzip:
        request["headers"]["content-encoding"] = "gzip"
    judge(request)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_good_body_is_survived(data: st.DataObject) -> None:
    body = bytearray(base64.b64decode(raw("http/batch_gzip")["body"]))
    compressed = data.draw(st.booleans())
    if not compressed:
        body = bytearray(gzip.decompress(body))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not body:
            return
    request = as_request("batch", bytes(body), as_base64=True, compressed=False)
    if compressed:
        request["headers"]["content-encoding"] = "gzip"
    judge(request)
