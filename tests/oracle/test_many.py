"""What is kept by the hour is wrong by no more than what falls in the hours at the edges of a window."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.inputs import Event
from redshank.engine.measures import EXACT_OTHERWISE, Measure, Rolling
from redshank.engine.state import State
from redshank.engine.values import Measured, present
from redshank.instants import DAY, HOUR
from tests.oracle.histories import STREAM, book_of
from tests.oracle.living import Life
from tests.oracle.test_truths import TIMES, thought_of

pytestmark = pytest.mark.timeout(120 + round(120 * TIMES))

T0 = 1_774_746_000_000
TWO_DAYS = Rolling(length=2 * DAY)
YESTERDAY = Rolling(length=DAY, ago=DAY)


def ordered(number: int, at: int, late: int, worth: int) -> Event:
    return Event(
        id=f"e{number}",
        stream=STREAM,
        type="track",
        name="ordered",
        occurred_at=at - late,
        received_at=at,
        properties={"worth": worth},
    )


def lived(measures: dict[str, Measure], seed: int, many: int) -> Life:
    """Many events within some days, a third of them late."""
    chance = Random(seed)
    life = Life(book_of(measures, {}, []))
    assert isinstance(life.state, State)
    now = T0
    for number in range(many):
        now += chance.choice((0, 1, 60_000, 20 * 60_000, HOUR, 3 * HOUR))
        late = chance.choice((0, 0, 1, HOUR, 20 * HOUR))
        life.gets([ordered(number, now, late, chance.randint(0, 9))], now)
    return life


@thought_of(40)
@given(seed=st.integers(0, 10_000), window=st.sampled_from((TWO_DAYS, YESTERDAY)))
def test_a_sum_of_many_is_wrong_by_no_more_than_the_hours_at_the_edges(seed: int, window: Rolling) -> None:
    measure = Measure(key="m", events=("ordered",), aggregate="sum", of="worth", window=window)
    life = lived({"m": measure}, seed, 3 * EXACT_OTHERWISE)
    for later in range(0, 2 * DAY, 7 * HOUR + 11):
        found = present(Measured("m"), life.facts(now=life.now + later))
        end = life.now + later - window.ago
        start = end - window.length
        surely = total(life, hour(start) + HOUR, hour(end) - 1) + (
            0 if window.ago else total(life, hour(end), end)
        )
        perhaps = total(life, hour(start), hour(end) + HOUR)
        assert surely <= found <= perhaps


@thought_of(40)
@given(seed=st.integers(0, 10_000))
def test_a_sum_of_few_and_every_count_is_exact(seed: int) -> None:
    life = lived(
        {
            "sum": Measure(key="sum", events=("ordered",), aggregate="sum", of="worth", window=TWO_DAYS),
            "count": Measure(key="count", events=("ordered",), window=TWO_DAYS),
            "all": Measure(key="all", events=("ordered",), aggregate="sum", of="worth"),
        },
        seed,
        2 * EXACT_OTHERWISE,
    )
    for later in range(0, 2 * DAY, 5 * HOUR + 7):
        now = life.now + later
        in_window = [it for it in life.oracle.arrived if now - 2 * DAY < it.occurred_at <= now]
        facts = life.facts(now=now)
        assert present(Measured("count"), facts) == len(in_window)
        assert present(Measured("all"), facts) == life.oracle.measured("all", now)
        if len(in_window) <= EXACT_OTHERWISE:
            assert present(Measured("sum"), facts) == life.oracle.measured("sum", now)


def hour(instant: int) -> int:
    return instant - instant % HOUR


def total(life: Life, start: int, end: int) -> int:
    """Of what happened in [start, end]."""
    return sum(it.properties["worth"] for it in life.oracle.arrived if start <= it.occurred_at <= end)
