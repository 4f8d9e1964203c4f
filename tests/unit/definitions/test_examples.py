"""Do the example books do what their README says, and do their emails read well for everybody?"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from jinja2 import nodes
from typer.testing import CliRunner

from cli import checking
from cli.main import app
from cli.testing import run_scenarios, scenario_of
from redshank.definitions import compile_book
from redshank.definitions.models.schema import RESERVED_EVENTS, RESERVED_TRAITS
from redshank.definitions.scenarios import read_scenarios
from redshank.definitions.sources import environment
from redshank.engine.advance import Evidence, advance
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event, Wake
from redshank.engine.serial import dump, load
from redshank.engine.state import Profile, State
from redshank.engine.workflows import Send, Set
from redshank.identity import contact_of
from redshank.ingest.declared import compact, mismatches
from redshank.ingest.segment import recall
from redshank.instants import DAY, HOUR
from redshank.ports import OutgoingEmail
from redshank.sending.rendering import Renderer

EXAMPLES = Path(__file__).parents[3] / "examples"
BOOKS = sorted(path.parent.name for path in EXAMPLES.glob("*/redshank.yaml"))
TEMPLATES = [
    (name, path.stem) for name in BOOKS for path in sorted((EXAMPLES / name / "templates").glob("*.html"))
]
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
        "lifecycle": "",
        "plan": "free",
        "trial_ends_at": "",
    },
    "a product manager": {
        "email": "ada@example.com",
        "first_name": "Ada <3",
        "company": "Bright & Co",
        "industry": "saas",
        "team_size": 6,
        "interviews_imported": 1,
        "plan": "trial",
        "trial_ends_at": "2027-02-10T08:12:00Z",
    },
    "an agency": {
        "email": "a@example.com",
        "first_name": "Léa",
        "industry": "agency",
        "interviews_imported": 3,
        "lifecycle": "customer",
        "plan": "pro",
    },
    "a nonprofit": {
        "email": "n@example.com",
        "first_name": "Tom",
        "industry": "nonprofit",
        "team_size": 2,
        "lifecycle": "churned",
    },
}


#: What is known beside traits, where something is.
MEASURES = {
    "usage": 64,
    "usage_prev": 80,
    "week_insights": 5,
    "week_interviews": 2,
    "top_feature": "clips",
    "clips_made": 7,
    "plan_limit": 100,
    "plan_usage": 0.83,
}
EVENT = {"cart_id": "c 1", "plan": "pro", "seats": 5, "total": 95}


@cache
def _book(name: str = "activation") -> Book:
    return load(dump(compile_book(EXAMPLES / name, sequence=1)))


@cache
def _renderer(name: str) -> Renderer:
    return Renderer(_book(name))


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


def _rendered(template: str, traits: dict[str, Any], name: str = "activation") -> OutgoingEmail:
    book = _book(name)
    knows_more = len(traits) > 1
    sends = [
        step
        for step in _sends(book)
        if template in {step.template, *(it.template for it in step.arms.values())}
    ]
    mail = Mail(
        message_id="m",
        contact_id=CONTACT,
        workflow="w",
        run="r",
        step=template,
        template=template,
        topic=sends[0].topic,
        transactional=book.topics[sends[0].topic].transactional,
        decided_at=T0,
        event=EVENT if knows_more else {},
        measures=MEASURES if knows_more else {},
    )
    return _renderer(name).render(
        mail,
        Profile(
            contact_id=CONTACT, traits=traits, account={"interviews_this_month": 83} if knows_more else {}
        ),
        unsubscribe="https://go.example/u/token",
        preferences="https://go.example/p/token",
    )


def _sends(book: Book) -> list[Send]:
    return [step for it in book.workflows.values() for step in it.steps.values() if isinstance(step, Send)]


# --- every book


@pytest.mark.parametrize("name", BOOKS)
def test_every_example_is_valid_and_nothing_in_it_is_warned_of(name: str) -> None:
    checked = checking.check(EXAMPLES / name, now=T0)
    assert (checked.errors, checked.warnings) == ((), [])


@pytest.mark.parametrize("name", BOOKS)
def test_every_email_of_an_example_is_sent_in_a_scenario_of_it(name: str) -> None:
    tested = list(run_scenarios(EXAMPLES / name, _book(name)))
    assert [it.name for it in tested if not it.passed] == []
    lines = chain.from_iterable(it.result.timeline for it in tested if it.result is not None)
    sent = {(it.done.workflow, it.done.step) for it in lines if it.done.what == "sent"}
    book = _book(name)
    assert sent == {
        (workflow.name, step.id)
        for workflow in book.workflows.values()
        for step in workflow.steps.values()
        if isinstance(step, Send)
    }


@pytest.mark.parametrize("name", [name for name in BOOKS if (EXAMPLES / name / "schema.yaml").is_file()])
def test_every_event_and_trait_that_an_example_uses_is_declared_and_none_is_declared_for_nothing(
    name: str,
) -> None:
    book = _book(name)
    assert book.schema is not None
    traits, events = set(book.schema.traits), set(book.schema.events)
    written = {
        trait
        for workflow in book.workflows.values()
        for step in workflow.steps.values()
        if isinstance(step, Set)
        for trait in step.traits
    }
    happenings = [it for source in read_scenarios(EXAMPLES / name, book) for it in scenario_of(source).when]
    told = chain.from_iterable(it.traits for it in happenings if it.type == "identify")
    shown = _shown(book, "contact")
    assert (shown | written | set(told)) - RESERVED_TRAITS <= traits
    assert {it.name for it in happenings if it.name} - RESERVED_EVENTS <= events
    asked = set(re.findall(r"trait: (\w+)|map: (\w+)|date: (\w+)", _yaml(name)))
    assert traits <= shown | written | set(chain.from_iterable(asked))
    assert events <= book.listens | RESERVED_EVENTS
    properties = {it for kinds in book.schema.events.values() for it in kinds}
    assert _shown(book, "event") <= properties


def _yaml(name: str) -> str:
    """All that the book asks: what its scenarios do is no part of it."""
    files = [path for path in (EXAMPLES / name).rglob("*.yaml") if path.parent.name != "tests"]
    return "\n".join(path.read_text() for path in files if path.name != "schema.yaml")


def _shown(book: Book, root: str) -> set[str]:
    """The names below ``contact`` or ``event`` that templates use."""
    fronts = chain.from_iterable((it.subject, it.preheader) for it in book.templates.values())
    return {
        node.attr
        for source in (*book.sources.values(), *fronts)
        for node in environment().parse(source).find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == root
    }


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_every_email_reads_well_for(name: str, template: str, person: str) -> None:
    email = _rendered(template, PEOPLE[person], name)
    assert len(email.subject) < 60
    for part in (email.subject, email.html, email.text):
        assert not re.search(r"\bNone\b|\bUndefined\b|\{\{|\{%|undefined", part)
        assert not re.search(
            r"Hi ,|, ,| ,|  \S+ ,|\(\)", re.sub(r"<style>.*?</style>", "", part, flags=re.DOTALL)
        )
    assert "Hi " not in email.text or "Hi there," in email.text or PEOPLE[person].get("first_name")
    assert "<3" not in email.html


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_every_email_says_how_to_leave_and_who_sent_it(name: str, template: str) -> None:
    email = _rendered(template, PEOPLE["a product manager"], name)
    must = any(
        not _book(name).topics[step.topic].transactional
        for step in _sends(_book(name))
        if step.template == template
    )
    for part in (email.html, email.text):
        assert ("https://go.example/u/token" in part) is must
        assert ("https://go.example/p/token" in part) is must
        assert _book(name).postal_address in part
    assert email.headers.get("List-Unsubscribe") == ("<https://go.example/u/token>" if must else None)


@pytest.mark.parametrize(("name", "template"), TEMPLATES)
def test_every_email_is_built_for_the_clients_that_read_it(name: str, template: str) -> None:
    html = _rendered(template, PEOPLE["a product manager"], name).html
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


@pytest.mark.parametrize("name", BOOKS)
def test_links_in_text_are_the_links_in_html(name: str) -> None:
    for template in _book(name).templates:
        for traits in PEOPLE.values():
            email = _rendered(template, traits, name)
            in_html = set(re.findall(r'href="(https://[^"]+)"', email.html))
            in_text = set(re.findall(r"https://[^\s)]+", email.text))
            assert {link.replace("&amp;", "&") for link in in_html} == in_text, template


# --- activation


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


# --- lifecycle


def _history() -> list[Event]:
    lines = (EXAMPLES / "lifecycle" / "history.jsonl").read_text().splitlines()
    return [recall(json.loads(line)) for line in lines]


def test_the_history_is_of_what_the_book_declares() -> None:
    schema = _book("lifecycle").schema
    assert schema is not None
    for event in _history():
        assert event.name in {"", *schema.events, *RESERVED_EVENTS}
        assert list(mismatches(compact(schema), event)) == [], event


README = (EXAMPLES / "README.md").read_text()


def _simulated(*options: str) -> list[str]:
    folder = EXAMPLES / "lifecycle"
    until = re.findall(r"--until (\S+)", README)[0]
    given = ["simulate", str(folder), "--events", str(folder / "history.jsonl"), "--until", until, *options]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_the_readme_shows_the_emails_that_come_of_the_history() -> None:
    contact = re.findall(r"--json \| grep (\S+)", README)[0]
    lines = [line for line in _simulated("--json") if json.loads(line)["contact"] == contact]
    assert lines
    assert lines == re.findall(r'^ *(\{"at": .*\})$', README, flags=re.MULTILINE)


def test_the_readme_shows_rows_of_the_summary() -> None:
    shown = re.search(r"^    workflow, step .*\n((?: {4}.*\n)+)", README, flags=re.MULTILINE)
    assert shown is not None
    rows = [line.split() for line in shown[0].splitlines()]
    assert len(rows) > 10
    made = [line.split() for line in _simulated()]
    assert [row for row in rows if row not in made] == []
