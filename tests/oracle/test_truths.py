"""The incremental engine agrees with a re-computation from the whole log, at every instant, and wakes when it must.

``REDSHANK_ORACLE=20`` thinks of twenty times as many histories, and of new ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from redshank.engine import values
from redshank.engine.book import Book
from redshank.engine.conditions import Condition, Subscribed, verdict
from redshank.engine.inputs import Event
from redshank.engine.measures import Calendar, Measure, Rolling
from redshank.engine.values import Measured, present
from redshank.instants import DAY
from tests.oracle.histories import (
    Arrival,
    Questions,
    book_of,
    books,
    busy_histories,
    histories,
    keys_of,
    properties,
    questions,
    said,
)
from tests.oracle.living import Life
from tests.oracle.oracle import About

TIMES = float(os.environ.get("REDSHANK_ORACLE", "1"))
#: Wake-ups after the last arrival that are looked at.
AFTERWARDS = 12


def thought_of(examples: int) -> settings:
    return settings(
        max_examples=max(1, round(examples * TIMES)),
        deadline=None,
        # In the short run the same ones every time: a red build is then about the change.
        derandomize=TIMES <= 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


pytestmark = pytest.mark.timeout(120 + round(120 * TIMES))


def assert_agrees(life: Life, at: int | None = None) -> None:
    """Every stored truth is what the log says, now or at another instant."""
    at = life.now if at is None else at
    for key, condition in life.book.truths.items():
        stored, _ = life.standing.truths.get(key, (False, None))
        assert life.oracle.truth(condition, at) in (stored, None), f"{key} at {at}: stored {stored}"


def assert_nothing_turns_unseen(life: Life, until: int) -> None:
    """Between now and the next look at the contact no truth changes."""
    for key, condition in life.book.truths.items():
        stored, _ = life.standing.truths.get(key, (False, None))
        for at in life.oracle.moments(condition, life.now, until, {}):
            assert life.oracle.truth(condition, at) in (stored, None), f"{key} turned at {at}, unseen"


def truths(life: Life) -> dict[str, bool]:
    return {key: truth for key, (truth, _) in life.standing.truths.items() if truth}


def wakes_on_time(life: Life, until: int, most: int = 1_000) -> None:
    """Every wake-up exactly when it is due: nothing before it, something at it."""
    while life.due is not None and life.due <= until and most:
        most -= 1
        due, before = life.due, truths(life)
        assert due > life.now, "a wake-up in the past"
        assert_nothing_turns_unseen(life, due)
        life.wakes(due)
        assert truths(life) != before, f"woken at {due} for nothing"
        assert_agrees(life)


@thought_of(250)
@given(book=books(), history=histories())
def test_every_stored_truth_is_what_the_log_says_and_turns_when_it_should(
    book: Book, history: list[Arrival]
) -> None:
    life = Life(book)
    for arrival in history:
        wakes_on_time(life, arrival.now)
        if life.now and (life.due is None or life.due > arrival.now):
            assert_nothing_turns_unseen(life, arrival.now)
        life.gets(arrival.events, arrival.now)
        assert_agrees(life)
    wakes_on_time(life, life.now + 100 * DAY, AFTERWARDS)
    event(f"edges: {min(len(life.told()), 5)}")


@thought_of(250)
@given(data=st.data(), book=books(), history=histories(most=6))
def test_a_verdict_is_right_and_says_exactly_until_when(
    data: st.DataObject, book: Book, history: list[Arrival]
) -> None:
    life = Life(book)
    about = Questions(measures=book.measures, segments=tuple(book.segments))
    for arrival in history:
        life.gets(arrival.events, arrival.now)
        condition = data.draw(questions(about), label="condition")
        assert_right(life, condition, data.draw(properties(arrival.now), label="properties"))


def assert_right(life: Life, condition: Condition, given_properties: Mapping[str, Any]) -> None:
    truth, until = verdict(condition, life.facts(properties=given_properties))
    oracle = life.oracle
    assert oracle.truth(condition, life.now, given_properties) in (truth, None)
    last = life.now + 200 * DAY if until is None else until
    for at in oracle.moments(condition, life.now, last, given_properties):
        assert oracle.truth(condition, at, given_properties) in (truth, None), f"turned at {at}, unseen"
    if until is not None:
        assert until > life.now
        assert oracle.truth(condition, until, given_properties) in (not truth, None), (
            f"did not turn at {until}"
        )
        then = life.facts(properties=given_properties, now=until)
        before = life.facts(properties=given_properties, now=until - 1)
        assert verdict(condition, then)[0] is not truth
        assert verdict(condition, before) == (truth, until)


def assert_measures(life: Life) -> None:
    for key, measure in life.book.measures.items():
        for tag in ("x", "y", 7, None) if measure.same else (None,):
            expected = life.oracle.measured(key, life.now, tag)
            if isinstance(expected, About):
                points = values.Points(((Measured(key), 1),), (), measure.half_life)
                assert present(points, life.facts()) == pytest.approx(expected.number)
            else:
                found = present(Measured(key), life.facts(properties={"tag": tag}))
                assert (found, type(found) is str) == (expected, type(expected) is str), f"{key} of {tag}"


@thought_of(200)
@given(data=st.data(), book=books(most=8), history=histories(most=12, together=4))
def test_every_measure_is_what_the_log_amounts_to(
    data: st.DataObject, book: Book, history: list[Arrival]
) -> None:
    life = Life(replace(book, workflows={}, segments={}))
    for arrival in history:
        life.gets(arrival.events, arrival.now)
        assert_measures(life)
    assert life.state.profile.traits == life.oracle.traits
    assert life.state.profile.account == life.oracle.account


#: Every aggregate in every kind of window.
EVERYTHING = {
    f"{aggregate} {window}": Measure(
        key=f"{aggregate} {window}",
        events=("ordered",),
        aggregate=aggregate,
        of=of,
        window=window,
    )
    for aggregate, of in (
        ("count", ""),
        ("sum", "number"),
        ("avg", "number"),
        ("min", "text"),
        ("max", "number"),
        ("first", "text"),
        ("last", "number"),
        ("distinct", "text"),
        ("top", "text"),
    )
    for window in (
        None,
        Rolling(length=DAY),
        Rolling(length=DAY, ago=DAY),
        Calendar(during="today"),
        Calendar(during="this_month"),
        Calendar(during="last_month"),
    )
}


@thought_of(150)
@given(history=busy_histories())
def test_every_aggregate_in_every_window_is_right_however_late_and_wherever(history: list[Arrival]) -> None:
    life = Life(book_of(EVERYTHING, {}, []))
    for arrival in history:
        life.gets(arrival.events, arrival.now)
        assert_measures(life)


@thought_of(250)
@given(history=said())
def test_what_somebody_said_last_is_so_whenever_it_comes(history: list[Arrival]) -> None:
    life = Life(book_of({}, {}, []))
    for arrival in history:
        life.gets(arrival.events, arrival.now)
        assert life.state.profile.traits == life.oracle.traits
        for topic in ("tips", "news"):
            truth, _ = verdict(Subscribed(topic), life.facts())
            assert truth == life.oracle.subscribed(topic)


# --- order and grouping


@thought_of(120)
@given(data=st.data(), book=books(), history=histories(most=10, late=(0,), together=1))
def test_events_that_are_looked_at_late_and_together_give_what_they_give_on_time(
    data: st.DataObject, book: Book, history: list[Arrival]
) -> None:
    punctual, late = Life(book), Life(book)
    waiting: list[Event] = []
    for arrival in history:
        punctual.wakes_until(arrival.now - 1)
        punctual.gets(arrival.events, arrival.now)
        waiting += arrival.events
        if data.draw(st.integers(0, 3), label="looked at") == 0:
            late.gets(waiting, arrival.now)
            waiting = []
    end = punctual.now + data.draw(st.sampled_from((0, DAY, 40 * DAY)), label="end")
    punctual.wakes_until(end)
    if waiting:
        late.gets(waiting, end)
    late.wakes(end)
    punctual.wakes(end)
    assert truths(late) == truths(punctual)
    assert sorted(late.told()) == sorted(punctual.told())
    assert [at for _, at in late.told()] == sorted(at for _, at in late.told())
    assert late.due == punctual.due


@thought_of(120)
@given(data=st.data(), book=books(), history=histories(most=8))
def test_the_order_of_arrival_changes_neither_measures_nor_traits_nor_truths(
    data: st.DataObject, book: Book, history: list[Arrival]
) -> None:
    now = history[-1].now
    # Of what happened at the same millisecond the later arrival is the later one; so nothing does.
    events = {it.occurred_at: replace(it, received_at=now) for arrival in history for it in arrival.events}
    order = data.draw(st.permutations(list(events.values())), label="order")
    one_by_one, other, together = Life(book), Life(book), Life(book)
    for one in events.values():
        one_by_one.gets([one], now)
    for one in order:
        other.gets([one], now)
    together.gets(order, now)
    for life in (one_by_one, other, together):
        assert_measures(life)
        assert_agrees(life)
        assert life.state.profile.traits == life.oracle.traits
        assert life.due == one_by_one.due


# --- a book that comes later


@thought_of(120)
@given(data=st.data(), book=books(), history=histories(most=8))
def test_a_book_applied_later_finds_what_it_would_have_found_from_the_start(
    data: st.DataObject, book: Book, history: list[Arrival]
) -> None:
    split = data.draw(st.integers(0, len(history)), label="applied after")
    kept = data.draw(st.sets(st.sampled_from(sorted(book.measures))), label="already there")
    earlier = replace(
        book,
        measures={key: it for key, it in book.measures.items() if key in kept},
        segments={},
        workflows={},
    )
    from_the_start, later = Life(book), Life(earlier)
    for arrival in history[:split]:
        from_the_start.gets(arrival.events, arrival.now)
        later.gets(arrival.events, arrival.now)
    applied = max([it.now for it in history[:split]], default=history[0].now)
    born = {key: (2, applied) for key in keys_of(book) if key not in kept}
    later.meets(replace(book, sequence=2, hash="2", born=born), applied)
    assert later.told() == [], "applying a book fired an edge"
    from_the_start.wakes_until(applied)
    for arrival in [Arrival(now=applied, events=()), *history[split:]]:
        if arrival.events:
            from_the_start.gets(arrival.events, arrival.now)
            later.gets(arrival.events, arrival.now)
        assert_measures(later)
        assert_agrees(later)
        if from_the_start.now == later.now:
            assert truths(later) == truths(from_the_start)
            assert later.due == from_the_start.due
