"""What is to be done in the outside world? Values; evaluation carries them out.

An effect holds all that is needed to carry it out later from the standing alone: whoever finds a
pending input finishes it, perhaps after the journey that caused it has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Send this email. ``message_id`` names it for ever; sending it twice is impossible."""

    message_id: str
    contact_id: str
    workflow: str
    run: str
    step: str
    template: str
    topic: str
    transactional: bool
    decided_at: int
    #: How often it was released before: 0 at first, more after a deferral.
    release: int = 0
    #: Not to be sent after this instant (quiet hours may begin while it is queued).
    not_after: int | None = None
    #: Properties of the event that started the journey, where the template uses them.
    event: Mapping[str, Any] = field(default_factory=dict)
    sender: str = ""
    subject: str = ""
    #: The arm of the test it is in, or an empty string.
    variant: str = ""
    #: The measures that the template shows, as they were when it was decided.
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Do not send this email, if it has not been sent: the ledger says so before send can claim it."""

    message_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The contact is now in, or no longer in, this segment."""

    segment: str
    member: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """Put this event onto the account's EventBridge bus; ``id`` tells repeats apart."""

    id: str
    name: str
    contact_id: str
    workflow: str
    step: str
    at: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something an operator must see: ``runaway`` (the guard stopped emails) and whose doing it was."""

    what: str
    contact_id: str
    workflow: str
    step: str


type Effect = Mail | Cancel | Membership | Emission | Alarm
