"""What does a contact's history add up to?"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from redshank.engine import measures, moments
from redshank.engine.measures import EXACT, EXACT_OTHERWISE, Calendar, Measure, Rolling, Sample, SinceEntry
from redshank.instants import DAY, HOUR, parse

BERLIN = ZoneInfo("Europe/Berlin")
T0 = parse("2026-06-02T09:00Z")


def samples(measure: Measure, *given: tuple[int, Any], tags: tuple[Any, ...] = ()) -> list[Sample]:
    """What is kept of values at instants after T0, in the order in which they come in."""
    kept: list[Sample] = []
    for index, (at, value) in enumerate(given):
        tag = tags[index] if tags else None
        kept = measures.add(measure, kept, value=value, tag=tag, at=T0 + at, since=None)
    return kept


def amounts(measure: Measure, *given: tuple[int, Any]) -> Any:
    return measures.value(measure, samples(measure, *given))


def course(measure: Measure, kept: list[Sample], now: int) -> list[tuple[int, Any]]:
    """(after T0, value) from now on."""
    return [(at - T0, value) for at, value in measures.course(measure, kept, T0 + now, BERLIN)]


def of(aggregate: str, **more: Any) -> Measure:
    return Measure(key="m", events=("e",), aggregate=aggregate, of="p", **more)


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("count", 5),
        ("sum", 7),
        ("avg", 7 / 3),
        ("min", 1),
        ("max", "b"),
        ("first", "b"),
        ("last", 4),
        ("distinct", 4),
        ("top", 1),
    ],
)
def test_each_aggregate_takes_what_it_can_count(aggregate: str, value: Any) -> None:
    assert amounts(of(aggregate), (0, "b"), (1, 1), (2, 2), (3, None), (4, 4)) == value


def test_a_sum_can_be_stored_however_large() -> None:
    """msgpack takes whole numbers of 64 bits."""
    total = amounts(of("sum"), *((at, 2**53 - 1) for at in range(2_100)))
    assert isinstance(total, float)
    assert total == pytest.approx(2_100 * 2.0**53)


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("count", 0),
        ("sum", 0),
        ("distinct", 0),
        ("avg", None),
        ("min", None),
        ("max", None),
        ("first", None),
        ("last", None),
        ("top", None),
    ],
)
def test_of_nothing_a_number_of_things_is_none_and_anything_else_is_missing(
    aggregate: str, value: Any
) -> None:
    assert amounts(of(aggregate)) == value


def test_text_that_looks_like_a_number_is_none() -> None:
    assert amounts(of("sum"), (0, "3"), (1, 2), (2, True)) == 2


def test_of_equally_frequent_values_the_first_in_order_is_the_top() -> None:
    assert amounts(of("top"), (0, "b"), (1, "a"), (2, "b"), (3, "a")) == "a"


def test_the_last_is_the_one_that_happened_last_not_the_one_that_came_last() -> None:
    assert amounts(of("last"), (5, "new"), (1, "old")) == "new"
    assert amounts(of("first"), (5, "new"), (1, "old")) == "old"


def test_of_two_at_the_same_instant_the_later_arrival_is_the_last() -> None:
    assert amounts(of("last"), (5, "one"), (5, "other")) == "other"
    assert amounts(of("first"), (5, "one"), (5, "other")) == "one"


def test_a_sum_does_not_depend_on_the_order_of_what_is_summed() -> None:
    given = [(0, 1e16), (1, 1.0), (2, -1e16), (3, 1.0)]
    window = Rolling(length=DAY)
    assert (
        amounts(of("sum", window=window), *given)
        == amounts(of("sum", window=window), *reversed(given))
        == 2.0
    )


# --- windows


def test_a_window_holds_its_end_and_not_its_beginning() -> None:
    week = of("count", window=Rolling(length=7 * DAY))
    kept = samples(week, (0, None))
    assert course(week, kept, 0) == [(0, 1), (7 * DAY, 0)]
    assert course(week, kept, 7 * DAY - 1)[0][1] == 1
    assert course(week, kept, 7 * DAY)[0][1] == 0


def test_a_window_some_time_ago_is_entered_and_left() -> None:
    before = of("sum", window=Rolling(length=DAY, ago=2 * DAY))
    kept = samples(before, (0, 5), (HOUR, 3))
    assert course(before, kept, HOUR) == [
        (HOUR, 0),
        (2 * DAY, 5),
        (2 * DAY + HOUR, 8),
        (3 * DAY, 3),
        (3 * DAY + HOUR, 0),
    ]


def test_today_is_over_at_the_contacts_midnight() -> None:
    today = of("count", window=Calendar(during="today"))
    assert course(today, samples(today, (0, None)), HOUR) == [(HOUR, 1), (13 * HOUR, 0)]


def test_this_month_becomes_last_month_and_then_nothing() -> None:
    last = of("count", window=Calendar(during="last_month"))
    july, august = parse("2026-07-01T00:00+02:00") - T0, parse("2026-08-01T00:00+02:00") - T0
    assert course(last, samples(last, (0, None)), HOUR) == [(HOUR, 0), (july, 1), (august, 0)]


def test_all_time_is_one_sample_however_much_happens() -> None:
    assert len(samples(of("avg"), *((at, at) for at in range(500)))) == 1


def test_what_no_window_sees_any_more_is_forgotten() -> None:
    day = of("count", window=Rolling(length=DAY, ago=DAY))
    kept = samples(day, (0, None), (HOUR, None))
    since = measures.kept_since(day.window, T0 + 2 * DAY, BERLIN)
    later = measures.add(day, kept, value=None, tag=None, at=T0 + 2 * DAY, since=since)
    assert [it[0] - T0 for it in later] == [HOUR, 2 * DAY]


def test_a_month_is_kept_for_a_timezone_in_which_it_is_still_the_last_one() -> None:
    month = Calendar(during="this_month")
    july_in_berlin = parse("2026-07-01T00:00+02:00")
    kept_since = measures.kept_since(month, july_in_berlin, BERLIN)
    still_june = moments.boundaries("this_month", july_in_berlin, ZoneInfo("Etc/GMT+12"))
    assert kept_since is not None
    assert kept_since < still_june[0] == parse("2026-06-01T00:00-12:00")


def test_few_events_are_kept_each_on_its_own_and_more_by_the_hour() -> None:
    month = of("sum", window=Rolling(length=30 * DAY))
    few = samples(month, *((at, 1) for at in range(EXACT_OTHERWISE)))
    assert len(few) == EXACT_OTHERWISE
    many = samples(month, *((at * HOUR // 6, 1) for at in range(EXACT_OTHERWISE + 60)))
    assert len(many) == EXACT_OTHERWISE + 10
    assert measures.value(month, many) == EXACT_OTHERWISE + 60


def test_counts_are_exact_up_to_a_thousand() -> None:
    month = of("count", window=Rolling(length=30 * DAY))
    kept = samples(month, *((at, None) for at in range(EXACT["count"])))
    assert [it[0] - T0 for it in kept] == list(range(EXACT["count"]))


def test_values_of_a_property_are_kept_apart_and_what_has_none_does_not_count() -> None:
    carts = of("sum", same="cart")
    kept = samples(carts, (0, 5), (1, 7), (2, 9), (3, 11), tags=("a", "b", "a", None))
    assert [it[1:] for it in kept] == [[7, "b"], [14, "a"]]


def test_since_an_entry_counts_from_its_own_instant_up_to_the_end_of_its_window() -> None:
    goal = of("count", window=SinceEntry())
    kept = samples(goal, (0, None), (HOUR, None), (DAY, None))
    assert measures.since(goal, kept, T0 + HOUR, None, None) == 2
    assert measures.since(goal, kept, T0 + HOUR, T0 + DAY, None) == 2
    assert measures.since(goal, kept, T0 + HOUR, T0 + DAY - 1, None) == 1


def test_points_that_fade_are_worth_half_after_each_half_life() -> None:
    score = Measure(key="m", events=("e",), aggregate="fading", half_life=DAY)
    ((at, left),) = samples(score, (0, None), (DAY, None), (2 * DAY, None))
    assert (at, left) == (T0 + 2 * DAY, 1.75)
