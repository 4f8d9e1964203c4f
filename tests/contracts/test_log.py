"""Is the log the commit mark that it says it is?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from redshank.instants import DAY, SECOND
from redshank.ports import Log, LogRecord, inline
from redshank.threads import Pool
from tests.contracts import adapters
from tests.contracts.values import T0, full_event

TTL = 90 * DAY


def _record(number: int = 0, **more: Any) -> LogRecord:
    return LogRecord(**{"stream": "user:7", "event_id": f"e{number}", "contact_id": "ann", "at": T0, **more})


def test_what_is_written_is_present_and_nothing_else(log: Log) -> None:
    log.write([_record(1), _record(2, event=replace(full_event(), id="e2"))])
    asked = [("user:7", "e1"), ("user:7", "e2"), ("user:7", "e3"), ("user:8", "e1")]
    for consistent in (True, False):
        assert log.present(asked, consistent=consistent) == {("user:7", "e1"), ("user:7", "e2")}


def test_one_call_may_ask_and_write_the_same_key_twice(log: Log) -> None:
    log.write([_record(1), _record(1), _record(1, stream="user:8")])
    found = log.present([("user:7", "e1"), ("user:7", "e1"), ("user:8", "e1")], consistent=True)
    assert found == {("user:7", "e1"), ("user:8", "e1")}


def test_writing_a_record_again_changes_nothing_of_what_is_present(log: Log) -> None:
    log.write([_record(1)])
    log.write([_record(1), _record(2)])
    asked = [("user:7", f"e{number}") for number in range(4)]
    assert log.present(asked, consistent=True) == {("user:7", "e1"), ("user:7", "e2")}


@pytest.mark.parametrize("count", [25, 26, 103])
def test_more_than_one_request_holds_is_written_and_found(log: Log, count: int) -> None:
    log.write(_record(number) for number in range(count))
    asked = [("user:7", f"e{number}") for number in range(count + 3)]
    assert log.present(iter(asked), consistent=True) == set(asked[:count])


def test_nothing_to_ask_or_to_write_is_nothing(log: Log) -> None:
    log.write([])
    assert log.present([], consistent=True) == set()


def test_a_record_past_its_time_to_live_is_present_until_it_is_deleted(log: Log) -> None:
    log.write([_record(1, at=SECOND)])
    assert log.present([("user:7", "e1")], consistent=True) == {("user:7", "e1")}


# --- all of a contact


def _event(number: int, stream: str = "user:7", at: int = T0) -> LogRecord:
    event = replace(full_event(), id=f"e{number}", stream=stream, occurred_at=at)
    return _record(number, stream=stream, event=event)


def test_of_a_contact_all_events_are_found_in_the_order_they_occurred(log: Log) -> None:
    log.write([_event(1, at=T0 + 2), _event(2, "contact:ann", at=T0 + 1), _event(3, at=T0)])
    log.write([_event(4, "user:8"), _event(5, "user:70")])
    found = log.of_contact(["user:7", "contact:ann", "anon:none"])
    assert [(event.id, event.stream) for event in found] == [
        ("e3", "user:7"),
        ("e2", "contact:ann"),
        ("e1", "user:7"),
    ]
    assert found[0] == replace(full_event(), id="e3", occurred_at=T0)


def test_a_stream_that_is_named_twice_is_read_once(log: Log) -> None:
    log.write([_event(1)])
    assert [event.id for event in log.of_contact(["user:7", "user:7"])] == ["e1"]
    assert log.of_contact([]) == []


def test_wake_ups_are_no_events(log: Log) -> None:
    log.write([_record(1), _event(2)])
    assert [event.id for event in log.of_contact(["user:7"])] == ["e2"]


def test_more_than_one_answer_holds_is_found(log: Log) -> None:
    # DynamoDB answers with a megabyte at a time.
    text = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(60_000))
    for number in range(12):
        record = _event(number)
        assert record.event is not None
        log.write([replace(record, event=replace(record.event, properties={"text": text}))])
    assert {event.id for event in log.of_contact(["user:7"])} == {f"e{number}" for number in range(12)}


# --- what the table holds


def test_a_record_is_kept_from_when_its_event_was_received(account: None) -> None:
    event = replace(full_event(), occurred_at=T0 - 9 * DAY, received_at=T0 + 1_999)
    adapters.DynamoLog(inline, ttl=TTL).write([_record(1, at=T0 + DAY, event=event)])
    item = adapters.tables.EventItem.get("user:7", "e1")
    assert item.expires_at == (T0 + TTL) // SECOND + 1


def test_a_wake_up_is_kept_from_when_it_was_applied(account: None) -> None:
    adapters.DynamoLog(inline, ttl=TTL).write([_record(1, at=T0 + DAY)])
    item = adapters.tables.EventItem.get("user:7", "e1")
    assert item.expires_at == (T0 + DAY + TTL) // SECOND
    assert item.serialize().keys() == {"stream", "event_id", "contact_id", "at", "expires_at"}


def test_the_event_is_in_its_record(account: None) -> None:
    adapters.DynamoLog(inline, ttl=TTL).write([_record(1, event=full_event())])
    item = adapters.tables.EventItem.get("user:7", "e1")
    assert (item.contact_id, item.at) == ("ann", T0)
    assert adapters.unpack_event("user:7", "e1", item.event) == full_event()


def test_on_threads_all_is_written_before_it_returns(account: None) -> None:
    log = adapters.DynamoLog(Pool(4), ttl=TTL)
    log.write(_record(number) for number in range(110))
    asked = [("user:7", f"e{number}") for number in range(110)]
    assert log.present(asked, consistent=True) == set(asked)


@pytest.fixture
def events(account: None) -> Iterator[Any]:
    """The hooks of the client that the log's table uses."""
    hooks = adapters.tables.EventItem._get_connection().connection.client.meta.events
    registered: list[tuple[str, Any]] = []

    def register(name: str, handler: Any) -> None:
        hooks.register_first(name, handler)
        registered.append((name, handler))

    yield register
    for name, handler in registered:
        hooks.unregister(name, handler)


def test_if_one_request_fails_the_write_raises_after_the_others(events: Any) -> None:
    class Refused(Exception):
        pass

    def refuse(request: Any, **_: object) -> None:
        if b'"e30"' in request.body:
            raise Refused

    events("before-send.dynamodb.BatchWriteItem", refuse)
    log = adapters.DynamoLog(Pool(2), ttl=TTL)
    with pytest.raises(Refused):
        log.write(_record(number) for number in range(60))
    asked = [("user:7", f"e{number}") for number in range(60)]
    assert log.present(asked, consistent=True) == {*asked[:25], *asked[50:]}


def test_what_dynamodb_left_unwritten_is_written_again(events: Any) -> None:
    left: list[Any] = []

    def leave(parsed: Any, **_: object) -> None:
        if not left:
            table = adapters.tables.EventItem.Meta.table_name
            item = adapters.tables.EventItem.get("user:7", "e3")
            left.append(item)
            adapters.dynamodb().delete_item(
                TableName=table, Key={"stream": {"S": "user:7"}, "event_id": {"S": "e3"}}
            )
            parsed["UnprocessedItems"] = {table: [{"PutRequest": {"Item": item.serialize()}}]}

    events("after-call.dynamodb.BatchWriteItem", leave)
    log = adapters.DynamoLog(inline, ttl=TTL)
    log.write(_record(number) for number in range(5))
    assert left
    assert log.present([("user:7", "e3")], consistent=True) == {("user:7", "e3")}


def test_what_dynamodb_left_unread_is_read_again(events: Any) -> None:
    left: list[Any] = []

    def leave(parsed: Any, **_: object) -> None:
        if not left:
            table = adapters.tables.EventItem.Meta.table_name
            found = parsed["Responses"][table]
            left.extend(found[2:])
            parsed["Responses"][table] = found[:2]
            parsed["UnprocessedKeys"] = {table: {"Keys": left}}

    log = adapters.DynamoLog(inline, ttl=TTL)
    log.write(_record(number) for number in range(5))
    events("after-call.dynamodb.BatchGetItem", leave)
    asked = {("user:7", f"e{number}") for number in range(5)}
    assert log.present(asked, consistent=True) == asked
    assert len(left) == 3
