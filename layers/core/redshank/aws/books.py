"""The books on S3: ``books/<hash>.json``, and which one is live.

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
from redshank.ports import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: Seconds between two looks at the pointer.
LOOK_AGAIN = 5.0


def key(book_hash: str) -> str:
    """Where a book lies in the bucket."""
    return f"books/{book_hash}.json"


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
        self._book: Book | None = None
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
        if self._book is None or self._book.sequence < pointer.sequence:
            body = self._client().get_object(Bucket=self._bucket, Key=key(pointer.hash))["Body"].read()
            self._book = replace(serial.load(body), sequence=pointer.sequence, hash=pointer.hash)
        self._looked = self._tick()
        return self._book
