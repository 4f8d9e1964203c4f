"""How do the public pages look? HTML without scripts, readable on a phone, by ear, and in the dark."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A topic on the preference page."""

    name: str
    title: str
    subscribed: bool


def ask_unsubscribe(*, title: str, preferences: str) -> str:
    """Asks before anything happens. ``preferences`` is the relative URL of the preference page."""
    return _render("unsubscribe.html", title=title, preferences=preferences)


def unsubscribed(*, title: str, preferences: str) -> str:
    return _render("unsubscribed.html", title=title, preferences=preferences)


def preferences(choices: Sequence[Choice], *, saved: str = "") -> str:
    """The preference centre; ``saved`` says what was just done: nothing yet, ``choices`` or ``everything``."""
    return _render("preferences.html", choices=choices, saved=saved)


def bad_link() -> str:
    return _render("bad_link.html")


def try_again() -> str:
    return _render("try_again.html")


@cache
def headers() -> dict[str, str]:
    """For every page: nothing is loaded or run, nobody frames it, finds it, keeps it or learns its URL."""
    style = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = [
        "default-src 'none'",
        f"style-src 'sha256-{style}'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["style"] = _style()
    return made


def _style() -> str:
    return (_TEMPLATES / "style.css").read_text("utf-8")
