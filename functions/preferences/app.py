"""HTTP API -> preferences: one-click unsubscribe and the preference centre."""

from __future__ import annotations

from typing import Any

from redshank import observing, wiring
from redshank.preferences.desk import Desk

observing.logger("preferences")
_desk = Desk(
    contacts=wiring.contacts(),
    books=wiring.books(),
    queues=wiring.events_queue(),
    settings=wiring.settings(),
    clock=wiring.environment().clock,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return _desk.answer(event)
