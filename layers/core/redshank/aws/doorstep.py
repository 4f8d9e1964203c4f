"""What does ingest need of AWS, without an SDK? A write key looked up, and messages put on the events queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redshank.aws.signed import CallFailed, JsonService
from redshank.ports import ApiKey

SQS_TARGET = "AmazonSQS"
DYNAMODB_TARGET = "DynamoDB_20120810"
#: Items that DynamoDB itself did not read are asked for this often.
_TRIES = 3


class KeyTable:
    """See ports.Settings; the write keys, and the declared schema. What the items hold is declared in store.tables."""

    def __init__(self, dynamodb: JsonService, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        #: What the app declared that it would send, as of the last key looked up: one request for both.
        self.schema: Mapping[str, Any] | None = None

    def api_key(self, key_hash: str) -> ApiKey | None:
        found = self._items([f"key#{key_hash}", "book"])
        schema = found.get("book", {}).get("schema")
        self.schema = None if schema is None else json.loads(schema["S"])
        item = found.get(f"key#{key_hash}")
        if item is None or "N" in item.get("revoked_at", {}):
            return None
        return ApiKey(label=item["label"]["S"], scopes=frozenset(json.loads(item["scopes"]["S"])))

    def _items(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        asked = {"RequestItems": {self._table: {"Keys": [{"name": {"S": name}} for name in names]}}}
        found: dict[str, dict[str, Any]] = {}
        for _ in range(_TRIES):
            answer = self._dynamodb.call("BatchGetItem", asked)
            found |= {item["name"]["S"]: item for item in answer["Responses"].get(self._table, ())}
            if not answer.get("UnprocessedKeys"):
                return found
            asked = {"RequestItems": answer["UnprocessedKeys"]}
        raise CallFailed("DynamoDB did not answer for every setting")


class SqsCalls:
    """The one call of boto3's SQS client that ``aws.queues`` sends with."""

    def __init__(self, sqs: JsonService) -> None:
        self._sqs = sqs

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._sqs.call("SendMessageBatch", {"QueueUrl": QueueUrl, "Entries": Entries})
