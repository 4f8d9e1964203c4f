"""What follows for one contact from what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine import inputs
from redshank.engine.advance import Evidence, advance
from redshank.engine.effects import Cancel
from redshank.engine.inputs import Event, Wake
from redshank.engine.state import State
from redshank.errors import BookTooOld
from redshank.identity import address_hash
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import ACTIVATION, UPGRADE, book, send, steps
from tests.unit.engine.living import ANN, T0, Ann, cancels, mails


@pytest.fixture
def ann() -> Ann:
    return Ann(book(ACTIVATION, UPGRADE), email="ann@example.com", plan="free")


def test_the_trigger_sends_the_first_email_at_once_and_sets_the_next_instant(ann: Ann) -> None:
    assert mails(ann.does("signed_up", HOUR)) == ["welcome"]
    assert ann.due == HOUR + 2 * DAY


def test_the_later_emails_come_when_their_waits_are_over(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert mails(ann.wakes(2 * DAY)) == ["help"]
    assert mails(ann.wakes(5 * DAY)) == ["proof"]
    assert ann.due is None


def test_a_wait_counts_from_its_own_end_not_from_when_the_wake_up_came(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.wakes(2 * DAY + MINUTE)
    assert ann.due == 5 * DAY + MINUTE  # the email settled when it was decided


def test_a_wake_up_before_the_time_changes_nothing(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert ann.wakes(2 * DAY - 1) == []
    assert not ann.last.changed


def test_the_goal_ends_the_journey_at_whatever_step(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.wakes(2 * DAY)
    ann.does("product_activated", 3 * DAY)
    assert ann.state.standing.journeys == {}
    assert ann.due is None


def test_the_goal_cancels_an_email_that_nobody_has_claimed(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert cancels(ann.does("product_activated", 1)) == ["goal"]


def test_an_email_that_the_ledger_shows_as_claimed_is_past_cancelling(ann: Ann) -> None:
    ann.does("signed_up", 0)
    settled = frozenset(ann.state.standing.outbox)
    done = Event(
        id="a",
        stream="user:ann",
        type="track",
        name="product_activated",
        occurred_at=T0 + 5,
        received_at=T0 + 5,
    )
    assert ann.takes([done], 5, Evidence(settled=settled)) == []


def test_a_goal_event_of_before_the_entry_does_not_count(ann: Ann) -> None:
    ann.does("product_activated", 0)
    ann.does("signed_up", HOUR)
    assert mails(ann.wakes(HOUR + 2 * DAY)) == ["help"]


def test_somebody_who_entered_before_does_not_enter_again(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.does("product_activated", 1)
    assert mails(ann.does("signed_up", DAY)) == []


def test_a_condition_that_turns_true_fires_once_and_is_armed_again_when_false(ann: Ann) -> None:
    assert mails(ann.says(1, plan="pro")) == ["thanks"]
    assert mails(ann.says(2, plan="pro")) == []
    assert mails(ann.says(3, plan="free")) == []
    assert mails(ann.says(4, plan="pro")) == ["thanks"]


def test_being_created_with_the_condition_true_fires() -> None:
    ann = Ann(book(UPGRADE))
    assert mails(ann.says(0, email="ann@example.com", plan="pro")) == ["thanks"]


def test_applying_a_book_fires_no_edge() -> None:
    ann = Ann(book(ACTIVATION), email="ann@example.com", plan="pro")
    ann.book = book(ACTIVATION, UPGRADE, sequence=2)
    assert mails(ann.says(2, company="Acme")) == []


def test_an_older_book_never_evaluates_a_standing(ann: Ann) -> None:
    ann.book = book(ACTIVATION, sequence=2)
    ann.says(1, plan="pro")
    ann.book = book(ACTIVATION, sequence=1)
    with pytest.raises(BookTooOld):
        ann.says(2, plan="free")


def test_the_newest_value_of_a_trait_wins_in_whatever_order_it_comes(ann: Ann) -> None:
    ann.says(10, plan="pro")
    ann.says(20, said=5, plan="free")
    assert ann.state.profile.traits["plan"] == "pro"


def test_a_value_said_again_still_beats_an_older_different_one(ann: Ann) -> None:
    ann.says(10, plan="pro")
    ann.says(30, plan="pro")
    assert not ann.last.profile_changed
    ann.says(40, said=20, plan="free")
    assert ann.state.profile.traits["plan"] == "pro"


def test_an_anonymous_contact_feeds_measures_and_starts_no_journey() -> None:
    event = Event(id="e", stream="anon:x", type="track", name="signed_up", occurred_at=T0, received_at=T0)
    transition = advance(State.empty("x"), [event], book(ACTIVATION), T0)
    assert transition.effects == {}
    assert transition.trace[0].why == "anonymous"


def test_an_event_that_comes_too_late_starts_nothing(ann: Ann) -> None:
    assert mails(ann.does("signed_up", 3 * DAY, late=2 * DAY)) == []


def test_an_email_waits_a_little_for_an_address_that_is_on_its_way() -> None:
    ann = Ann(book(ACTIVATION))
    assert mails(ann.does("signed_up", 0)) == []
    assert ann.due == 10 * MINUTE
    assert mails(ann.says(1, email="ann@example.com")) == ["welcome"]


def test_an_email_without_an_address_is_skipped_in_the_end_and_the_journey_goes_on() -> None:
    ann = Ann(book(ACTIVATION))
    ann.does("signed_up", 0)
    assert mails(ann.wakes(10 * MINUTE)) == []
    assert any(trace.why == "no_address" for trace in ann.last.trace)
    ann.says(DAY, email="ann@example.com")
    assert mails(ann.wakes(2 * DAY + 10 * MINUTE)) == ["help"]


def test_unsubscribing_ends_the_workflows_of_that_topic(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert cancels(ann.hears(inputs.TOPIC_UNSUBSCRIBED, 1, topic="tips")) == ["unsubscribed"]
    assert ann.state.standing.journeys == {}


def test_unsubscribing_from_everything_leaves_transactional_journeys(ann: Ann) -> None:
    receipt = replace(
        ACTIVATION,
        name="receipt",
        topic="billing",
        steps=steps(
            replace(send("welcome", "pause"), topic="billing"),
            *[step for name, step in ACTIVATION.steps.items() if name != "welcome"],
        ),
    )
    ann.book = book(receipt, sequence=2)
    ann.does("signed_up", 0)
    ann.hears(inputs.TOPIC_UNSUBSCRIBED, 1)
    assert len(ann.state.standing.journeys) == 1
    assert mails(ann.wakes(2 * DAY)) == []  # its marketing step is skipped


def test_a_hard_bounce_ends_all_journeys_and_bars_the_next(ann: Ann) -> None:
    ann.does("signed_up", 0)
    hashed = address_hash("ann@example.com")
    assert cancels(ann.hears(inputs.EMAIL_BOUNCED, 1, kind="hard", address_hash=hashed)) == ["hard_bounce"]
    assert mails(ann.says(2, plan="pro")) == []


def test_a_hard_bounce_of_an_address_she_no_longer_has_is_not_hers(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.hears(inputs.EMAIL_BOUNCED, 1, kind="hard", address_hash=address_hash("old@example.com"))
    assert len(ann.state.standing.journeys) == 1


def test_a_new_address_lifts_the_block_of_the_old_one(ann: Ann) -> None:
    hashed = address_hash("ann@example.com")
    ann.hears(inputs.EMAIL_BOUNCED, 1, kind="hard", address_hash=hashed)
    ann.says(2, email="ann@new.example")
    assert mails(ann.says(3, plan="pro")) == ["thanks"]


def deferred(ann: Ann, at: int, retry_at: int) -> list[Any]:
    message_id, outgoing = next(iter(ann.state.standing.outbox.items()))
    return ann.hears(
        inputs.EMAIL_DEFERRED,
        at,
        message_id=message_id,
        run=outgoing.run,
        step=outgoing.step,
        reason="quota",
        retry_at=T0 + retry_at,
    )


def test_a_deferred_email_is_sent_later_under_the_same_id_and_the_wait_counts_from_then(ann: Ann) -> None:
    first = ann.does("signed_up", 0)
    assert deferred(ann, MINUTE, retry_at=HOUR) == []
    assert ann.due == HOUR
    second = ann.wakes(HOUR)
    assert [it.message_id for it in first] == [it.message_id for it in second]
    assert second[0].release == 1
    assert ann.due == HOUR + 2 * DAY


def test_a_deferred_last_email_comes_back_though_the_journey_took_its_last_step(ann: Ann) -> None:
    ann.says(0, plan="pro")
    deferred(ann, MINUTE, retry_at=HOUR)
    assert mails(ann.wakes(HOUR)) == ["thanks"]


def test_a_goal_reached_while_an_email_is_held_stops_it_for_good(ann: Ann) -> None:
    ann.does("signed_up", 0)
    deferred(ann, MINUTE, retry_at=HOUR)
    assert cancels(ann.does("product_activated", 2 * MINUTE)) == ["goal"]


def test_of_two_emails_that_came_back_a_goal_stops_the_later_one_too(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.wakes(2 * DAY)
    welcome, later = list(ann.state.standing.outbox.items())
    for message_id, outgoing in (later, welcome):
        ann.hears(
            inputs.EMAIL_DEFERRED,
            2 * DAY + 1,
            message_id=message_id,
            run=outgoing.run,
            step=outgoing.step,
            reason="paused",
            retry_at=T0 + 3 * DAY,
        )
    effects = ann.does("product_activated", 2 * DAY + 2)
    stopped = {it.message_id for it in effects if isinstance(it, Cancel)}
    assert cancels(effects) == ["goal", "goal"]
    assert stopped == {welcome[0], later[0]}


def test_an_email_held_longer_than_its_hold_is_skipped_and_cancelled(ann: Ann) -> None:
    ann.does("signed_up", 0)
    deferred(ann, MINUTE, retry_at=2 * DAY)
    effects = ann.wakes(2 * DAY)
    assert cancels(effects) == ["held_too_long"]
    assert mails(effects) == []


def test_an_event_nobody_listens_to_changes_nothing(ann: Ann) -> None:
    ann.does("coffee_made", 1)
    assert not ann.last.changed


def test_what_is_given_is_not_changed(ann: Ann) -> None:
    ann.does("signed_up", 0)
    before, copy = ann.state, replace(ann.state, standing=ann.state.standing.copy())
    advance(before, [Wake(contact_id=ANN, at=T0 + 2 * DAY)], ann.book, T0 + 2 * DAY)
    assert before == copy
