"""What AWS bills, where DynamoDB Local reports less."""

from __future__ import annotations

from typing import Any

from tests.bench.counting import units

_PUT: dict[str, Any] = {"TableName": "t", "Item": {"id": {"S": "a"}, "state": {"B": b"x" * 1_500}}}


def test_absent_items_of_a_batch_are_billed_as_reads() -> None:
    asked = {"RequestItems": {"t": {"Keys": [{"id": {"S": it}} for it in "abc"], "ConsistentRead": True}}}
    answer = {"Responses": {"t": [{"id": {"S": "a"}}]}, "ConsumedCapacity": [{"CapacityUnits": 1.0}]}
    assert units("BatchGetItem", asked, answer) == (3.0, 0.0)


def test_what_was_not_processed_is_not_billed() -> None:
    asked = {"RequestItems": {"t": {"Keys": [{"id": {"S": it}} for it in "ab"]}}}
    answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [{"id": {"S": "b"}}]}}}
    assert units("BatchGetItem", asked, answer) == (0.5, 0.0)


def test_an_absent_item_is_billed_half_a_unit() -> None:
    assert units("GetItem", {"TableName": "t"}, {}) == (0.5, 0.0)


def test_a_failed_condition_is_billed_by_the_size_of_the_item() -> None:
    failed = {"Error": {"Code": "ConditionalCheckFailedException"}}
    assert units("PutItem", _PUT, failed) == (0.0, 2.0)


def test_a_transaction_is_billed_twice_for_each_item_and_its_index_once_as_reported() -> None:
    asked = {"TransactItems": [{"Put": _PUT}, {"Put": _PUT}]}
    consumed = {"CapacityUnits": 6.0, "GlobalSecondaryIndexes": {"due": {"CapacityUnits": 2.0}}}
    assert units("TransactWriteItems", asked, {"ConsumedCapacity": [consumed]}) == (0.0, 10.0)


def test_a_cancelled_transaction_is_billed_too() -> None:
    cancelled = {"Error": {"Code": "TransactionCanceledException"}}
    assert units("TransactWriteItems", {"TransactItems": [{"Put": _PUT}]}, cancelled) == (0.0, 4.0)
