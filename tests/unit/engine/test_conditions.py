"""Is it true, and until when?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from redshank.engine.book import Book
from redshank.engine.conditions import (
    All,
    Any_,
    Compare,
    Condition,
    InSegment,
    Not,
    Reached,
    compare,
    verdict,
)
from redshank.engine.measures import Measure, Rolling
from redshank.engine.state import Profile, Standing
from redshank.engine.values import Arithmetic, Constant, Facts, Measured, Points, Property, Trait
from redshank.instants import DAY, HOUR, parse

T0 = parse("2026-06-02T09:00Z")
WEEK = Measure(key="week", events=("logged_in",), window=Rolling(length=7 * DAY))
BEFORE = Measure(key="before", events=("logged_in",), window=Rolling(length=7 * DAY, ago=7 * DAY))
SCORE = Measure(key="score", events=("viewed",), aggregate="fading", half_life=DAY)
BOOK = Book(
    sequence=1,
    hash="1",
    timezone="Europe/Berlin",
    measures={it.key: it for it in (WEEK, BEFORE, SCORE)},
    segments={"active": Compare(Measured("week"), "gte", 1)},
)


def facts(
    *,
    logged_in: tuple[int, ...] = (),
    viewed: int = 0,
    properties: Mapping[str, Any] | None = None,
    **traits: Any,
) -> Facts:
    """Ann at T0, who logged in so long before and viewed so many times just now."""
    standing = Standing(contact_id="ann")
    samples = sorted([T0 - before, 1] for before in logged_in)
    standing.measures = {"week": samples, "before": samples} if samples else {}
    if viewed:
        standing.measures["score"] = [[T0, float(viewed)]]
    profile = Profile(contact_id="ann", traits=traits)
    return Facts(book=BOOK, profile=profile, standing=standing, now=T0, properties=properties or {})


def judged(condition: Condition, seen: Facts) -> tuple[bool, int | None]:
    """(whether it is true, how long it will be)."""
    truth, until = verdict(condition, seen)
    return truth, None if until is None else until - seen.now


ACTIVE = Compare(Measured("week"), "gte", 1)


def test_an_event_within_a_week_is_true_until_it_is_a_week_old() -> None:
    assert judged(ACTIVE, facts(logged_in=(DAY,))) == (True, 6 * DAY)


@pytest.mark.parametrize("wanted", ["blue", True, float("inf")])
def test_a_count_is_never_as_much_as_what_is_no_number(wanted: Any) -> None:
    assert judged(Compare(Measured("week"), "gte", wanted), facts(logged_in=(DAY,))) == (False, None)


def test_the_last_of_several_events_decides_how_long() -> None:
    assert judged(ACTIVE, facts(logged_in=(6 * DAY, 2 * DAY))) == (True, 5 * DAY)


def test_what_time_alone_never_changes_holds_for_ever() -> None:
    assert judged(ACTIVE, facts()) == (False, None)
    assert judged(Compare(Trait("plan"), "eq", "pro"), facts(plan="pro")) == (True, None)


def test_both_edges_of_an_earlier_week_are_foreseen() -> None:
    was_active = Compare(Measured("before"), "gte", 1)
    assert judged(was_active, facts(logged_in=(DAY,))) == (False, 6 * DAY)
    assert judged(was_active, facts(logged_in=(8 * DAY,))) == (True, 6 * DAY)


def test_a_ratio_of_two_windows_changes_with_either() -> None:
    falling = Compare(Arithmetic("/", Measured("week"), Measured("before")), "lt", 1)
    assert judged(falling, facts(logged_in=(DAY, 8 * DAY))) == (False, 6 * DAY)
    # Then her one login is of the week before; when that too is over, 0 / 0 is missing.
    later = replace(facts(logged_in=(DAY, 8 * DAY)), now=T0 + 6 * DAY)
    assert judged(falling, later) == (True, 7 * DAY)


def test_a_division_by_nothing_is_missing_and_so_compares_false() -> None:
    ratio = Arithmetic("/", Constant(1), Constant(0))
    assert judged(Compare(ratio, "lt", 1), facts()) == (False, None)
    assert judged(Not(Compare(ratio, "gte", 1)), facts()) == (True, None)
    assert judged(Compare(ratio, "exists", False), facts()) == (True, None)


def test_all_is_true_until_the_first_of_them_is_not() -> None:
    both = All((ACTIVE, Compare(Trait("ends"), "in_next", 30 * DAY)))
    seen = facts(logged_in=(DAY,), ends="2026-06-05T09:00Z")
    assert judged(both, seen) == (True, 3 * DAY)


def test_any_is_true_until_the_last_of_them_is_not() -> None:
    either = Any_((ACTIVE, Compare(Trait("ends"), "in_next", 30 * DAY)))
    seen = facts(logged_in=(DAY,), ends="2026-06-05T09:00Z")
    assert judged(either, seen) == (True, 6 * DAY)


def test_a_change_that_changes_nothing_else_wakes_nobody() -> None:
    pro = Compare(Trait("plan"), "eq", "pro")
    assert judged(All((pro, ACTIVE)), facts(logged_in=(DAY,), plan="trial")) == (False, None)
    assert judged(Any_((pro, ACTIVE)), facts(logged_in=(DAY,), plan="pro")) == (True, None)


def test_one_going_as_the_other_comes_is_no_change() -> None:
    either = Any_((ACTIVE, Compare(Measured("before"), "gte", 1)))
    assert judged(either, facts(logged_in=(DAY,))) == (True, 13 * DAY)


def test_a_segment_is_asked_as_its_condition_is() -> None:
    assert judged(Not(InSegment("active")), facts(logged_in=(DAY,))) == (False, 6 * DAY)


# --- times


def test_in_next_holds_up_to_the_time_and_in_last_from_it() -> None:
    ends = Trait("ends")
    at = "2026-06-05T09:00Z"
    assert judged(Compare(ends, "in_next", 2 * DAY), facts(ends=at)) == (False, DAY)
    assert judged(Compare(ends, "in_next", 3 * DAY), facts(ends=at)) == (True, 3 * DAY)
    assert judged(Compare(ends, "in_last", 2 * DAY), facts(ends=at)) == (False, 3 * DAY)
    now = facts(ends="2026-06-02T09:00Z")
    assert judged(Compare(ends, "in_next", DAY), now) == (False, None)
    assert judged(Compare(ends, "in_last", DAY), now) == (True, DAY)


def test_a_time_without_an_offset_is_on_the_contacts_clock() -> None:
    soon = Compare(Trait("ends"), "in_next", 2 * HOUR)
    assert judged(soon, facts(ends="2026-06-02T12:00")) == (True, HOUR)
    assert judged(soon, facts(ends="2026-06-02T06:00", timezone="America/New_York")) == (True, HOUR)


def test_what_is_no_time_is_never_near() -> None:
    assert judged(Compare(Trait("ends"), "in_next", DAY), facts(ends="soon")) == (False, None)


def test_a_date_comes_and_has_come_for_ever() -> None:
    reached = Reached(Trait("ends"), -3 * DAY, 9 * 60)
    assert judged(reached, facts(ends="2026-06-06")) == (False, 22 * HOUR)
    assert judged(reached, facts(ends="2026-06-05")) == (True, None)


# --- points


def test_points_fall_below_a_threshold_at_one_exact_instant() -> None:
    score = Points(((Measured("score"), 10),), (), DAY)
    hot = Compare(score, "gte", 10)
    seen = facts(viewed=4)
    assert judged(hot, seen) == (True, 2 * DAY + 1)
    until = T0 + 2 * DAY + 1
    assert verdict(hot, replace(seen, now=until - 1))[0]
    assert not verdict(hot, replace(seen, now=until))[0]


def test_points_while_something_is_true_do_not_fade() -> None:
    score = Points(((Measured("score"), 10),), ((Compare(Trait("size"), "gte", 50), 20),), DAY)
    assert judged(Compare(score, "gt", 20), facts(viewed=1, size=60))[0]
    assert judged(Compare(score, "gte", 20), facts(viewed=1, size=60)) == (True, None)


# --- comparing


@pytest.mark.parametrize("operator", ["eq", "ne", "one_of", "lt", "lte", "gt", "gte", "has", "like"])
def test_a_missing_value_compares_false(operator: str) -> None:
    assert not compare(None, operator, ("a",) if operator == "one_of" else "a")
    assert judged(Compare(Property("p"), operator, "a"), facts()) == (False, None)


@pytest.mark.parametrize(
    ("actual", "operator", "wanted", "truth"),
    [
        ("pro", "ne", "trial", True),
        (5, "one_of", (4, 5), True),
        (5, "lt", "6", False),
        ("5", "gte", 4, False),
        (True, "gte", 0, False),
        ("a", "lt", "b", True),
        (["vip", "beta"], "has", "vip", True),
        (["vip"], "has", "vi", False),
        ("a vip", "has", "vip", True),
        (5, "has", 5, False),
        ("5", "has", 5, False),
        ([5, None], "has", 5, True),
        ("Green Tea", "like", "green*", True),
        ("/pricing/eu", "like", "/pricing", False),
        (5, "like", "5", False),
        (0, "exists", True, True),
        ("", "exists", False, False),
    ],
)
def test_comparisons(actual: Any, operator: str, wanted: Any, truth: bool) -> None:
    assert compare(actual, operator, wanted) is truth
