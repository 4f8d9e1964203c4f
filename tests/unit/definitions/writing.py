"""A small valid book to write down and spoil, one file at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from redshank.definitions import InvalidBook, compile_book
from redshank.engine.book import Book
from redshank.engine.workflows import Workflow

_INDENTED = {
    "redshank.yaml": """\
        version: 1
        timezone: Europe/Berlin
        postal_address: 1 Main St, Springfield
        senders:
          default: {name: Acme, email: hello@mail.acme.example}
          ann: {name: Ann, email: ann@mail.acme.example, reply_to: ann@acme.example}
        topics:
          tips: {name: Product tips}
          billing: {name: Billing, kind: transactional}
    """,
    "segments.yaml": """\
        power_user: [{trait: plan, eq: pro}, {event: logged_in, within: 7d}]
    """,
    "workflows/activation.yaml": """\
        trigger: {event: signed_up}
        goal: {event: product_activated, within: 30d}
        steps:
          - send: welcome
          - wait: 2d
          - send: help
    """,
    "templates/welcome.html": """\
        ---
        subject: Hello {{ contact.first_name }}
        ---
        {% extends "layouts/base.html" %}
        {% block content %}<p>Welcome</p>{% endblock %}
    """,
    "templates/help.html": """\
        ---
        subject: Need a hand?
        ---
        {% extends "layouts/base.html" %}
        {% block content %}<p>Help</p>{% endblock %}
    """,
    "templates/layouts/base.html": """\
        <html><body>{% block content %}{% endblock %}
        <p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>
    """,
}

FILES = {name: dedent(text) for name, text in _INDENTED.items()}


def write(root: Path, files: Mapping[str, str | None] | None = None) -> Path:
    """Write the small book with some files replaced, added or (None) left out."""
    for name, text in {**FILES, **(files or {})}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
    return root


def compiled(root: Path, files: Mapping[str, str | None] | None = None) -> Book:
    return compile_book(write(root, files))


def workflow(root: Path, text: str, files: Mapping[str, str | None] | None = None) -> Workflow:
    """The compiled form of one workflow, called ``activation``."""
    return compiled(root, {**(files or {}), "workflows/activation.yaml": text}).workflows["activation"]


def errors(root: Path, files: Mapping[str, str | None]) -> list[str]:
    """What is wrong with the small book when some files are replaced."""
    try:
        compile_book(write(root, files))
    except InvalidBook as error:
        return [str(problem) for problem in error.problems]
    return []
