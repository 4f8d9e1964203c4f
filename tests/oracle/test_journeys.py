"""Journeys go where a plain reading of the workflow and the log says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine import chance
from redshank.engine.book import Policy
from redshank.engine.conditions import Compare
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure, Rolling, SinceEntry
from redshank.engine.state import END
from redshank.engine.values import ENTRY, HERE, Measured, Trait
from redshank.engine.workflows import (
    Arm,
    Branch,
    EventTrigger,
    Split,
    Wait,
    WaitFor,
    WaitUntil,
    Way,
    Workflow,
)
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, send, steps
from tests.oracle.histories import GAPS, STREAM, ZONE_NAMES, beginnings
from tests.oracle.living import CONTACT, Life
from tests.oracle.oracle import Oracle, clock, time_on
from tests.oracle.test_truths import TIMES, thought_of

pytestmark = pytest.mark.timeout(120 + round(120 * TIMES))

MEASURES = {
    "activated": Measure(key="activated", events=("activated",), window=SinceEntry()),
    "visited": Measure(key="visited", events=("visited",), window=SinceEntry()),
    "cancelled": Measure(key="cancelled", events=("cancelled",)),
}
SIGNED_UP = EventTrigger(events=("signed_up",))
GOAL = Compare(Measured("activated", ENTRY), "gte", 1)
EXIT = Compare(Measured("cancelled"), "gte", 1)


def life_of(workflow: Workflow) -> Life:
    return Life(
        book(workflow, measures=MEASURES, timezone="Europe/Berlin", policy=Policy(max_emails_per_day=1_000))
    )


def event(name: str, at: int, **traits: Any) -> Event:
    """Something that happens and arrives at once; with traits, an identify."""
    return Event(
        id=f"{name}-{at}",
        stream=STREAM,
        type="identify" if traits else "track",
        name="" if traits else name,
        occurred_at=at,
        received_at=at,
        traits=traits,
    )


@st.composite
def lives(draw: st.DrawFn, names: Sequence[str], most: int = 9) -> list[Event]:
    """Somebody with an address, to whom one thing happens after the other."""
    now = draw(beginnings())
    found = [event("known", now, email="ann@example.com", timezone=draw(st.sampled_from(ZONE_NAMES)))]
    for gap in draw(st.lists(st.sampled_from((*GAPS[1:], 2 * DAY, 4 * DAY)), min_size=1, max_size=most)):
        now += gap
        name = draw(st.sampled_from(names))
        if name == "moved":
            found.append(event(name, now, timezone=draw(st.sampled_from(ZONE_NAMES))))
        elif name == "upgraded":
            found.append(event(name, now, plan=draw(st.sampled_from(("trial", "pro")))))
        else:
            found.append(event(name, now))
    return found


def happened(events: Sequence[Event], name: str) -> list[int]:
    return [it.occurred_at for it in events if it.name == name]


def lived(life: Life, events: Sequence[Event]) -> int:
    """Live it, with every wake-up on time; until when."""
    for it in events:
        life.wakes_until(it.occurred_at - 1)
        life.gets([it], it.occurred_at)
    until = life.now + 40 * DAY
    life.wakes_until(until)
    return until


def told(life: Life, *what: str) -> list[tuple[str, str, int]]:
    return [(it.what, it.step or it.why, it.at) for it in life.trace if it.what in what]


# --- waits, goals, exits, entry rules

DRIP = Workflow(
    name="drip",
    topic="tips",
    triggers=(SIGNED_UP,),
    goal=GOAL,
    exit_if=EXIT,
    first="welcome",
    steps=steps(send("welcome", "pause"), Wait(id="pause", next="help", span=2 * DAY), send("help")),
)


@thought_of(250)
@given(
    events=lives(("signed_up", "signed_up", "activated", "cancelled", "visited")),
    again=st.sampled_from(("never", "always", 7 * DAY)),
    restarts=st.booleans(),
)
def test_a_drip_is_sent_until_its_goal_or_its_exit_and_entered_as_often_as_it_may(
    events: list[Event], again: str | int, restarts: bool
) -> None:
    life = life_of(replace(DRIP, again=again, restarts=restarts))
    lived(life, events)
    assert [(step, at) for _, step, at in told(life, "sent")] == drip(events, again, restarts)


def drip(events: Sequence[Event], again: str | int, restarts: bool) -> list[tuple[str, int]]:
    sent: list[tuple[str, int]] = []
    cancelled, activated = happened(events, "cancelled"), happened(events, "activated")
    last, ends = -inf, -inf
    for at in happened(events, "signed_up"):
        under_way = at <= ends
        barred = any(it <= at for it in cancelled)
        too_soon = last > -inf and (again == "never" or (isinstance(again, int) and at - last < again))
        # `while_active` rules while a run is under way, `again` after it.
        if barred or (not restarts if under_way else too_soon):
            continue
        if under_way and sent and sent[-1][0] == "help":
            # The run under way ends before it gets there.
            sent.pop()
        stopped = min((it for it in (*activated, *cancelled) if it > at), default=inf)
        sent.append(("welcome", at))
        if stopped > at + 2 * DAY:
            sent.append(("help", at + 2 * DAY))
        last, ends = at, min(stopped - 1, at + 2 * DAY)
    return sent


CARTS = Workflow(
    name="carts",
    triggers=(EventTrigger(events=("cart_updated",)),),
    again="always",
    key="cart_id",
    keeps_event=True,
    goal=Compare(Measured("bought", ENTRY, 30 * HOUR), "gte", 1),
    exit_if=Compare(Measured("seen"), "lt", 1),
    first="one",
    steps=steps(Wait(id="one", next="two", span=DAY), Wait(id="two", next=END, span=2 * DAY)),
)
SEEN = Measure(key="seen", events=("cart_updated", "ordered", "seen"), window=Rolling(length=2 * DAY))
BOUGHT = Measure(key="bought", events=("ordered",), window=SinceEntry(), same="cart_id")


@thought_of(250)
@given(
    events=lives(("cart_updated", "cart_updated", "ordered", "seen"), most=10),
    carts=st.lists(st.sampled_from(("a", "b")), min_size=11, max_size=11),
)
def test_each_cart_has_a_journey_that_its_own_order_or_a_long_silence_ends(
    events: list[Event], carts: list[str]
) -> None:
    events = [
        it if it.traits else replace(it, properties={"cart_id": cart})
        for it, cart in zip(events, carts, strict=False)
    ]
    life = life_of(CARTS)
    life.book = life.oracle.book = replace(life.book, measures={"seen": SEEN, "bought": BOUGHT})
    lived(life, events)
    entered = [it.at for it in life.trace if it.what == "entered"]
    exited = sorted((it.at, it.why) for it in life.trace if it.what == "exited")
    assert (entered, exited) == carted(events)


def carted(events: Sequence[Event]) -> tuple[list[int], list[tuple[int, str]]]:
    entered: list[int] = []
    exited: list[tuple[int, str]] = []
    busy: dict[str, float] = {}
    seen = [it.occurred_at for it in events if it.properties]
    for it in events:
        at, cart = it.occurred_at, it.properties.get("cart_id", "")
        if it.name != "cart_updated" or at <= busy.get(cart, -inf):
            continue
        orders = [
            one.occurred_at for one in events if one.name == "ordered" and one.properties["cart_id"] == cart
        ]
        goal = min((one for one in orders if at < one <= at + 30 * HOUR), default=inf)
        silence = next(
            one + 2 * DAY
            for one, following in zip(seen, [*seen[1:], inf], strict=True)
            if one >= at and following > one + 2 * DAY
        )
        end = min(goal, silence, at + 3 * DAY)
        why = "goal" if end == goal else "exit_if" if end == silence else "finished"
        busy[cart] = end - 1 if why == "goal" else end
        entered.append(at)
        exited.append((int(end), why))
    return entered, sorted(exited)


# --- waiting for something

ASK = Workflow(
    name="ask",
    triggers=(SIGNED_UP,),
    first="settle",
    steps=steps(
        Wait(id="settle", next="answer", span=DAY),
        WaitFor(
            id="answer",
            next=END,
            condition=Compare(Measured("visited", HERE), "gte", 1),
            at_most=4 * DAY,
            then="pause",
            otherwise="breath",
        ),
        Wait(id="pause", next="thanks", span=HOUR),
        send("thanks"),
        Wait(id="breath", next="proof", span=HOUR),
        send("proof"),
    ),
)


@thought_of(200)
@given(events=lives(("signed_up", "visited", "visited", "other")))
def test_a_wait_for_is_over_with_the_first_of_event_and_timeout(events: list[Event]) -> None:
    life = life_of(ASK)
    lived(life, events)
    entered = next(iter(happened(events, "signed_up")), None)
    expected = []
    if entered is not None:
        began, over = entered + DAY, entered + 5 * DAY
        visit = next((it for it in happened(events, "visited") if it >= began), inf)
        # What follows counts from the visit, or from the end of the wait.
        expected = [("sent", "thanks", visit + HOUR) if visit <= over else ("sent", "proof", over + HOUR)]
    assert told(life, "sent") == expected


@thought_of(100)
@given(events=lives(("visited",), most=5))
def test_the_event_that_started_the_journey_is_not_the_one_it_waits_for(events: list[Event]) -> None:
    waits = WaitFor(
        id="answer",
        next=END,
        condition=Compare(Measured("visited", HERE, None, True), "gte", 1),
        at_most=4 * DAY,
        then="thanks",
        otherwise="proof",
    )
    workflow = replace(
        ASK,
        triggers=(EventTrigger(events=("visited",)),),
        first="answer",
        steps=steps(waits, send("thanks"), send("proof")),
    )
    life = life_of(workflow)
    lived(life, events)
    visits = happened(events, "visited")
    over = visits[0] + 4 * DAY
    again = next(iter(visits[1:]), inf)
    assert told(life, "sent") == [("sent", "thanks", again) if again <= over else ("sent", "proof", over)]


@thought_of(150)
@given(
    events=lives(("signed_up", "moved", "moved")),
    minutes=st.sampled_from((0, 2 * 60 + 30, 9 * 60)),
    days=st.sampled_from(((), (1, 3), (6,))),
)
def test_a_time_of_day_is_waited_for_on_the_contacts_own_clock(
    events: list[Event], minutes: int, days: tuple[int, ...]
) -> None:
    until = WaitUntil(id="morning", next="help", minutes=minutes, days=days)
    life = life_of(
        Workflow(
            name="w", triggers=(SIGNED_UP,), first="morning", steps=steps(until, send("help")), topic="tips"
        )
    )
    end = lived(life, events)
    entered = next(iter(happened(events, "signed_up")), None)
    expected: list[tuple[str, str, int]] = []
    if entered is not None:
        # From one event to the next the clock is the same; whichever comes first, its moment or the next event.
        looks = [*[it.occurred_at for it in events if it.occurred_at >= entered], end]
        for look, following in pairwise(looks):
            now = Oracle(life.book, [it for it in events if it.occurred_at <= look], CONTACT)
            moment = max(look, first_time(entered, minutes, days, now))
            if moment < following or following == end:
                expected = [("sent", "help", moment)]
                break
    assert told(life, "sent") == expected


def first_time(since: int, minutes: int, days: tuple[int, ...], oracle: Oracle) -> int:
    day = clock(since, oracle.zone).date()
    around = [day + timedelta(days=by) for by in range(-1, 9)]
    times = [time_on(it, minutes, oracle.zone) for it in around if not days or it.weekday() in days]
    return min(it for it in times if it >= since)


# --- ways

FORK = Workflow(
    name="fork",
    triggers=(SIGNED_UP,),
    again="always",
    first="pause",
    steps=steps(
        Wait(id="pause", next="plan", span=DAY),
        Branch(
            id="plan",
            next="welcome",
            arms=(Arm(to="thanks", when=Compare(Trait("plan"), "eq", "pro")), Arm(to="luck")),
        ),
        send("thanks", "luck"),
        Split(
            id="luck", next=END, arms={"heads": Way(share=0.5, to="help"), "tails": Way(share=0.5, to=END)}
        ),
        send("help"),
    ),
)


@thought_of(150)
@given(events=lives(("signed_up", "upgraded", "upgraded")))
def test_a_branch_asks_when_it_is_reached_and_a_split_is_the_same_every_time(events: list[Event]) -> None:
    life = life_of(FORK)
    end = lived(life, events)
    heads = chance.pick({"heads": 0.5, "tails": 0.5}, CONTACT, "luck") == "heads"
    expected: list[tuple[str, str, int]] = []
    over = -1
    for at in happened(events, "signed_up"):
        if at <= over:
            continue
        over = at + DAY
        assert over <= end
        plan = Oracle(life.book, [it for it in events if it.occurred_at <= over], CONTACT).traits.get("plan")
        expected += [("sent", "thanks", over)] if plan == "pro" else []
        expected += [("sent", "help", over)] if heads else []
    assert told(life, "sent") == expected


# --- looked at late

LONG = Workflow(
    name="long",
    triggers=(SIGNED_UP,),
    again="always",
    goal=GOAL,
    first="settle",
    steps=steps(
        Wait(id="settle", next="answer", span=DAY),
        WaitFor(
            id="answer",
            next=END,
            condition=Compare(Measured("visited", HERE), "gte", 1),
            at_most=HOUR * 30,
            then="morning",
            otherwise="plan",
        ),
        Branch(
            id="plan",
            next=END,
            arms=(Arm(to="morning", when=Compare(Trait("plan"), "eq", "pro")), Arm(to="last")),
        ),
        WaitUntil(id="morning", next="last", minutes=9 * 60),
        Wait(id="last", next=END, span=15 * MINUTE),
    ),
)


@thought_of(200)
@given(data=st.data(), events=lives(("signed_up", "signed_up", "visited", "upgraded", "moved", "activated")))
def test_a_journey_that_is_looked_at_late_goes_the_same_way_at_the_same_times(
    data: st.DataObject, events: list[Event]
) -> None:
    punctual, late, together = life_of(LONG), life_of(LONG), life_of(LONG)
    until = lived(punctual, events)
    for it in events:
        if data.draw(st.integers(0, 3), label="woken") == 0:
            late.wakes_until(it.occurred_at - 1)
        late.gets([it], it.occurred_at)
    late.wakes(until)
    together.gets(events, events[-1].occurred_at)
    together.wakes(until)
    kinds = ("entered", "exited", "branched")
    assert told(late, *kinds) == told(punctual, *kinds)
    assert told(together, *kinds) == told(punctual, *kinds)
