"""Schedules and dates start journeys at each contact's own moment, through DST and moves between timezones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.book import Book, Policy
from redshank.engine.conditions import Reached
from redshank.engine.state import END
from redshank.engine.values import Trait
from redshank.engine.workflows import DateTrigger, ScheduleTrigger, Workflow
from redshank.instants import DAY, HOUR
from tests.oracle.histories import Arrival, Questions, books, histories, questions
from tests.oracle.living import CONTACT, Life
from tests.oracle.oracle import ZONES, Oracle, clock, shows, time_on
from tests.oracle.test_truths import TIMES, thought_of

pytestmark = pytest.mark.timeout(120 + round(120 * TIMES))

SPAN = 21 * DAY
schedules = st.one_of(
    st.builds(
        ScheduleTrigger,
        key=st.just("clock"),
        segment=st.just("members"),
        minutes=st.sampled_from((0, 90, 2 * 60 + 15, 9 * 60)),
        days=st.sampled_from(((), (1,), (6, 0), (5, 6))),
        timezone=st.sampled_from(("", "", "America/New_York")),
    ),
    st.builds(
        ScheduleTrigger,
        key=st.just("clock"),
        segment=st.just("members"),
        at=st.sampled_from(("2026-03-29T02:30", "2026-10-25T02:30", "2026-11-01T00:30", "2027-01-01T00:00")),
        timezone=st.sampled_from(("", "", "Australia/Lord_Howe")),
    ),
)


@dataclass(frozen=True)
class Case:
    book: Book
    trigger: ScheduleTrigger
    history: tuple[Arrival, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    book = draw(books(most=2))
    about = Questions(measures=book.measures, event=False)
    trigger = draw(schedules)
    workflow = Workflow(name="w", triggers=(trigger,), again="always", first=END, steps={})
    book = replace(book, segments={"members": draw(questions(about, 1))}, workflows={"w": workflow})
    history = draw(histories(most=6, late=(0,), together=1))
    # One at a time: what happens at the very same instant comes before or after as it arrives.
    return Case(book, trigger, tuple({it.now: it for it in history}.values()))


def moments(trigger: ScheduleTrigger, where: ZoneInfo, after: int, until: int) -> Iterator[int]:
    if trigger.at:
        yield shows(datetime.fromisoformat(trigger.at), where)
        return
    day = clock(after, where).date() - timedelta(days=1)
    while day <= clock(until, where).date():
        if not trigger.days or day.weekday() in trigger.days:
            yield time_on(day, trigger.minutes, where)
        day += timedelta(days=1)


def expected(case: Case, until: int) -> list[int]:
    began = case.history[0].now
    candidates = {
        at
        for zone in ZONES
        for at in moments(case.trigger, ZoneInfo(zone), began, until)
        if began <= at <= until
    }
    return sorted(at for at in candidates if is_time(case, at))


def is_time(case: Case, at: int) -> bool:
    """Whether it is one of the moments on the contact's clock, and the contact is a member."""
    so_far = Oracle(case.book, [event for it in case.history if it.now <= at for event in it.events], CONTACT)
    where = ZoneInfo(case.trigger.timezone) if case.trigger.timezone else so_far.zone
    member = so_far.truth(case.book.segments["members"], at)
    return at in moments(case.trigger, where, at - DAY, at + DAY) and member is not False


@thought_of(100)
@given(case=cases())
def test_a_schedule_fires_for_members_at_their_own_moment(case: Case) -> None:
    life = Life(case.book)
    for arrival in case.history:
        life.wakes_until(arrival.now - 1)
        life.gets(arrival.events, arrival.now)
    until = life.now + SPAN
    life.wakes_until(until)
    assert [at for _, at in life.told()] == expected(case, until)


dated = st.builds(
    Reached,
    st.just(Trait("due")),
    st.sampled_from((0, -3 * DAY, DAY, -HOUR)),
    st.sampled_from((None, 0, 2 * 60 + 30, 9 * 60)),
)


@thought_of(150)
@given(condition=dated, history=histories(most=6, late=(0,), together=1), late=st.booleans())
def test_a_date_fires_when_it_comes_and_not_when_one_that_has_passed_is_written(
    condition: Reached, history: list[Arrival], late: bool
) -> None:
    trigger = DateTrigger(key="date", condition=condition)
    workflow = Workflow(name="w", triggers=(trigger,), again="always", first=END, steps={})
    grace = 10 * 60_000
    book = Book(
        sequence=1,
        hash="1",
        timezone="Europe/Berlin",
        workflows={"w": workflow},
        policy=Policy(entry_grace=grace),
    )
    life = Life(book)
    history = list({it.now: it for it in history}.values())
    coming: list[int] = []
    known = Oracle(book, contact_id=CONTACT)
    was = False
    for arrival, following in zip(history, [*[it.now for it in history[1:]], None], strict=True):
        known.arrived += arrival.events
        moment = known.moment(condition.date, condition.offset, condition.minutes, arrival.now, {})
        end = arrival.now + SPAN if following is None else following - 1
        has_come = moment is not None and moment <= arrival.now
        if has_come and not was and moment is not None and arrival.now - moment <= grace:
            coming.append(arrival.now)
        if moment is not None and arrival.now < moment <= end:
            coming.append(moment)
        was = moment is not None and moment <= end
        if not late:
            life.wakes_until(arrival.now - 1)
        life.gets(arrival.events, arrival.now)
    until = life.now + SPAN
    if late:
        life.wakes(until)
    life.wakes_until(until)
    assert [at for _, at in life.told()] == coming
