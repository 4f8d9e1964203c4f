"""HTTP API -> ingest: authenticates, validates, and answers once SQS has accepted the events."""

from __future__ import annotations

from typing import Any

from redshank import wiring
from redshank.ingest.door import Door
from redshank.ingest.keys import Keys

_clock = wiring.environment().clock
_keys = Keys(settings=wiring.write_keys(), clock=_clock)
_door = Door(keys=_keys, queues=wiring.events_queue(), clock=_clock)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return _door.answer(event)
