"""Which stack is meant, and what does it consist of?

Region, endpoint and credentials come from the usual AWS variables and files. A stack's tables are named after
it; everything else is in its outputs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from redshank.aws.books import S3Books, key, read
from redshank.clock import Clock
from redshank.engine.book import Book
from redshank.errors import BookMissing, RedshankError
from redshank.evaluation.doors import LOG_TTL
from redshank.instants import from_datetime
from redshank.ports import BookPointer, Queue, Spread, inline
from redshank.threads import Pool

if TYPE_CHECKING:
    from redshank.aws.queues import SqsQueues
    from redshank.store.contacts import DynamoContacts
    from redshank.store.ledger import DynamoLedger
    from redshank.store.log import DynamoLog
    from redshank.store.members import DynamoMembers
    from redshank.store.settings import DynamoSettings


class StackError(RedshankError):
    """The stack cannot be used."""


#: Requests to AWS at a time.
THREADS = 16


@dataclass(frozen=True, slots=True)
class Stack:
    name: str
    outputs: Mapping[str, str]
    #: What it was deployed with.
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The bucket that books are kept in."""
        return self._output("Bucket")

    @property
    def clock(self) -> Clock:
        """The stack's time, which may be faster than the wall's."""
        given = self.parameters
        return Clock(
            speed=float(given.get("ClockSpeed") or 1), since=round(float(given.get("ClockSince") or 0) * 1000)
        )

    @property
    def settings(self) -> DynamoSettings:
        """The stack's settings table."""
        self._name_tables()
        from redshank.store.settings import DynamoSettings

        return DynamoSettings()

    @property
    def contacts(self) -> DynamoContacts:
        """The stack's profiles and standings."""
        self._name_tables()
        from redshank.store.contacts import DynamoContacts

        return DynamoContacts()

    @property
    def log(self) -> DynamoLog:
        """The stack's event log."""
        self._name_tables()
        from redshank.store.log import DynamoLog

        return DynamoLog(inline, ttl=LOG_TTL)

    @property
    def ledger(self) -> DynamoLedger:
        """The stack's send ledger."""
        self._name_tables()
        from redshank.store.ledger import DynamoLedger

        return DynamoLedger()

    @property
    def members(self) -> DynamoMembers:
        """Who is in which segment."""
        self._name_tables()
        from redshank.store.members import DynamoMembers

        return DynamoMembers()

    @property
    def events_queue(self) -> SqsQueues:
        """The events queue alone."""
        from redshank.aws.queues import SqsQueues

        return SqsQueues(boto3.client("sqs"), {Queue.EVENTS: self._output("EventsQueue")}, inline)

    @property
    def books(self) -> S3Books:
        """The stack's live book."""
        return S3Books(lambda: boto3.client("s3"), self.bucket, self.settings)

    @property
    def spread(self) -> Spread:
        """Threads that share waiting for AWS."""
        return Pool(THREADS)

    def live_book(self) -> tuple[Book, BookPointer]:
        """The live book as it was applied, whatever is paused, and the pointer to it. Raises BookMissing."""
        pointer = self.settings.pointer()
        if pointer is None:
            raise BookMissing(f"no book is live on `{self.name}`; `redshank apply` makes one")
        return read(boto3.client("s3"), self.bucket, pointer), pointer

    def applied_at(self, pointer: BookPointer) -> int:
        """When a book was applied, by the stack's time."""
        found = boto3.client("s3").head_object(Bucket=self.bucket, Key=key(pointer))
        return self.clock.at(from_datetime(found["LastModified"]))

    def _output(self, name: str) -> str:
        if name not in self.outputs:
            raise StackError(f"the stack `{self.name}` has no output `{name}`: is it a Redshank stack?")
        return self.outputs[name]

    def _name_tables(self) -> None:
        # The tables' names are read from the environment when their module is first imported.
        os.environ["REDSHANK_STACK"] = self.name
        from redshank.store.tables import SettingItem

        if SettingItem.Meta.table_name != f"{self.name}-settings":
            raise StackError(f"this process has already worked with `{SettingItem.Meta.table_name}`")


@contextmanager
def reaching(name: str) -> Iterator[Stack]:
    """The stack of that name. What AWS refuses inside the block becomes a StackError."""
    from pynamodb.exceptions import PynamoDBException

    try:
        yield _described(name)
    except (NoCredentialsError, PartialCredentialsError) as error:
        message = (
            "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise StackError(message) from error
    except NoRegionError as error:
        raise StackError("no AWS region is set; set AWS_DEFAULT_REGION") from error
    except ClientError as error:
        detail = error.response.get("Error", {})
        said = f"{detail.get('Code', 'unknown')}: {detail.get('Message', '')}"
        raise StackError(f"AWS refused {error.operation_name}: {said}") from error
    except PynamoDBException as error:
        raise StackError(f"the tables of `{name}` cannot be used: {error.msg}") from error
    except BotoCoreError as error:
        raise StackError(f"AWS cannot be reached: {error}") from error


def _described(name: str) -> Stack:
    client = boto3.client("cloudformation")
    try:
        found = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ValidationError":
            where = client.meta.region_name
            message = f"there is no stack `{name}` in {where}; `sam deploy` makes one, --stack names another"
            raise StackError(message) from error
        raise
    return Stack(
        name,
        outputs={it["OutputKey"]: it["OutputValue"] for one in found for it in one.get("Outputs", [])},
        parameters={
            it["ParameterKey"]: it.get("ParameterValue", "")
            for one in found
            for it in one.get("Parameters", [])
        },
    )
