"""What happens to one contact, and when?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.engine.conditions import Compare, Email
from redshank.engine.inputs import Event
from redshank.engine.state import END
from redshank.engine.values import Property
from redshank.engine.workflows import EventTrigger, Wait, WaitFor, Workflow
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR, MINUTE
from redshank.simulation.world import Moment, play
from tests import books
from tests.books import ACTIVATION, UPGRADE

T0 = 1_800_000_000_000
STREAM = "user:ann"
CONTACT = contact_of(STREAM)
#: Whoever clicks is left alone for a day; whoever does not is written to again.
READER = Workflow(
    name="reader",
    topic="tips",
    triggers=(EventTrigger(events=("signed_up",)),),
    first="welcome",
    steps=books.steps(
        books.send("welcome", "click"),
        WaitFor(
            id="click",
            next=END,
            condition=Email("clicked", "welcome"),
            at_most=2 * DAY,
            then="thanks",
            otherwise="help",
        ),
        books.send("thanks"),
        books.send("help"),
    ),
)


def _event(name: str, at: int, **more: Any) -> Event:
    kind = "identify" if more.get("traits") else "track"
    event = Event(
        id=f"{name}@{at}", stream=STREAM, type=kind, name=name, occurred_at=T0 + at, received_at=T0 + at
    )
    return replace(event, **more)


def _known(at: int = 0, **traits: Any) -> Event:
    return _event("", at, traits={"email": "ann@example.com", **traits})


def _play(book: Book, *events: Event, until: int = 90 * DAY) -> list[Moment]:
    return list(play(book, CONTACT, events, T0 + until))


def _sent(book: Book, *events: Event, until: int = 90 * DAY) -> list[tuple[int, str]]:
    return [
        (mail.decided_at - T0, mail.step)
        for moment in _play(book, *events, until=until)
        for mail in moment.mails
    ]


def test_the_clock_jumps_to_whatever_the_contact_waits_for() -> None:
    assert _sent(books.book(ACTIVATION), _known(), _event("signed_up", HOUR)) == [
        (HOUR, "welcome"),
        (HOUR + 2 * DAY, "help"),
        (HOUR + 5 * DAY, "proof"),
    ]


def test_what_is_due_before_an_event_comes_before_it() -> None:
    sent = _sent(
        books.book(ACTIVATION), _known(), _event("signed_up", 0), _event("product_activated", 3 * DAY)
    )
    assert sent == [(0, "welcome"), (2 * DAY, "help")]


def test_it_ends_where_it_is_told_to_and_what_happens_later_does_not() -> None:
    sent = _sent(books.book(ACTIVATION), _known(), _event("signed_up", 0), until=2 * DAY)
    assert sent == [(0, "welcome"), (2 * DAY, "help")]
    assert _sent(books.book(ACTIVATION), _known(), _event("signed_up", 3 * DAY), until=2 * DAY) == []


def test_nothing_happens_to_whom_nothing_waits_for() -> None:
    moments = _play(books.book(UPGRADE), _known())
    assert len(moments) == 1


def test_an_event_that_nobody_listens_to_is_a_step_that_changes_nothing() -> None:
    known, idle = _play(books.book(ACTIVATION), _known(), _event("scrolled", HOUR))
    assert known.transition is not None
    assert idle.transition is None


def test_an_email_decided_at_the_instant_its_journey_ends_is_not_sent_after_all() -> None:
    """Both events came at once: the ledger hears of the cancelling before anybody can claim the email."""
    both = [_event("signed_up", 0), _event("product_activated", 1)]
    assert _sent(books.book(ACTIVATION), _known(), *both) == [(0, "welcome")]


def test_a_click_is_about_the_latest_email_of_its_step() -> None:
    click = _event(inputs.LINK_CLICKED, HOUR, properties={"step": "welcome", "workflow": "reader"})
    assert _sent(books.book(READER), _known(), _event("signed_up", 0), click) == [
        (0, "welcome"),
        (HOUR, "thanks"),
    ]
    unnamed = replace(click, properties={"step": "welcome"})
    assert _sent(books.book(READER), _known(), _event("signed_up", 0), unnamed) == [
        (0, "welcome"),
        (HOUR, "thanks"),
    ]


def test_a_click_on_an_email_of_another_workflow_is_not_about_this_one() -> None:
    click = _event(inputs.LINK_CLICKED, HOUR, properties={"step": "welcome", "workflow": "activation"})
    sent = _sent(books.book(READER), _known(), _event("signed_up", 0), click)
    assert sent == [(0, "welcome"), (2 * DAY, "help")]


def test_that_an_email_was_sent_is_an_event_where_the_book_listens_to_it() -> None:
    thanks = replace(
        UPGRADE,
        triggers=(EventTrigger(events=(inputs.EMAIL_SENT,), where=Compare(Property("step"), "eq", "help")),),
    )
    sent = _sent(books.book(ACTIVATION, thanks), _known(), _event("signed_up", MINUTE))
    assert [step for _, step in sent] == ["welcome", "help", "thanks", "proof"]


def test_after_a_bounce_nothing_is_sent() -> None:
    bounce = _event(inputs.EMAIL_BOUNCED, MINUTE, properties={"step": "welcome"})
    sent = _sent(books.book(ACTIVATION), _known(), _event("signed_up", 0), bounce)
    assert sent == [(0, "welcome")]


def test_an_email_that_was_put_off_goes_out_when_it_is_released() -> None:
    events = [_known(), _event("signed_up", 0)]
    book = books.book(ACTIVATION)
    (mail,) = (mail for moment in _play(book, *events, until=HOUR) for mail in moment.mails)
    put_off = {"message_id": mail.message_id, "workflow": "activation", "step": "welcome"}
    event = _event(
        inputs.EMAIL_DEFERRED,
        MINUTE,
        properties={**put_off, "run": mail.run, "reason": "throttled", "retry_at": T0 + HOUR},
    )
    moments = play(book, CONTACT, [*events, event], T0 + DAY, deferred={("activation", "welcome")})
    sent = [(mail.decided_at - T0, mail.step) for moment in moments for mail in moment.mails]
    assert sent == [(0, "welcome"), (HOUR, "welcome")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["signed_up", "product_activated", "x"]), st.integers(0, 9)), max_size=8
    )
)
def test_time_never_goes_back_and_every_event_is_a_step(happened: list[tuple[str, int]]) -> None:
    events = [
        replace(_event(name, day * DAY), id=f"{number}")
        for number, (name, day) in enumerate(sorted(happened, key=lambda it: it[1]))
    ]
    moments = _play(books.book(ACTIVATION), _known(), *events)
    instants = [moment.at for moment in moments]
    assert instants == sorted(instants)
    assert [moment.event.id for moment in moments if moment.event] == [
        "@0",
        *(event.id for event in events),
    ]


def test_a_loop_of_waits_is_left_when_time_is_up() -> None:
    """What would go on for ever ends at the given instant."""
    always = replace(ACTIVATION, steps=books.steps(Wait(id="welcome", next="welcome", span=DAY)), goal=None)
    moments = _play(books.book(always), _known(), _event("signed_up", 0), until=10 * DAY)
    assert moments[-1].at == T0 + 10 * DAY


@pytest.mark.parametrize("count", [0, 1, 5])
def test_waits_in_a_row_are_steps_each(count: int) -> None:
    waits = [Wait(id=f"w{number}", next=f"w{number + 1}", span=DAY) for number in range(count)]
    patient = replace(
        ACTIVATION,
        goal=None,
        first="w0",
        steps=books.steps(*waits, books.send(f"w{count}")),
    )
    assert _sent(books.book(patient), _known(), _event("signed_up", 0)) == [(count * DAY, f"w{count}")]
