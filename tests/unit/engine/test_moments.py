"""When is nine o'clock for this contact?"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from redshank.engine import moments
from redshank.instants import DAY, HOUR, iso, parse

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
HAVANA = ZoneInfo("America/Havana")


def wall(text: str, where: ZoneInfo) -> str:
    return iso(moments.instant_of(datetime.fromisoformat(text), where))


@pytest.mark.parametrize(
    ("skipped", "where", "first_valid"),
    [
        ("2026-03-29T02:30", BERLIN, "2026-03-29T01:00:00.000Z"),
        ("2026-03-08T02:00", NEW_YORK, "2026-03-08T07:00:00.000Z"),
        ("2026-10-04T02:10", LORD_HOWE, "2026-10-03T15:30:00.000Z"),
    ],
)
def test_a_time_that_the_clock_skips_is_the_first_valid_instant_after(
    skipped: str, where: ZoneInfo, first_valid: str
) -> None:
    assert wall(skipped, where) == first_valid


@pytest.mark.parametrize(
    ("twice", "where", "first"),
    [
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:30:00.000Z"),
        ("2026-11-01T01:59", NEW_YORK, "2026-11-01T05:59:00.000Z"),
        ("2026-04-05T01:45", LORD_HOWE, "2026-04-04T14:45:00.000Z"),
    ],
)
def test_a_time_that_comes_twice_is_the_first(twice: str, where: ZoneInfo, first: str) -> None:
    assert wall(twice, where) == first


def test_the_day_the_clocks_go_forward_has_23_hours_and_the_day_they_go_back_25() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)):
        start, end = moments.boundaries("today", parse(f"{day}T12:00+01:00"), BERLIN)
        assert end - start == hours * HOUR


def test_a_midnight_that_comes_twice_begins_the_day_once() -> None:
    assert iso(moments.at_time(date(2026, 11, 1), 0, HAVANA)) == "2026-11-01T04:00:00.000Z"


def test_a_day_without_midnight_begins_where_the_clock_goes_on() -> None:
    assert iso(moments.at_time(date(2026, 3, 8), 0, HAVANA)) == "2026-03-08T05:00:00.000Z"


def test_last_month_of_march_is_february_with_its_leap_day() -> None:
    start, end = moments.boundaries("last_month", parse("2028-03-01T00:00+01:00"), BERLIN)
    assert (start, end) == (parse("2028-02-01T00:00+01:00"), parse("2028-03-01T00:00+01:00"))
    assert end - start == 29 * DAY


def test_last_month_of_january_is_in_the_year_before() -> None:
    start, end = moments.boundaries("last_month", parse("2027-01-01T00:00+01:00"), BERLIN)
    assert (start, end) == (parse("2026-12-01T00:00+01:00"), parse("2027-01-01T00:00+01:00"))


def test_a_period_ends_with_the_millisecond_before_the_next() -> None:
    midnight = parse("2026-07-01T00:00+02:00")
    assert moments.boundaries("this_month", midnight - 1, BERLIN)[1] == midnight
    assert moments.boundaries("this_month", midnight, BERLIN)[0] == midnight


def test_the_next_time_is_later_than_now_and_the_last_one_not() -> None:
    nine = parse("2026-06-02T09:00+02:00")
    assert moments.next_time(nine - 1, 9 * 60, (), BERLIN) == nine
    assert moments.next_time(nine, 9 * 60, (), BERLIN) == nine + DAY
    assert moments.last_time(nine, 9 * 60, (), BERLIN) == nine
    assert moments.last_time(nine - 1, 9 * 60, (), BERLIN) == nine - DAY


def test_the_next_tuesday_may_be_today_and_may_be_next_week() -> None:
    tuesday = parse("2026-06-02T09:00+02:00")
    assert moments.next_time(tuesday - HOUR, 9 * 60, (1,), BERLIN) == tuesday
    assert moments.next_time(tuesday + HOUR, 9 * 60, (1,), BERLIN) == tuesday + 7 * DAY


def test_a_date_is_its_local_midnight_and_a_time_without_an_offset_is_local() -> None:
    assert moments.moment("2026-06-02", NEW_YORK) == parse("2026-06-02T00:00-04:00")
    assert moments.moment("2026-06-02T09:00", NEW_YORK) == parse("2026-06-02T09:00-04:00")
    assert moments.moment("2026-06-02T09:00Z", NEW_YORK) == parse("2026-06-02T09:00Z")


def test_a_number_is_seconds_or_milliseconds_since_the_epoch() -> None:
    instant = parse("2026-06-02T09:00Z")
    assert moments.moment(instant, BERLIN) == moments.moment(instant // 1000, BERLIN) == instant


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "soon",
        "",
        [],
        {},
        float("inf"),
        1e30,
        -99_999_999_999,
        -(2**63),
        "0001-01-01",
        "9999-12-31",
    ],
)
def test_what_is_no_time_is_missing(value: object) -> None:
    assert moments.moment(value, BERLIN) is None


def test_an_offset_of_days_is_elapsed_time_or_with_a_time_of_day_calendar_days() -> None:
    ends = parse("2026-03-30T09:00+02:00")
    assert moments.on_day(ends, -3 * DAY, None, BERLIN) == parse("2026-03-27T08:00+01:00")
    assert moments.on_day(ends, -3 * DAY, 9 * 60, BERLIN) == parse("2026-03-27T09:00+01:00")


def test_a_timezone_that_there_is_not_is_none() -> None:
    assert moments.zone("Nowhere/Land") is None
    assert moments.zone("../etc/passwd") is None
