"""Events files to write down, a line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from redshank.instants import iso, parse

#: Tuesday; nine o'clock in London.
T0 = parse("2026-12-01T09:00:00Z")


def said(kind: str, user: str, at: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "userId": user, "timestamp": iso(T0 + at), **more}


def known(user: str, at: int = 0, **traits: Any) -> dict[str, Any]:
    """An identify with an address."""
    return said("identify", user, at, traits={"email": f"{user}@example.com", **traits})


def done(user: str, event: str, at: int, **properties: Any) -> dict[str, Any]:
    return said("track", user, at, event=event, properties=properties)


def write(path: Path, *messages: dict[str, Any] | str) -> Path:
    """Messages as JSON, and text as it is, one a line."""
    lines = [it if isinstance(it, str) else json.dumps(it) for it in messages]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
