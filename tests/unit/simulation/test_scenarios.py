"""Does the book do what its tests expect?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.engine.conditions import Compare
from redshank.engine.state import END
from redshank.engine.values import Trait
from redshank.engine.workflows import EventTrigger, Split, Variant, WaitUntil, Way, Workflow
from redshank.errors import RedshankError
from redshank.instants import DAY, HOUR, SECOND, iso
from redshank.simulation.scenarios import Expected, Happening, Result, Scenario, run
from tests import books
from tests.books import ACTIVATION, UPGRADE

BERLIN = {"email": "ann@example.com", "timezone": "Europe/Berlin"}
WELCOME = Expected(at=0, what="sent", step="welcome")
ACTIVATED = Happening(at=DAY, name="product_activated")


def _scenario(**more: Any) -> Scenario:
    return replace(
        Scenario(
            name="whoever activates is left alone",
            start="2026-03-27T20:00",
            traits=BERLIN,
            when=(ACTIVATED,),
            expect=(WELCOME, Expected(at=DAY, what="exited", why="goal")),
        ),
        **more,
    )


def _run(book: Book | None = None, **more: Any) -> Result:
    return run(book or books.book(ACTIVATION), _scenario(**more))


def _marked(result: Result, mark: str) -> list[tuple[str, int, str]]:
    return [
        (line.done.what, line.done.at - result.start, line.done.step)
        for line in result.timeline
        if line.mark == mark
    ]


def test_a_book_that_does_what_is_expected_passes() -> None:
    assert _run().passed


def test_an_email_that_nobody_expected_fails() -> None:
    result = _run(when=(), expect=(WELCOME,))
    assert not result.passed
    assert _marked(result, "+") == [("sent", 2 * DAY, "help"), ("sent", 5 * DAY, "proof")]
    assert _marked(result, "-") == []


def test_an_email_that_was_expected_and_did_not_come_fails() -> None:
    result = _run(expect=(WELCOME, Expected(at=2 * DAY, what="sent", step="help")))
    assert not result.passed
    assert _marked(result, "-") == [("sent", 2 * DAY, "help")]


def test_an_email_at_another_second_is_another_one() -> None:
    result = _run(expect=(Expected(at=SECOND, what="sent", step="welcome"),), when=(ACTIVATED, _signed_up()))
    assert _marked(result, "-") == [("sent", SECOND, "welcome")]
    assert _marked(result, "+") == [("sent", 0, "welcome")]


def _signed_up(at: int = 0) -> Happening:
    return Happening(at=at, name="signed_up")


def test_one_expectation_is_met_by_one_email_only() -> None:
    twice = (WELCOME, WELCOME, Expected(at=DAY, what="exited", why="goal"))
    assert _marked(_run(expect=twice), "-") == [("sent", 0, "welcome")]


def test_entering_leaving_and_skipping_may_be_left_unsaid() -> None:
    assert _run(expect=(WELCOME,)).passed


def test_another_reason_is_not_the_one_expected() -> None:
    result = _run(expect=(WELCOME, Expected(at=DAY, what="exited", why="exit_if")))
    assert [line.done.why for line in result.timeline if line.mark == "-"] == ["exit_if"]


def test_a_skipped_email_is_expected_with_its_reason() -> None:
    optional = replace(
        UPGRADE, steps=books.steps(books.send("thanks", when=Compare(Trait("vip"), "eq", True)))
    )
    skipped = Expected(at=0, what="skipped", step="thanks", why="condition")
    traits = {**BERLIN, "plan": "pro"}
    assert _run(books.book(optional), traits=traits, when=(), expect=(skipped,)).passed
    other = replace(skipped, why="unsubscribed")
    assert not _run(books.book(optional), traits=traits, when=(), expect=(other,)).passed


# --- time


def test_the_start_is_a_local_time_of_the_contact() -> None:
    assert iso(_run().start) == "2026-03-27T19:00:00.000Z"
    assert iso(_run(traits={"email": "ann@example.com"}).start) == "2026-03-27T20:00:00.000Z"


def test_an_expectation_can_be_at_a_local_time() -> None:
    """Clocks go forward on 29 March: nine o'clock comes an hour early."""
    morning = Workflow(
        name="morning",
        topic="tips",
        triggers=(EventTrigger(events=("signed_up",)),),
        first="sunday",
        steps=books.steps(
            WaitUntil(id="sunday", next="welcome", minutes=9 * 60, days=(6,)), books.send("welcome")
        ),
    )
    local = Expected(at="2026-03-29T09:00", what="sent", step="welcome")
    assert _run(books.book(morning), when=(_signed_up(),), expect=(local,)).passed
    elapsed = replace(local, at=DAY + 12 * HOUR)
    assert _run(books.book(morning), when=(_signed_up(),), expect=(elapsed,)).passed


def test_it_is_watched_as_long_as_it_says() -> None:
    assert _run(when=(), expect=(WELCOME,), until=DAY).passed


# --- how it begins


def test_the_event_that_starts_what_is_expected_first_may_be_left_out() -> None:
    assert _run(when=(), expect=(WELCOME,), until=DAY).passed
    assert _run(when=(_signed_up(),), expect=(WELCOME,), until=DAY).passed


def test_no_event_is_made_up_where_the_scenario_has_it_at_another_time() -> None:
    result = _run(when=(_signed_up(HOUR),), expect=(WELCOME,), until=DAY)
    assert _marked(result, "+") == [("sent", HOUR, "welcome")]


def test_no_event_is_made_up_where_nothing_is_expected_at_the_start() -> None:
    assert _run(when=(), expect=()).passed
    later = Expected(at=DAY, what="sent", step="welcome")
    assert _marked(_run(when=(), expect=(later,)), "+") == []


# --- what else can happen


@pytest.mark.parametrize(
    ("happening", "reason"),
    [
        (Happening(at=HOUR, name=inputs.EMAIL_BOUNCED, properties={"step": "welcome"}), "hard_bounce"),
        (Happening(at=HOUR, name=inputs.EMAIL_COMPLAINED, properties={"step": "welcome"}), "complaint"),
        (Happening(at=HOUR, name=inputs.TOPIC_UNSUBSCRIBED, properties={"topic": "tips"}), "unsubscribed"),
    ],
)
def test_what_ends_a_journey_from_outside(happening: Happening, reason: str) -> None:
    expected = (WELCOME, Expected(at=HOUR, what="exited", workflow="activation", why=reason))
    assert _run(when=(happening,), expect=expected).passed


def test_traits_become_known() -> None:
    pro = Happening(at=HOUR, type="identify", traits={"plan": "pro"})
    thanks = Expected(at=HOUR, what="sent", step="thanks", workflow="upgrade")
    assert _run(books.book(UPGRADE), when=(pro,), expect=(thanks,)).passed


# --- arms

_TESTED = Workflow(
    name="tested",
    topic="tips",
    triggers=(EventTrigger(events=("signed_up",)),),
    holdout=0.5,
    first="persist_or_stop",
    steps=books.steps(
        Split(
            id="persist_or_stop",
            next=END,
            arms={"persist": Way(share=0.99, to="welcome"), "stop": Way(share=0.01, to=END)},
        ),
        books.send(
            "welcome", arms={"curious": Variant(share=0.5), "direct": Variant(share=0.5, template="help")}
        ),
    ),
)


@pytest.mark.parametrize("arm", ["curious", "direct"])
def test_a_scenario_chooses_its_arms_and_is_in_no_holdout(arm: str) -> None:
    sent = replace(WELCOME, why=arm)
    arms = {"persist_or_stop": "persist", "welcome": arm}
    assert _run(books.book(_TESTED), arms=arms, when=(), expect=(sent,)).passed


def test_also_one_that_few_get() -> None:
    assert _run(books.book(_TESTED), arms={"persist_or_stop": "stop"}, when=(_signed_up(),), expect=()).passed


def test_an_arm_that_nobody_gets_is_told() -> None:
    closed = replace(_TESTED, holdout=1.0)
    with pytest.raises(RedshankError, match="no contact was found that gets the arms curious"):
        _run(books.book(closed), arms={"welcome": "curious"})
