"""Does what is emitted reach the account's bus, all of it?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from redshank.aws.bus import BusFailed, EventBridge
from redshank.engine.effects import Emission
from redshank.instants import iso
from redshank.ports import inline
from tests.contracts.values import T0


class Client:
    """EventBridge, which fails to take an event so often; the answers as its API reference has them."""

    def __init__(self, failures: Mapping[str, int] | None = None) -> None:
        self.failures = dict(failures or {})
        self.requests: list[Sequence[Mapping[str, str]]] = []
        self.taken: list[Mapping[str, str]] = []

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
        assert 1 <= len(Entries) <= 10
        self.requests.append(Entries)
        results: list[dict[str, str]] = []
        for entry in Entries:
            left = self.failures.get(entry["DetailType"], 0)
            self.failures[entry["DetailType"]] = left - 1
            if left > 0:
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "try again"})
            else:
                self.taken.append(entry)
                results.append({"EventId": "1"})
        return {"FailedEntryCount": sum("ErrorCode" in it for it in results), "Entries": results}


def emission(number: int = 1) -> Emission:
    return Emission(
        id=f"x{number}",
        name=f"event.{number}",
        contact_id="ann",
        workflow="rescue",
        step="tell",
        at=T0,
        detail={"plan": "pro", "name": "Zoë"},
    )


def test_an_event_says_what_the_step_says_and_where_it_comes_from() -> None:
    client = Client()
    EventBridge(lambda: client, "default", inline).emit([emission()])
    [entry] = client.taken
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == ("default", "redshank", "event.1")
    assert json.loads(entry["Detail"]) == {
        "plan": "pro",
        "name": "Zoë",
        "redshank": {"id": "x1", "contact_id": "ann", "workflow": "rescue", "step": "tell", "at": iso(T0)},
    }


def test_more_than_one_request_takes_are_emitted() -> None:
    client = Client()
    EventBridge(lambda: client, "default", inline).emit([emission(number) for number in range(23)])
    assert [entry["DetailType"] for entry in client.taken] == [f"event.{number}" for number in range(23)]
    assert len(client.requests) == 3


def test_what_was_not_taken_is_put_again_and_only_that() -> None:
    client = Client({"event.2": 2})
    EventBridge(lambda: client, "default", inline).emit([emission(1), emission(2), emission(3)])
    assert sorted(entry["DetailType"] for entry in client.taken) == ["event.1", "event.2", "event.3"]
    assert [len(request) for request in client.requests] == [3, 1, 1]


def test_what_is_never_taken_raises_so_that_finishing_comes_again() -> None:
    client = Client({"event.2": 99})
    with pytest.raises(BusFailed, match="1 events: InternalFailure try again"):
        EventBridge(lambda: client, "default", inline).emit([emission(1), emission(2)])


def test_nothing_to_emit_makes_no_client() -> None:
    EventBridge(lambda: pytest.fail("a client was made"), "default", inline).emit([])


def test_eventbridge_takes_what_is_put(account: None) -> None:
    import boto3

    client = boto3.client("events")
    EventBridge(lambda: client, "default", inline).emit([emission()])
