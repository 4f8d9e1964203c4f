"""Do the example books do what their README says, and do their emails read well for everybody?"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from redshank.definitions import compile_book
from redshank.engine.advance import Evidence, advance
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event, Wake
from redshank.engine.serial import dump, load
from redshank.engine.state import Profile, State
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR
from redshank.ports import OutgoingEmail
from redshank.sending.rendering import Renderer

EXAMPLES = Path(__file__).parents[3] / "examples"
T0 = 1_800_000_000_000
CONTACT = contact_of("user:ada")

PEOPLE: dict[str, dict[str, Any]] = {
    "somebody we know nothing of": {"email": "x@example.com"},
    "somebody with odd traits": {
        "email": "x@example.com",
        "first_name": "",
        "company": None,
        "team_size": "12",
        "interviews_imported": "many",
        "industry": 7,
    },
    "a product manager": {
        "email": "ada@example.com",
        "first_name": "Ada <3",
        "company": "Bright & Co",
        "industry": "saas",
        "team_size": 6,
        "interviews_imported": 1,
    },
    "an agency": {
        "email": "a@example.com",
        "first_name": "Léa",
        "industry": "agency",
        "interviews_imported": 3,
    },
    "a nonprofit": {"email": "n@example.com", "first_name": "Tom", "industry": "nonprofit", "team_size": 2},
}


@cache
def _book() -> Book:
    return load(dump(compile_book(EXAMPLES / "activation", sequence=1)))


def _event(name: str, at: int) -> Event:
    return Event(
        id=f"{name}@{at}",
        stream="user:ada",
        type="track",
        name=name,
        occurred_at=T0 + at,
        received_at=T0 + at,
    )


def _emails(*events: Event) -> list[tuple[float, str]]:
    """(day, template) of all that is decided when these events happen and time passes."""
    known = Event(
        id="known",
        stream="user:ada",
        type="identify",
        name="",
        occurred_at=T0,
        received_at=T0,
        traits={"email": "ada@example.com"},
    )
    state = advance(State.empty(CONTACT), [known], _book(), T0).state
    waiting = sorted(events, key=lambda event: event.occurred_at)
    decided: list[tuple[float, str]] = []
    while waiting or state.standing.due is not None:
        due = state.standing.due
        given: Event | Wake
        if waiting and (due is None or waiting[0].occurred_at <= due):
            given = waiting.pop(0)
            now = given.received_at
        else:
            assert due is not None
            given, now = Wake(contact_id=CONTACT, at=due), due
        seen = Evidence(logged=frozenset(state.standing.pending))
        made = advance(state, [given], _book(), now, seen)
        state = made.state
        decided += [
            ((now - T0) / DAY, effect.template)
            for effects in made.effects.values()
            for effect in effects
            if isinstance(effect, Mail)
        ]
    return decided


def _rendered(template: str, traits: dict[str, Any]) -> OutgoingEmail:
    mail = Mail(
        message_id="m",
        contact_id=CONTACT,
        workflow="activation",
        run="r",
        step=template,
        template=template,
        topic="onboarding",
        transactional=False,
        decided_at=T0,
    )
    return Renderer(_book()).render(
        mail,
        Profile(contact_id=CONTACT, traits=traits),
        unsubscribe="https://go.example/u/token",
        preferences="https://go.example/p/token",
    )


@pytest.mark.parametrize(
    "folder", sorted(EXAMPLES.glob("*/redshank.yaml")), ids=lambda path: path.parent.name
)
def test_every_example_is_a_valid_book(folder: Path) -> None:
    compile_book(folder.parent)


def test_who_never_activates_gets_all_four_emails_on_the_days_of_the_guide() -> None:
    assert _emails(_event("signed_up", 0)) == [
        (0, "welcome"),
        (2, "activation_help"),
        (5, "activation_proof"),
        (10, "activation_human"),
    ]


@pytest.mark.parametrize(
    ("activated", "emails"), [(0, 1), (HOUR, 1), (2 * DAY - 1, 1), (3 * DAY, 2), (9 * DAY, 3), (11 * DAY, 4)]
)
def test_who_activates_gets_no_email_after_that(activated: int, emails: int) -> None:
    assert len(_emails(_event("signed_up", 0), _event("product_activated", activated + 1))) == emails


def test_the_journey_starts_once() -> None:
    again = _emails(_event("signed_up", 0), _event("signed_up", DAY), _event("signed_up", 40 * DAY))
    assert again == _emails(_event("signed_up", 0))


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("template", ["welcome", "activation_help", "activation_proof", "activation_human"])
def test_every_email_reads_well_for(template: str, person: str) -> None:
    email = _rendered(template, PEOPLE[person])
    for part in (email.subject, email.html, email.text):
        assert not re.search(r"\bNone\b|\bUndefined\b|\{\{|\{%|undefined", part)
        assert not re.search(r"Hi ,|, ,| ,|  \S+ ,|\(\)", re.sub(r"<style>.*?</style>", "", part, flags=re.S))
    assert "Hi there," in email.text or PEOPLE[person].get("first_name")
    assert "<3" not in email.html


@pytest.mark.parametrize("template", ["welcome", "activation_help", "activation_proof", "activation_human"])
def test_every_email_says_how_to_leave_and_who_sent_it(template: str) -> None:
    email = _rendered(template, PEOPLE["a product manager"])
    for part in (email.html, email.text):
        assert "https://go.example/u/token" in part
        assert "https://go.example/p/token" in part
        assert _book().postal_address in part
    assert email.headers["List-Unsubscribe"] == "<https://go.example/u/token>"


@pytest.mark.parametrize("template", ["welcome", "activation_help", "activation_proof", "activation_human"])
def test_every_email_is_built_for_the_clients_that_read_it(template: str) -> None:
    html = _rendered(template, PEOPLE["a product manager"]).html
    assert len(html.encode()) < 102 * 1024  # more than that, Gmail clips
    assert "<script" not in html
    assert html.count("<table") == html.count("</table>")
    assert all(
        'role="presentation"' in table for table in re.findall(r"<table[^>]*>", html) if "mso" not in table
    )
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html
    preheader = re.search(r'<div style="display:none[^>]*>\s*([^&]+)', html)
    assert preheader is not None
    assert preheader[1].strip()


def test_links_in_text_are_the_links_in_html() -> None:
    for template in _book().templates:
        for traits in PEOPLE.values():
            email = _rendered(template, traits)
            in_html = set(re.findall(r'href="(https://[^"]+)"', email.html))
            in_text = set(re.findall(r"https://\S+", email.text))
            assert {link.replace("&amp;", "&") for link in in_html} == in_text, template
