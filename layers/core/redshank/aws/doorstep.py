"""What does ingest need of AWS, without an SDK? A write key looked up, and messages put on the events queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redshank.aws.signed import JsonService
from redshank.ports import ApiKey

SQS_TARGET = "AmazonSQS"
DYNAMODB_TARGET = "DynamoDB_20120810"


class KeyTable:
    """See ports.Settings; the write keys only. What the items hold is declared in store.tables."""

    def __init__(self, dynamodb: JsonService, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def api_key(self, key_hash: str) -> ApiKey | None:
        asked = {"TableName": self._table, "Key": {"name": {"S": f"key#{key_hash}"}}}
        item = self._dynamodb.call("GetItem", asked).get("Item")
        if item is None or "N" in item.get("revoked_at", {}):
            return None
        return ApiKey(label=item["label"]["S"], scopes=frozenset(json.loads(item["scopes"]["S"])))


class SqsCalls:
    """The one call of boto3's SQS client that ``aws.queues`` sends with."""

    def __init__(self, sqs: JsonService) -> None:
        self._sqs = sqs

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._sqs.call("SendMessageBatch", {"QueueUrl": QueueUrl, "Entries": Entries})
