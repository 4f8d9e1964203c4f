"""HTTP API -> ingest: authenticates, validates, and answers once SQS has accepted the events."""

from __future__ import annotations

from typing import Any

from redshank import wiring
from redshank.ingest.door import Door
from redshank.ingest.keys import Keys

_clock = wiring.environment().clock
_table = wiring.write_keys()
_door = Door(
    keys=Keys(settings=_table, clock=_clock),
    queues=wiring.events_queue(),
    clock=_clock,
    schema=lambda: _table.schema,
    stack=wiring.environment().stack,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return _door.answer(event)
