"""What becomes of a request? Authenticate, decode, read, enqueue, answer: as the Segment HTTP API does.

A request is answered with success only after SQS has accepted its events. Status codes that make a
library drop what it sent (4xx) are kept for what would fail again; a library repeats what got a 5xx, and the
events' ids are the same then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redshank import observing, wire
from redshank.clock import Clock
from redshank.errors import BadInput, NotAuthorized
from redshank.ingest import segment
from redshank.ingest.bodies import body_of
from redshank.ingest.keys import Keys, presented
from redshank.ingest.segment import Flaw
from redshank.ports import Outbound, Queue, Queues

log = logging.getLogger(__name__)

#: Seconds after which a caller may try again when a service behind the door is not there.
RETRY_AFTER = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    keys: Keys
    queues: Queues
    clock: Clock
    #: What the app declared, in the form of ``declared``, or None.
    schema: Callable[[], Mapping[str, Any] | None] = lambda: None
    #: Whose metrics these are.
    stack: str = ""

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The response to an API Gateway request (HTTP API, payload format 2.0). Raises nothing."""
        call = request["rawPath"].rstrip("/").rpartition("/v1/")[2]
        if call not in segment.CALLS:
            calls = ", ".join(sorted(segment.CALLS))
            return _refusal(404, "not_found", f"events are posted to /v1/ and one of {calls}")
        if request["requestContext"]["http"]["method"] != "POST":
            return _refusal(405, "method_not_allowed", "events are posted", headers={"allow": "POST"})
        try:
            return self._take(call, request)
        except NotAuthorized as error:
            headers = {"www-authenticate": 'Basic realm="redshank"'}
            return _refusal(401, "unauthorized", str(error), headers=headers)
        except BadInput as error:
            return _refusal(400, "invalid_request", str(error), [Flaw(error.field, error.reason)])
        except Exception:
            # Whatever a service raised: nothing has been promised, and the caller repeats.
            log.exception("a request could not be taken")
            return _refusal(503, "unavailable", "try again", headers={"retry-after": RETRY_AFTER})

    def _take(self, call: str, request: Mapping[str, Any]) -> dict[str, Any]:
        key = presented(request.get("headers") or {})
        if key is not None and not self.keys.allow(key):
            raise NotAuthorized
        body = body_of(request, limit=segment.BATCH_BYTES)
        document = segment.parse(body)
        if key is None:
            key = document.get("writeKey")
            if type(key) is not str or not self.keys.allow(key):
                raise NotAuthorized
        reading = segment.read(
            call,
            document,
            size=len(body),
            clock=self.clock,
            received_at=self.clock.now(),
            schema=self.schema(),
        )
        if reading.oddities:
            fields = ", ".join(f"{flaw.field} {flaw.reason}" for flaw in reading.oddities)
            log.warning("the schema declares otherwise: %s", fields)
            observing.count("SchemaMismatch", len(reading.oddities), Stack=self.stack)
        if reading.flaws and not reading.events:
            first = reading.flaws[0]
            return _refusal(400, "invalid_request", f"{first.field}: {first.reason}", reading.flaws)
        if reading.events:
            self.queues.send(Queue.EVENTS, [Outbound(body=pack) for pack in wire.pack(reading.events)])
        said: dict[str, Any] = {"success": True, "accepted": len(reading.events)}
        if reading.flaws:
            said["errors"] = [flaw._asdict() for flaw in reading.flaws]
        return _response(200, said)


def _refusal(
    status: int,
    code: str,
    message: str,
    flaws: Sequence[Flaw] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    errors = [flaw._asdict() for flaw in flaws]
    return _response(status, {"success": False, "code": code, "message": message, "errors": errors}, headers)


def _response(
    status: int, said: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(said, separators=(",", ":")),
    }
