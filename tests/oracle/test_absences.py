"""An absence fires exactly at A + D, if and only if no W came from A's own second on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine.absences import MAX_ANCHORS
from redshank.engine.inputs import Event
from redshank.engine.state import END
from redshank.engine.workflows import AbsenceTrigger, Workflow
from redshank.instants import DAY, HOUR, SECOND
from tests.oracle.histories import STREAM, book_of
from tests.oracle.living import Life
from tests.oracle.test_truths import TIMES, thought_of

pytestmark = pytest.mark.timeout(120 + round(120 * TIMES))

T0 = 1_774_746_000_000
SPAN = 4 * HOUR
GAPS = (0, 1, 400, SECOND, HOUR, SPAN - 1, SPAN, SPAN + 1, SPAN + SECOND, DAY)
LATE = (0, 0, 0, 400, SECOND, HOUR, SPAN, SPAN + HOUR, DAY, DAY + HOUR)
BOTH = AbsenceTrigger(key="t", events=("cart",), without=("order",), span=SPAN)
OWN_KIND = AbsenceTrigger(key="t", events=("sign_up", "log_in"), without=("log_in",), span=SPAN)
SAME = AbsenceTrigger(key="t", events=("cart",), without=("order",), span=SPAN, same="cart_id")


@dataclass(frozen=True)
class Case:
    trigger: AbsenceTrigger
    events: tuple[Event, ...]


@st.composite
def cases(draw: st.DrawFn, late: tuple[int, ...]) -> Case:
    trigger = draw(st.sampled_from((BOTH, OWN_KIND, SAME)))
    now, events = T0, []
    for number, gap in enumerate(draw(st.lists(st.sampled_from(GAPS), min_size=1, max_size=10))):
        now += gap
        events.append(
            Event(
                id=f"e{number}",
                stream=STREAM,
                type="track",
                name=draw(st.sampled_from((*trigger.events, *trigger.without))),
                occurred_at=now - draw(st.sampled_from(late)),
                received_at=now,
                properties={"cart_id": draw(st.sampled_from(("a", "b")))},
            )
        )
    return Case(trigger, tuple(events))


def life_of(trigger: AbsenceTrigger) -> Life:
    workflow = Workflow(name="w", triggers=(trigger,), again="always", key=trigger.same, first=END, steps={})
    return Life(replace(book_of({}, {}, []), workflows={"w": workflow}))


def fired(case: Case) -> list[tuple[int, int]]:
    """When it should fire, read off the log as it stood then: (A + D, when that could be known)."""
    found = []
    for index, anchor in enumerate(case.events):
        at, over = anchor.occurred_at, anchor.occurred_at + SPAN
        arrived = anchor.received_at
        late = arrived - at > DAY
        if anchor.name not in case.trigger.events or (late and over <= arrived):
            continue
        decided = max(over, arrived)
        known = [it for it in case.events if it.received_at < decided]
        # What comes at that very instant is in time, if nothing else had time pass before it.
        known += [it for it in case.events if it.received_at == decided][:1]
        since = at
        if over <= arrived:
            known, since = list(case.events[:index]), at - at % SECOND - 1
        if case.trigger.same:
            known = [it for it in known if it.properties["cart_id"] == anchor.properties["cart_id"]]
        anchors = [it for it in known if it.name in case.trigger.events and it is not anchor]
        others = [
            it for it in known if it.name in case.trigger.without and it.name not in case.trigger.events
        ]
        disarmed = any(at - at % SECOND <= it.occurred_at <= decided for it in others)
        # Of two at the same instant the one that came first is the one that counts.
        renewed = any(
            since < it.occurred_at <= decided or (it.occurred_at == at and case.events.index(it) < index)
            for it in anchors
        )
        if not disarmed and not renewed:
            found.append((over, decided))
    return sorted(found, key=lambda it: (it[1], it[0]))


def assert_fired(moments: list[int], case: Case, after: int = 0) -> None:
    expected = [it for it in fired(case) if it[0] > after]
    assert len(moments) == len(expected)
    for at, (over, known) in zip(sorted(moments), expected, strict=True):
        assert over <= at <= known


@thought_of(400)
@given(case=cases(late=(0,)))
def test_an_absence_fires_when_its_time_is_over_and_not_otherwise(case: Case) -> None:
    assert_fired(lived(case), case)


@thought_of(400)
@given(case=cases(late=LATE))
def test_what_comes_late_arms_and_disarms_as_of_when_it_happened(case: Case) -> None:
    assert_fired(lived(case), case)


@thought_of(150)
@given(case=cases(late=(0,)))
def test_an_absence_that_is_looked_at_late_is_the_same(case: Case) -> None:
    # Time passes between two that come at the same instant only where somebody looks.
    case = replace(case, events=tuple({it.occurred_at: it for it in case.events}.values()))
    life = life_of(case.trigger)
    life.gets(case.events, case.events[-1].occurred_at)
    life.wakes(life.now + DAY)
    assert_fired([at for _, at in life.told()], case)


@thought_of(150)
@given(case=cases(late=LATE), split=st.integers(0, 10))
def test_a_trigger_applied_later_waits_for_what_is_still_ahead(case: Case, split: int) -> None:
    # What comes late after that may be of a time before it, when nobody was listening.
    punctual = (replace(it, occurred_at=it.received_at) for it in case.events[split:])
    case = replace(case, events=(*case.events[:split], *punctual))
    before, after = case.events[:split], case.events[split:]
    life = life_of(case.trigger)
    empty = replace(life.book, workflows={})
    born = replace(life.book, sequence=2, hash="2", born={"t": (2, T0)})
    life = Life(empty)
    applied = max([it.received_at for it in before], default=T0)
    for event in before:
        life.gets([event], event.received_at)
    life.meets(born, applied)
    for event in after:
        life.wakes_until(event.received_at - 1)
        life.gets([event], event.received_at)
    life.wakes_until(life.now + DAY)
    assert_fired([at for _, at in life.told()], case, applied)


def lived(case: Case) -> list[int]:
    life = life_of(case.trigger)
    for event in case.events:
        life.wakes_until(event.received_at - 1)
        life.gets([event], event.received_at)
    while life.due is not None:
        before = len(life.told())
        life.wakes(life.due)
        assert len(life.told()) > before, "woken for nothing"
    return [at for _, at in life.told()]


def order(number: int, at: int) -> Event:
    return Event(
        id=f"o{number}",
        stream=STREAM,
        type="track",
        name="order",
        occurred_at=at,
        received_at=at,
        properties={"cart_id": f"cart-{number}"},
    )


def test_what_disarms_is_forgotten_when_no_anchor_can_come_late_any_more() -> None:
    life = life_of(SAME)
    life.gets([order(1, T0)], T0)
    assert life.standing.anchors
    life.gets([order(2, T0 + DAY + SECOND)], T0 + DAY + SECOND)
    assert [it.disarmed for it in life.standing.anchors.values()] == [T0 + DAY + SECOND]


def test_thousands_of_orders_do_not_make_a_standing_too_large() -> None:
    life = life_of(SAME)
    life.gets([order(number, T0 + number) for number in range(3 * MAX_ANCHORS)], T0 + HOUR)
    assert len(life.standing.anchors) <= 2 * MAX_ANCHORS
    # The latest are those that an anchor may still come late for.
    assert f"t#cart-{3 * MAX_ANCHORS - 1}" in life.standing.anchors
