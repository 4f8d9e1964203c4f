"""Quiet hours and caps: what waits, until when, and what is skipped."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.book import Cap, Quiet
from redshank.engine.holding import SPREAD
from redshank.engine.state import END
from redshank.engine.workflows import EventTrigger, Send, Workflow
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, send, sequence, wait
from tests.unit.engine.living import T0, Ann, mail, mails

NIGHT = Quiet(start=21 * 60, end=8 * 60)
DAILY = Cap(max=1)
WEEKLY = Cap(max=3, within=7 * DAY)

TIPS = sequence(send("hello"), again="always")
RECEIPTS = sequence(
    replace(send("receipt"), topic="billing"),
    name="receipts",
    topic="billing",
    again="always",
    triggers=(EventTrigger(events=("paid",)),),
)


def ann_of(*workflows: Workflow, zone: str = "UTC", hold: int = DAY, **policy: Any) -> Ann:
    live = book(*(_holding(flow, hold) for flow in workflows or (TIPS,)))
    live = replace(live, policy=replace(live.policy, max_emails_per_day=100, **policy))
    return Ann(live, email="ann@example.com", timezone=zone)


def _holding(flow: Workflow, hold: int) -> Workflow:
    steps = {name: replace(it, hold=hold) if isinstance(it, Send) else it for name, it in flow.steps.items()}
    return replace(flow, steps=steps)


# T0 is 08:00 in UTC.


def test_in_quiet_hours_an_email_waits_for_their_end() -> None:
    ann = ann_of(quiet=NIGHT)
    assert ann.does("go", 14 * HOUR) == []
    assert ann.why("held") == ["quiet"]
    [(at, step)] = ann.lives(2 * DAY)
    assert step == "hello"
    assert 24 * HOUR <= at < 24 * HOUR + SPREAD


def test_the_first_quiet_minute_is_quiet_and_the_last_is_the_one_before_their_end() -> None:
    assert mails(ann_of(quiet=NIGHT).does("go", 13 * HOUR - 1)) == ["hello"]
    assert mails(ann_of(quiet=NIGHT).does("go", 13 * HOUR)) == []
    assert mails(ann_of(quiet=NIGHT).does("go", 24 * HOUR - 1)) == []
    assert mails(ann_of(quiet=NIGHT).does("go", 24 * HOUR)) == ["hello"]


def test_quiet_hours_within_a_day_are_between_their_times() -> None:
    siesta = Quiet(start=13 * 60, end=16 * 60)
    assert mails(ann_of(quiet=siesta).does("go", 4 * HOUR)) == ["hello"]
    assert mails(ann_of(quiet=siesta).does("go", 6 * HOUR)) == []
    assert mails(ann_of(quiet=siesta).does("go", 8 * HOUR)) == ["hello"]


def test_they_are_quiet_on_the_contacts_clock() -> None:
    assert mails(ann_of(quiet=NIGHT, zone="America/New_York").does("go", 0)) == []
    assert mails(ann_of(quiet=NIGHT, zone="America/New_York").does("go", 13 * HOUR)) == ["hello"]


def test_who_moves_to_a_timezone_in_which_it_is_day_gets_what_waited() -> None:
    ann = ann_of(quiet=NIGHT)
    ann.does("go", 14 * HOUR)
    assert mails(ann.says(14 * HOUR + MINUTE, timezone="America/Los_Angeles")) == ["hello"]


def test_quiet_hours_are_waited_for_however_short_the_hold() -> None:
    ann = ann_of(quiet=NIGHT, hold=HOUR)
    ann.does("go", 14 * HOUR)
    assert [step for _, step in ann.lives(2 * DAY)] == ["hello"]


def test_the_wait_after_a_held_email_counts_from_when_it_went() -> None:
    ann = ann_of(sequence(send("hello"), wait("rest", 2 * HOUR), send("bye")), quiet=NIGHT)
    ann.does("go", 14 * HOUR)
    [(first, _), (second, _)] = ann.lives(3 * DAY)
    assert second == first + 2 * HOUR


def test_the_end_of_quiet_hours_is_no_spike() -> None:
    ends = set()
    for number in range(50):
        ann = Ann(ann_of(quiet=NIGHT).book, stream=f"user:{number}", email="ann@example.com")
        ann.does("go", 14 * HOUR)
        ends.add(ann.due)
    assert len(ends) > 40
    assert all(end is not None and 24 * HOUR <= end < 24 * HOUR + SPREAD for end in ends)


def test_an_email_that_is_queued_when_quiet_hours_begin_comes_back() -> None:
    assert mail(ann_of(quiet=NIGHT).does("go", 12 * HOUR)).not_after == T0 + 13 * HOUR
    assert mail(ann_of(quiet=NIGHT, hold=30 * MINUTE).does("go", 0)).not_after == T0 + 30 * MINUTE


def test_one_a_day_is_one_a_day_of_the_contacts_calendar() -> None:
    ann = ann_of(caps=(DAILY,), zone="Europe/Berlin")
    assert mails(ann.does("go", 0)) == ["hello"]
    assert ann.does("go", HOUR) == []
    assert ann.why("held") == ["capped"]
    assert ann.lives(2 * DAY) == [(15 * HOUR, "hello")]  # midnight in Berlin


def test_three_within_seven_days_roll() -> None:
    ann = ann_of(caps=(WEEKLY,), hold=7 * DAY)
    assert [mails(ann.does("go", day * DAY)) for day in range(4)] == [["hello"]] * 3 + [[]]
    assert ann.lives(30 * DAY) == [(7 * DAY, "hello")]


def test_an_email_that_could_only_go_after_its_hold_is_skipped() -> None:
    ann = ann_of(caps=(WEEKLY,), hold=DAY)
    for day in range(4):
        ann.does("go", day * DAY)
    assert ann.why("skipped") == ["capped"]
    assert ann.journeys == []


def test_all_caps_hold_at_once() -> None:
    ann = ann_of(caps=(DAILY, WEEKLY), hold=7 * DAY)
    for hour in range(5):
        ann.does("go", hour * HOUR)
    days = [at // DAY for at, _ in ann.lives(30 * DAY)]
    assert max(Counter(days).values()) == 1


def test_caps_count_over_all_workflows_and_the_higher_priority_goes_first() -> None:
    minor = sequence(send("help"), name="minor", triggers=(EventTrigger(events=("go",)),), priority=10)
    major = sequence(send("proof"), name="major", triggers=(EventTrigger(events=("go",)),), priority=90)
    ann = ann_of(minor, major, caps=(DAILY,))
    assert mails(ann.does("go", 0)) == ["proof"]
    assert [step for _, step in ann.lives(2 * DAY)] == ["help"]


def test_when_a_cap_opens_the_higher_priority_goes_first_whoever_waited_longer() -> None:
    minor = sequence(send("help"), name="minor", triggers=(EventTrigger(events=("low",)),), priority=10)
    major = sequence(send("proof"), name="major", triggers=(EventTrigger(events=("high",)),), priority=90)
    ann = ann_of(TIPS, minor, major, caps=(DAILY,), hold=7 * DAY)
    ann.does("go", 0)
    ann.does("low", HOUR)
    ann.does("high", 2 * HOUR)
    assert [step for _, step in ann.lives(5 * DAY)] == ["proof", "help"]


def test_transactional_email_waits_for_nothing_and_counts_for_nothing() -> None:
    ann = ann_of(TIPS, RECEIPTS, caps=(DAILY,), quiet=NIGHT)
    assert mails(ann.does("paid", HOUR)) == ["receipt"]
    assert mails(ann.does("go", 2 * HOUR)) == ["hello"]
    assert mails(ann.does("paid", 3 * HOUR)) == ["receipt"]
    at_night = mail(ann.does("paid", 14 * HOUR))
    assert at_night.not_after == T0 + 14 * HOUR + DAY


def test_what_is_held_is_asked_again_when_it_is_let_go() -> None:
    ann = ann_of(quiet=NIGHT)
    ann.does("go", 14 * HOUR)
    ann.hears("topic_unsubscribed", 15 * HOUR, topic="tips")
    assert ann.lives(2 * DAY) == []


def test_a_held_email_that_is_cancelled_by_its_goal_is_never_sent() -> None:
    ann = ann_of(quiet=NIGHT)
    ann.does("go", 14 * HOUR)
    assert ann.journeys[0].at != END
    ann.says(15 * HOUR, email=None)
    assert ann.lives(3 * DAY) == []


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC")


@given(
    zone=st.sampled_from(ZONES),
    # Around both changes of the clock in spring 2027.
    at=st.lists(st.integers(50 * DAY, 80 * DAY), min_size=1, max_size=25),
    quiet=st.none()
    | st.builds(Quiet, start=st.integers(0, 700), end=st.integers(701, 1439))
    | st.just(NIGHT),
    caps=st.lists(
        st.builds(Cap, max=st.integers(1, 3), within=st.none() | st.integers(HOUR, 3 * DAY)), max_size=2
    ),
    hold=st.sampled_from([0, 2 * HOUR, DAY, 5 * DAY]),
)
def test_no_email_is_out_of_bounds_none_is_lost_and_nobody_is_woken_for_nothing(
    zone: str, at: list[int], quiet: Quiet | None, caps: list[Cap], hold: int
) -> None:
    flows = [sequence(send("hello"), name=f"flow{number}", again="always", key="id") for number in range(2)]
    ann = ann_of(*flows, zone=zone, quiet=quiet, caps=tuple(caps), hold=hold)
    sent: list[int] = []
    wakes = 0
    for number, instant in enumerate(sorted(at)):
        while ann.due is not None and ann.due < instant:
            due = ann.due
            wakes += 1
            sent += [due] * len(mails(ann.wakes(due)))
        sent += [instant] * len(mails(ann.does("go", instant, id=str(number))))
    while ann.due is not None:
        due = ann.due
        wakes += 1
        sent += [due] * len(mails(ann.wakes(due)))
        assert wakes < 50 * len(at)

    where = ZoneInfo(zone)
    local = [datetime.fromtimestamp((T0 + instant) // 1000, where) for instant in sent]
    if quiet is not None:
        for moment in local:
            minutes = moment.hour * 60 + moment.minute
            is_quiet = (
                quiet.start <= minutes < quiet.end
                if quiet.start < quiet.end
                else minutes >= quiet.start or minutes < quiet.end
            )
            assert not is_quiet
    for cap in caps:
        if cap.within is None:
            assert max(Counter(moment.date() for moment in local).values(), default=0) <= cap.max
        else:
            for first, last in zip(sent, sent[cap.max :], strict=False):
                assert last - first >= cap.within
    skipped = ann.why("skipped")
    assert set(skipped) <= {"capped"}
    assert len(sent) + len(skipped) == 2 * len(at)
    if not caps:
        assert not skipped
