"""Why is a condition true, or false?"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from redshank.engine.book import Book
from redshank.engine.conditions import (
    All,
    Any_,
    Compare,
    Condition,
    Email,
    InList,
    InSegment,
    Not,
    Reached,
    Subscribed,
)
from redshank.engine.measures import Calendar, Measure, Rolling
from redshank.engine.state import Journey, Profile, Standing
from redshank.engine.values import ENTRY, Account, Arithmetic, Facts, Mapped, Measured, Property, Trait
from redshank.instants import DAY, HOUR, MINUTE, SECOND, parse
from redshank.simulation.reasons import span, stamp, why
from tests import books

NOW = parse("2026-12-01T09:00:00Z")
_MEASURES = (
    Measure(key="logins", events=("logged_in",), window=Rolling(length=7 * DAY)),
    Measure(key="ever", events=("logged_in", "opened_app")),
    Measure(key="today", events=("logged_in",), window=Calendar(during="today")),
    Measure(key="credits", events=("report_run",), aggregate="sum", of="credits", window=Rolling(length=DAY)),
)
_PRO = Compare(Trait("plan"), "eq", "pro")
_BIG = Compare(Trait("seats"), "gte", 50)
_RATIO = Arithmetic("/", Trait("used"), Trait("limit"))


def _book() -> Book:
    return books.book(
        measures={measure.key: measure for measure in _MEASURES},
        segments={"pro": _PRO},
        named={"usage_ratio": _RATIO, "usage": Measured("credits")},
    )


def _why(condition: Condition, **more: Any) -> str:
    traits = {"plan": "trial", "seats": 12, "used": 3, "limit": 4, "paid_until": "2026-12-03T09:00:00Z"}
    samples = {
        "logins": [[NOW - DAY, 1], [NOW - HOUR, 1]],
        "ever": [[NOW - HOUR, 3]],
        "credits": [[NOW - HOUR, 7]],
    }
    journey = Journey(run="r", workflow="activation", key="", entered_at=NOW, at="help", since=NOW)
    facts = Facts(
        book=_book(),
        profile=Profile(contact_id="c", traits=traits, account={"credits": 9}),
        standing=Standing(contact_id="c", measures=samples),
        now=NOW,
        properties={"total": 29.5},
        journey=journey,
        **more,
    )
    return why(condition, facts)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (_PRO, "`plan` was `trial`, not `pro`"),
        (Compare(Trait("plan"), "eq", "trial"), "`plan` was `trial`"),
        (_BIG, "`seats` was 12, not at least 50"),
        (Compare(Trait("seats"), "gte", 10), "`seats` was 12, at least 10"),
        (Compare(Trait("plan"), "one_of", ("pro", "team")), "`plan` was `trial`, not one of `pro`, `team`"),
        (Compare(Trait("city"), "eq", "Rome"), "`city` was unknown"),
        (Compare(Trait("city"), "exists", True), "`city` was unknown"),
        (Compare(Trait("plan"), "exists", False), "`plan` was `trial`"),
        (Compare(Account("credits"), "lt", 5), "`account.credits` was 9, not below 5"),
        (Compare(Property("total"), "gt", 100), "`total` was 29.5, not above 100"),
        (
            Compare(Trait("paid_until"), "in_next", DAY),
            "`paid_until` was `2026-12-03T09:00:00Z`, not within the next 1d",
        ),
        (Compare(Measured("logins"), "gte", 1), "`logged_in` happened 2 times within 7d"),
        (Compare(Measured("today"), "gte", 1), "no `logged_in` happened today"),
        (Compare(Measured("logins", ENTRY), "gte", 1), "no `logged_in` happened since the entry"),
        (
            Compare(Measured("logins", ENTRY, 30 * DAY), "gte", 1),
            "no `logged_in` happened since the entry, within 30d",
        ),
        (
            Compare(Measured("ever"), "gte", 5),
            "the number of `logged_in` or `opened_app` was 3, not at least 5",
        ),
        (Compare(Measured("credits"), "gte", 500), "`usage` was 7, not at least 500"),
        (Compare(_RATIO, "lt", 0.2), "`usage_ratio` was 0.75, not below 0.2"),
        (
            Compare(Mapped(Trait("plan"), {"trial": 5}), "gt", 9),
            "what `plan` is mapped to was 5, not above 9",
        ),
        (Subscribed("tips"), "they were subscribed to `tips`"),
        (InSegment("pro"), "they were not in `pro`: `plan` was `trial`, not `pro`"),
        (InList("vips"), "they were not on the list `vips`"),
        (Email("opened", "welcome"), "`welcome` had not been opened"),
        (
            Email("clicked", "welcome", link="*/pricing"),
            "a link like */pricing in `welcome` had not been clicked",
        ),
        (
            Reached(Trait("paid_until"), offset=-DAY),
            "1d before `paid_until` was not before Wed 2 Dec 09:00",
        ),
        (Reached(Trait("paid_since")), "`paid_since` was no date that is known"),
    ],
)
def test_a_reason_shows_the_values(condition: Condition, words: str) -> None:
    assert _why(condition) == words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (All((_PRO, Subscribed("tips"))), "`plan` was `trial`, not `pro`"),
        (All((_PRO, _BIG)), "`plan` was `trial`, not `pro` and `seats` was 12, not at least 50"),
        (All((Not(_PRO), Not(_BIG))), "`plan` was `trial`, not `pro` and `seats` was 12, not at least 50"),
        (Any_((_PRO, _BIG)), "`plan` was `trial`, not `pro` and `seats` was 12, not at least 50"),
        (Any_((_PRO, Subscribed("tips"))), "they were subscribed to `tips`"),
        (Not(Subscribed("tips")), "they were subscribed to `tips`"),
        (Not(All((Subscribed("tips"), _PRO))), "`plan` was `trial`, not `pro`"),
        (All((_PRO, _PRO)), "`plan` was `trial`, not `pro`"),
    ],
)
def test_only_the_parts_that_decide_are_said(condition: Condition, words: str) -> None:
    assert _why(condition) == words


def test_a_stamp_is_local_and_has_the_year_where_it_is_another() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert stamp(NOW, berlin) == "Tue 1 Dec 10:00"
    assert stamp(NOW + 5 * SECOND, berlin) == "Tue 1 Dec 10:00:05"
    assert stamp(NOW, berlin, year=2026) == "Tue 1 Dec 10:00"
    assert stamp(NOW, berlin, year=2027) == "Tue 1 Dec 2026 10:00"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0s"),
        (90 * MINUTE, "1h30m"),
        (30 * DAY, "30d"),
        (-DAY, "-1d"),
        (DAY + 5 * SECOND + 7, "1d5s"),
    ],
)
def test_a_span_is_written_as_in_a_book(length: int, words: str) -> None:
    assert span(length) == words
