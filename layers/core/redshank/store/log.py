"""The event log on DynamoDB."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import batched

import msgpack

from redshank.engine.inputs import Event
from redshank.instants import SECOND
from redshank.ports import LogKey, LogRecord, Spread, by_occurrence
from redshank.store.tables import EventItem

#: BatchWriteItem takes this many.
_BATCH = 25


class DynamoLog:
    """See ports.Log. ``ttl`` is how long a record is kept, counted from when its event was received."""

    def __init__(self, spread: Spread, *, ttl: int) -> None:
        self._spread = spread
        self._ttl = ttl

    def present(self, keys: Iterable[LogKey], *, consistent: bool) -> set[LogKey]:
        items = EventItem.batch_get(set(keys), consistent, attributes_to_get=["stream", "event_id"])
        return {(item.stream, item.event_id) for item in items}

    def write(self, records: Iterable[LogRecord]) -> None:
        # The same key twice in one request is an error.
        unique = {(record.stream, record.event_id): record for record in records}
        self._spread(self._write_some, list(batched(unique.values(), _BATCH, strict=False)))

    def of_contact(self, streams: Iterable[str]) -> list[Event]:
        found = self._spread(_events_of, list(dict.fromkeys(streams)))
        return by_occurrence(event for events in found for event in events)

    def _write_some(self, records: Sequence[LogRecord]) -> None:
        with EventItem.batch_write() as batch:
            for record in records:
                batch.save(self._item(record))

    def _item(self, record: LogRecord) -> EventItem:
        received_at = record.event.received_at if record.event else record.at
        return EventItem(
            stream=record.stream,
            event_id=record.event_id,
            contact_id=record.contact_id,
            at=record.at,
            expires_at=(received_at + self._ttl) // SECOND,
            event=pack_event(record.event) if record.event else None,
        )


def _events_of(stream: str) -> list[Event]:
    items = EventItem.query(stream, consistent_read=True, filter_condition=EventItem.event.exists())
    return [unpack_event(stream, item.event_id, item.event) for item in items]


def pack_event(event: Event) -> bytes:
    """An event's content, packed: an 800-byte event takes about 520."""
    row = [
        event.type,
        event.name,
        event.occurred_at,
        event.received_at,
        event.properties,
        event.traits,
        event.historical,
    ]
    return zlib.compress(msgpack.packb(row), level=6)


def unpack_event(stream: str, event_id: str, packed: bytes) -> Event:
    """The event of ``pack_event``."""
    kind, name, occurred_at, received_at, properties, traits, historical = msgpack.unpackb(
        zlib.decompress(packed)
    )
    return Event(
        id=event_id,
        stream=stream,
        type=kind,
        name=name,
        occurred_at=occurred_at,
        received_at=received_at,
        properties=properties,
        traits=traits,
        historical=historical,
    )
