"""When does a journey begin, and when not?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.advance import advance
from redshank.engine.conditions import All, Compare
from redshank.engine.values import Property
from redshank.engine.workflows import EventTrigger, ManualTrigger
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, cancels, mail, mails

PRO = trait("plan", "pro")
#: A journey that stays for a day.
STAYS = (send("hello"), wait("rest", DAY), send("bye"))


def ann_of(*workflows: Any, **more: Any) -> Ann:
    return Ann(book(*workflows, **more), email="ann@example.com")


def on(event: str, **more: Any) -> tuple[EventTrigger, ...]:
    return (EventTrigger(events=(event,), **more),)


# --- the event


def test_any_of_the_events_of_a_trigger_starts_a_journey() -> None:
    flow = sequence(send("hello"), again="always", triggers=(EventTrigger(events=("go", "run")),))
    ann = ann_of(flow)
    assert mails(ann.does("run", 1)) == ["hello"]
    assert mails(ann.does("go", 2)) == ["hello"]


def test_any_of_the_triggers_of_a_workflow_starts_a_journey() -> None:
    ann = ann_of(sequence(send("hello"), again="always", triggers=(*on("go"), *on("run"))))
    assert mails(ann.does("go", 1)) == ["hello"]
    assert mails(ann.does("run", 2)) == ["hello"]


def test_one_event_that_two_triggers_of_a_workflow_listen_to_starts_one_journey() -> None:
    ann = ann_of(sequence(send("hello"), again="always", triggers=(*on("go"), *on("go"))))
    assert mails(ann.does("go", 1)) == ["hello"]


def test_an_event_that_the_filter_refuses_starts_nothing_now_or_later() -> None:
    where = Compare(Property("path"), "eq", "/pricing")
    ann = ann_of(sequence(send("hello"), triggers=on("go", where=where)))
    assert mails(ann.does("go", 1, path="/blog")) == []
    assert mails(ann.says(2, plan="pro")) == []
    assert mails(ann.does("go", 3, path="/pricing")) == ["hello"]


def test_a_journey_counts_from_when_its_event_occurred() -> None:
    ann = ann_of(sequence(wait("rest", DAY), send("bye")))
    ann.does("go", 3 * HOUR, late=2 * HOUR)
    assert ann.due == HOUR + DAY


def test_an_event_imported_as_history_starts_nothing() -> None:
    ann = ann_of(sequence(send("hello")))
    assert ann.takes([ann.event("go", 1, historical=True)], 1) == []
    assert ann.why("not_entered") == ["historical"]


# --- `if`, within the grace


def test_an_if_that_comes_true_within_the_grace_starts_the_journey() -> None:
    ann = ann_of(sequence(send("hello"), triggers=on("go", when=PRO)))
    assert mails(ann.does("go", MINUTE)) == []
    assert mails(ann.says(10 * MINUTE, plan="pro")) == ["hello"]


def test_an_if_that_comes_true_too_late_starts_nothing() -> None:
    ann = ann_of(sequence(send("hello"), triggers=on("go", when=PRO)))
    ann.does("go", MINUTE)
    assert mails(ann.says(11 * MINUTE + 1, plan="pro")) == []


def test_an_if_that_came_true_late_starts_one_journey_only() -> None:
    ann = ann_of(sequence(send("hello"), again="always", triggers=on("go", when=PRO)))
    ann.does("go", MINUTE)
    assert mails(ann.says(2 * MINUTE, plan="pro")) == ["hello"]
    assert mails(ann.says(3 * MINUTE, company="Acme")) == []


def test_a_journey_that_came_true_late_began_with_its_event_and_knows_its_properties() -> None:
    flow = sequence(wait("rest", HOUR), send("hello"), triggers=on("go", when=PRO), keeps_event=True)
    ann = ann_of(flow)
    ann.does("go", MINUTE, total=3)
    ann.says(5 * MINUTE, plan="pro")
    assert ann.due == MINUTE + HOUR
    assert mail(ann.wakes(MINUTE + HOUR)).event == {"total": 3}


def test_an_if_about_the_event_alone_cannot_come_true_later() -> None:
    ann = ann_of(sequence(send("hello"), triggers=on("go", when=Compare(Property("total"), "gte", 5))))
    ann.does("go", 1, total=3)
    assert ann.state.standing.hopefuls == []


def test_an_if_about_both_is_judged_later_with_the_properties_of_its_event() -> None:
    same_plan = Compare(Property("plan"), "eq", "pro")
    ann = ann_of(sequence(send("hello"), triggers=on("go", when=All((same_plan, PRO)))))
    ann.does("go", 1, plan="pro")
    assert mails(ann.says(2, plan="pro")) == ["hello"]


def test_no_grace_means_no_second_look() -> None:
    live = book(sequence(send("hello"), triggers=on("go", when=PRO)))
    live = replace(live, policy=replace(live.policy, entry_grace=0))
    ann = Ann(live, email="ann@example.com")
    ann.does("go", 1)
    assert mails(ann.says(2, plan="pro")) == []


# --- again


def test_never_means_never_even_years_later() -> None:
    ann = ann_of(sequence(send("hello"), again="never"))
    ann.does("go", 1)
    assert mails(ann.does("go", 800 * DAY)) == []
    assert ann.why("not_entered") == ["entered_before"]


def test_always_means_each_time() -> None:
    ann = ann_of(sequence(send("hello"), again="always"))
    assert [mails(ann.does("go", at)) for at in (1, 2, 3)] == [["hello"]] * 3


def test_a_span_between_entries_is_counted_from_the_last_entry() -> None:
    ann = ann_of(sequence(send("hello"), again=30 * DAY))
    assert mails(ann.does("go", 0)) == ["hello"]
    assert mails(ann.does("go", 30 * DAY - 1)) == []
    assert mails(ann.does("go", 30 * DAY)) == ["hello"]
    assert mails(ann.does("go", 59 * DAY)) == []


# --- keys


def test_a_key_makes_a_run_for_each_of_its_values() -> None:
    ann = ann_of(sequence(*STAYS, again="always", key="cart_id"))
    assert mails(ann.does("go", 1, cart_id="a")) == ["hello"]
    assert mails(ann.does("go", 2, cart_id="b")) == ["hello"]
    assert sorted(it.key for it in ann.journeys) == ["a", "b"]


def test_never_is_never_per_key() -> None:
    ann = ann_of(sequence(send("hello"), again="never", key="cart_id"))
    assert mails(ann.does("go", 1, cart_id="a")) == ["hello"]
    assert mails(ann.does("go", 2, cart_id="a")) == []
    assert mails(ann.does("go", 3, cart_id="b")) == ["hello"]


def test_an_event_without_the_key_starts_nothing_and_says_so() -> None:
    ann = ann_of(sequence(send("hello"), key="cart_id"))
    assert mails(ann.does("go", 1)) == []
    assert ann.why("not_entered") == ["no_cart_id"]


def test_a_key_may_be_a_number_zero() -> None:
    ann = ann_of(sequence(send("hello"), key="cart_id"))
    assert mails(ann.does("go", 1, cart_id=0)) == ["hello"]


# --- while active


def test_an_entry_while_active_is_ignored() -> None:
    ann = ann_of(sequence(*STAYS, again="always"))
    ann.does("go", 0)
    assert mails(ann.does("go", HOUR)) == []
    assert ann.why("not_entered") == ["already_active"]
    assert ann.due == DAY


def test_an_entry_while_active_restarts_where_the_book_says_so() -> None:
    ann = ann_of(sequence(*STAYS, again="always", restarts=True))
    ann.does("go", 0)
    effects = ann.does("go", HOUR)
    assert cancels(effects) == ["restarted"]
    assert mails(effects) == ["hello"]
    assert [it.entered_at for it in ann.journeys] == [T0 + HOUR]
    assert ann.due == HOUR + DAY


def test_a_restart_leaves_the_runs_of_other_keys() -> None:
    ann = ann_of(sequence(*STAYS, again="always", key="cart_id", restarts=True))
    ann.does("go", 0, cart_id="a")
    ann.does("go", 1, cart_id="b")
    ann.does("go", 2, cart_id="a")
    assert sorted((it.key, it.entered_at - T0) for it in ann.journeys) == [("a", 2), ("b", 1)]


def test_a_restart_is_no_entry_after_the_last_one_has_ended() -> None:
    ann = ann_of(sequence(*STAYS, again="never", restarts=True))
    ann.does("go", 0)
    assert cancels(ann.does("go", 1)) == ["restarted"]
    assert [it.entered_at - T0 for it in ann.journeys] == [1]


def test_never_again_is_not_lifted_by_restart() -> None:
    ann = ann_of(sequence(send("hello"), again="never", restarts=True))
    ann.does("go", 0)
    assert ann.does("go", 1) == []


def test_one_run_too_many_is_refused() -> None:
    ann = ann_of(sequence(*STAYS, again="always", key="cart_id", max_active=2))
    for at, cart in enumerate("abc"):
        ann.does("go", at, cart_id=cart)
    assert sorted(it.key for it in ann.journeys) == ["a", "b"]
    assert ann.why("not_entered") == ["too_many_journeys"]


def test_one_run_too_many_ends_the_oldest_where_the_book_says_so() -> None:
    ann = ann_of(sequence(*STAYS, again="always", key="cart_id", max_active=2, ends_oldest=True))
    ann.does("go", 0, cart_id="a")
    ann.does("go", 1, cart_id="b")
    assert cancels(ann.does("go", 2, cart_id="c")) == ["made_room"]
    assert sorted(it.key for it in ann.journeys) == ["b", "c"]


def test_a_restart_needs_no_room() -> None:
    flow = sequence(*STAYS, again="always", key="cart_id", max_active=2, restarts=True)
    ann = ann_of(flow)
    ann.does("go", 0, cart_id="a")
    ann.does("go", 1, cart_id="b")
    assert mails(ann.does("go", 2, cart_id="a")) == ["hello"]
    assert len(ann.journeys) == 2


# --- who may not


def test_exit_if_bars_the_entry_and_leaves_no_mark() -> None:
    ann = ann_of(sequence(send("hello"), again="never", exit_if=PRO))
    ann.says(0, plan="pro")
    assert mails(ann.does("go", 1)) == []
    assert ann.why("not_entered") == ["exit_if"]
    ann.says(2, plan="free")
    assert mails(ann.does("go", 3)) == ["hello"]


def test_a_restart_that_exit_if_bars_leaves_the_run_to_be_ended_by_exit_if() -> None:
    ann = ann_of(sequence(*STAYS, again="always", restarts=True, exit_if=PRO))
    ann.does("go", 0)
    ann.says(1, plan="pro")
    ann.does("go", 2)
    assert ann.journeys == []
    assert ann.why("exited") == ["exit_if"]


def test_anonymous_contacts_feed_measures_and_start_nothing() -> None:
    live = book(
        sequence(send("hello"), triggers=(*on("go"), ManualTrigger())), measures=measures(counted("go"))
    )
    visitor = Ann(live, stream="anon:x")
    visitor.says(0, email="ann@example.com")
    assert visitor.does("go", 1) == []
    assert visitor.enrols("flow", 2) == []
    assert visitor.why("not_entered") == ["anonymous", "anonymous"]
    assert visitor.state.standing.measures["go"] == [[T0 + 1, 1]]


def test_the_event_that_starts_a_journey_counts_for_the_triggers_own_if() -> None:
    flow = sequence(send("hello"), triggers=on("go", when=happened("go", 2)), again="always")
    ann = ann_of(flow, measures=measures(counted("go")))
    assert mails(ann.does("go", 1)) == []
    assert mails(ann.does("go", 20 * MINUTE)) == ["hello"]


# --- by hand


def test_enrolling_starts_a_journey_with_the_properties_given() -> None:
    flow = sequence(send("hello"), triggers=(ManualTrigger(),), keeps_event=True)
    assert mail(ann_of(flow).enrols("flow", 1, coupon="X")).event == {"coupon": "X"}


def test_enrolling_obeys_the_entry_rules() -> None:
    ann = ann_of(sequence(send("hello"), triggers=(ManualTrigger(),), again="never"))
    assert mails(ann.enrols("flow", 1)) == ["hello"]
    assert mails(ann.enrols("flow", 2)) == []


def test_enrolling_obeys_the_triggers_if() -> None:
    ann = ann_of(sequence(send("hello"), triggers=(ManualTrigger(when=PRO),)))
    assert mails(ann.enrols("flow", 1)) == []
    assert mails(ann.says(2, plan="pro")) == ["hello"]


def test_enrolling_in_a_workflow_that_there_is_not_is_told() -> None:
    ann = ann_of(sequence(send("hello")))
    assert ann.enrols("gone", 1) == []
    assert ann.why("not_entered") == ["no_workflow"]


# --- order


@pytest.mark.parametrize(("first", "mailed"), [("pro", ["hello"]), ("free", [])])
def test_equal_timestamps_go_by_arrival(first: str, mailed: list[str]) -> None:
    second = "free" if first == "pro" else "pro"
    live = book(sequence(send("hello"), triggers=on("go", when=PRO)))
    ann = Ann(replace(live, policy=replace(live.policy, entry_grace=0)), email="ann@example.com")
    says = [ann.event("", 5, type="identify", traits={"plan": plan}) for plan in (first, second)]
    go = ann.event("go", 5)
    assert mails(ann.takes([says[0], go, says[1]], 5)) == mailed
    assert ann.state.profile.traits["plan"] == second


def test_events_that_come_together_are_taken_in_the_order_in_which_they_occurred() -> None:
    ann = ann_of(sequence(send("hello"), exit_if=PRO))
    late = [
        ann.event("", 3, type="identify", traits={"plan": "free"}),
        ann.event("go", 5, late=3),
        ann.event("", 5, late=4, type="identify", traits={"plan": "pro"}),
    ]
    assert mails(ann.takes(late, 5)) == []
    assert ann.why("not_entered") == ["exit_if"]


def test_a_wait_that_was_over_before_a_late_event_came_before_it() -> None:
    """She was woken late, and something came in between: the email of before it has gone."""
    ann = ann_of(sequence(wait("rest", HOUR), send("hello"), exit_if=PRO))
    ann.does("go", 0)
    assert mails(ann.says(2 * HOUR, plan="pro")) == ["hello"]


def test_the_workflow_of_the_higher_priority_goes_first() -> None:
    flows = [
        sequence(send(name), name=name, priority=priority)
        for name, priority in (("low", 10), ("high", 90), ("usual", 50))
    ]
    assert mails(ann_of(*flows).does("go", 1)) == ["high", "usual", "low"]


def test_of_journeys_due_at_one_instant_the_higher_priority_goes_first() -> None:
    flows = [
        sequence(wait("rest", DAY), send(name), name=name, priority=priority, triggers=on(name))
        for name, priority in (("low", 10), ("high", 90))
    ]
    ann = ann_of(*flows)
    ann.takes([ann.event("low", 1), ann.event("high", 1)], 1)
    assert mails(ann.wakes(1 + DAY)) == ["high", "low"]


def test_the_same_inputs_lead_to_the_same_ids() -> None:
    live = book(sequence(send("hello")))
    ann = Ann(live, email="ann@example.com")
    event = ann.event("go", 1)
    twice = [advance(ann.state, [event], live, T0 + now) for now in (1, 5)]
    assert len({mail(it.effects[event.id]).message_id for it in twice}) == 1


def test_a_workflow_without_a_step_that_waits_is_over_at_once() -> None:
    ann = ann_of(sequence(send("only")))
    ann.does("go", 1)
    assert ann.journeys == []
    assert ann.why("exited") == ["finished"]
