"""How is a standing kept small? Its inner parts as msgpack, then zlib.

A standing of three journeys and ten measures takes 1.3 KB as a DynamoDB map and under 1 KB packed, and every
write bills whole kilobytes. Key, version, index and tombstone stay plain attributes of the item.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgpack

from redshank.engine.effects import Cancel, Effect, Mail, Membership
from redshank.engine.state import Journey, Outgoing, Pending, Standing

#: First byte of a packed state; a new layout takes the next number and reads the old one.
LAYOUT = b"\x01"

_EFFECTS: tuple[type, ...] = (Mail, Cancel, Membership)


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
        standing.measures,
        standing.confirmed,
        standing.truths,
        standing.due,
    ]
    return LAYOUT + zlib.compress(msgpack.packb(plain), level=6)


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
        standing.measures,
        standing.confirmed,
        truths,
        standing.due,
    ) = msgpack.unpackb(zlib.decompress(packed[1:]))
    standing.pending = {
        key: Pending(stream=stream, effects=tuple(_unpack_effect(row) for row in effects))
        for key, (stream, effects) in pending.items()
    }
    standing.outbox = {key: _made(Outgoing, row) for key, row in outbox.items()}
    standing.journeys = {row[0]: _journey(row) for row in journeys}
    standing.truths = {key: (truth, until) for key, (truth, until) in truths.items()}


def _journey(row: list[Any]) -> Journey:
    journey = _made(Journey, row)
    journey.releases = {step: (count, first) for step, (count, first) in journey.releases.items()}
    return journey


def _made[T](kind: type[T], row: list[Any]) -> T:
    """A dataclass from its row; fields that were added at the end since then take their defaults."""
    return kind(**dict(zip(kind.__slots__, row, strict=False)))  # type: ignore[attr-defined]
