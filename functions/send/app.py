"""Send decided emails through SES, each exactly once."""

from typing import Any

from redshank import observing, records, wiring

logger = observing.logger("send")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A batch of one of the send queues; the answer names what must come again."""
    batch = records.received(event)
    return records.again(wiring.sender().send(wiring.queue_of(batch), batch))
