"""What does sending need of the outside world? One bundle of ports, made once per function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redshank.clock import Clock
from redshank.engine.effects import Mail
from redshank.instants import MINUTE
from redshank.ports import Books, Contacts, Ledger, Mailer, Queues, Spread, Suppressions
from redshank.preferences.links import Links as Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    contacts: Contacts
    suppressions: Suppressions
    ledger: Ledger
    mailer: Mailer
    queues: Queues
    books: Books
    links: Callable[[Mail], Links]
    clock: Clock
    spread: Spread
    #: How long (wall time) the outcome of a claim may be unknown before feedback is asked about it: SES tells
    #: within seconds, its queue may lag.
    settle: int = 15 * MINUTE
