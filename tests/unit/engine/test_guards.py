"""What cannot run away: emails, loops, and the size of a standing."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from redshank.engine import inputs, packing
from redshank.engine.entering import MAX_ENTRIES, MAX_HOPEFULS, MAX_JOURNEYS
from redshank.engine.measures import Measure, Rolling
from redshank.engine.state import END
from redshank.engine.values import Constant
from redshank.engine.workflows import (
    AbsenceTrigger,
    BecomesTrigger,
    Emit,
    Enroll,
    EventTrigger,
    ManualTrigger,
    Set,
    Step,
    Workflow,
)
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann, alarms, emissions, mail, mails

PRO, FREE = trait("plan", "pro"), trait("plan", "free")


def ann_of(*workflows: Workflow, a_day: int = 10, **more: Any) -> Ann:
    live = book(*workflows, **more)
    live = replace(live, policy=replace(live.policy, max_emails_per_day=a_day))
    return Ann(live, email="ann@example.com")


# --- emails

TIPS = sequence(send("hello"), again="always")
RECEIPTS = sequence(
    replace(send("receipt"), topic="billing"),
    name="receipts",
    topic="billing",
    again="always",
    triggers=(EventTrigger(events=("paid",)),),
)


def test_so_many_emails_in_24_hours_and_no_more() -> None:
    ann = ann_of(TIPS)
    sent = [mails(ann.does("go", minute * MINUTE)) for minute in range(12)]
    assert sent == [["hello"]] * 10 + [[], []]
    assert ann.why("skipped") == ["max_emails_per_day"] * 2


def test_an_email_too_many_raises_an_alarm_that_names_whose_doing_it_was() -> None:
    ann = ann_of(TIPS, a_day=1)
    assert alarms(ann.does("go", 0)) == []
    (alarm,) = alarms(ann.does("go", 1))
    assert (alarm.what, alarm.contact_id, alarm.workflow, alarm.step) == (
        "runaway",
        ann.contact_id,
        "flow",
        "hello",
    )


def test_the_24_hours_roll() -> None:
    ann = ann_of(TIPS, a_day=2)
    found = [mails(ann.does("go", at)) for at in (0, 12 * HOUR, DAY - 1, DAY, DAY + 1)]
    assert found == [["hello"], ["hello"], [], ["hello"], []]


def test_transactional_email_neither_counts_nor_is_stopped() -> None:
    ann = ann_of(TIPS, RECEIPTS, a_day=1)
    assert [mails(ann.does("paid", at)) for at in range(5)] == [["receipt"]] * 5
    assert mails(ann.does("go", 5)) == ["hello"]
    assert mails(ann.does("paid", 6)) == ["receipt"]


def test_it_counts_over_all_workflows() -> None:
    flows = [sequence(send("hello"), name=name) for name in ("a", "b", "c")]
    assert len(mails(ann_of(*flows, a_day=2).does("go", 0))) == 2


def test_an_email_that_comes_back_and_goes_again_counts_once() -> None:
    ann = ann_of(TIPS, a_day=2)
    ann.does("go", 0)
    message_id = next(iter(ann.state.standing.outbox))
    ann.hears(inputs.EMAIL_DEFERRED, 1, message_id=message_id, retry_at=T0 + HOUR, reason="cap")
    assert mails(ann.wakes(HOUR)) == ["hello"]
    assert mails(ann.does("go", HOUR + 1)) == ["hello"]


def test_the_journey_goes_on_without_an_email_too_many() -> None:
    ann = ann_of(TIPS, sequence(send("a"), wait("rest", 2 * DAY), send("b"), name="long"), a_day=0)
    ann.does("go", 0)
    assert [it.at for it in ann.journeys] == ["rest"]


# --- loops


def by_hand(name: str, *taken: Step) -> Workflow:
    return sequence(*taken, name=name, again="always", triggers=(ManualTrigger(),))


def enroll(name: str) -> Enroll:
    return Enroll(id=f"to_{name}", next=END, workflow=name)


def test_two_workflows_that_enrol_each_other_take_one_turn_each() -> None:
    ann = ann_of(by_hand("ping", send("ping"), enroll("pong")), by_hand("pong", send("pong"), enroll("ping")))
    assert mails(ann.enrols("ping", 0)) == ["ping", "pong"]
    assert ann.due is None


def test_a_workflow_that_enrols_itself_takes_one_turn() -> None:
    ann = ann_of(by_hand("ping", send("ping"), enroll("ping")))
    assert mails(ann.enrols("ping", 0)) == ["ping"]


def test_a_loop_that_waits_takes_one_turn_per_wait_and_the_guard_stops_its_emails() -> None:
    ping = by_hand("ping", send("ping"), wait("a", MINUTE), enroll("pong"))
    pong = by_hand("pong", send("pong"), wait("b", MINUTE), enroll("ping"))
    ann = ann_of(ping, pong, a_day=10)
    ann.enrols("ping", 0)
    assert len(ann.lives(until=HOUR)) == 9
    assert len(ann.journeys) == 1


def test_a_loop_that_nobody_looked_at_for_a_month_ends() -> None:
    ping = by_hand("ping", wait("a", MINUTE), Emit(id="tell", next=END, name="x"), enroll("pong"))
    pong = by_hand("pong", wait("b", MINUTE), enroll("ping"))
    ann = ann_of(ping, pong)
    ann.enrols("ping", 0)
    assert len(emissions(ann.wakes(30 * DAY))) <= 1_000
    assert len(ann.state.standing.journeys) <= 1


@pytest.mark.parametrize("waits", [False, True])
def test_traits_that_are_set_to_and_fro_settle(waits: bool) -> None:
    def on(condition: Any, name: str, plan: str) -> Workflow:
        rest = (wait(f"{name}_rest", MINUTE),) if waits else ()
        sets = Set(id=name, next=END, traits={"plan": Constant(plan)})
        triggers = (BecomesTrigger(key=name, condition=condition),)
        return sequence(send(f"on_{name}"), *rest, sets, name=name, again="always", triggers=triggers)

    ann = ann_of(on(PRO, "down", "free"), on(FREE, "up", "pro"), a_day=10)
    assert len(mails(ann.says(1, plan="pro"))) <= 2
    assert len(ann.lives(until=HOUR)) <= 10


def test_a_loop_through_an_event_trigger_of_its_own_kind_of_step_stays_in_bounds() -> None:
    """Every click on its mail starts it again: the guard is what stops it."""
    flow = sequence(send("hello"), again="always", triggers=(EventTrigger(events=(inputs.LINK_CLICKED,)),))
    ann = ann_of(flow, a_day=3)
    sent = [mails(ann.hears(inputs.LINK_CLICKED, at)) for at in range(10)]
    assert Counter(map(len, sent)) == {1: 3, 0: 7}


def test_many_events_in_one_go_are_no_loop() -> None:
    triggers = (BecomesTrigger(key="t", condition=happened("seen", 1_400)),)
    ann = ann_of(sequence(send("hello"), triggers=triggers), measures=measures(counted("seen")))
    given = [ann.event("seen", at) for at in range(1_500)]
    assert mails(ann.takes(given, 1_500)) == ["hello"]
    assert ann.why("stopped") == []


def test_many_journeys_that_are_due_at_one_instant_are_no_loop() -> None:
    steps: list[Step] = [wait("rest", DAY), *(wait(f"w{n}", 0) for n in range(5)), send("hello")]
    ann = ann_of(sequence(*steps, key="cart", again="always", max_active=400), a_day=1_000)
    ann.takes([ann.event("go", 0, properties={"cart": str(n)}) for n in range(400)], 0)
    assert len(mails(ann.wakes(DAY))) == 400
    assert "runaway" not in ann.why("exited")


# --- the size of a standing

RANDOM = Random(4)


def key() -> str:
    return f"{RANDOM.getrandbits(128):032x}"


def letters(size: int) -> str:
    """Text in which nothing repeats itself."""
    return base64.b85encode(RANDOM.randbytes(size)).decode()[:size]


def packed(ann: Ann) -> int:
    return len(packing.pack(ann.state.standing))


def opens(ann: Ann, many: int, **properties: int) -> None:
    """So many carts, each with a key of its own, and so many random letters in other properties."""
    for start in range(0, many, 500):
        given = [
            ann.event(
                "go",
                start + n,
                properties={
                    "cart": key(),
                    **{name: letters(size) for name, size in properties.items()},
                },
            )
            for n in range(min(500, many - start))
        ]
        ann.takes(given, start + 500)


KEYED = sequence(wait("rest", 30 * DAY), key="cart", again="never", max_active=100_000)


def test_so_many_journeys_at_a_time_and_one_more_is_refused_with_a_reason() -> None:
    ann = ann_of(KEYED)
    opens(ann, 1_500)
    assert len(ann.journeys) == MAX_JOURNEYS
    assert set(ann.why("not_entered")) == {"too_many_journeys"}
    assert len(ann.state.standing.entries) <= MAX_ENTRIES
    assert packed(ann) < 300_000


def test_the_oldest_makes_room_where_the_book_says_so() -> None:
    ann = ann_of(replace(KEYED, ends_oldest=True))
    opens(ann, 600)
    assert len(ann.journeys) == MAX_JOURNEYS
    assert min(it.entered_at for it in ann.journeys) == T0 + 100
    assert packed(ann) < 300_000


def test_entries_are_remembered_up_to_a_number() -> None:
    ann = ann_of(sequence(send("hello"), key="cart"), a_day=0)
    opens(ann, 1_200)
    assert len(ann.state.standing.entries) == MAX_ENTRIES


def test_events_that_are_kept_do_not_make_a_standing_too_large() -> None:
    ann = ann_of(replace(KEYED, keeps_event=True))
    opens(ann, 600, note=2_000)
    assert set(ann.why("not_entered")) == {"standing_too_large"}
    assert 50 < len(ann.journeys) < MAX_JOURNEYS
    assert packed(ann) < 300_000


def test_events_that_are_kept_make_the_oldest_go_where_the_book_says_so() -> None:
    ann = ann_of(replace(KEYED, keeps_event=True, ends_oldest=True))
    opens(ann, 600, note=2_000)
    assert max(it.entered_at for it in ann.journeys) == T0 + 599
    assert packed(ann) < 300_000


def test_a_key_that_is_a_novel_does_not_make_a_standing_too_large() -> None:
    ann = ann_of(KEYED)
    for start in (0, 1):
        given = [ann.event("go", n, properties={"cart": letters(10_000)}) for n in range(200)]
        ann.takes(given, 1_000 + start)
    assert packed(ann) < 300_000


def test_anchors_with_their_events_do_not_make_a_standing_too_large() -> None:
    trigger = AbsenceTrigger(key="t", events=("go",), without=("paid",), span=DAY, same="cart")
    ann = ann_of(sequence(send("hello"), triggers=(trigger,), keeps_event=True))
    opens(ann, 600, note=2_000)
    assert set(ann.why("not_armed")) <= {"too_many_open_keys", "standing_too_large"}
    assert packed(ann) < 300_000


def test_so_many_entries_wait_for_their_if() -> None:
    when = PRO
    ann = ann_of(sequence(send("hello"), key="cart", triggers=(EventTrigger(events=("go",), when=when),)))
    opens(ann, 200, note=32)
    assert len(ann.state.standing.hopefuls) == MAX_HOPEFULS


def test_a_measure_of_many_keys_does_not_make_a_standing_too_large() -> None:
    carts = Measure(key="carts", events=("go",), window=Rolling(length=30 * DAY), same="cart")
    ann = ann_of(measures=measures(carts))
    opens(ann, 1)
    ann.state.standing.measures["carts"] = [[T0 + n, 1, key()] for n in range(12_000)]
    ann.does("go", 20_000, cart=key())
    assert packed(ann) < 300_000
    assert ann.why("shrunk") == ["too_many_samples"]


@pytest.mark.parametrize("aggregate", ["distinct", "top", "last", "max"])
def test_a_measure_of_long_texts_does_not_make_a_standing_too_large(aggregate: str) -> None:
    notes = Measure(
        key="notes", events=("go",), window=Rolling(length=30 * DAY), aggregate=aggregate, of="note"
    )
    ann = ann_of(measures=measures(notes))
    opens(ann, 1_000, note=4_000)
    assert packed(ann) < 300_000


def test_all_of_it_at_once_stays_below_the_bound() -> None:
    trigger = AbsenceTrigger(key="t", events=("go",), without=("paid",), span=DAY, same="cart")
    carts = Measure(key="carts", events=("go",), window=Rolling(length=30 * DAY), same="cart")
    hoping = EventTrigger(events=("go",), when=PRO)
    ann = ann_of(
        replace(KEYED, keeps_event=True),
        sequence(send("hello"), name="absent", triggers=(trigger,), keeps_event=True),
        sequence(send("hello"), name="hoping", triggers=(hoping,), key="cart", keeps_event=True),
        measures=measures(carts, counted("go", 30 * DAY, key="seen")),
    )
    opens(ann, 700, note=300)
    assert packed(ann) < 300_000


# --- what an events file may say of emails, which no function would


@pytest.mark.parametrize("odd", [[], {"a": 1}, 2**63, "", None, 0.5])
def test_what_is_said_of_an_email_may_be_anything(odd: Any) -> None:
    ann = ann_of(sequence(send("hello"), wait("rest", DAY), send("bye")))
    message_id = mail(ann.does("go", 1)).message_id
    for name in sorted(inputs.UNDERSTOOD):
        ann.hears(name, 2, **dict.fromkeys(("by", "run", "step", "link", "topic", "kind", "workflow"), odd))
    ann.hears(inputs.EMAIL_DEFERRED, 3, message_id=message_id, retry_at=odd)
    assert ann.state.standing.version
