"""How does a Lambda event from SQS look? Records in, the ids of those that must come again out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message as received from a queue."""

    id: str
    body: str
    #: What identifies this receipt to SQS.
    receipt: str = ""
    #: How often the message has been received, this time included.
    received: int = 1
    #: The ARN of the queue.
    source: str = ""


def received(event: Mapping[str, Any]) -> Sequence[Record]:
    """The records of a Lambda event.

    Source: "Using Lambda with Amazon SQS", example event of a standard queue.
    """
    return [
        Record(
            id=plain["messageId"],
            body=plain["body"],
            receipt=plain.get("receiptHandle", ""),
            received=int(plain.get("attributes", {}).get("ApproximateReceiveCount", 1)),
            source=plain.get("eventSourceARN", ""),
        )
        for plain in event["Records"]
    ]


def again(ids: Iterable[str]) -> dict[str, Any]:
    """The answer that lets these messages come again and deletes the others (ReportBatchItemFailures)."""
    return {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}
