"""Who is kept from an email: by a workflow's state, or to compare with?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.advance import advance
from redshank.engine.book import Book
from redshank.engine.effects import Effect
from redshank.engine.entering import _is_held_out
from redshank.engine.inputs import Event
from redshank.engine.state import State
from redshank.engine.turn import Turn
from redshank.engine.workflows import Emit, Enroll, ManualTrigger, WaitFor, Workflow
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR
from tests.books import SINCE_ENTRY, book, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, cancels, emissions, mails

PRO = trait("plan", "pro")
RECEIPT = replace(send("receipt"), topic="billing")


def ann_of(*workflows: Workflow, **more: Any) -> Ann:
    return Ann(book(*workflows, **more), email="ann@example.com")


def flow(state: str = "live", **more: Any) -> Workflow:
    return sequence(wait("a", DAY), send("hello"), wait("b", DAY), send("bye"), state=state, **more)


# --- shadow


def test_a_shadow_decides_and_sends_nothing() -> None:
    ann = ann_of(sequence(send("hello"), wait("a", DAY), send("bye"), state="shadow"))
    assert ann.does("go", 0) == []
    assert [(it.what, it.step, it.why) for it in ann.last.trace if it.what == "sent"] == [
        ("sent", "hello", "shadow")
    ]
    assert ann.due == DAY


def test_what_a_shadow_would_have_sent_takes_nothing_from_the_guard() -> None:
    live = book(sequence(send("hello"), name="shadow", state="shadow"), sequence(send("hello"), name="live"))
    live = replace(live, policy=replace(live.policy, max_emails_per_day=1))
    ann = Ann(live, email="ann@example.com")
    assert mails(ann.does("go", 0)) == ["hello"]


def test_a_shadow_puts_nothing_onto_the_bus() -> None:
    ann = ann_of(sequence(Emit(id="tell", next="", name="trial.rescued"), state="shadow"))
    assert emissions(ann.does("go", 0)) == []


def test_a_shadow_enrols_nobody_and_changes_nobody() -> None:
    other = sequence(send("hello"), name="other", triggers=(ManualTrigger(),))
    ann = ann_of(sequence(Enroll(id="on", next="", workflow="other"), state="shadow"), other)
    assert mails(ann.does("go", 0)) == []


# --- retired


def test_nobody_enters_what_is_retired() -> None:
    ann = ann_of(flow("retired"))
    ann.does("go", 0)
    assert ann.journeys == []
    assert ann.why("not_entered") == ["retired"]


def test_who_is_under_way_when_it_retires_goes_to_the_end() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.visited(HOUR, book(flow("retired"), sequence=2))
    assert ann.lives(until=100 * DAY) == [(DAY, "hello"), (2 * DAY, "bye")]


# --- paused


def paused(ann: Ann) -> Book:
    return ann.book.with_paused({"flow"})


def test_nobody_enters_what_is_paused() -> None:
    ann = ann_of(flow("paused"))
    ann.does("go", 0)
    assert ann.journeys == []
    assert ann.why("not_entered") == ["paused"]


def test_a_journey_of_a_paused_workflow_stands_and_nothing_is_due_for_it() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.book = paused(ann)
    assert mails(ann.wakes(DAY)) == []
    assert ann.due is None
    assert len(ann.journeys) == 1


def test_an_event_does_not_take_a_paused_journey_further() -> None:
    look = WaitFor(id="look", next="bye", condition=PRO, then="bye", otherwise="bye")
    ann = ann_of(sequence(look, send("bye")))
    ann.does("go", 0)
    ann.book = paused(ann)
    assert mails(ann.says(1, plan="pro")) == []


def test_the_others_go_on_while_one_is_paused() -> None:
    ann = ann_of(flow(), replace(flow(), name="other"))
    ann.does("go", 0)
    ann.book = paused(ann)
    assert [it.workflow for it in ann.wakes(DAY)] == ["other"]


def resumed(ann: Ann, at: int) -> list[Any]:
    return ann.visited(at, replace(ann.book.with_paused(()), workflows={"flow": flow()}, sequence=2))


def test_at_resume_what_is_overdue_beyond_hold_is_skipped_and_the_rest_goes_on() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.book = paused(ann)
    ann.wakes(DAY)
    assert mails(resumed(ann, 5 * DAY)) == []
    assert ann.why("skipped") == ["held_too_long"]
    assert ann.lives(until=100 * DAY) == [(6 * DAY, "bye")]


def test_at_resume_what_is_overdue_by_less_is_sent() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.book = paused(ann)
    ann.wakes(DAY)
    assert mails(resumed(ann, 2 * DAY - HOUR)) == ["hello"]
    assert ann.lives(until=100 * DAY) == [(3 * DAY - HOUR, "bye")]


def test_time_runs_on_while_paused() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.book = paused(ann)
    ann.does("noted", HOUR)
    resumed(ann, 2 * HOUR)
    assert ann.lives(until=100 * DAY) == [(DAY, "hello"), (2 * DAY, "bye")]


def test_what_she_did_while_paused_does_not_make_it_any_less_overdue() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    ann.book = paused(ann)
    ann.does("noted", 5 * DAY - HOUR)
    assert mails(resumed(ann, 5 * DAY)) == []
    assert ann.why("skipped") == ["held_too_long"]


def test_a_resume_by_command_is_noticed_with_her_next_event() -> None:
    ann = ann_of(flow())
    ann.does("go", 0)
    live = ann.book
    ann.book = paused(ann)
    ann.wakes(DAY)
    ann.book = live
    assert mails(ann.does("noted", DAY + HOUR)) == ["hello"]


def test_the_goal_ends_a_paused_journey() -> None:
    ann = ann_of(sequence(send("hello"), wait("a", DAY), send("bye"), goal=SINCE_ENTRY))
    ann.does("go", 0)
    ann.book = paused(ann)
    assert cancels(ann.does("product_activated", 1)) == ["goal"]
    assert ann.journeys == []


def test_the_exit_condition_ends_a_paused_journey() -> None:
    ann = ann_of(flow(exit_if=PRO))
    ann.does("go", 0)
    ann.book = paused(ann)
    ann.says(1, plan="pro")
    assert ann.why("exited") == ["exit_if"]


def test_an_edge_that_passes_while_paused_is_passed() -> None:
    ann = ann_of(flow())
    ann.book = paused(ann)
    ann.does("go", 0)
    assert mails(resumed(ann, HOUR)) == []
    assert ann.journeys == []


# --- holdouts


def everybody(live: Book, names: int) -> list[tuple[Effect, ...]]:
    """What each of so many contacts gets of one event."""
    found = []
    for n in range(names):
        stream = f"user:{n}"
        given = [
            Event(
                id="1",
                stream=stream,
                type="identify",
                name="",
                occurred_at=T0,
                received_at=T0,
                traits={"email": "x@example.com"},
            ),
            Event(id="2", stream=stream, type="track", name="go", occurred_at=T0 + 1, received_at=T0 + 1),
        ]
        effects = advance(State.empty(contact_of(stream)), given, live, T0 + 1).effects
        found.append(effects.get("2", ()))
    return found


def test_a_held_out_contact_gets_transactional_email_only() -> None:
    ann = ann_of(sequence(send("hello"), RECEIPT, holdout=1.0))
    assert mails(ann.does("go", 0)) == ["receipt"]
    assert ann.why("skipped") == ["holdout"]


def test_the_holdout_of_the_book_is_of_all_workflows() -> None:
    ann = ann_of(sequence(send("hello"), RECEIPT), holdout=1.0)
    assert mails(ann.does("go", 0)) == ["receipt"]


def test_a_held_out_journey_takes_its_time_and_reaches_its_goal_as_the_others() -> None:
    ann = ann_of(sequence(send("hello"), wait("a", DAY), send("bye"), holdout=1.0, goal=SINCE_ENTRY))
    ann.does("go", 0)
    assert ann.due == DAY
    ann.does("product_activated", HOUR)
    assert ann.why("exited") == ["goal"]


def test_a_journey_says_that_it_is_held_out() -> None:
    ann = ann_of(sequence(send("hello"), holdout=1.0))
    ann.does("go", 0)
    assert ann.why("entered") == ["holdout"]


@pytest.mark.parametrize("where", ["book", "workflow"])
def test_the_share_that_is_held_out_is_right(where: str) -> None:
    share = 0.1
    made = sequence(send("hello"), holdout=share if where == "workflow" else 0.0)
    live = book(made, holdout=share if where == "book" else 0.0)
    held = 0
    for n in range(10_000):
        state = State.empty(contact_of(f"user:{n}"))
        turn = Turn(book=live, profile=state.profile, standing=state.standing, now=0, reach=0)
        held += _is_held_out(turn, made)
    assert 900 <= held <= 1_100  # 3.3 standard deviations


def test_who_is_held_out_of_all_gets_no_marketing_at_all() -> None:
    flows = [sequence(send("hello"), name=name) for name in ("one", "two", "three")]
    got = [len(mails(effects)) for effects in everybody(book(*flows, holdout=0.3), 300)]
    assert set(got) == {0, 3}


def test_who_is_held_out_of_one_is_not_the_same_as_of_another() -> None:
    flows = [sequence(send("hello"), name=name, holdout=0.5) for name in ("one", "two")]
    got = [len(mails(effects)) for effects in everybody(book(*flows), 300)]
    assert set(got) == {0, 1, 2}
