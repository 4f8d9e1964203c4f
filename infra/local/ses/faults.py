"""How does the fake misbehave when told to? For tests of what happens when SES does not answer as it should."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    #: 429 TooManyRequestsException, as above the sending rate. Certainly not sent.
    THROTTLE = "throttle"
    #: 400 MessageRejected, as for content that SES refuses. Certainly not sent.
    REJECT = "reject"
    #: 500 before anything was accepted.
    ERROR = "error"
    #: The connection is closed before anything was accepted.
    DROP = "drop"
    #: Accepted, then 500.
    ACCEPT_THEN_ERROR = "accept_then_error"
    #: Accepted, then the connection is closed.
    ACCEPT_THEN_DROP = "accept_then_drop"
    #: Accepted, then no answer for a minute: the client times out.
    ACCEPT_THEN_HANG = "accept_then_hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: Kind
    #: How many requests it still hits.
    times: int = 1
    #: Only emails to this address; empty for all.
    to: str = ""


class Faults:
    """The faults that wait to happen, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, given: Mapping[str, Any]) -> Fault:
        """``{"kind": "throttle", "times": 3, "to": "ann@example.com"}``; raises ValueError for a kind unknown."""
        fault = Fault(kind=Kind(given["kind"]), times=int(given.get("times", 1)), to=given.get("to", ""))
        with self._lock:
            self._waiting.append(fault)
        return fault

    def take(self, recipients: tuple[str, ...]) -> Kind | None:
        """The fault that hits an email to these addresses, used up by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.to and fault.to not in recipients:
                    continue
                left = fault.times - 1
                self._waiting[place : place + 1] = (
                    [Fault(kind=fault.kind, times=left, to=fault.to)] if left > 0 else []
                )
                return fault.kind
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
