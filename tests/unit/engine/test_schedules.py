"""When does the clock start a journey?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.book import Book
from redshank.engine.conditions import Compare
from redshank.engine.measures import Calendar
from redshank.engine.values import Measured
from redshank.engine.workflows import ScheduleTrigger, Workflow
from redshank.instants import DAY, HOUR, MINUTE, WEEK, iso, parse
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, mails

# T0 is Friday, 15 January 2027, 08:00 UTC.
TUESDAY, NINE = 1, 9 * 60
FIRST = 4 * DAY + HOUR  # Tuesday the 19th, 09:00 UTC
READERS = {"readers": trait("reads", True)}


def weekly(**more: Any) -> Workflow:
    trigger = ScheduleTrigger(
        **{"key": "t", "segment": "readers", "minutes": NINE, "days": (TUESDAY,), **more}
    )
    return sequence(send("hello"), triggers=(trigger,), again="always")


def once(at: str, **more: Any) -> Workflow:
    trigger = ScheduleTrigger(**{"key": "t", "segment": "readers", "at": at, **more})
    return sequence(send("hello"), triggers=(trigger,))


def of_readers(*workflows: Workflow, **more: Any) -> Book:
    return book(*workflows, **{"segments": READERS, **more})


def ann_of(live: Book, **traits: Any) -> Ann:
    return Ann(live, **{"email": "ann@example.com", "reads": True, **traits})


# --- every


def test_every_comes_on_its_days_at_its_time() -> None:
    assert ann_of(of_readers(weekly())).lives(until=3 * WEEK) == [
        (FIRST, "hello"),
        (FIRST + WEEK, "hello"),
        (FIRST + 2 * WEEK, "hello"),
    ]


def test_every_without_days_comes_daily() -> None:
    found = ann_of(of_readers(weekly(days=()))).lives(until=2 * DAY)
    assert found == [(HOUR, "hello"), (DAY + HOUR, "hello")]


def test_every_comes_at_the_contacts_own_time() -> None:
    ann = ann_of(of_readers(weekly()), timezone="America/New_York")
    assert ann.lives(until=WEEK) == [(FIRST + 5 * HOUR, "hello")]


def test_every_comes_at_a_fixed_zones_time_where_the_book_says_so() -> None:
    ann = ann_of(of_readers(weekly(timezone="Asia/Tokyo")), timezone="America/New_York")
    assert ann.lives(until=WEEK) == [(FIRST - 9 * HOUR, "hello")]


def test_every_keeps_its_local_time_through_a_change_of_the_clock() -> None:
    ann = ann_of(of_readers(weekly(days=(6,))), timezone="Europe/Berlin")
    found = [iso(T0 + at) for at, _ in ann.lives(until=parse("2027-04-05T00:00:00Z") - T0)]
    assert found[-3:] == [
        "2027-03-21T08:00:00.000Z",
        "2027-03-28T07:00:00.000Z",
        "2027-04-04T07:00:00.000Z",
    ]


def test_a_changed_zone_reschedules() -> None:
    ann = ann_of(of_readers(weekly()), timezone="America/New_York")
    ann.says(DAY, timezone="Asia/Tokyo")
    assert ann.lives(until=WEEK) == [(FIRST - 9 * HOUR, "hello")]


def test_nobody_outside_the_segment_is_woken() -> None:
    assert ann_of(of_readers(weekly()), reads=False).due is None


def test_whoever_joins_gets_the_next_one() -> None:
    ann = ann_of(of_readers(weekly()), reads=False)
    assert mails(ann.says(FIRST + 1, reads=True)) == []
    assert ann.lives(until=2 * WEEK) == [(FIRST + WEEK, "hello")]


def test_whoever_leaves_gets_none() -> None:
    ann = ann_of(of_readers(weekly()))
    ann.says(FIRST - 1, reads=False)
    assert ann.due is None


def test_whoever_joins_at_the_very_instant_gets_it() -> None:
    ann = ann_of(of_readers(weekly()), reads=False)
    assert mails(ann.says(FIRST, reads=True)) == ["hello"]


def test_whoever_leaves_at_the_very_instant_does_not() -> None:
    ann = ann_of(of_readers(weekly()))
    assert mails(ann.says(FIRST, reads=False)) == []


def test_an_event_at_the_very_instant_does_not_swallow_it() -> None:
    assert mails(ann_of(of_readers(weekly())).does("noted", FIRST)) == ["hello"]


def test_whoever_leaves_by_time_alone_at_the_very_instant_does_not_get_it() -> None:
    """``today`` ends at midnight, which is when it comes."""
    today = measures(counted("read", Calendar(during="today")))
    live = of_readers(weekly(minutes=0, days=()), segments={"readers": happened("read")}, measures=today)
    ann = ann_of(live)
    ann.does("read", HOUR)
    assert ann.lives(until=3 * DAY) == []


def test_whoever_joins_by_time_alone_at_the_very_instant_gets_it() -> None:
    none_today = Compare(Measured("read"), "lt", 1)
    today = measures(counted("read", Calendar(during="today")))
    live = of_readers(weekly(minutes=0, days=()), segments={"readers": none_today}, measures=today)
    ann = ann_of(live)
    ann.does("read", HOUR)
    assert ann.lives(until=DAY) == [(16 * HOUR, "hello")]


def test_it_comes_once_though_she_is_looked_at_again_that_instant() -> None:
    ann = ann_of(of_readers(weekly()))
    assert mails(ann.wakes(FIRST)) == ["hello"]
    assert mails(ann.wakes(FIRST)) == []
    assert mails(ann.does("noted", FIRST)) == []
    assert mails(ann.does("noted", FIRST + 1)) == []


def test_an_outage_does_not_send_three_weekly_mails_at_once() -> None:
    ann = ann_of(of_readers(weekly()))
    assert mails(ann.wakes(FIRST + 2 * WEEK + HOUR)) == ["hello"]
    assert ann.why("skipped") == ["held_too_long", "held_too_long"]


def test_what_an_outage_kept_back_for_less_than_the_hold_is_sent() -> None:
    assert mails(ann_of(of_readers(weekly())).wakes(FIRST + 23 * HOUR)) == ["hello"]


def test_what_an_outage_kept_back_beyond_the_hold_is_skipped() -> None:
    ann = ann_of(of_readers(weekly()))
    assert mails(ann.wakes(FIRST + 25 * HOUR)) == []
    assert ann.lives(until=2 * WEEK) == [(FIRST + WEEK, "hello")]


def test_membership_is_looked_at_at_the_moment_however_late_that_is_noticed() -> None:
    ann = ann_of(of_readers(weekly()))
    assert mails(ann.says(FIRST + HOUR, reads=False)) == ["hello"]


def test_a_late_word_about_what_is_past_does_not_send_what_was_not_sent_then() -> None:
    ann = ann_of(of_readers(weekly()), reads=False)
    ann.does("noted", FIRST + 2 * HOUR)
    assert mails(ann.says(FIRST + 3 * HOUR, said=FIRST - HOUR, reads=True)) == []


def test_the_if_of_a_schedule_is_judged_at_the_moment() -> None:
    ann = ann_of(of_readers(weekly(when=trait("plan", "pro"))), plan="free")
    ann.says(DAY, plan="pro")
    assert ann.lives(until=WEEK) == [(FIRST, "hello")]


# --- at


def test_a_broadcast_comes_once_at_each_contacts_own_moment() -> None:
    live = of_readers(once("2027-01-19T09:00"))
    assert ann_of(live).lives(until=100 * DAY) == [(FIRST, "hello")]
    assert ann_of(live, timezone="America/New_York").lives(until=100 * DAY) == [(FIRST + 5 * HOUR, "hello")]


def test_a_broadcast_at_a_time_that_the_clock_skips_comes_right_after() -> None:
    ann = ann_of(of_readers(once("2027-03-28T02:30")), timezone="Europe/Berlin")
    ((at, _),) = ann.lives(until=100 * DAY)
    assert iso(T0 + at) == "2027-03-28T01:00:00.000Z"


def test_a_broadcast_at_a_time_that_comes_twice_comes_the_first_time() -> None:
    ann = ann_of(of_readers(once("2027-10-31T02:30")), timezone="Europe/Berlin")
    ((at, _),) = ann.lives(until=400 * DAY)
    assert iso(T0 + at) == "2027-10-31T00:30:00.000Z"


def test_a_broadcast_is_not_for_who_joins_later() -> None:
    ann = ann_of(of_readers(once("2027-01-19T09:00")), reads=False)
    assert mails(ann.says(FIRST + HOUR, reads=True)) == []
    assert ann.due is None


def test_a_broadcast_is_not_for_who_is_born_later() -> None:
    live = of_readers(once("2027-01-01T09:00"))
    assert ann_of(live).due is None


def test_a_contact_that_moves_west_gets_a_broadcast_once() -> None:
    ann = ann_of(of_readers(once("2027-01-19T09:00")))
    assert ann.lives(until=FIRST) == [(FIRST, "hello")]
    ann.says(FIRST + HOUR, timezone="America/New_York")
    assert ann.lives(until=100 * DAY) == []


def test_a_contact_that_moves_east_past_its_moment_gets_a_broadcast_at_once() -> None:
    ann = ann_of(of_readers(once("2027-01-19T09:00")), timezone="America/New_York")
    assert mails(ann.says(FIRST + HOUR, timezone="Europe/Berlin")) == ["hello"]
    assert ann.lives(until=100 * DAY) == []


def test_a_contact_that_moves_long_after_a_broadcast_gets_none() -> None:
    ann = ann_of(of_readers(once("2027-01-19T09:00")), reads=False, timezone="America/New_York")
    ann.says(FIRST + DAY, reads=True)
    assert mails(ann.says(FIRST + 2 * DAY, timezone="Europe/Berlin")) == []


@pytest.mark.parametrize(("skip_late", "mailed"), [(True, []), (False, ["hello"])])
def test_a_broadcast_whose_moment_has_just_passed(skip_late: bool, mailed: list[str]) -> None:
    """Applied at 10:00 UTC; in Berlin it was nine already, three hours ago."""
    ann = ann_of(of_readers(), timezone="Europe/Berlin")
    born = {"t": (2, T0 + 2 * HOUR)}
    live = of_readers(once("2027-01-15T09:00", skip_late=skip_late), sequence=2, born=born)
    assert mails(ann.visited(2 * HOUR + MINUTE, live)) == mailed


def test_a_late_broadcast_is_sent_though_she_is_shown_the_book_a_day_after_its_moment() -> None:
    ann = ann_of(of_readers())
    live = of_readers(once("2027-01-15T09:00"), sequence=2, born={"t": (2, T0 + 20 * HOUR)})
    assert mails(ann.visited(26 * HOUR, live)) == ["hello"]


def test_a_broadcast_of_last_month_is_sent_to_nobody() -> None:
    ann = ann_of(of_readers())
    live = of_readers(once("2026-12-15T09:00"), sequence=2, born={"t": (2, T0 + DAY)})
    assert mails(ann.visited(DAY, live)) == []
    assert ann.due is None


def test_a_new_schedule_does_not_come_for_moments_before_it_was_applied() -> None:
    ann = ann_of(of_readers())
    live = of_readers(weekly(), sequence=2, born={"t": (2, T0 + FIRST + HOUR)})
    assert mails(ann.visited(FIRST + 2 * HOUR, live)) == []
    assert ann.due == FIRST + WEEK


def test_a_schedule_that_was_edited_elsewhere_goes_on() -> None:
    born = {"t": (1, T0)}
    ann = ann_of(of_readers(weekly(), born=born))
    later = of_readers(weekly(), replace(weekly(), name="other", triggers=()), sequence=2, born=born)
    ann.visited(DAY, later)
    assert ann.lives(until=WEEK) == [(FIRST, "hello")]


def test_a_run_that_still_waits_when_the_next_one_is_due_is_left_alone() -> None:
    slow = replace(weekly(), first="rest", steps={"rest": wait("rest", 10 * DAY)})
    ann = ann_of(of_readers(slow))
    ann.lives(until=FIRST + WEEK)
    assert [it.entered_at for it in ann.journeys] == [T0 + FIRST]
    assert ann.why("not_entered") == ["already_active"]
