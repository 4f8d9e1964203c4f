"""Whatever happens to a contact, in whatever order: what always holds?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from redshank.engine import inputs, packing
from redshank.engine.advance import advance
from redshank.engine.conditions import Email, InSegment, Not, Reached
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event, Wake
from redshank.engine.measures import Measure, SinceEntry
from redshank.engine.state import END, Standing
from redshank.engine.values import Constant, Trait
from redshank.engine.workflows import (
    AbsenceTrigger,
    Arm,
    BecomesTrigger,
    Branch,
    DateTrigger,
    Decide,
    Enroll,
    EventTrigger,
    ManualTrigger,
    ScheduleTrigger,
    Set,
    Split,
    Subscribe,
    Suppress,
    Variant,
    Wait,
    WaitFor,
    WaitUntil,
    Way,
)
from redshank.identity import address_hash
from redshank.instants import DAY, HOUR, MINUTE, iso
from tests.books import SINCE_ENTRY, book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import T0, Ann

PRO, FREE = trait("plan", "pro"), trait("plan", "free")
ARMS = {"a": Variant(share=0.5), "b": Variant(share=0.5, subject="B")}

FLOWS = (
    sequence(
        send("hello", when=Not(PRO)),
        WaitFor(
            id="look",
            next=END,
            condition=Email("clicked", "hello"),
            at_most=2 * DAY,
            then="on",
            otherwise="way",
        ),
        apart=(
            Branch(id="way", next="on", arms=(Arm(to="plan", when=PRO), Arm(to="on"))),
            Set(id="plan", next="on", traits={"plan": Constant("free")}),
            send("on", arms=ARMS),
        ),
        name="guided",
        again=2 * DAY,
        goal=SINCE_ENTRY,
        exit_if=trait("gone", True),
    ),
    sequence(
        WaitUntil(id="nine", next=END, minutes=9 * 60, days=(0, 2, 4)),
        Split(id="half", next=END, arms={"x": Way(share=0.5, to="off"), "y": Way(share=0.5, to="cart")}),
        apart=(
            send("cart", decide=Decide(by="clicks", sample=0.5, after=3 * HOUR), arms=ARMS),
            Subscribe(id="off", next="cart", topic="tips", subscribed=False),
        ),
        name="carts",
        key="cart",
        again="always",
        restarts=True,
        max_active=2,
        ends_oldest=True,
        triggers=(
            AbsenceTrigger(key="t1", events=("go",), without=("paid",), span=4 * HOUR, same="cart"),
            EventTrigger(events=("paid",), when=PRO),
        ),
        keeps_event=True,
    ),
    sequence(
        send("up"),
        wait("w", DAY),
        Set(id="pros", next=END, traits={"plan": Constant("pro")}),
        Enroll(id="next", next=END, workflow="by_hand"),
        name="up",
        again="always",
        triggers=(
            BecomesTrigger(key="t2", condition=FREE),
            DateTrigger(key="t3", condition=Reached(Trait("ends"), -DAY, 9 * 60)),
        ),
        exit_if=Not(happened("seen")),
    ),
    sequence(
        send("weekly"),
        Suppress(id="enough", next=END, reason="unengaged", when=happened("seen", 3)),
        name="weekly",
        again="always",
        triggers=(ScheduleTrigger(key="t4", segment="seen", minutes=9 * 60, days=(1, 5)),),
    ),
    sequence(
        wait("w", 5 * MINUTE),
        replace(send("receipt"), topic="billing"),
        Enroll(id="again", next=END, workflow="guided"),
        name="by_hand",
        again="always",
        triggers=(ManualTrigger(), BecomesTrigger(key="t5", condition=InSegment("seen"))),
        topic="billing",
        holdout=0.5,
        goal=PRO,
        goal_ends=False,
    ),
)
LIVE = book(
    *FLOWS,
    measures=measures(
        counted("seen", 3 * DAY), Measure(key="activated", events=("product_activated",), window=SinceEntry())
    ),
    segments={"seen": happened("seen"), "free": FREE},
)
EDITED = book(
    *(
        replace(
            it,
            steps={
                key: replace(step, span=HOUR) if isinstance(step, Wait) else step
                for key, step in it.steps.items()
                if key not in ("look", "nine")
            },
            first={"nine": "half"}.get(it.first, it.first),
            moved={"look": "way", "nine": "half"},
        )
        if it.name != "guided"
        else replace(it, state="paused")
        for it in FLOWS[:4]
    ),
    measures=LIVE.measures,
    segments={"seen": happened("seen", 2)},
    sequence=2,
    born={"segment:seen": (2, T0 + 4 * DAY)},
)

_events = st.tuples(
    st.sampled_from(["go", "paid", "seen", "product_activated", "noted"]),
    st.fixed_dictionaries({"cart": st.sampled_from(["a", "b", "c"])}),
)
_traits = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["ann@example.com", "new@example.com", None]),
        "plan": st.sampled_from(["pro", "free", None]),
        "gone": st.booleans(),
        "timezone": st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/New_York", "nowhere"]),
        "ends": st.sampled_from([iso(T0 + day * DAY) for day in range(6)]),
    },
)
_learned = st.sampled_from(
    ["open", "click", "unsubscribe", "subscribe", "bounce", "complaint", "deferred", "failed", "enrol"]
)
_spans = st.integers(0, 20) | st.sampled_from([MINUTE, HOUR, 5 * HOUR, DAY, DAY + HOUR, 9 * DAY])
_lates = st.just(0) | st.sampled_from([1, HOUR, 30 * HOUR])
_history = st.lists(st.tuples(_spans, _lates, _events | _traits | _learned | st.just("edit")), max_size=25)


def _learns(ann: Ann, fact: str, at: int) -> list[Any]:
    standing = ann.state.standing
    message_id, outgoing = next(iter(standing.outbox.items()), ("m", None))
    run, step = (outgoing.run, outgoing.step) if outgoing else ("r", "s")
    hashed = address_hash(ann.state.profile.email)
    match fact:
        case "open":
            return ann.hears(inputs.EMAIL_OPENED, at, run=run, step=step)
        case "click":
            return ann.hears(inputs.LINK_CLICKED, at, run=run, step=step, link="https://acme.example/")
        case "unsubscribe":
            return ann.hears(inputs.TOPIC_UNSUBSCRIBED, at, topic="tips")
        case "subscribe":
            return ann.hears(inputs.TOPIC_SUBSCRIBED, at, topic="tips")
        case "bounce":
            return ann.hears(inputs.EMAIL_BOUNCED, at, kind="hard", address_hash=hashed)
        case "complaint":
            return ann.hears(inputs.EMAIL_COMPLAINED, at, address_hash=hashed)
        case "deferred":
            retry = T0 + at + HOUR
            return ann.hears(inputs.EMAIL_DEFERRED, at, message_id=message_id, retry_at=retry, reason="cap")
        case "failed":
            return ann.hears(inputs.EMAIL_FAILED, at, message_id=message_id)
        case _:
            return ann.enrols("by_hand", at)


def _check(ann: Ann, found: list[Mail], at: int) -> None:
    standing = ann.state.standing
    # Nothing is left that was due.
    assert standing.due is None or standing.due > T0 + at
    # Nothing is lost on its way to a table.
    kept = Standing(contact_id=standing.contact_id)
    packing.unpack(kept, packing.pack(standing))
    for name in ("journeys", "anchors", "hopefuls", "truths", "measures", "entries", "due"):
        assert getattr(kept, name) == getattr(standing, name)
    # A journey stands at a step that there is, and one that is over has an email under way.
    steps = {it.name: it.steps for it in ann.book.workflows.values()}
    outgoing = {it.run for it in standing.outbox.values()}
    for journey in standing.journeys.values():
        held = journey.at in journey.releases
        here = held or journey.at in steps.get(journey.workflow, ())
        assert here if journey.active else journey.run in outgoing
    # Nobody gets one email twice, or too many.
    first = [it.message_id for it in found if not it.release]
    assert len(first) == len(set(first))
    marketing = [it.decided_at for it in found if not it.transactional and not it.release]
    for decided in marketing:
        assert sum(decided - DAY < it <= decided for it in marketing) <= 10


def _takes(ann: Ann, item: Any, late: int, at: int) -> list[Any]:
    if item == "edit":
        return ann.visited(at, EDITED)
    if isinstance(item, str):
        return _learns(ann, item, at)
    if isinstance(item, dict):
        return ann.says(at, said=at - late, **item)
    return ann.does(item[0], at, late=late, **item[1])


@settings(max_examples=300, deadline=None)
@given(_history)
def test_whatever_happens_these_things_hold(history: list[Any]) -> None:
    ann = Ann(LIVE, email="ann@example.com")
    at = HOUR
    found: list[Mail] = []
    for span, late, item in history:
        at += span
        while ann.due is not None and ann.due < at and late != HOUR:
            # Sometimes she is woken in time, sometimes not.
            found += _mails(_woken(ann))
        found += _mails(_takes(ann, item, late, at))
        _check(ann, found, at)


def _mails(effects: list[Any]) -> list[Mail]:
    return [it for it in effects if isinstance(it, Mail)]


def _woken(ann: Ann) -> list[Any]:
    due = ann.due
    assert due is not None
    effects = ann.wakes(due)
    assert ann.last.changed, "woken for nothing"
    return effects


@settings(max_examples=200, deadline=None)
@given(_history)
def test_to_be_looked_at_in_vain_changes_nothing(history: list[Any]) -> None:
    """Whoever looks between two instants at which something is due finds nothing, and leaves no trace."""
    ann = Ann(LIVE, email="ann@example.com")
    at = HOUR
    for span, late, item in history:
        at += span
        _takes(ann, item, late, at)
        looked = advance(ann.state, [Wake(contact_id=ann.contact_id, at=T0 + at)], ann.book, T0 + at)
        assert not looked.effects
        assert not looked.changed


#: Without emails: those are decided when somebody looks, and what follows counts from then.
SILENT = book(
    sequence(
        wait("w1", HOUR),
        Set(id="plan", next=END, traits={"plan": Constant("free")}),
        name="absent",
        again="always",
        triggers=(AbsenceTrigger(key="t1", events=("go",), without=("paid",), span=2 * HOUR, same="cart"),),
    ),
    sequence(
        wait("w2", 90 * MINUTE),
        Set(id="pros", next=END, traits={"plan": Constant("pro")}),
        Enroll(id="next", next=END, workflow="daily"),
        name="free",
        again="always",
        triggers=(BecomesTrigger(key="t2", condition=FREE),),
        exit_if=Not(happened("seen")),
    ),
    sequence(
        WaitFor(id="look", next=END, condition=PRO, at_most=3 * HOUR, then=END, otherwise=END),
        name="daily",
        again="always",
        triggers=(
            ScheduleTrigger(key="t4", segment="seen", minutes=11 * 60),
            DateTrigger(key="t3", condition=Reached(Trait("ends"), -4 * HOUR)),
        ),
        goal=trait("gone", True),
    ),
    measures=measures(counted("seen", 5 * HOUR)),
    segments={"seen": happened("seen"), "free": FREE},
)


def _ends(given_: list[tuple[int, Event]], *, together: bool) -> tuple[list[Any], Standing]:
    """What was decided, and where she stands, if events are taken one by one or all at once."""
    ann = Ann(SILENT, email="ann@example.com")
    last = given_[-1][0]
    if together:
        ann.takes([event for _, event in given_], last)
    else:
        for at, event in given_:
            while ann.due is not None and ann.due < at:
                ann.wakes(ann.due)
            ann.takes([event], at)
        while ann.due is not None and ann.due <= last:
            ann.wakes(ann.due)
    return [(it.what, it.workflow, it.step, it.why, it.at) for it in ann.trace], ann.state.standing


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3 * HOUR), _events | _traits), min_size=1, max_size=12))
def test_events_that_come_together_lead_where_they_lead_one_by_one(history: list[Any]) -> None:
    """Hours that nobody looked at, and what was due in them: the same decisions, at the same instants."""
    ann = Ann(SILENT)
    at, given_ = HOUR, []
    for span, item in history:
        at += span
        more = {"type": "identify", "traits": item} if isinstance(item, dict) else {"properties": item[1]}
        given_.append((at, ann.event("" if isinstance(item, dict) else item[0], at, **more)))
    told, one_by_one = _ends(given_, together=False)
    told_at_once, at_once = _ends(given_, together=True)
    assert told_at_once == told
    for name in ("truths", "measures", "anchors", "due"):
        assert getattr(at_once, name) == getattr(one_by_one, name), name
