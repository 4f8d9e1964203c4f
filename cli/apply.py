"""How does a book become the live one?

Its content goes to the bucket under its hash first; then the pointer moves, on the condition that nobody else
moved it meanwhile. A function that reads in between still finds the old book whole.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Protocol

from redshank.aws.books import key
from redshank.engine import serial
from redshank.engine.book import Book
from redshank.ports import BookPointer


class Settings(Protocol):
    """What of the settings applying needs."""

    def pointer(self) -> BookPointer | None: ...

    def publish(self, pointer: BookPointer) -> None:
        """Move the pointer to the next sequence number. Raises Conflict if somebody else did."""
        ...

    def add_signing_key(self, secret: str) -> bool: ...


class Bucket(Protocol):
    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    sequence: int
    hash: str
    changed: bool


def apply_book(book: Book, settings: Settings, s3: Bucket, bucket: str) -> Applied:
    """Make a compiled book the live one; without effect if it is. Raises Conflict."""
    settings.add_signing_key(secrets.token_urlsafe(32))
    live = settings.pointer()
    # What a book listens to also depends on the engine: after an upgrade it may differ for an equal book.
    if live is not None and (live.hash, live.listens) == (book.hash, book.listens):
        return Applied(sequence=live.sequence, hash=live.hash, changed=False)
    # The sequence number is the pointer's: what lies under a hash is always the same.
    body = serial.dump(replace(book, sequence=0)).encode()
    s3.put_object(Bucket=bucket, Key=key(book.hash), Body=body, ContentType="application/json")
    sequence = live.sequence + 1 if live else 1
    settings.publish(BookPointer(sequence=sequence, hash=book.hash, listens=book.listens))
    return Applied(sequence=sequence, hash=book.hash, changed=True)
