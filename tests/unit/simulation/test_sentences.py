"""How is a decision said to a person?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from redshank.engine import inputs
from redshank.engine.book import Book
from redshank.engine.conditions import Compare, Email
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure, Rolling
from redshank.engine.state import END
from redshank.engine.values import Measured, Trait
from redshank.engine.workflows import (
    AbsenceTrigger,
    Arm,
    BecomesTrigger,
    Branch,
    EventTrigger,
    Exit,
    ManualTrigger,
    Set,
    Split,
    WaitFor,
    Way,
    Workflow,
)
from redshank.identity import contact_of
from redshank.instants import DAY, HOUR
from redshank.simulation.sentences import Teller
from redshank.simulation.world import play
from tests import books
from tests.books import ACTIVATION, UPGRADE
from tests.unit.simulation.histories import T0

STREAM = "user:ann"
CONTACT = contact_of(STREAM)
PRO = Compare(Trait("plan"), "eq", "pro")


def _event(name: str, at: int = 0, **more: Any) -> Event:
    kind = "identify" if more.get("traits") else "track"
    event = Event(
        id=f"{name}@{at}", stream=STREAM, type=kind, name=name, occurred_at=T0 + at, received_at=T0 + at
    )
    return replace(event, **more)


def _known(**traits: Any) -> Event:
    return _event("", traits={"email": "ann@example.com", **traits})


def _workflow(*steps: Any, **more: Any) -> Workflow:
    return replace(
        Workflow(
            name="flow",
            topic="tips",
            triggers=(EventTrigger(events=("signed_up",)),),
            first=steps[0].id,
            steps=books.steps(*steps),
        ),
        **more,
    )


def _told(workflow: Workflow | Book, *events: Event, until: int = 30 * DAY) -> list[str]:
    """The sentences about workflows."""
    book = workflow if isinstance(workflow, Book) else books.book(workflow)
    told = Teller(book).tell(play(book, CONTACT, events, T0 + until))
    return [it.text for it in told if it.workflow]


def test_a_whole_life() -> None:
    told = _told(ACTIVATION, _known(), _event("signed_up"), _event("product_activated", 3 * DAY))
    assert told == [
        "entered `activation`: `signed_up` happened",
        "received `welcome` of `activation`",
        "waits at `pause` until Thu 3 Dec 09:00",
        "received `help` of `activation`",
        "waits at `pause_2` until Sun 6 Dec 09:00",
        "left `activation` at `pause_2`: the goal was reached: `product_activated` happened since the entry",
    ]


def test_the_event_comes_before_what_followed_from_it() -> None:
    book = books.book(ACTIVATION)
    events = [_known(plan="pro"), _event("signed_up", properties={"source": "ad"})]
    told = [it.text for it in Teller(book).tell(play(book, CONTACT, events, T0))]
    assert told[:3] == [
        "was said to be {email: `ann@example.com`, plan: `pro`}",
        "`signed_up` happened {source: `ad`}",
        "entered `activation`: `signed_up` happened",
    ]


def test_an_email_event_is_told_by_its_step() -> None:
    book = books.book(ACTIVATION)
    opened = _event(inputs.EMAIL_OPENED, HOUR, properties={"step": "welcome", "run": "r", "by": "proxy"})
    told = [it.text for it in Teller(book).tell(play(book, CONTACT, [_known(), opened], T0 + DAY))]
    assert told[-1] == "`email_opened`: `welcome` {by: `proxy`}"


# --- entering


def test_what_came_true_is_said() -> None:
    assert _told(UPGRADE, _known(plan="pro"))[0] == "entered `upgrade`: `plan` was `pro`"


def test_what_stayed_away_is_said() -> None:
    absence = AbsenceTrigger(key="a", events=("signed_up",), without=("logged_in",), span=2 * DAY)
    told = _told(_workflow(books.send("help"), triggers=(absence,)), _known(), _event("signed_up"))
    assert told[0] == "entered `flow`: `logged_in` had not happened for 2d"


def test_who_is_enrolled_by_hand_or_by_another_workflow() -> None:
    manual = _workflow(books.send("help"), triggers=(ManualTrigger(),))
    event = _event(inputs.WORKFLOW_ENROLLED, properties={"workflow": "flow"})
    assert _told(manual, _known(), event)[0] == "entered `flow`: somebody enrolled them"


def test_why_somebody_did_not_enter() -> None:
    trigger = EventTrigger(events=("signed_up",), when=PRO)
    told = _told(
        _workflow(books.send("help"), triggers=(trigger,)), _known(plan="trial"), _event("signed_up")
    )
    assert told == ["did not enter `flow`: `plan` was `trial`, not `pro`"]


def test_who_is_not_known_enters_nothing() -> None:
    event = _event("signed_up", stream="anon:1")
    told = _told(_workflow(books.send("help")), event)
    assert told == ["did not enter `flow`: nobody knew who they were: no user id had come"]


def test_who_has_entered_before() -> None:
    told = _told(ACTIVATION, _known(), _event("signed_up"), _event("signed_up", 20 * DAY))
    assert told[-1] == (
        "did not enter `activation`: they had entered it before, and `entry.again` does not let them so soon"
    )


def test_an_exit_condition_that_bars_entry() -> None:
    told = _told(_workflow(books.send("help"), exit_if=PRO), _known(plan="pro"), _event("signed_up"))
    assert told == ["did not enter `flow`: its `exit_if` was true: `plan` was `pro`"]


# --- on the way


def test_a_step_that_is_skipped() -> None:
    told = _told(_workflow(books.send("help", when=PRO)), _known(plan="trial"), _event("signed_up"))
    assert told[1] == "skipped `help`: `plan` was `trial`, not `pro`"


def test_an_email_without_consent_or_address() -> None:
    leave = _event(inputs.TOPIC_UNSUBSCRIBED, properties={"topic": "tips"})
    other = replace(_workflow(books.send("help")), topic="")
    assert _told(other, _known(), leave, _event("signed_up"))[1] == (
        "skipped `help`: they were not subscribed to its topic"
    )
    assert "skipped `help`: no address was known" in _told(other, _event("signed_up"))


def test_the_way_of_a_branch_and_why() -> None:
    branch = Branch(id="which", next=END, arms=(Arm(to="thanks", when=PRO), Arm(to="help")))
    workflow = _workflow(branch, books.send("thanks"), books.send("help"))
    assert _told(workflow, _known(plan="pro"), _event("signed_up"))[1] == (
        "went to `thanks` at `which`: `plan` was `pro`"
    )
    assert _told(workflow, _known(plan="trial"), _event("signed_up"))[1] == "went to `help` at `which`"


def test_the_way_of_a_split() -> None:
    split = Split(id="test", next=END, arms={"all": Way(share=1.0, to="help")})
    told = _told(_workflow(split, books.send("help")), _known(), _event("signed_up"))
    assert told[1] == "went the way `all` at `test`, by chance"


def test_waiting_for_something_that_comes_or_does_not() -> None:
    wait = WaitFor(
        id="click",
        next=END,
        condition=Email("clicked", "welcome"),
        at_most=2 * DAY,
        then="thanks",
        otherwise="help",
    )
    workflow = _workflow(books.send("welcome", "click"), wait, books.send("thanks"), books.send("help"))
    click = _event(inputs.LINK_CLICKED, HOUR, properties={"step": "welcome"})
    waits = "waits at `click`: `welcome` had not been clicked, at most until Thu 3 Dec 09:00"
    assert _told(workflow, _known(), _event("signed_up"), click)[2:4] == [
        waits,
        "waited enough at `click`: `welcome` had been clicked",
    ]
    assert _told(workflow, _known(), _event("signed_up"))[2:4] == [
        waits,
        "waited in vain at `click`: `welcome` had not been clicked",
    ]


def test_what_a_step_did() -> None:
    workflow = _workflow(
        Set(id="mark", next="done", traits={"stage": Trait("plan")}),
        Exit(id="done", next=END, reason="as_agreed"),
    )
    told = _told(workflow, _known(plan="pro"), _event("signed_up"))
    assert told[1:] == ["`mark` set `stage`", "left `flow` at `done`: `as_agreed`"]


def test_what_a_shadow_would_have_sent() -> None:
    told = _told(_workflow(books.send("help"), state="shadow"), _known(), _event("signed_up"))
    assert told[1] == "would have been sent `help`: `flow` is in shadow"


def test_a_shadow_does_nothing_really() -> None:
    mark = Set(id="mark", next=END, traits={"stage": Trait("plan")})
    told = _told(_workflow(mark, state="shadow"), _known(plan="pro"), _event("signed_up"))
    assert told[1] == "`mark` set `stage`; not really: it is in shadow"


# --- what never was


def test_why_a_workflow_never_came_up() -> None:
    often = Measure(key="often", events=("logged_in",), window=Rolling(length=7 * DAY))
    triggers = (
        EventTrigger(events=("signed_up",)),
        BecomesTrigger(key="b", condition=Compare(Measured("often"), "gte", 5)),
        ManualTrigger(),
    )
    book = books.book(_workflow(books.send("help"), triggers=triggers), measures={"often": often})
    (moment,) = play(book, CONTACT, [_known()], T0)
    assert moment.transition is not None
    assert Teller(book).never("flow", moment.transition.state, frozenset()) == (
        "never came to `flow`: `signed_up` did not happen;"
        " the number of `logged_in` within 7d was 0, not at least 5; nobody enrolled them"
    )
