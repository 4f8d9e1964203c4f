"""What becomes of the journeys of a workflow that is edited while they are under way?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from redshank.engine import inputs
from redshank.engine.state import END
from redshank.engine.values import Trait
from redshank.engine.workflows import Exit, Step, Wait, WaitFor, WaitUntil, Workflow
from redshank.instants import DAY, HOUR, iso
from tests.books import book, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, cancels, mails

PRO = trait("plan", "pro")


def flow(*taken: Step, **more: Any) -> Workflow:
    return sequence(send("hello"), *taken, **more)


def begun(*taken: Step, **more: Any) -> Ann:
    ann = Ann(book(flow(*taken, **more)), email="ann@example.com")
    ann.does("go", 0)
    return ann


def edited(ann: Ann, at: int, *taken: Step, **more: Any) -> list[str]:
    return mails(ann.visited(at, book(flow(*taken, **more), sequence=ann.book.sequence + 1)))


def test_a_shortened_wait_releases() -> None:
    ann = begun(wait("rest", 5 * DAY), send("bye"))
    assert edited(ann, 3 * DAY, wait("rest", DAY), send("bye")) == ["bye"]


def test_what_a_shortened_wait_releases_is_not_overdue_and_later_waits_count_from_now() -> None:
    ann = begun(wait("rest", 30 * DAY), send("bye"), wait("more", DAY), send("last"))
    assert edited(ann, 20 * DAY, wait("rest", DAY), send("bye"), wait("more", DAY), send("last")) == ["bye"]
    assert ann.lives(until=100 * DAY) == [(21 * DAY, "last")]


def test_a_wait_that_is_shortened_to_what_is_still_ahead_ends_then() -> None:
    ann = begun(wait("rest", 5 * DAY), send("bye"))
    assert edited(ann, DAY, wait("rest", 2 * DAY), send("bye")) == []
    assert ann.lives(until=100 * DAY) == [(2 * DAY, "bye")]


def test_a_lengthened_wait_extends() -> None:
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    assert edited(ann, DAY, wait("rest", 5 * DAY), send("bye")) == []
    assert ann.lives(until=100 * DAY) == [(5 * DAY, "bye")]


def test_a_wait_that_was_over_when_the_book_came_is_not_lengthened_unless_it_is_not_over_by_the_new_book() -> (
    None
):
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    assert edited(ann, 2 * DAY + HOUR, wait("rest", 2 * DAY + 2 * HOUR), send("bye")) == []
    assert ann.lives(until=100 * DAY) == [(2 * DAY + 2 * HOUR, "bye")]


def test_an_edit_that_leaves_a_wait_as_it_is_changes_nothing_of_it() -> None:
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    assert edited(ann, DAY, wait("rest", 2 * DAY), send("bye"), wait("x", DAY)) == []
    assert ann.lives(until=100 * DAY) == [(2 * DAY, "bye")]


def test_an_overdue_wait_is_no_shortened_one() -> None:
    """Nobody looked for a week, and then a new book came."""
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    assert edited(ann, 9 * DAY, wait("rest", 2 * DAY), send("bye")) == []
    assert ann.why("skipped") == ["held_too_long"]


def looking(at_most: int) -> WaitFor:
    return WaitFor(id="look", next="bye", condition=PRO, at_most=at_most, then="bye", otherwise="bye")


def test_a_shortened_limit_of_a_wait_for_releases() -> None:
    ann = begun(looking(9 * DAY), send("bye"))
    assert edited(ann, 5 * DAY, looking(2 * DAY), send("bye")) == ["bye"]


def test_a_lengthened_limit_of_a_wait_for_extends() -> None:
    ann = begun(looking(2 * DAY), send("bye"))
    assert edited(ann, DAY, looking(9 * DAY), send("bye")) == []
    assert ann.lives(until=100 * DAY) == [(9 * DAY, "bye")]


def test_an_edited_condition_of_a_wait_for_that_is_true_passes_at_once() -> None:
    ann = begun(looking(9 * DAY), send("bye"))
    ann.says(DAY, plan="team")
    step = replace(looking(9 * DAY), condition=trait("plan", "team"))
    assert edited(ann, 2 * DAY, step, send("bye")) == ["bye"]


def test_a_wait_until_that_is_moved_nearer_releases() -> None:
    def until(offset: int) -> WaitUntil:
        return WaitUntil(id="pause", next=END, date=Trait("ends"), offset=offset)

    ann = Ann(book(flow(until(0), send("bye"))), email="ann@example.com", ends=iso(T0 + 9 * DAY))
    ann.does("go", 0)
    assert edited(ann, 5 * DAY, until(-7 * DAY), send("bye")) == ["bye"]


def test_a_deleted_step_sends_its_journeys_to_the_next_surviving_one() -> None:
    ann = begun(wait("rest", 9 * DAY), send("bye"))
    assert edited(ann, 5 * DAY, send("bye"), moved={"rest": "bye"}) == ["bye"]


def test_a_wait_after_a_deleted_step_counts_from_when_the_step_before_settled() -> None:
    ann = begun(wait("rest", 9 * DAY), wait("more", 7 * DAY), send("bye"))
    assert edited(ann, 5 * DAY, wait("more", 7 * DAY), send("bye"), moved={"rest": "more"}) == []
    assert ann.lives(until=100 * DAY) == [(7 * DAY, "bye")]


def test_a_wait_after_a_deleted_step_that_is_over_by_then_releases() -> None:
    ann = begun(wait("rest", 9 * DAY), wait("more", 2 * DAY), send("bye"))
    assert edited(ann, 5 * DAY, wait("more", 2 * DAY), send("bye"), moved={"rest": "more"}) == ["bye"]


def test_a_chain_of_deleted_steps_is_followed() -> None:
    ann = begun(wait("a", 9 * DAY), wait("b", DAY), send("bye"))
    assert edited(ann, DAY, send("bye"), moved={"a": "b", "b": "bye"}) == ["bye"]


def test_a_deleted_step_with_nothing_after_it_ends_the_journey() -> None:
    ann = begun(wait("rest", 9 * DAY), send("bye"))
    edited(ann, DAY, moved={"rest": END, "bye": END})
    assert ann.journeys == []
    assert ann.due is None


def test_a_renamed_step_is_the_same_one() -> None:
    """``was`` maps the old id; the wait goes on counting."""
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    edited(ann, DAY, wait("pause", 2 * DAY), send("bye"), moved={"rest": "pause"})
    assert ann.lives(until=100 * DAY) == [(2 * DAY, "bye")]


def test_a_deleted_workflow_ends_its_journeys_and_cancels() -> None:
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    assert cancels(ann.visited(1, book(sequence=2))) == ["workflow_removed"]
    assert ann.journeys == []
    assert ann.due is None


def test_a_held_email_whose_step_is_deleted_is_cancelled_and_the_rest_goes_on() -> None:
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    message_id = next(iter(ann.state.standing.outbox))
    ann.hears(inputs.EMAIL_DEFERRED, 1, message_id=message_id, retry_at=T0 + HOUR, reason="cap")
    live = replace(sequence(wait("rest", 2 * DAY), send("bye")), moved={"hello": "rest"})
    assert cancels(ann.visited(2, book(live, sequence=2))) == ["step_removed"]
    assert [step for _, step in ann.lives(until=100 * DAY)] == ["bye"]


def test_a_new_exit_condition_ends_who_matches_it() -> None:
    ann = begun(wait("rest", 2 * DAY), send("bye"))
    ann.says(1, plan="pro")
    edited(ann, 2, wait("rest", 2 * DAY), send("bye"), exit_if=PRO)
    assert ann.why("exited") == ["exit_if"]


def test_a_wait_that_becomes_another_step_is_that_step_now() -> None:
    ann = begun(Wait(id="rest", next=END, span=9 * DAY), send("bye"))
    edited(ann, 5 * DAY, Exit(id="rest", next=END, reason="over"), send("bye"))
    assert ann.journeys == []


def test_the_last_email_of_a_deleted_workflow_that_comes_back_is_cancelled() -> None:
    ann = begun()
    message_id = next(iter(ann.state.standing.outbox))
    ann.visited(1, book(sequence=2))
    effects = ann.hears(inputs.EMAIL_DEFERRED, 2, message_id=message_id, retry_at=T0 + HOUR, reason="cap")
    assert cancels(effects) == ["overtaken"]
    assert ann.lives(until=100 * DAY) == []
