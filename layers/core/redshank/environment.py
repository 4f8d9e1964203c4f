"""How was this function deployed? The only place that reads ``os.environ``.

The template sets these variables; a missing one is an error at start-up that names it, not a surprise
at the first event.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redshank.clock import Clock
from redshank.errors import RedshankError


class NotConfigured(RedshankError):
    """An environment variable is missing or malformed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    #: The stack's name: tables are called ``<stack>-contacts`` and so on.
    stack: str
    #: Queue URLs; empty where a function has no business with the queue.
    events_queue: str = ""
    transactional_queue: str = ""
    marketing_queue: str = ""
    feedback_queue: str = ""
    feedback_dead_letters: str = ""
    #: The bucket that holds ``books/…``.
    bucket: str = ""
    #: The EventBridge bus that ``emit`` puts events onto.
    event_bus: str = ""
    #: The SES configuration set every email is sent with.
    configuration_set: str = ""
    #: Root URL of the public pages, without a trailing slash.
    public_url: str = ""
    clock: Clock = Clock()


def from_variables(variables: Mapping[str, str] | None = None) -> Environment:
    """Read ``REDSHANK_*``; raises NotConfigured and names the variable."""
    given = os.environ if variables is None else variables
    if not given.get("REDSHANK_STACK"):
        raise NotConfigured("REDSHANK_STACK is not set: it names the stack whose tables to use")

    def number(name: str, default: str) -> float:
        try:
            return float(given.get(name) or default)
        except ValueError:
            raise NotConfigured(f"{name} is {given[name]!r}, which is not a number") from None

    return Environment(
        stack=given["REDSHANK_STACK"],
        events_queue=given.get("REDSHANK_EVENTS_QUEUE", ""),
        transactional_queue=given.get("REDSHANK_TRANSACTIONAL_QUEUE", ""),
        marketing_queue=given.get("REDSHANK_MARKETING_QUEUE", ""),
        feedback_queue=given.get("REDSHANK_FEEDBACK_QUEUE", ""),
        feedback_dead_letters=given.get("REDSHANK_FEEDBACK_DEAD_LETTERS", ""),
        bucket=given.get("REDSHANK_BUCKET", ""),
        event_bus=given.get("REDSHANK_EVENT_BUS", ""),
        configuration_set=given.get("REDSHANK_CONFIGURATION_SET", ""),
        public_url=given.get("REDSHANK_PUBLIC_URL", "").rstrip("/"),
        clock=Clock(
            speed=number("REDSHANK_CLOCK_SPEED", "1"),
            since=round(number("REDSHANK_CLOCK_SINCE", "0") * 1000),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How AWS is reached where no SDK finds it out: Lambda sets these for as long as a function lives."""

    region: str
    key_id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    #: Service -> the endpoint to use instead of the region's.
    endpoints: Mapping[str, str] = field(default_factory=dict)


def access(services: Iterable[str], variables: Mapping[str, str] | None = None) -> Access:
    """Read ``AWS_*`` for these services; raises NotConfigured and names the variable.

    Source: "Defined runtime environment variables" of Lambda; "Service-specific endpoints" of the SDKs.
    """
    given = os.environ if variables is None else variables
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not given.get(name):
            raise NotConfigured(f"{name} is not set: Lambda sets it")
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION")
    if not region:
        raise NotConfigured("AWS_REGION is not set: Lambda sets it")
    chosen = {
        service: given.get(f"AWS_ENDPOINT_URL_{service.upper()}") or given.get("AWS_ENDPOINT_URL", "")
        for service in services
    }
    return Access(
        region=region,
        key_id=given["AWS_ACCESS_KEY_ID"],
        secret=given["AWS_SECRET_ACCESS_KEY"],
        session_token=given.get("AWS_SESSION_TOKEN", ""),
        endpoints={service: url for service, url in chosen.items() if url},
    )
