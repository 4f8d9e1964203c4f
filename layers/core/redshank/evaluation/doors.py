"""What does evaluation need of the outside world? One bundle of ports, made once per function."""

from __future__ import annotations

from dataclasses import dataclass

from redshank.clock import Clock
from redshank.instants import DAY, MINUTE, SECOND
from redshank.ports import Books, Bus, Contacts, Ledger, Log, Members, Queues, Settings, Spread

#: The sweep and direct wake-ups look this far ahead (wall time): two runs of the minute schedule.
HORIZON = 2 * MINUTE
#: A wake-up may be this early (wall time): clocks of two machines differ.
EARLY = 5 * SECOND
#: How long (wall time) after a book was applied a function may still work by the one before: it looks again after
#: some seconds, and may be that and its timeout behind.
NOTICED = 70 * SECOND
#: How long the log keeps its records; a repeat that comes later could not be recognised.
LOG_TTL = 400 * DAY
#: An input is parked when the log may forget it this soon.
LOG_MARGIN = 7 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    contacts: Contacts
    log: Log
    ledger: Ledger
    members: Members
    queues: Queues
    bus: Bus
    books: Books
    settings: Settings
    clock: Clock
    spread: Spread
    #: Whose metrics these are.
    stack: str = ""
