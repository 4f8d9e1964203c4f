"""How is a standing kept small? Its inner parts as msgpack, then zlib.

A standing of three journeys and ten measures takes 1.3 KB as a DynamoDB map and under 1 KB packed, and every
write bills whole kilobytes. Key, version, index and tombstone stay plain attributes of the item.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgpack

from redshank.engine.effects import Alarm, Cancel, Effect, Emission, Mail, Membership
from redshank.engine.measures import Sample
from redshank.engine.state import Anchor, Hopeful, Journey, Outgoing, Pending, Standing

#: First byte of a packed state; a new layout takes the next number and reads the old one.
LAYOUT = b"\x01"

_EFFECTS: tuple[type, ...] = (Mail, Cancel, Membership, Emission, Alarm)


def _row(value: Any) -> list[Any]:
    """The fields of a dataclass in their order, which is part of the layout: add at the end only."""
    return [getattr(value, name) for name in type(value).__slots__]


def _pack_effect(effect: Effect) -> list[Any]:
    return [_EFFECTS.index(type(effect)), *_row(effect)]


def _unpack_effect(row: list[Any]) -> Effect:
    kind = _EFFECTS[row[0]]
    effect: Effect = _made(kind, row[1:])
    return effect


def pack(standing: Standing) -> bytes:
    """The parts of a standing that are not plain attributes of its item."""
    plain = [
        standing.as_of,
        standing.book,
        standing.identified,
        {key: [it.stream, [_pack_effect(one) for one in it.effects]] for key, it in standing.pending.items()},
        {key: _row(it) for key, it in standing.outbox.items()},
        [_row(journey) for journey in standing.journeys.values()],
        standing.entries,
        {key: _spaced(samples) for key, samples in standing.measures.items()},
        standing.confirmed,
        standing.truths,
        standing.due,
        standing.streams,
        {key: _row(it) for key, it in standing.anchors.items()},
        [_row(it) for it in standing.hopefuls],
        standing.recent,
    ]
    return LAYOUT + zlib.compress(msgpack.packb(plain), level=6)


def weight(standing: Standing) -> int:
    """Bytes of what is kept of events and keys: all that an app can make as long as it likes."""
    kept = [
        *((it.key, it.event) for it in standing.journeys.values()),
        *((key, it.event) for key, it in standing.anchors.items()),
        *(("", it.event) for it in standing.hopefuls),
    ]
    return len(msgpack.packb(kept)) if kept else 0


def unpack(standing: Standing, packed: bytes) -> None:
    """Fill in what ``pack`` took out; raises ValueError for a layout that this version does not know."""
    if packed[:1] != LAYOUT:
        raise ValueError(f"standing of {standing.contact_id} has the unknown layout {packed[:1]!r}")
    (
        standing.as_of,
        standing.book,
        standing.identified,
        pending,
        outbox,
        journeys,
        standing.entries,
        measures,
        standing.confirmed,
        truths,
        standing.due,
        standing.streams,
        anchors,
        hopefuls,
        standing.recent,
    ) = msgpack.unpackb(zlib.decompress(packed[1:]))
    standing.pending = {
        key: Pending(stream=stream, effects=tuple(_unpack_effect(row) for row in effects))
        for key, (stream, effects) in pending.items()
    }
    standing.outbox = {key: _made(Outgoing, row) for key, row in outbox.items()}
    standing.journeys = {row[0]: _journey(row) for row in journeys}
    standing.measures = {key: _dated(samples) for key, samples in measures.items()}
    standing.anchors = {key: _made(Anchor, row) for key, row in anchors.items()}
    standing.hopefuls = [_made(Hopeful, row) for row in hopefuls]
    standing.truths = {key: (truth, until) for key, (truth, until) in truths.items()}


def _spaced(samples: list[Sample]) -> list[Any]:
    """The instants as distances from the one before, and a sample that is one event as its instant alone."""
    before = 0
    made: list[Any] = []
    for at, *rest in samples:
        made.append(at - before if rest == [1] and type(rest[0]) is int else [at - before, *rest])
        before = at
    return made


def _dated(packed: list[Any]) -> list[Sample]:
    at = 0
    samples: list[Sample] = []
    for given in packed:
        distance, *rest = [given, 1] if isinstance(given, int) else given
        at += distance
        samples.append([at, *rest])
    return samples


def _journey(row: list[Any]) -> Journey:
    journey = _made(Journey, row)
    journey.releases = {step: (count, first) for step, (count, first) in journey.releases.items()}
    return journey


def _made[T](kind: type[T], row: list[Any]) -> T:
    """A dataclass from its row; fields that were added at the end since then take their defaults."""
    return kind(**dict(zip(kind.__slots__, row, strict=False)))  # type: ignore[attr-defined]
