"""The books on S3: ``books/<sequence>-<hash>.json``, and which one is live.

A function keeps the book it has and looks at the pointer again after some seconds. It never goes back to
an older one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from redshank.engine import serial
from redshank.engine.book import Book
from redshank.errors import BookMissing, BookTooOld
from redshank.ports import BookPointer, Settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Seconds between two looks at the pointer.
LOOK_AGAIN = 5.0


def key(pointer: BookPointer) -> str:
    """Where a book lies in the bucket. Not under its hash alone: since when it has what, its hash does not say."""
    return f"books/{pointer.lies_at:06}-{pointer.hash}.json"


def read(client: S3Client, bucket: str, pointer: BookPointer) -> Book:
    """The book as it was applied: nothing is paused by command in it."""
    body = client.get_object(Bucket=bucket, Key=key(pointer))["Body"].read()
    return replace(serial.load(body), sequence=pointer.sequence, hash=pointer.hash)


class S3Books:
    """See ports.Books. ``client`` makes the S3 client when a book is first read."""

    def __init__(
        self,
        client: Callable[[], S3Client],
        bucket: str,
        settings: Settings,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._settings = settings
        self._tick = tick
        #: As applied, and with what is paused by command.
        self._applied: Book | None = None
        self._book: Book | None = None
        self._pointer: BookPointer | None = None
        self._looked = 0.0

    def current(self) -> Book:
        if self._book is None or self._tick() - self._looked > LOOK_AGAIN:
            return self._look()
        return self._book

    def at_least(self, sequence: int) -> Book:
        book = self.current()
        if book.sequence < sequence:
            book = self._look()
        if book.sequence < sequence:
            raise BookTooOld(f"book {sequence} has been seen, but {book.sequence} is live")
        return book

    def _look(self) -> Book:
        pointer = self._settings.pointer()
        if pointer is None:
            raise BookMissing
        seen = self._pointer
        if self._book is None or self._applied is None or seen is None or seen.sequence < pointer.sequence:
            self._applied = read(self._client(), self._bucket, pointer)
            self._book = self._applied.with_paused(pointer.paused)
            self._pointer = pointer
        elif seen.sequence == pointer.sequence and seen.paused != pointer.paused:
            self._book = self._applied.with_paused(pointer.paused)
            self._pointer = pointer
        self._looked = self._tick()
        return self._book
