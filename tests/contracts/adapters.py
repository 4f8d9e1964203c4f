"""An AWS account of moto's with what infra/storage.yaml declares in it, and the adapters that use it."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from redshank.ports import Queue
from tests.infra.templates import resources

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

# A table's name is fixed when its module is first imported; nobody else is to see this stack's name.
with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("REDSHANK_STACK", os.environ.get("REDSHANK_STACK") or "redshank")
    from redshank.store import tables
    from redshank.store.contacts import DynamoContacts
    from redshank.store.ledger import DynamoLedger
    from redshank.store.log import DynamoLog, pack_event, unpack_event
    from redshank.store.members import DynamoMembers
    from redshank.store.settings import DynamoSettings
    from redshank.store.suppressions import DynamoSuppressions

__all__ = [
    "BUCKET",
    "DynamoContacts",
    "DynamoLedger",
    "DynamoLog",
    "DynamoMembers",
    "DynamoSettings",
    "DynamoSuppressions",
    "build",
    "dynamodb",
    "feedback_urls",
    "pack_event",
    "queue_urls",
    "s3",
    "sqs",
    "tables",
    "unpack_event",
]

#: Whoever imported the tables first in this process has chosen the stack's name.
STACK: str = tables.SettingItem.Meta.table_name.removesuffix("-settings")
BUCKET = "books"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
#: What moto does not take with CreateTable, and nothing here depends on.
_NOT_OF_CREATE_TABLE = {
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "StreamSpecification",
    "TimeToLiveSpecification",
}


@cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@cache
def dynamodb() -> DynamoDBClient:
    return _session().client("dynamodb")


@cache
def sqs() -> SQSClient:
    return _session().client("sqs")


@cache
def s3() -> S3Client:
    return _session().client("s3")


def _named(value: Any) -> Any:
    """``!Sub ${Stack}-contacts`` and the like, with the stack's name."""
    if isinstance(value, list):
        return [_named(one) for one in value]
    if isinstance(value, dict):
        if "Fn::Sub" in value:
            return value["Fn::Sub"].replace("${Stack}", STACK)
        return {key: _named(one) for key, one in value.items()}
    return value


@cache
def _declared(kind: str) -> dict[str, Any]:
    named: dict[str, Any] = _named(resources("infra/storage.yaml", kind))
    return named


def build() -> None:
    """Create the tables, the queues (without their dead-letter rules) and a bucket."""
    for table in _declared("AWS::DynamoDB::Table").values():
        wanted = {name: value for name, value in table.items() if name not in _NOT_OF_CREATE_TABLE}
        dynamodb().create_table(**wanted)
    for queue in _declared("AWS::SQS::Queue").values():
        visibility = str(queue.get("VisibilityTimeout", 30))
        sqs().create_queue(QueueName=queue["QueueName"], Attributes={"VisibilityTimeout": visibility})
    s3().create_bucket(Bucket=BUCKET)


def _url(name: str) -> str:
    return sqs().get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"]


def queue_urls() -> dict[Queue, str]:
    return {queue: _url(queue) for queue in Queue}


def feedback_urls() -> list[str]:
    return [_url("feedback"), _url("feedback-dead-letters")]
