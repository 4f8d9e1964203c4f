"""The raw AWS events under tests/events/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_EVENTS = Path(__file__).parent / "events"


def event(path: str) -> dict[str, Any]:
    """The event of ``http/track`` and so on; a fresh copy each time."""
    document: dict[str, Any] = json.loads((_EVENTS / f"{path}.json").read_text("utf-8"))
    return document
