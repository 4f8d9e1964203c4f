"""The queues on SQS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from redshank.errors import RedshankError
from redshank.ports import Outbound, Queue, Spread

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

#: SendMessageBatch takes this many messages …
_MESSAGES = 10
#: … of this many bytes in all (a little below 1 MiB).
_BYTES = 1_000_000
#: Entries that SQS itself failed to take are tried this often.
_TRIES = 3
_HOUR = 3600


class QueueFailed(RedshankError):
    """SQS did not take every message."""


class SqsQueues:
    """See ports.Queues. ``feedback`` holds the URLs of the feedback queue and its dead letters."""

    def __init__(
        self, client: SQSClient, urls: Mapping[Queue, str], spread: Spread, feedback: Sequence[str] = ()
    ) -> None:
        self._client = client
        self._urls = urls
        self._spread = spread
        self._feedback = feedback

    def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
        url = self._urls[queue]
        self._spread(lambda some: self._send_some(url, some), list(_batches(messages)))

    def _send_some(self, url: str, messages: Sequence[Outbound]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": message.body, "DelaySeconds": message.delay}
            for index, message in enumerate(messages)
        ]
        failed: Sequence[BatchResultErrorEntryTypeDef] = ()
        for _ in range(_TRIES):
            failed = self._client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
            if not failed:
                return
            wanted = {failure["Id"] for failure in failed}
            entries = [entry for entry in entries if entry["Id"] in wanted]
        raise QueueFailed(f"{len(failed)} messages: {failed[0]['Code']} {failed[0].get('Message', '')}")

    def hide(self, queue: Queue, receipt: str, *, seconds: int) -> None:
        self._client.change_message_visibility(
            QueueUrl=self._urls[queue], ReceiptHandle=receipt, VisibilityTimeout=min(seconds, 12 * _HOUR)
        )

    def waiting(self, queue: Queue) -> int:
        return self._count(self._urls[queue], "ApproximateNumberOfMessages")

    def unfinished(self, queue: Queue) -> int:
        """About how many messages can be received now or are being worked on."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(self._count(self._urls[queue], name) for name in names)

    def feedback_drained(self) -> bool:
        return not any(
            self._count(url, name)
            for url in self._feedback
            for name in (
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            )
        )

    def _count(self, url: str, name: str) -> int:
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(answer["Attributes"].get(name, 0))  # type: ignore[call-overload]


def _batches(messages: Sequence[Outbound]) -> Iterator[list[Outbound]]:
    held: list[Outbound] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if held and (len(held) == _MESSAGES or size + length > _BYTES):
            yield held
            held, size = [], 0
        held.append(message)
        size += length
    if held:
        yield held
