"""What did not happen, and when is that known?"""

from __future__ import annotations

from typing import Any

import pytest

from redshank.engine.absences import MAX_ANCHORS
from redshank.engine.advance import advance
from redshank.engine.workflows import AbsenceTrigger, Workflow
from redshank.instants import DAY, HOUR, MINUTE, SECOND
from tests.books import book, send, sequence, trait
from tests.unit.engine.living import T0, Ann, mail, mails


def without(anchor: str | tuple[str, ...], absent: str, span: int, **more: Any) -> Workflow:
    """Sends ``hello`` where ``absent`` does not follow ``anchor``."""
    own = {name: more.pop(name) for name in ("same", "when", "include_existing", "where") if name in more}
    events = (anchor,) if isinstance(anchor, str) else anchor
    trigger = AbsenceTrigger(key="t", events=events, without=(absent,), span=span, **own)
    return sequence(send("hello"), triggers=(trigger,), **{"again": "always", **more})


def ann_of(*workflows: Workflow, **more: Any) -> Ann:
    return Ann(book(*workflows, **more), email="ann@example.com")


@pytest.fixture
def ann() -> Ann:
    return ann_of(without("signed_up", "activated", 48 * HOUR))


def test_it_fires_when_the_time_is_over(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert ann.lives(until=100 * DAY) == [(48 * HOUR, "hello")]


def test_what_comes_in_time_disarms_it(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.does("activated", 48 * HOUR - 1)
    assert ann.due is None


def test_what_comes_in_the_very_last_moment_disarms_it(ann: Ann) -> None:
    ann.does("signed_up", 0)
    assert mails(ann.does("activated", 48 * HOUR)) == []
    assert ann.due is None


def test_what_comes_in_the_anchors_own_second_disarms_it(ann: Ann) -> None:
    ann.does("activated", 5 * SECOND)
    ann.does("signed_up", 5 * SECOND + 900)
    assert ann.due is None


def test_what_came_in_the_second_before_does_not_disarm_it(ann: Ann) -> None:
    ann.does("activated", 5 * SECOND - 1)
    ann.does("signed_up", 5 * SECOND)
    assert ann.lives(until=100 * DAY) == [(5 * SECOND + 48 * HOUR, "hello")]


def test_a_new_anchor_starts_it_anew(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.does("signed_up", DAY)
    assert ann.lives(until=100 * DAY) == [(DAY + 48 * HOUR, "hello")]


def test_a_new_anchor_arms_what_was_disarmed(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.does("activated", HOUR)
    ann.does("signed_up", DAY)
    assert ann.lives(until=100 * DAY) == [(DAY + 48 * HOUR, "hello")]


def test_what_disarms_it_may_arrive_late(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.does("activated", 10 * HOUR, late=5 * HOUR)
    assert ann.due is None


def test_what_disarms_it_may_arrive_before_a_late_anchor(ann: Ann) -> None:
    ann.does("activated", 2 * HOUR)
    ann.does("signed_up", 3 * HOUR, late=2 * HOUR)
    assert ann.due is None


def test_what_happened_before_the_anchor_disarms_nothing_however_late_it_arrives(ann: Ann) -> None:
    ann.does("signed_up", 2 * HOUR)
    ann.does("activated", 3 * HOUR, late=2 * HOUR)
    assert ann.lives(until=100 * DAY) == [(50 * HOUR, "hello")]


def test_an_anchor_that_arrives_late_is_due_from_when_it_happened(ann: Ann) -> None:
    ann.does("signed_up", 10 * HOUR, late=5 * HOUR)
    assert ann.due == 53 * HOUR


def test_an_older_anchor_that_arrives_late_does_not_set_the_newer_one_back(ann: Ann) -> None:
    ann.does("signed_up", 10 * HOUR)
    ann.does("signed_up", 11 * HOUR, late=5 * HOUR)
    assert ann.lives(until=100 * DAY) == [(58 * HOUR, "hello")]


def test_one_of_the_same_kind_disarms_the_last_and_arms_the_next() -> None:
    ann = ann_of(without(("signed_up", "logged_in"), "logged_in", 7 * DAY))
    ann.does("signed_up", 0)
    ann.does("logged_in", 5 * DAY)
    ann.does("logged_in", 11 * DAY)
    assert ann.lives(until=100 * DAY) == [(18 * DAY, "hello")]


def test_it_fires_once_per_anchor() -> None:
    ann = ann_of(without("logged_in", "logged_in", 7 * DAY))
    ann.does("logged_in", 0)
    assert ann.lives(until=100 * DAY) == [(7 * DAY, "hello")]
    ann.does("logged_in", 100 * DAY)
    assert ann.lives(until=200 * DAY) == [(107 * DAY, "hello")]


def test_the_same_property_tells_carts_apart() -> None:
    flow = without("cart_updated", "order_placed", 4 * HOUR, same="cart_id", key="cart_id", keeps_event=True)
    ann = ann_of(flow)
    for at, cart in enumerate("ab"):
        ann.does("cart_updated", at * HOUR, cart_id=cart)
    ann.does("order_placed", 2 * HOUR, cart_id="a")
    assert ann.due == 5 * HOUR
    assert mail(ann.wakes(5 * HOUR)).event == {"cart_id": "b"}


def test_an_event_without_the_same_property_arms_nothing() -> None:
    ann = ann_of(without("cart_updated", "order_placed", 4 * HOUR, same="cart_id"))
    ann.does("cart_updated", 0)
    assert ann.due is None


def test_two_carts_that_fall_due_at_once_are_two_journeys() -> None:
    ann = ann_of(without("cart_updated", "order_placed", 4 * HOUR, same="cart_id", key="cart_id"))
    ann.does("cart_updated", 0, cart_id="a")
    ann.does("cart_updated", 0, cart_id="b")
    assert mails(ann.wakes(4 * HOUR)) == ["hello", "hello"]


def test_what_falls_due_twice_while_nobody_looks_fires_twice() -> None:
    """Two inputs are taken at once, long after the first was due and before the second."""
    ann = ann_of(without("signed_up", "activated", HOUR))
    ann.does("signed_up", 0)
    given = [ann.event("signed_up", 6 * HOUR, late=4 * HOUR), ann.event("noted", 6 * HOUR)]
    assert mails(ann.takes(given, 6 * HOUR)) == ["hello", "hello"]


def test_the_if_is_judged_when_it_fires() -> None:
    ann = ann_of(without("signed_up", "activated", DAY, when=trait("plan", "trial")))
    ann.says(0, plan="trial")
    ann.does("signed_up", 1)
    ann.says(2, plan="pro")
    assert mails(ann.wakes(1 + DAY)) == []
    ann.does("signed_up", 2 * DAY)
    ann.says(2 * DAY + 1, plan="trial")
    assert mails(ann.wakes(3 * DAY)) == ["hello"]


def test_an_anchor_too_late_to_start_anything_still_arms_what_is_ahead(ann: Ann) -> None:
    ann.does("signed_up", 30 * HOUR, late=25 * HOUR)
    assert ann.lives(until=100 * DAY) == [(53 * HOUR, "hello")]


def test_an_anchor_so_late_that_its_time_is_over_arms_nothing(ann: Ann) -> None:
    assert mails(ann.does("signed_up", 80 * HOUR, late=60 * HOUR)) == []
    assert ann.due is None


def test_history_arms_nothing(ann: Ann) -> None:
    ann.takes([ann.event("signed_up", 0, historical=True)], 0)
    assert ann.due is None


def test_history_disarms(ann: Ann) -> None:
    ann.does("signed_up", 0)
    ann.takes([ann.event("activated", HOUR, historical=True)], HOUR)
    assert ann.due is None


def test_a_new_absence_is_armed_from_the_log_only_where_it_is_due_later() -> None:
    ann = ann_of()
    history = [ann.event("signed_up", at) for at in (0, 3 * DAY)]
    for event in history:
        ann.takes([event], event.received_at - T0)
    live = book(without("signed_up", "activated", DAY), sequence=2, born={"t": (2, T0 + 3 * DAY + HOUR)})
    now = T0 + 3 * DAY + HOUR
    found = advance(ann.state, [ann.event("noted", now - T0)], live, now, history=history)
    assert found.state.standing.due == T0 + 4 * DAY
    assert not any(found.effects.values())


def test_so_many_are_armed_at_a_time_and_one_more_is_refused_with_a_reason() -> None:
    ann = ann_of(without("cart_updated", "order_placed", 4 * HOUR, same="cart_id"))
    ann.takes([ann.event("cart_updated", MINUTE, properties={"cart_id": n}) for n in range(501)], MINUTE)
    assert len(ann.state.standing.anchors) == MAX_ANCHORS
    assert ann.why("not_armed") == ["too_many_open_keys"]


def test_what_is_done_with_makes_room_for_what_is_armed() -> None:
    ann = ann_of(without("cart_updated", "order_placed", 4 * HOUR, same="cart_id"))
    for hour in range(4):
        at = hour * 2 * DAY
        orders = [ann.event("order_placed", at, properties={"cart_id": f"{hour}-{n}"}) for n in range(400)]
        ann.takes(orders, at)
    assert len(ann.state.standing.anchors) <= MAX_ANCHORS
    ann.does("cart_updated", 10 * DAY, cart_id="open")
    assert ann.due == 10 * DAY + 4 * HOUR
