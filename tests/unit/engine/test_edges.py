"""When does a condition turn true, and a date come?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.book import Book, Policy
from redshank.engine.conditions import Compare, Condition, InSegment, Not, Reached
from redshank.engine.effects import Membership
from redshank.engine.values import Measured, Trait
from redshank.engine.workflows import BecomesTrigger, DateTrigger, Workflow
from redshank.instants import DAY, HOUR, MINUTE, iso
from tests.books import book, counted, happened, measures, send, sequence, trait
from tests.unit.engine.living import T0, Ann, mails

PRO = trait("plan", "pro")
LOGINS = measures(counted("logged_in", 7 * DAY))


def becomes(condition: Condition, **more: Any) -> Workflow:
    own = {name: more.pop(name) for name in ("when", "include_existing") if name in more}
    trigger = BecomesTrigger(key="t", condition=condition, **own)
    return sequence(send("hello"), triggers=(trigger,), **{"again": "always", **more})


def on_date(path: str, *, offset: int = 0, minutes: int | None = None, **more: Any) -> Workflow:
    own = {name: more.pop(name) for name in ("when", "include_existing") if name in more}
    reached = Reached(Trait(path), offset, minutes)
    trigger = DateTrigger(key="t", condition=reached, **own)
    return sequence(send("hello"), triggers=(trigger,), **{"again": "always", **more})


def ann_of(live: Book, **traits: Any) -> Ann:
    return Ann(live, email="ann@example.com", **traits)


# --- becomes


def test_it_fires_when_the_condition_turns_true_and_is_armed_again_when_false() -> None:
    ann = ann_of(book(becomes(PRO)))
    plans = ["free", "pro", "pro", "free", "pro"]
    found = [mails(ann.says(at, plan=plan)) for at, plan in enumerate(plans, start=1)]
    assert found == [[], ["hello"], [], [], ["hello"]]


def test_whoever_is_created_with_it_true_fires() -> None:
    ann = Ann(book(becomes(PRO)))
    assert mails(ann.says(0, email="ann@example.com", plan="pro")) == ["hello"]


def test_what_is_true_of_nobody_does_not_fire_at_birth() -> None:
    """``not logged in for 7 days`` is true of somebody who was created a second ago."""
    ann = Ann(book(becomes(Not(happened("logged_in"))), measures=LOGINS))
    assert mails(ann.says(0, email="ann@example.com")) == []
    ann.does("logged_in", DAY)
    assert ann.lives(until=100 * DAY) == [(8 * DAY, "hello")]


def test_a_count_that_is_reached_fires_once_until_it_falls() -> None:
    ann = ann_of(book(becomes(happened("logged_in", 3)), measures=LOGINS))
    found = [mails(ann.does("logged_in", at * HOUR)) for at in range(5)]
    assert found == [[], [], ["hello"], [], []]
    ann.lives(until=20 * DAY)
    assert [mails(ann.does("logged_in", 20 * DAY + at)) for at in range(3)] == [[], [], ["hello"]]


def test_a_segment_is_entered_and_left() -> None:
    active = {"active": happened("logged_in")}
    enters = becomes(InSegment("active"))
    leaves = replace(
        becomes(Not(InSegment("active"))),
        name="left",
        triggers=(BecomesTrigger(key="left", condition=Not(InSegment("active"))),),
    )
    ann = ann_of(book(enters, leaves, segments=active, measures=LOGINS))
    effects = ann.does("logged_in", DAY)
    assert mails(effects) == ["hello"]
    assert [it.member for it in effects if isinstance(it, Membership)] == [True]
    effects = ann.wakes(8 * DAY)
    assert [it.workflow for it in effects if mails([it])] == ["left"]
    assert [it.member for it in effects if isinstance(it, Membership)] == [False]


@pytest.mark.parametrize("said", [("a", "b", "c", "d"), ("d", "c", "b", "a")])
def test_of_edges_at_one_instant_the_highest_priority_goes_first_whatever_was_said_first(
    said: tuple[str, ...],
) -> None:
    flows = [
        sequence(
            send(f"hello_{name}"),
            name=name,
            priority=90 if name == "c" else 50,
            triggers=(BecomesTrigger(key=f"t{name}", condition=trait(name, 1)),),
        )
        for name in reversed(said)
    ]
    ann = ann_of(book(*flows, policy=Policy(max_emails_per_day=2)))
    assert mails(ann.says(1, **dict.fromkeys(said, 1))) == ["hello_c", "hello_a"]


def test_an_edge_whose_if_is_false_is_passed_over() -> None:
    ann = ann_of(book(becomes(PRO, when=trait("country", "DE"))))
    assert mails(ann.says(1, plan="pro")) == []
    assert mails(ann.says(DAY, country="DE")) == []


def test_history_fires_no_edge_and_is_what_the_next_edge_starts_from() -> None:
    ann = ann_of(book(becomes(happened("logged_in", 2)), measures=LOGINS))
    past = [ann.event("logged_in", at, historical=True) for at in (1, 2)]
    assert mails(ann.takes(past, 5)) == []
    assert mails(ann.does("logged_in", 6)) == []


def test_a_late_event_turns_a_condition_true_without_a_journey() -> None:
    ann = ann_of(book(becomes(happened("logged_in")), measures=LOGINS))
    assert mails(ann.does("logged_in", 3 * DAY, late=2 * DAY)) == []


# --- a book is applied


def applied(*workflows: Workflow, at: int, **more: Any) -> Book:
    """The second book, which brings all its triggers."""
    keys = [trigger.key for it in workflows for trigger in it.triggers if hasattr(trigger, "key")]
    return book(*workflows, sequence=2, born=dict.fromkeys(keys, (2, T0 + at)), **more)


def test_applying_a_book_fires_no_edge_for_who_matches_already() -> None:
    ann = ann_of(book(), plan="pro")
    assert mails(ann.visited(DAY, applied(becomes(PRO), at=DAY))) == []
    ann.says(2 * DAY, plan="free")
    assert mails(ann.says(3 * DAY, plan="pro")) == ["hello"]


def test_applying_a_book_fires_no_edge_that_lies_before_it() -> None:
    """Nothing happened to her for a month; she stopped matching long before the book was written."""
    ann = ann_of(book(measures=LOGINS))
    ann.does("logged_in", 0)
    live = applied(becomes(Not(happened("logged_in"))), at=30 * DAY, measures=LOGINS)
    assert mails(ann.visited(30 * DAY + HOUR, live)) == []


def test_an_edge_after_the_book_was_applied_fires_though_she_is_shown_it_later() -> None:
    ann = ann_of(book(measures=LOGINS))
    ann.does("logged_in", 0)
    live = applied(becomes(Not(happened("logged_in"))), at=7 * DAY - HOUR, measures=LOGINS)
    assert mails(ann.visited(7 * DAY + HOUR, live)) == ["hello"]


def test_include_existing_enrols_who_matches_once() -> None:
    ann = ann_of(book(), plan="pro")
    live = applied(becomes(PRO, include_existing=True), at=DAY)
    assert mails(ann.visited(DAY, live)) == ["hello"]
    assert mails(ann.visited(2 * DAY, replace(live, sequence=3))) == []


def test_include_existing_begins_when_she_is_shown_the_book() -> None:
    ann = ann_of(book(), plan="pro")
    live = applied(becomes(PRO, include_existing=True), at=60 * DAY)
    assert mails(ann.visited(62 * DAY, live)) == ["hello"]
    (entered,) = ann.state.standing.entries.values()
    assert entered == T0 + 62 * DAY


def test_include_existing_enrols_nobody_who_does_not_match() -> None:
    ann = ann_of(book(), plan="free")
    assert mails(ann.visited(DAY, applied(becomes(PRO, include_existing=True), at=DAY))) == []


def test_an_edge_that_an_edit_did_not_touch_keeps_its_truth() -> None:
    live = book(becomes(PRO), born={"t": (1, T0)})
    ann = ann_of(live, plan="pro")
    assert mails(ann.visited(DAY, replace(live, sequence=2))) == []
    assert mails(ann.says(2 * DAY, plan="free")) == []
    assert mails(ann.says(3 * DAY, plan="pro")) == ["hello"]


# --- a date


def test_a_date_comes_by_time_alone() -> None:
    ann = ann_of(book(on_date("trial_ends_at")))
    assert mails(ann.says(1, trial_ends_at=iso(T0 + 14 * DAY))) == []
    assert ann.lives(until=100 * DAY) == [(14 * DAY, "hello")]


def test_an_offset_is_before_or_after_the_date() -> None:
    ann = ann_of(book(on_date("trial_ends_at", offset=-3 * DAY)), trial_ends_at=iso(T0 + 14 * DAY))
    assert ann.lives(until=100 * DAY) == [(11 * DAY, "hello")]


def test_a_time_of_day_is_the_contacts_own() -> None:
    # T0 is a Friday, 08:00 UTC; in New York it is 03:00.
    ends = "2027-01-29T12:00:00Z"
    flow = on_date("trial_ends_at", offset=-3 * DAY, minutes=9 * 60)
    ann = ann_of(book(flow), trial_ends_at=ends, timezone="America/New_York")
    assert ann.lives(until=100 * DAY) == [(11 * DAY + 6 * HOUR, "hello")]  # the 26th, 14:00 UTC


def test_a_changed_zone_reschedules_a_date() -> None:
    flow = on_date("trial_ends_at", minutes=9 * 60)
    ann = ann_of(book(flow), trial_ends_at="2027-01-29T12:00:00Z", timezone="America/New_York")
    ann.says(DAY, timezone="Asia/Tokyo")
    assert ann.lives(until=100 * DAY) == [(13 * DAY + 16 * HOUR, "hello")]  # 29th, 09:00 in Tokyo


def test_a_zone_in_which_the_moment_has_just_passed_lets_a_date_come_at_once() -> None:
    flow = on_date("trial_ends_at", minutes=9 * 60)
    ann = ann_of(book(flow), trial_ends_at="2027-01-29T12:00:00Z", timezone="America/New_York")
    assert mails(ann.says(14 * DAY + HOUR, timezone="Europe/Berlin")) == ["hello"]


def test_a_past_date_that_is_written_with_a_zone_does_not_fire() -> None:
    flow = on_date("trial_ends_at", minutes=9 * 60)
    ann = ann_of(book(flow), trial_ends_at="2027-01-29T12:00:00Z", timezone="America/New_York")
    assert mails(ann.says(DAY, trial_ends_at="2027-01-15T12:00:00Z", timezone="Europe/Berlin")) == []


def test_a_changed_date_is_waited_for_instead() -> None:
    ann = ann_of(book(on_date("trial_ends_at")), trial_ends_at=iso(T0 + 5 * DAY))
    ann.says(DAY, trial_ends_at=iso(T0 + 9 * DAY))
    assert ann.lives(until=100 * DAY) == [(9 * DAY, "hello")]


def test_a_date_that_is_put_off_after_it_came_fires_again() -> None:
    ann = ann_of(book(on_date("trial_ends_at")), trial_ends_at=iso(T0 + 5 * DAY))
    assert ann.lives(until=6 * DAY) == [(5 * DAY, "hello")]
    ann.says(6 * DAY, trial_ends_at=iso(T0 + 9 * DAY))
    assert ann.lives(until=100 * DAY) == [(9 * DAY, "hello")]


def test_a_past_date_that_is_written_does_not_fire() -> None:
    ann = ann_of(book(on_date("trial_ends_at")))
    assert mails(ann.says(DAY, trial_ends_at=iso(T0))) == []
    assert ann.due is None
    assert ann.why("not_entered") == ["date_passed"]


def test_a_date_that_is_removed_does_not_come() -> None:
    ann = ann_of(book(on_date("trial_ends_at")), trial_ends_at=iso(T0 + 5 * DAY))
    ann.says(DAY, trial_ends_at=None)
    assert ann.lives(until=100 * DAY) == []


def test_a_date_written_when_it_comes_fires() -> None:
    ann = ann_of(book(on_date("trial_ends_at")))
    assert mails(ann.says(DAY, trial_ends_at=iso(T0 + DAY - MINUTE))) == ["hello"]


@pytest.mark.parametrize("nonsense", ["soon", True, {"a": 1}, "0001-01-01", 10**40])
def test_what_is_no_date_never_comes(nonsense: Any) -> None:
    ann = ann_of(book(on_date("trial_ends_at", minutes=540)), trial_ends_at=nonsense)
    assert ann.lives(until=100 * DAY) == []


def test_include_existing_of_a_date_enrols_for_whom_it_has_passed() -> None:
    ann = ann_of(book(), trial_ends_at=iso(T0 + DAY))
    live = applied(on_date("trial_ends_at", include_existing=True), at=3 * DAY)
    assert mails(ann.visited(3 * DAY, live)) == ["hello"]


def test_a_date_that_came_before_the_book_was_applied_fires_nothing() -> None:
    ann = ann_of(book(), trial_ends_at=iso(T0 + DAY))
    assert mails(ann.visited(3 * DAY, applied(on_date("trial_ends_at"), at=3 * DAY))) == []


def test_a_date_of_the_day_it_is_skipped_by_the_clock_is_the_first_valid_instant_after() -> None:
    """In Berlin 02:30 does not exist on 28 March 2027."""
    flow = on_date("due_on", minutes=2 * 60 + 30)
    ann = ann_of(book(flow), due_on="2027-03-28", timezone="Europe/Berlin")
    ((at, _),) = ann.lives(until=100 * DAY)
    assert iso(T0 + at) == "2027-03-28T01:00:00.000Z"


QUIET = Compare(Measured("logins"), "eq", 0)


@pytest.mark.parametrize("historical", [True, False])
def test_what_is_only_known_from_long_ago_starts_nothing(historical: bool) -> None:
    logins = counted("logged_in", 7 * DAY)
    flow = sequence(send("miss"), triggers=(BecomesTrigger(key="q", condition=QUIET),), again="always")
    live = book(flow, measures=measures(replace(logins, key="logins")))
    ann = Ann(live)
    login = ann.event("logged_in", 0, late=700 * DAY, historical=historical)
    known = ann.event("", 0, type="identify", traits={"email": "ann@example.com"})
    ann.takes([login, known], 0)
    ann.lives(60 * DAY)
    assert ann.why("entered") == []
    ann.does("logged_in", 61 * DAY)
    assert [step for _, step in ann.lives(90 * DAY)] == ["miss"]
