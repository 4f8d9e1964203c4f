"""Feedback queue (SES -> SNS -> SQS) -> bounce: suppresses, notes in the ledger, feeds behaviour back."""

from __future__ import annotations

from typing import Any

from redshank import observing, records, wiring
from redshank.feedback.learning import Doors, learn

observing.logger("bounce")
_doors = Doors(
    ledger=wiring.ledger(),
    suppressions=wiring.suppressions(),
    queues=wiring.events_queue(),
    settings=wiring.settings(),
    clock=wiring.environment().clock,
    spread=wiring.spread(),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    learned = learn(_doors, records.received(event))
    for name, number in learned.counts.items():
        observing.count(f"feedback_{name}", number)
    return records.again(learned.failed)
