"""What ends a journey, and what of it counts?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine import inputs
from redshank.engine.conditions import Compare, Not
from redshank.engine.measures import Measure, SinceEntry
from redshank.engine.state import END
from redshank.engine.values import ENTRY, Measured
from redshank.engine.workflows import EventTrigger, Subscribe, Workflow
from redshank.identity import address_hash
from redshank.instants import DAY, HOUR
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, cancels, mails

PRO = trait("plan", "pro")
PAID = Measure(key="paid", events=("paid",), window=SinceEntry())


def paid(**more: Any) -> Compare:
    return Compare(Measured("paid", ENTRY, **more), "gte", 1)


def ann_of(*workflows: Workflow, **more: Any) -> Ann:
    return Ann(book(*workflows, **{"measures": measures(PAID), **more}), email="ann@example.com")


def flow(**more: Any) -> Workflow:
    return sequence(send("hello"), wait("rest", DAY), send("bye"), **more)


def test_a_goal_ends_the_journey_and_cancels_what_nobody_has_claimed() -> None:
    ann = ann_of(flow(goal=paid()))
    ann.does("go", 0)
    assert cancels(ann.does("paid", 1)) == ["goal"]
    assert ann.why("exited") == ["goal"]
    assert ann.due is None


def test_a_goal_that_came_before_the_trigger_does_not_count() -> None:
    ann = ann_of(flow(goal=paid()))
    ann.does("paid", 0)
    ann.does("go", 1)
    assert len(ann.journeys) == 1


def test_a_goal_that_arrives_late_from_before_the_trigger_does_not_count() -> None:
    ann = ann_of(flow(goal=paid()))
    ann.does("go", 2 * HOUR)
    ann.does("paid", 3 * HOUR, late=2 * HOUR)
    assert len(ann.journeys) == 1


def test_a_goal_that_arrives_late_from_after_the_trigger_counts() -> None:
    ann = ann_of(flow(goal=paid()))
    ann.does("go", 0)
    ann.does("paid", 3 * HOUR, late=2 * HOUR)
    assert ann.why("exited") == ["goal"]


def test_a_goal_that_arrived_before_its_late_trigger_is_reached_at_once() -> None:
    ann = ann_of(flow(goal=paid()))
    ann.does("paid", HOUR)
    assert mails(ann.does("go", 2 * HOUR, late=90 * 60_000)) == []
    assert ann.journeys == []


def test_the_triggering_event_is_not_its_own_goal() -> None:
    triggers = (EventTrigger(events=("paid",)),)
    ann = ann_of(flow(goal=paid(strictly=True), triggers=triggers))
    assert mails(ann.does("paid", 0)) == ["hello"]
    ann.does("paid", 1)
    assert ann.why("exited") == ["goal"]


def test_a_goal_within_a_span_does_not_count_after_it() -> None:
    ann = ann_of(sequence(wait("rest", 60 * DAY), goal=paid(within=30 * DAY)))
    ann.does("go", 0)
    ann.does("paid", 30 * DAY + 1)
    assert len(ann.journeys) == 1


def test_a_goal_within_a_span_counts_to_its_last_instant() -> None:
    ann = ann_of(sequence(wait("rest", 60 * DAY), goal=paid(within=30 * DAY)))
    ann.does("go", 0)
    ann.does("paid", 30 * DAY)
    assert ann.why("exited") == ["goal"]


def test_a_goal_that_holds_already_is_none_and_bars_the_entry() -> None:
    ann = ann_of(flow(goal=PRO))
    ann.says(0, plan="pro")
    assert ann.does("go", 1) == []
    assert ann.why("not_entered") == ["goal"]
    assert ann.why("exited") == []


def test_a_goal_that_holds_already_and_ends_nothing_does_not_count() -> None:
    ann = ann_of(flow(goal=PRO, goal_ends=False))
    ann.says(0, plan="pro")
    assert mails(ann.does("go", 1)) == ["hello"]
    assert ann.lives(until=100 * DAY) == [(1 + DAY, "bye")]
    assert ann.why("reached") == []


def test_a_goal_of_a_trait_counts_when_it_turns_true() -> None:
    ann = ann_of(flow(goal=PRO))
    ann.does("go", 0)
    ann.says(1, plan="pro")
    assert ann.why("exited") == ["goal"]


def test_a_goal_that_time_alone_reaches_is_reached_by_time() -> None:
    quiet = Not(happened("logged_in"))
    ann = ann_of(flow(goal=quiet), measures=measures(counted("logged_in", 5 * HOUR)))
    ann.does("logged_in", 0)
    ann.does("go", HOUR)
    assert ann.due == 5 * HOUR
    ann.wakes(5 * HOUR)
    assert ann.why("exited") == ["goal"]


def test_a_goal_is_judged_before_exit_if() -> None:
    ann = ann_of(flow(goal=PRO, exit_if=PRO))
    ann.does("go", 0)
    ann.says(1, plan="pro")
    assert ann.why("exited") == ["goal"]


def test_an_exit_condition_ends_the_journey_at_once_and_counts_nothing() -> None:
    ann = ann_of(flow(goal=paid(), exit_if=PRO))
    ann.does("go", 0)
    assert cancels(ann.says(1, plan="pro")) == ["exit_if"]
    assert ann.why("exited") == ["exit_if"]


def test_an_exit_condition_that_time_alone_makes_true_ends_it_then() -> None:
    quiet = Not(happened("logged_in"))
    ann = ann_of(flow(exit_if=quiet), measures=measures(counted("logged_in", 5 * HOUR)))
    ann.does("logged_in", 0)
    ann.does("go", HOUR)
    assert ann.lives(until=100 * DAY) == []
    assert ann.why("exited") == ["exit_if"]


def test_a_goal_that_ends_nothing_counts_once_and_the_rest_goes_on() -> None:
    ann = ann_of(flow(goal=paid(), goal_ends=False))
    ann.does("go", 0)
    assert cancels(ann.does("paid", 1)) == []
    ann.does("paid", 2)
    assert ann.why("reached") == ["goal"]
    assert ann.lives(until=100 * DAY) == [(DAY, "bye")]


def test_a_goal_is_of_each_run() -> None:
    ann = ann_of(flow(goal=paid(), again="always"))
    for at in (0, 10 * DAY):
        ann.does("go", at)
        ann.does("paid", at + HOUR)
    assert ann.why("exited") == ["goal", "goal"]


def test_a_goal_after_the_last_step_ends_nothing_any_more() -> None:
    ann = ann_of(sequence(send("hello"), goal=paid()))
    ann.does("go", 0)
    ann.does("noted", 1)
    ann.does("paid", 2)
    assert ann.why("exited") == ["finished"]


@pytest.mark.parametrize(("says", "why"), [({"plan": "pro"}, "exit_if"), ({"done": True}, "goal")])
def test_goal_and_exit_are_looked_at_again_when_a_held_email_is_released(
    says: dict[str, Any], why: str
) -> None:
    ann = ann_of(flow(goal=trait("done", True), exit_if=PRO))
    ann.does("go", 0)
    message_id = next(iter(ann.state.standing.outbox))
    ann.hears(inputs.EMAIL_DEFERRED, 1, message_id=message_id, retry_at=T0 + HOUR, reason="cap")
    assert mails(ann.says(HOUR, **says)) == []
    assert ann.why("exited") == [why]


def test_consent_is_looked_at_again_when_a_held_email_is_released() -> None:
    ann = ann_of(replace(flow(), topic="billing"))
    ann.does("go", 0)
    message_id = next(iter(ann.state.standing.outbox))
    ann.hears(inputs.EMAIL_DEFERRED, 1, message_id=message_id, retry_at=T0 + HOUR, reason="cap")
    ann.hears(inputs.TOPIC_UNSUBSCRIBED, 2, topic="tips")
    effects = ann.wakes(HOUR)
    assert mails(effects) == []
    assert cancels(effects) == ["unsubscribed"]


def test_a_complaint_ends_all_that_mails_and_leaves_transactional_email_to_come() -> None:
    receipt = sequence(
        replace(send("receipt"), topic="billing"), name="receipt", triggers=(EventTrigger(events=("buy",)),)
    )
    ann = ann_of(flow(), receipt)
    ann.does("go", 0)
    hashed = address_hash("ann@example.com")
    assert cancels(ann.hears(inputs.EMAIL_COMPLAINED, 1, address_hash=hashed)) == ["complaint"]
    assert ann.journeys == []
    assert mails(ann.does("buy", 2)) == ["receipt"]


def test_a_journey_that_another_ends_at_the_instant_of_its_own_exit_ends_once() -> None:
    off = Subscribe(id="off", next=END, topic="tips", subscribed=False)
    first = sequence(wait("rest", DAY), off, name="first", topic="billing", priority=90)
    second = flow(name="second", exit_if=Not(happened("logged_in")))
    ann = ann_of(first, second, measures=measures(counted("logged_in", DAY)))
    ann.does("logged_in", 0)
    ann.does("go", 0)
    ann.wakes(DAY)
    ended = [(it.workflow, it.why) for it in ann.trace if it.what == "exited"]
    assert ended == [("second", "unsubscribed"), ("first", "finished")]
