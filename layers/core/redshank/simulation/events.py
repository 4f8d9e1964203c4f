"""What does an events file hold? JSON Lines of Segment messages, by contact.

A file may be larger than memory: what is kept of it is where each contact's messages are. A message is read as the
API reads one, except that it needs a ``timestamp``, and may be what only Redshank makes: ``email_opened`` and
``link_clicked`` with the properties ``workflow`` and ``step`` are about the contact's latest email of that step.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from redshank import instants
from redshank.engine.inputs import Event
from redshank.errors import BadInput, RedshankError
from redshank.ingest.segment import recall

_BOM = b"\xef\xbb\xbf"


class BadLine(NamedTuple):
    """A line that is no event."""

    line: int
    message: str


class BadEvents(RedshankError):
    """The events file has lines that are no events."""

    def __init__(self, path: Path, lines: Iterable[BadLine]) -> None:
        self.path = path
        self.lines = tuple(sorted(set(lines)))
        super().__init__("\n".join(f"{path}:{line}: {message}" for line, message in self.lines))


class Place(NamedTuple):
    """Where a message is in the file: its first byte, its length, its line."""

    offset: int
    length: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Where each contact's messages are."""

    path: Path
    #: Identity as posted -> its places, one after the other (three numbers each).
    of_stream: dict[str, array[int]] = field(default_factory=dict)
    #: Lines that belong to nobody.
    bad: list[BadLine] = field(default_factory=list)
    #: The latest timestamp.
    last: int = 0
    count: int = 0


def index(path: Path, told: Callable[[int], None] = lambda _: None) -> Index:
    """Look through a file once; ``told`` hears now and then how many bytes are done. Raises RedshankError."""
    of_stream: dict[str, array[int]] = {}
    bad: list[BadLine] = []
    last = count = offset = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                here, offset = offset, offset + len(raw)
                if number % 10_000 == 0:
                    told(offset)
                if number == 1 and raw.startswith(_BOM):
                    here, raw = here + len(_BOM), raw.removeprefix(_BOM)
                if raw.isspace() or not raw:
                    continue
                try:
                    post = _parsed(raw)
                    stream = _stream(post)
                except BadInput as error:
                    bad.append(BadLine(number, str(error)))
                    continue
                of_stream.setdefault(stream, array("Q")).extend((here, len(raw), number))
                last = max(last, _timestamp(post))
                count += 1
    except OSError as error:
        raise RedshankError(f"{path} cannot be read: {error.strerror}") from error
    return Index(path=path, of_stream=of_stream, bad=bad, last=last, count=count)


class Reader:
    """Reads the messages at given places. Use it as a context."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def events(self, places: array[int], bad: list[BadLine]) -> list[Event]:
        """The events at these places in the order they happened, equal times as in the file; a message that is
        there twice is one event. What is no event goes to ``bad``."""
        found: dict[str, Event] = {}
        for place in _places(places):
            try:
                event = recall(_parsed(os.pread(self._descriptor, place.length, place.offset)))
            except BadInput as error:
                bad.append(BadLine(place.line, str(error)))
            else:
                found.setdefault(event.id, event)
        return sorted(found.values(), key=lambda event: event.occurred_at)


def _places(flat: array[int]) -> Iterator[Place]:
    numbers = iter(flat)
    return map(Place._make, zip(numbers, numbers, numbers, strict=True))


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode().rstrip())
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8") from None
    except RecursionError:
        raise BadInput("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"is not JSON: {error.msg} at column {error.colno}") from None
    except ValueError:
        raise BadInput("has a number that is too long") from None


def _stream(post: Any) -> str:
    """The identity a message is about. Raises BadInput."""
    user_id = post.get("userId") if type(post) is dict else None
    # Most are plain, and are read whole when their contact's turn comes.
    return f"user:{user_id}" if type(user_id) is str and user_id else recall(post).stream


def _timestamp(post: dict[str, Any]) -> int:
    text = post.get("timestamp") or post.get("originalTimestamp")
    try:
        return instants.parse(text) if type(text) is str else 0
    except (ValueError, OverflowError):
        return 0
