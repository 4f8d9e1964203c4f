"""How many bytes does a standing take?"""

from __future__ import annotations

from random import Random

from redshank.engine import packing
from redshank.engine.conditions import InSegment
from redshank.engine.inputs import EMAIL_OPENED, LINK_CLICKED
from redshank.engine.measures import Measure, SinceEntry
from redshank.engine.state import Standing
from redshank.engine.workflows import AbsenceTrigger, BecomesTrigger, EventTrigger
from redshank.instants import DAY, HOUR, MINUTE
from tests.books import book, counted, happened, measures, send, sequence, trait, wait
from tests.unit.engine.living import Ann

#: What "near 1 KB" means.
BOUND = 1_024

_MEASURES = (
    *(counted(name, 30 * DAY) for name in ("logged_in", "report_run", "feature_used")),
    counted("invoice_paid", None),
    Measure(key="credits", events=("report_run",), aggregate="sum", of="credits"),
    Measure(key="top", events=("feature_used",), aggregate="top", of="feature"),
    Measure(key="first_plan", events=("invoice_paid",), aggregate="first", of="plan"),
    Measure(key="last_total", events=("invoice_paid",), aggregate="last", of="total"),
    counted(EMAIL_OPENED, 30 * DAY),
    Measure(key="activated", events=("product_activated",), window=SinceEntry()),
)


def a_month() -> Standing:
    """Of somebody who logs in most days, in three journeys of a book of 50 segments."""
    segments = {
        **{f"plan_{n}": trait("plan", f"plan {n}") for n in range(21)},
        **{f"country_{n}": trait("country", f"country {n}") for n in range(20)},
        **{f"logins_{n}": happened("logged_in", 3**n) for n in range(5)},
        **{f"runs_{n}": happened("report_run", 4**n) for n in range(4)},
    }
    flows = (
        sequence(
            send("welcome"), wait("pause", 20 * DAY), send("help"), wait("rest", 20 * DAY), name="activation"
        ),
        sequence(
            send("tip"),
            wait("w", 40 * DAY),
            send("tip_2"),
            name="tips",
            triggers=(BecomesTrigger(key="k1", condition=InSegment("logins_1")),),
        ),
        sequence(
            send("cart"),
            wait("v", 40 * DAY),
            name="carts",
            key="cart_id",
            triggers=(EventTrigger(events=("cart_updated",)),),
        ),
        sequence(
            send("quiet"),
            name="quiet",
            triggers=(AbsenceTrigger(key="k2", events=("logged_in",), without=("logged_in",), span=7 * DAY),),
        ),
    )
    live = book(*flows, segments=segments, measures=measures(*_MEASURES))
    ann = Ann(live, email="ann@example.com", plan="plan 3", country="country 7")
    random = Random(7)
    ann.does("go", 0)
    for day in range(30):
        at = day * DAY + random.randrange(8 * HOUR)
        ann.lives(until=at)
        if random.random() < 0.7:
            ann.does("logged_in", at)
            for _ in range(random.randrange(3)):
                at += random.randrange(HOUR)
                ann.does("report_run", at, credits=random.randrange(100))
            at += random.randrange(HOUR)
            ann.does("feature_used", at, feature=random.choice(["export", "import", "charts", "alerts"]))
        if day % 10 == 5:
            ann.does("invoice_paid", at + MINUTE, plan="plan 3", total=29.9)
            run = ann.journeys[0].run
            ann.hears(EMAIL_OPENED, at + HOUR, run=run, step="welcome")
            ann.hears(LINK_CLICKED, at + HOUR + 1, run=run, step="welcome")
        if day == 20:
            ann.does("cart_updated", at + 2 * HOUR, cart_id="c_8f3a91")
    ann.does("product_activated", 30 * DAY)
    # What was decided has been claimed, and all but the last event has been logged.
    ann.state.standing.outbox.clear()
    return ann.state.standing


def test_a_standing_of_three_journeys_and_ten_measures_stays_near_one_kilobyte() -> None:
    standing = a_month()
    assert len([it for it in standing.journeys.values() if it.active]) == 3
    assert len(standing.measures) == 10
    assert sum(truth for key, (truth, _) in standing.truths.items() if key.startswith("segment:")) == 8
    size = len(packing.pack(standing))
    assert size <= BOUND, f"it takes {size} bytes"
