"""Events for others, on EventBridge.

An event's detail is what the step says, and under ``redshank`` where it comes from: ``id`` (the same for the same
event, should it come twice), ``contact_id``, ``workflow``, ``step`` and ``at``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import batched
from typing import Any, Protocol

from redshank.engine.effects import Emission
from redshank.errors import RedshankError
from redshank.instants import iso
from redshank.ports import Spread

#: What consumers filter by, beside the event's name (its detail type).
SOURCE = "redshank"
#: PutEvents takes this many.
_ENTRIES = 10
#: Entries that EventBridge itself failed to take are tried this often.
_TRIES = 3


class BusFailed(RedshankError):
    """EventBridge did not take every event."""


class Events(Protocol):
    """The one call of boto3's ``events`` client."""

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> Mapping[str, Any]: ...


class EventBridge:
    """See ports.Bus. ``client`` makes the client when something is first emitted: few books do."""

    def __init__(self, client: Callable[[], Events], bus: str, spread: Spread) -> None:
        self._client = client
        self._bus = bus
        self._spread = spread

    def emit(self, emissions: Sequence[Emission]) -> None:
        # Ten of the largest that a standing can hold stay below the megabyte that a request may have.
        self._spread(self._emit_some, list(batched(emissions, _ENTRIES, strict=False)))

    def _emit_some(self, emissions: Sequence[Emission]) -> None:
        entries = [self._entry(one) for one in emissions]
        failed: list[Mapping[str, str]] = []
        for _ in range(_TRIES):
            answer = self._client().put_events(Entries=entries)
            if not answer["FailedEntryCount"]:
                return
            results = answer["Entries"]
            failed = [one for one in results if "ErrorCode" in one]
            entries = [entry for entry, one in zip(entries, results, strict=True) if "ErrorCode" in one]
        raise BusFailed(f"{len(failed)} events: {failed[0]['ErrorCode']} {failed[0].get('ErrorMessage', '')}")

    def _entry(self, emission: Emission) -> Mapping[str, str]:
        whence = {
            "id": emission.id,
            "contact_id": emission.contact_id,
            "workflow": emission.workflow,
            "step": emission.step,
            "at": iso(emission.at),
        }
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": emission.name,
            "Detail": json.dumps({**emission.detail, "redshank": whence}, separators=(",", ":")),
        }
