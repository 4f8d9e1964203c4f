"""What would applying a book change?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cli.apply import succeeding
from cli.plan import Changes, Plan, Standings, WorkflowChange, count, duration, lines, plain, planned
from redshank.engine import serial
from redshank.engine.book import Book, Sender
from redshank.engine.conditions import Compare
from redshank.engine.state import END, Journey, Standing
from redshank.engine.values import Trait
from redshank.engine.workflows import EventTrigger, ScheduleTrigger, Wait, Workflow
from redshank.instants import DAY, HOUR, MINUTE, parse
from redshank.memory import MemoryContacts
from redshank.ports import EVERYBODY, BookPointer, inline
from tests.books import ACTIVATION, UPGRADE, book

NOW = parse("2026-12-01T09:00:00Z")
POINTER = BookPointer(sequence=1, hash="hash-1")
PRO = Compare(Trait("plan"), "eq", "pro")
TEAM = Compare(Trait("plan"), "eq", "team")


def plan(now: Book, was: Book, pointer: BookPointer = POINTER) -> Plan:
    live = succeeding(was, None, sequence=1, now=NOW)
    return planned(now, live, pointer, now=NOW)


def change(was: Workflow, now: Workflow) -> WorkflowChange:
    [found] = plan(book(now), book(was)).workflows
    return found


def with_step(workflow: Workflow, step: str, **more: Any) -> Workflow:
    return replace(workflow, steps={**workflow.steps, step: replace(workflow.steps[step], **more)})


def without(workflow: Workflow, gone: str, before: str) -> Workflow:
    """The workflow without a step; the one before it leads on."""
    steps = {name: step for name, step in workflow.steps.items() if name != gone}
    steps[before] = replace(steps[before], next=workflow.steps[gone].next)
    return replace(workflow, steps=steps)


def text(made: Plan, standings: Standings | None = None) -> list[str]:
    return [f"{sign} {line}".strip() for sign, line in lines(made, standings)]


def test_the_same_book_changes_nothing() -> None:
    made = plan(book(ACTIVATION), book(ACTIVATION))
    assert (made.changes, made.asks_for_contacts) == (False, False)
    assert text(made) == ["nothing would change: this is book 1, which is live"]


def test_the_first_book_brings_its_workflows() -> None:
    made = planned(book(ACTIVATION), None, None, now=NOW)
    assert (made.live, [it.kind for it in made.workflows]) == (None, ["added"])
    assert text(made) == ["no book is live: this would be the first", "+ workflow activation"]


def test_workflows_come_and_go() -> None:
    made = plan(book(UPGRADE), book(ACTIVATION))
    assert [(it.name, it.kind) for it in made.workflows] == [("activation", "removed"), ("upgrade", "added")]


def test_a_changed_wait_is_said_as_it_is_written() -> None:
    found = change(ACTIVATION, with_step(ACTIVATION, "pause", span=DAY + 12 * HOUR))
    assert found.changed == {"pause": "wait: 1d12h instead of 2d"}
    assert found.touched == {"pause"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"subject": "Hello"}, "subject: Hello instead of none"),
        ({"when": PRO}, "if"),
        ({"topic": "billing", "hold": HOUR}, "topic: billing instead of tips, hold: 1h instead of 1d"),
    ],
)
def test_what_else_of_a_step_changed_is_said(more: dict[str, Any], said: str) -> None:
    assert change(ACTIVATION, with_step(ACTIVATION, "welcome", **more)).changed == {"welcome": said}


def test_a_step_of_another_kind_is_said_so() -> None:
    steps = {**ACTIVATION.steps, "help": Wait(id="help", next="pause_2", span=DAY)}
    assert change(ACTIVATION, replace(ACTIVATION, steps=steps)).changed == {"help": "wait instead of send"}


def test_of_a_step_that_vanishes_it_is_said_where_its_journeys_go_on() -> None:
    found = change(ACTIVATION, without(ACTIVATION, "help", "pause"))
    assert found.vanishing == {"help": "pause_2"}
    last = change(ACTIVATION, without(ACTIVATION, "proof", "pause_2"))
    assert last.vanishing == {"proof": END}


def test_steps_that_only_lead_elsewhere_have_not_changed() -> None:
    assert change(ACTIVATION, without(ACTIVATION, "help", "pause")).changed == {}


def test_a_renamed_step_is_neither_gone_nor_new() -> None:
    now = without(ACTIVATION, "help", "pause")
    renamed = replace(ACTIVATION.steps["help"], id="tips")
    now = with_step(replace(now, steps={**now.steps, "tips": renamed}), "pause", next="tips")
    found = change(ACTIVATION, replace(now, moved={"help": "tips"}))
    assert (found.renamed, found.vanishing, found.added) == ({"help": "tips"}, {}, ())


def test_a_new_step_is_said() -> None:
    steps = {**ACTIVATION.steps, "more": Wait(id="more", next=END, span=DAY)}
    assert change(ACTIVATION, replace(ACTIVATION, steps=steps)).added == ("more",)


def test_an_order_that_changed_is_said() -> None:
    now = with_step(with_step(ACTIVATION, "welcome", next="pause_2"), "pause", next="proof")
    now = with_step(with_step(now, "pause_2", next="help"), "help", next="pause")
    assert change(ACTIVATION, now).other == ("order of the steps",)


def test_a_book_that_went_through_the_bucket_is_the_same() -> None:
    live = serial.load(serial.dump(succeeding(book(ACTIVATION, UPGRADE), None, sequence=1, now=NOW)))
    assert not planned(book(ACTIVATION, UPGRADE), live, POINTER, now=NOW).changes


def test_state_trigger_and_goal_are_said() -> None:
    now = replace(ACTIVATION, state="paused", goal=PRO, triggers=(EventTrigger(events=("started",)),))
    found = change(ACTIVATION, now)
    assert found.state == ("live", "paused")
    assert set(found.other) == {"triggers", "goal"}


def test_segments_templates_and_settings_are_compared() -> None:
    was = book(ACTIVATION, segments={"a": PRO, "b": PRO})
    sources = {**was.sources, "welcome.html": "<p>new</p>", "base.html": "layout"}
    now = replace(
        was,
        segments={"a": TEAM, "c": PRO},
        sources=sources,
        senders={"default": Sender(name="Other", email="x@mail.acme.example")},
    )
    made = plan(now, was)
    assert made.segments == Changes(added=("c",), removed=("b",), changed=("a",))
    assert made.templates == Changes(changed=("welcome",))
    assert made.sources == Changes(added=("base.html",))
    assert made.settings == ("senders",)
    assert made.visits == (EVERYBODY,)


def test_measures_are_compared_by_what_the_book_calls_them() -> None:
    was = book(named={"usage": Trait("usage"), "old": Trait("x")})
    now = book(named={"usage": Trait("used"), "new": Trait("x")})
    assert plan(now, was).measures == Changes(added=("new",), removed=("old",), changed=("usage",))


def test_what_is_paused_by_command_is_drift() -> None:
    made = plan(book(ACTIVATION), book(ACTIVATION), replace(POINTER, paused=frozenset({"activation"})))
    assert made.paused == ("activation",)
    assert any("activation is paused by command, and stays so" in line for line in text(made))


def _broadcast(at: str, **more: Any) -> Book:
    trigger = ScheduleTrigger(key="s", segment="pro", at=at, **more)
    return book(replace(ACTIVATION, name="news", triggers=(trigger,)), segments={"pro": PRO})


@pytest.mark.parametrize(
    ("at", "timezone", "warned"),
    [
        ("2026-12-01T10:00", "Europe/Berlin", True),
        ("2026-12-01T10:01", "Europe/Berlin", False),
        # Where it is latest, it is nine in the evening of the day before.
        ("2026-11-30T21:00", "", True),
        ("2026-12-01T09:00", "", False),
    ],
)
def test_a_broadcast_in_the_past_is_warned_of(at: str, timezone: str, warned: bool) -> None:
    made = planned(_broadcast(at, timezone=timezone), None, None, now=NOW)
    assert bool(made.warnings) is warned
    if warned:
        assert made.warnings[0].startswith(
            f"workflow `news` is to start at {at.replace('T', ' ')}, which is past"
        )


def test_of_a_broadcast_long_past_it_is_said_that_nobody_gets_it() -> None:
    made = planned(_broadcast("2026-11-01T10:00", timezone="UTC"), None, None, now=NOW)
    assert made.warnings[0].endswith("nobody gets it")


# --- the contacts it touches


def _contacts(**at: list[str]) -> MemoryContacts:
    """Contacts by where their journeys stand: ``activation/pause``."""
    contacts = MemoryContacts()
    for name, places in at.items():
        journeys = {}
        for number, place in enumerate(places):
            workflow, _, step = place.partition("/")
            run = f"r{number}"
            journeys[run] = Journey(
                run=run, workflow=workflow, key=str(number), entered_at=0, at=step, since=0
            )
        contacts.held_standings[name] = Standing(contact_id=name, version=1, journeys=journeys)
    return contacts


def test_contacts_at_steps_that_change_or_vanish_are_counted() -> None:
    now = with_step(without(ACTIVATION, "help", "pause"), "pause", span=DAY)
    made = plan(book(now, UPGRADE), book(ACTIVATION, UPGRADE))
    contacts = _contacts(
        ann=["activation/pause", "activation/pause"],
        bob=["activation/help", "upgrade/thanks"],
        cem=["activation/pause_2"],
        dan=[],
    )
    heard: list[int] = []
    found = count(contacts, made, inline, heard.append)
    assert found.at == {("activation", "pause"): 1, ("activation", "help"): 1}
    assert (found.contacts, found.visited, heard[-1]) == (4, 3, 4)
    told = text(made, found)
    assert "~ pause: wait: 1d instead of 2d (1 contact stands there)" in told
    assert "- help: journeys there go on at pause_2 (1 contact stands there)" in told
    assert "the contacts in activation will be visited: 3" in told


def test_what_is_new_is_for_every_contact_and_their_number_is_said() -> None:
    made = plan(book(ACTIVATION, segments={"pro": PRO}), book(ACTIVATION))
    found = count(_contacts(ann=[], bob=[]), made, inline)
    assert text(made, found)[-1] == "every contact will be visited: 2"


def test_a_removed_workflow_ends_its_journeys_and_says_how_many() -> None:
    made = plan(book(), book(ACTIVATION))
    found = count(_contacts(ann=["activation/pause"], bob=["activation/help"], cem=[]), made, inline)
    assert "its journeys end (2 now)" in text(made, found)


def test_a_script_gets_all_of_it() -> None:
    made = plan(book(with_step(ACTIVATION, "pause", span=DAY)), book(ACTIVATION))
    found = json.loads(json.dumps(plain(made, count(_contacts(ann=["activation/pause"]), made, inline))))
    assert (found["live"], found["changes"], found["contacts"], found["visited"]) == (1, True, 1, 1)
    [workflow] = found["workflows"]
    assert workflow["changed"] == {"pause": "wait: 1d instead of 2d"}
    assert workflow["standing"] == {"pause": 1}


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (2 * DAY, "2d"),
        (21 * DAY, "3w"),
        (DAY + 12 * HOUR, "1d12h"),
        (15 * MINUTE, "15m"),
        (0, "0s"),
        (-DAY, "-1d"),
    ],
)
def test_spans_are_shown_as_they_are_written(span: int, text: str) -> None:
    assert duration(span) == text
