"""Advance contacts: by what came over the events queue, or because the minute schedule says so."""

from typing import Any

from redshank import observing, records, wiring
from redshank.evaluation.batch import evaluate
from redshank.evaluation.sweep import sweep

logger = observing.logger("evaluate")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A batch of the events queue (the answer names what must come again), or a tick of the schedule."""
    if "Records" not in event:
        observing.count("Woken", sweep(wiring.doors()))
        return {}
    return records.again(evaluate(wiring.doors(), records.received(event)))
