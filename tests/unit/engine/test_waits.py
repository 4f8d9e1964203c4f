"""How long does a journey stand still?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.conditions import Compare, Email, Not
from redshank.engine.inputs import EMAIL_OPENED, LINK_CLICKED
from redshank.engine.measures import Measure, SinceEntry
from redshank.engine.measuring import HOUR_OF_DAY
from redshank.engine.state import END
from redshank.engine.values import ENTRY, HERE, Measured, Trait
from redshank.engine.workflows import Decide, EventTrigger, WaitFor, WaitUntil, Workflow
from redshank.instants import DAY, HOUR, MINUTE, iso
from tests.books import book, counted, happened, measures, send, sequence, steps, trait, wait
from tests.unit.engine.living import T0, Ann, mails

PRO = trait("plan", "pro")
#: T0 is Friday, 15 January 2027, 08:00 UTC.
NINE = 9 * 60


def ann_of(*workflows: Workflow, **more: Any) -> Ann:
    return Ann(book(*workflows, **more), email="ann@example.com")


def until(**more: Any) -> Workflow:
    return sequence(WaitUntil(id="pause", next=END, **more), send("bye"))


# --- wait


def test_a_wait_counts_from_when_the_step_before_settled() -> None:
    ann = ann_of(sequence(wait("a", DAY), send("hello"), wait("b", DAY), send("bye")))
    ann.does("go", 0)
    assert ann.lives(until=100 * DAY) == [(DAY, "hello"), (2 * DAY, "bye")]


def test_waits_that_follow_each_other_add_up_however_late_they_are_noticed() -> None:
    ann = ann_of(sequence(wait("a", DAY), wait("b", DAY), send("bye")))
    ann.does("go", 0)
    ann.wakes(DAY + 5 * HOUR)
    assert ann.due == 2 * DAY


def test_a_wait_of_nothing_is_none() -> None:
    ann = ann_of(sequence(wait("a", 0), send("bye")))
    assert mails(ann.does("go", 0)) == ["bye"]


def test_a_wait_whose_if_is_false_is_no_wait() -> None:
    ann = ann_of(sequence(wait("a", DAY, when=PRO), send("bye")))
    assert mails(ann.does("go", 0)) == ["bye"]


def test_a_wait_that_has_begun_is_not_cut_short_by_its_if() -> None:
    ann = ann_of(sequence(wait("a", DAY, when=PRO), send("bye")))
    ann.says(0, plan="pro")
    ann.does("go", 0)
    assert mails(ann.says(HOUR, plan="free")) == []
    assert ann.lives(until=100 * DAY) == [(DAY, "bye")]


# --- wait_for


def waits_for(condition: Any, at_most: int | None = 4 * DAY, **more: Any) -> Workflow:
    step = WaitFor(id="look", next="bye", condition=condition, at_most=at_most, then="yes", otherwise="no")
    made = sequence(send("hello"), step, apart=(send("yes", "bye"), send("no", "bye"), send("bye")))
    return replace(made, **more)


def test_it_goes_one_way_as_soon_as_the_condition_is_true() -> None:
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    assert mails(ann.says(HOUR, plan="pro")) == ["yes", "bye"]


def test_it_goes_the_other_way_when_the_time_is_over() -> None:
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    assert ann.lives(until=100 * DAY) == [(4 * DAY, "no"), (4 * DAY, "bye")]


def test_it_goes_one_way_only() -> None:
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    ann.says(HOUR, plan="pro")
    assert ann.lives(until=100 * DAY) == []
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    ann.wakes(4 * DAY)
    assert mails(ann.says(4 * DAY + 1, plan="pro")) == []


def test_a_condition_that_is_true_already_passes_at_once() -> None:
    ann = ann_of(waits_for(PRO))
    ann.says(0, plan="pro")
    assert mails(ann.does("go", 1)) == ["hello", "yes", "bye"]


def test_without_a_limit_it_waits_for_ever() -> None:
    ann = ann_of(waits_for(PRO, at_most=None))
    ann.does("go", 0)
    assert ann.due is None
    assert mails(ann.says(400 * DAY, plan="pro")) == ["yes", "bye"]


def test_a_condition_that_time_alone_makes_true_is_waited_for() -> None:
    logins = measures(counted("logged_in", 2 * DAY))
    ann = ann_of(waits_for(Not(happened("logged_in"))), measures=logins)
    ann.does("logged_in", 0)
    ann.does("go", HOUR)
    assert ann.lives(until=100 * DAY) == [(2 * DAY, "yes"), (2 * DAY, "bye")]


def test_what_comes_at_the_last_instant_counts() -> None:
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    assert mails(ann.says(4 * DAY, plan="pro")) == ["yes", "bye"]


def test_what_comes_after_the_time_is_over_does_not_count_though_nobody_had_looked() -> None:
    ann = ann_of(waits_for(PRO))
    ann.does("go", 0)
    assert mails(ann.says(4 * DAY + HOUR, plan="pro")) == ["no", "bye"]


def paid(since: str, **more: Any) -> Compare:
    return Compare(Measured("paid", since, **more), "gte", 1)


PAID = measures(Measure(key="paid", events=("paid",), window=SinceEntry()))


def test_an_event_counts_since_the_wait_began() -> None:
    made = waits_for(paid(HERE))
    ann = ann_of(
        replace(made, first="rest", steps={**made.steps, **steps(wait("rest", DAY, "look"))}), measures=PAID
    )
    ann.does("go", 0)
    ann.does("paid", HOUR)
    ann.wakes(DAY)
    assert len(ann.journeys) == 1
    assert mails(ann.does("paid", 2 * DAY)) == ["yes", "bye"]


def test_an_event_since_the_entry_passes_at_once() -> None:
    made = waits_for(paid(ENTRY))
    ann = ann_of(
        replace(made, first="rest", steps={**made.steps, **steps(wait("rest", DAY, "look"))}), measures=PAID
    )
    ann.does("go", 0)
    ann.does("paid", HOUR)
    assert mails(ann.wakes(DAY)) == ["yes", "bye"]


def test_an_event_since_a_step_passes_at_once() -> None:
    made = waits_for(paid("first"), remembers=("first",))
    chain = steps(wait("first", DAY, "second"), wait("second", DAY, "look"))
    live = replace(made, first="first", steps={**made.steps, **chain})
    ann = ann_of(live, measures=PAID)
    ann.does("go", 0)
    ann.does("paid", HOUR)
    ann.lives(until=2 * DAY)
    assert len(ann.journeys) == 1  # it came before that step was left
    ann = ann_of(live, measures=PAID)
    ann.does("go", 0)
    ann.wakes(DAY)
    ann.does("paid", DAY + HOUR)
    assert mails(ann.wakes(2 * DAY)) == ["yes", "bye"]


def test_an_event_of_before_the_entry_does_not_count() -> None:
    ann = ann_of(waits_for(paid(ENTRY)), measures=PAID)
    ann.does("paid", 0)
    ann.does("go", HOUR)
    assert ann.lives(until=100 * DAY) == [(HOUR + 4 * DAY, "no"), (HOUR + 4 * DAY, "bye")]


@pytest.mark.parametrize("since", [ENTRY, HERE])
def test_the_event_that_started_the_journey_never_counts(since: str) -> None:
    flow = waits_for(paid(since, strictly=True), triggers=(EventTrigger(events=("paid",)),))
    ann = ann_of(flow, measures=PAID)
    assert mails(ann.does("paid", 0)) == ["hello"]
    assert mails(ann.does("paid", HOUR)) == ["yes", "bye"]


# --- what became of an email


def look(condition: Any) -> Ann:
    ann = ann_of(waits_for(condition))
    ann.does("go", 0)
    return ann


def see(ann: Ann, fact: str, at: int, step: str = "hello", **more: Any) -> list[str]:
    return mails(ann.hears(fact, at, run=ann.journeys[0].run, step=step, **more))


def test_a_click_is_waited_for() -> None:
    assert see(look(Email("clicked", "hello")), LINK_CLICKED, HOUR) == ["yes", "bye"]


def test_a_click_in_another_email_is_not_it() -> None:
    assert see(look(Email("clicked", "hello")), LINK_CLICKED, HOUR, step="bye") == []


def test_an_open_is_no_click() -> None:
    assert see(look(Email("clicked", "hello")), EMAIL_OPENED, HOUR) == []


@pytest.mark.parametrize("by", ["proxy", "scanner"])
def test_a_machine_is_no_human(by: str) -> None:
    assert see(look(Email("opened", "hello")), EMAIL_OPENED, HOUR, by=by) == []
    assert see(look(Email("clicked", "hello")), LINK_CLICKED, HOUR, by=by) == []


@pytest.mark.parametrize("by", ["proxy", "scanner", "human"])
def test_anyone_is_human_or_machine(by: str) -> None:
    assert see(look(Email("opened", "hello", anyone=True)), EMAIL_OPENED, HOUR, by=by) == ["yes", "bye"]


def test_a_human_may_come_after_a_machine() -> None:
    ann = look(Email("opened", "hello"))
    see(ann, EMAIL_OPENED, HOUR, by="proxy")
    assert see(ann, EMAIL_OPENED, 2 * HOUR, by="human") == ["yes", "bye"]


def test_a_link_is_matched_by_a_glob() -> None:
    ann = look(Email("clicked", "hello", link="*/pricing*"))
    assert see(ann, LINK_CLICKED, HOUR, link="https://acme.example/blog") == []
    assert see(ann, LINK_CLICKED, 2 * HOUR, link="https://acme.example/pricing?x=1") == ["yes", "bye"]


def test_a_machines_link_is_no_humans_link() -> None:
    ann = look(Email("clicked", "hello", link="*/pricing*"))
    see(ann, LINK_CLICKED, HOUR, link="https://acme.example/pricing", by="scanner")
    assert see(ann, LINK_CLICKED, 2 * HOUR, link="https://acme.example/blog", by="human") == []


def test_sent_is_what_was_decided() -> None:
    ann = ann_of(waits_for(Email("sent", "hello")))
    assert mails(ann.does("go", 0)) == ["hello", "yes", "bye"]


def test_sent_is_not_what_was_skipped() -> None:
    made = waits_for(Email("sent", "hello"))
    hello = replace(made.steps["hello"], when=PRO)
    ann = ann_of(replace(made, steps={**made.steps, "hello": hello}))
    assert mails(ann.does("go", 0)) == []
    assert ann.lives(until=100 * DAY) == [(4 * DAY, "no"), (4 * DAY, "bye")]


# --- wait_until


def test_until_a_time_of_day_is_the_contacts_own() -> None:
    ann = ann_of(until(minutes=NINE))
    ann.says(0, timezone="America/New_York")
    ann.does("go", 0)
    assert ann.due == 6 * HOUR


def test_until_a_time_on_some_weekdays() -> None:
    ann = ann_of(until(minutes=NINE, days=(1, 3)))
    ann.does("go", 0)
    assert ann.due == 4 * DAY + HOUR  # Tuesday


def test_until_a_time_that_it_is_now_passes_at_once() -> None:
    assert mails(ann_of(until(minutes=8 * 60)).does("go", 0)) == ["bye"]


def test_a_changed_zone_reschedules_a_wait() -> None:
    ann = ann_of(until(minutes=NINE))
    ann.says(0, timezone="America/New_York")
    ann.does("go", 0)
    ann.says(HOUR, timezone="Asia/Tokyo")
    assert ann.due == 16 * HOUR


def test_until_a_time_that_the_clock_skips_is_right_after_it() -> None:
    ann = ann_of(until(minutes=2 * 60 + 30, days=(6,)))
    ann.says(0, timezone="Europe/Berlin")
    ann.does("go", 71 * DAY)
    ((at, _),) = ann.lives(until=100 * DAY)
    assert iso(T0 + at) == "2027-03-28T01:00:00.000Z"


def test_until_a_date_with_an_offset() -> None:
    ann = ann_of(until(date=Trait("ends"), offset=-3 * DAY))
    ann.says(0, ends=iso(T0 + 14 * DAY))
    ann.does("go", 0)
    assert ann.lives(until=100 * DAY) == [(11 * DAY, "bye")]


def test_until_a_date_that_moves_goes_with_it() -> None:
    ann = ann_of(until(date=Trait("ends")))
    ann.says(0, ends=iso(T0 + 14 * DAY))
    ann.does("go", 0)
    ann.says(DAY, ends=iso(T0 + 20 * DAY))
    assert ann.lives(until=100 * DAY) == [(20 * DAY, "bye")]


def test_until_a_date_that_moves_into_the_past_goes_on_now() -> None:
    """And what it sends is not overdue: the wait has only just been released."""
    ann = ann_of(until(date=Trait("ends")))
    ann.says(0, ends=iso(T0 + 14 * DAY))
    ann.does("go", 0)
    assert mails(ann.says(5 * DAY, ends=iso(T0 + DAY))) == ["bye"]


@pytest.mark.parametrize("ends", [None, "soon", iso(T0 - DAY)])
def test_until_a_date_that_is_unknown_or_past_goes_on_at_once(ends: Any) -> None:
    ann = ann_of(until(date=Trait("ends")))
    ann.says(0, ends=ends)
    assert mails(ann.does("go", 1)) == ["bye"]


def test_until_the_best_hour_is_the_one_at_which_she_opened_most() -> None:
    best = Measure(key="hours", events=(EMAIL_OPENED,), aggregate="top", of=HOUR_OF_DAY)
    ann = ann_of(until(best_hour="hours"), measures=measures(best))
    for day, hour in enumerate((11, 17, 17)):
        ann.hears(EMAIL_OPENED, day * DAY + (hour - 8) * HOUR)
    ann.does("go", 3 * DAY)
    assert ann.lives(until=100 * DAY) == [(3 * DAY + 9 * HOUR, "bye")]


def test_until_a_best_hour_of_which_nothing_is_known_goes_on_at_once() -> None:
    best = Measure(key="hours", events=(EMAIL_OPENED,), aggregate="top", of=HOUR_OF_DAY)
    assert mails(ann_of(until(best_hour="hours"), measures=measures(best)).does("go", 0)) == ["bye"]


def test_a_send_time_test_gives_each_contact_one_time_for_good() -> None:
    arms = {"morning": (0.5, NINE), "evening": (0.5, 19 * 60)}
    live = book(until(arms=arms))
    found = {}
    for n in range(40):
        who = Ann(live, stream=f"user:{n}", email=f"{n}@example.com")
        who.does("go", 0)
        found[n] = who.due
    assert set(found.values()) == {HOUR, 11 * HOUR}


def test_a_send_time_test_that_is_decided_sends_all_at_that_time() -> None:
    arms = {"morning": (0.5, NINE), "evening": (0.5, 19 * 60)}
    decide = Decide(by="opens", then="winner")
    live = book(until(arms=arms, decide=decide), winners={"flow/pause": "evening"})
    dues = set()
    for n in range(20):
        who = Ann(live, stream=f"user:{n}", email=f"{n}@example.com")
        who.does("go", 0)
        dues.add(who.due)
    assert dues == {11 * HOUR}


def test_a_short_wait_comes_to_the_minute() -> None:
    ann = ann_of(sequence(wait("a", 15 * MINUTE), send("bye")))
    ann.does("go", 1)
    assert ann.due == 15 * MINUTE + 1
