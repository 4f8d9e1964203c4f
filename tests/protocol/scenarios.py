"""What is tried: a book in which everything is short, and people to whom things happen in quick succession."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from redshank.engine import inputs
from redshank.engine.book import Book, Template
from redshank.engine.conditions import All, Compare, Email
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure, Rolling
from redshank.engine.state import END
from redshank.engine.values import Measured, Trait
from redshank.engine.workflows import Arm, BecomesTrigger, Branch, EventTrigger, Send, Wait, Workflow
from redshank.identity import contact_of, contact_stream
from redshank.instants import MINUTE, SECOND
from tests import books
from tests.books import send, steps
from tests.protocol import invariants
from tests.protocol.world import START, Faults, World

#: Events the first book counts. The second counts ``page_viewed`` as well, to which nobody listens before.
COUNTED = ("signed_up", "product_activated", "logged_in", "paid", "")

_ACTIVATION = Workflow(
    name="activation",
    topic="tips",
    triggers=(EventTrigger(events=("signed_up",)),),
    goal=books.SINCE_ENTRY,
    first="welcome",
    steps=steps(
        send("welcome", "breath"),
        Wait(id="breath", next="help", span=SECOND),
        # So short a hold that an email may come to send too late.
        send("help", "pause", hold=90 * SECOND),
        Wait(id="pause", next="read", span=4 * MINUTE),
        Branch(id="read", next="proof", arms=(Arm(to=END, when=Email("opened", "welcome")),)),
        send("proof"),
    ),
)
_QUIET = Workflow(
    name="quiet",
    topic="tips",
    triggers=(BecomesTrigger(key="quiet#0", condition=Compare(Measured("logins"), "eq", 0)),),
    again="always",
    first="miss",
    steps=steps(send("miss")),
)
_RECEIPT = Workflow(
    name="receipt",
    topic="billing",
    triggers=(EventTrigger(events=("paid",)),),
    again="always",
    first="receipt",
    steps=steps(Send(id="receipt", next=END, template="thanks", topic="billing")),
)
_NEWS = Workflow(
    name="news",
    topic="tips",
    triggers=(EventTrigger(events=("logged_in",)),),
    first="news",
    steps=steps(send("news")),
)


def _book(*workflows: Workflow, sequence: int) -> Book:
    made = books.book(*workflows, sequence=sequence)
    names = {"miss", "news"} if sequence == 2 else {"miss"}
    extra = {
        name: Template(name=name, subject=name, preheader="", html="welcome.html", text="welcome.txt")
        for name in names
    }
    measures = [
        books.ACTIVATED,
        Measure(key=invariants.SEEN, events=(*COUNTED, "page_viewed") if sequence == 2 else COUNTED),
        Measure(key="logins", events=("logged_in",), window=Rolling(length=5 * MINUTE)),
    ]
    return books.book(
        *workflows,
        sequence=sequence,
        measures={measure.key: measure for measure in measures},
        segments={
            "pros": Compare(Trait("plan"), "eq", "pro"),
            "active": Compare(Measured("logins"), "gte", 1),
            # One truth of both halves: of the profile and of the standing.
            "activated pros": All(
                (Compare(Trait("plan"), "eq", "pro"), Compare(Measured("activated"), "gte", 1))
            ),
        },
        templates={**made.templates, **extra},
    )


FIRST = _book(_ACTIVATION, books.UPGRADE, _QUIET, _RECEIPT, sequence=1)
#: A workflow more, with an email of its own: functions that still have the first book do not know it.
SECOND_BOOK = _book(_ACTIVATION, books.UPGRADE, _QUIET, _RECEIPT, _NEWS, sequence=2)


@dataclass(frozen=True, kw_only=True)
class Post:
    """One event of one person."""

    who: str
    what: str
    #: When it is posted: seconds after the run's start.
    at: int
    #: How long before that it occurred, in seconds.
    late: int = 0
    #: Whether the client posts it a second time, some seconds later.
    twice: bool = False


WHATS = (
    "signed_up",
    "product_activated",
    "logged_in",
    "paid",
    "plan=pro",
    "plan=free",
    "page_viewed",
    "unsubscribe",
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    posts: tuple[Post, ...]
    faults: Faults
    #: Feeds every choice of the schedule.
    seed: int
    #: When the second book is applied, in seconds; 0: never.
    book_at: int = 0


def _posts() -> st.SearchStrategy[Post]:
    return st.builds(
        Post,
        who=st.sampled_from(["ann", "bob"]),
        what=st.sampled_from(WHATS),
        at=st.one_of(st.integers(0, 5), st.integers(0, 400)),
        late=st.sampled_from([0, 1, 30]),
        twice=st.booleans(),
    )


def scenarios() -> st.SearchStrategy[Scenario]:
    """Shrinks to few events, few kinds of trouble and a small seed."""
    return st.builds(
        Scenario,
        posts=st.lists(_posts(), min_size=1, max_size=7).map(tuple),
        faults=st.builds(Faults, **dict.fromkeys(_KNOBS, st.booleans())),
        seed=st.integers(0, 2**32),
        book_at=st.sampled_from([0, 3, 60]),
    )


_KNOBS = tuple(Faults.__dataclass_fields__)


def anything(seed: int) -> Scenario:
    """The scenario of a seed: for long runs, where drawing by hypothesis would take most of the time."""
    chance = Random(seed)
    people = chance.choice([["ann"], ["ann", "bob"]])
    longest = chance.choice([2, 20, 400])
    whats = chance.sample(WHATS, chance.randint(2, len(WHATS)))
    posts = [
        Post(
            who=chance.choice(people),
            what=chance.choice(whats),
            at=chance.choice([0, chance.randint(0, longest)]),
            late=chance.choice([0, 0, 1, 30]),
            twice=chance.random() < 0.4,
        )
        for _ in range(chance.randint(1, 8))
    ]
    faults = Faults(**{knob: chance.random() < 0.7 for knob in _KNOBS})
    return Scenario(posts=tuple(posts), faults=faults, seed=seed, book_at=chance.choice([0, 0, 3, 60]))


def crowd(seed: int) -> Scenario:
    """Everything at once to one person, all of it posted twice, by workers that cross each other."""
    chance = Random(seed)
    whats = chance.choice([WHATS, ("plan=pro", "plan=free"), ("logged_in", "plan=pro", "product_activated")])
    posts = [
        Post(who="ann", what=chance.choice(whats), at=chance.randint(0, 4), twice=True)
        for _ in range(chance.randint(4, 8))
    ]
    faults = Faults(stale=True, stalls=True, duplicates=True, crashes=chance.random() < 0.5)
    return Scenario(posts=tuple(posts), faults=faults, seed=seed)


def fine_day(seed: int) -> Scenario:
    """Nothing fails; but reads are stale, clocks differ, SQS delivers twice, and SES throttles."""
    faults = Faults(stale=True, skew=True, duplicates=True, provider=True)
    return replace(anything(seed), faults=faults)


def late_index(seed: int) -> Scenario:
    """The index of due contacts shows everything later, sometimes by minutes."""
    return replace(anything(seed), faults=Faults(lag=True, stale=True))


def new_book(seed: int) -> Scenario:
    """A book is applied in the middle of it all, and some functions have not noticed."""
    chance = Random(seed)
    posts = [
        Post(
            who="ann",
            what=chance.choice(["page_viewed", "page_viewed", "logged_in", "plan=pro", "signed_up"]),
            at=chance.randint(0, 14),
            twice=chance.random() < 0.3,
        )
        for _ in range(chance.randint(3, 8))
    ]
    return Scenario(posts=tuple(posts), faults=Faults(stale=True), seed=seed, book_at=3)


def play(scenario: Scenario) -> World:
    """Run a scenario to its rest and check the invariants; the world, for whoever wants to look."""
    world = World(FIRST, scenario.faults, scenario.seed)
    chance = Random(scenario.seed)
    by_instant: dict[int, list[Event]] = {}
    for who in sorted({post.who for post in scenario.posts}):
        known = {"email": f"{who}@example.com", "first_name": who.title()}
        by_instant.setdefault(START, []).append(_event(who, "identify", START, f"{who}-0", traits=known))
    for number, post in enumerate(scenario.posts, start=1):
        posted = START + post.at * SECOND
        event = _made(post, number, posted)
        by_instant.setdefault(posted, []).append(event)
        if post.twice:
            # A retry: the same id, and perhaps another correction of the client's clock.
            by_instant.setdefault(posted + chance.choice([0, 1, 3, 30]) * SECOND, []).append(event)
    for instant, events in by_instant.items():
        world.at(instant, lambda events=events: world.post(events))  # type: ignore[misc]
    if scenario.book_at:
        world.at(START + scenario.book_at * SECOND, lambda: world.apply(SECOND_BOOK))
    try:
        world.run(troubles_until=START + 8 * MINUTE)
        invariants.check(world)
    except AssertionError as error:
        error.add_note("\n".join(world.journal[-400:]))
        raise
    return world


def _made(post: Post, number: int, posted: int) -> Event:
    # No two at the same instant: which of two simultaneous words is the newest is nobody's business here.
    occurred = posted - post.late * SECOND + number
    event_id = f"{post.who}-{number}"
    name, _, value = post.what.partition("=")
    if value:
        return _event(post.who, "identify", posted, event_id, occurred=occurred, traits={name: value})
    if name == "unsubscribe":
        stream = contact_stream(contact_of(f"user:{post.who}"))
        return Event(
            # The id of another event, perhaps of the same contact by another name: two all the same.
            id=f"{post.who}-{number - 1}",
            stream=stream,
            type="track",
            name=inputs.TOPIC_UNSUBSCRIBED,
            occurred_at=occurred,
            received_at=posted,
            properties={"topic": "tips"},
        )
    return _event(post.who, "track", posted, event_id, occurred=occurred, name=name)


def _event(
    who: str,
    kind: str,
    posted: int,
    event_id: str,
    *,
    occurred: int | None = None,
    name: str = "",
    **more: Any,
) -> Event:
    return Event(
        id=event_id,
        stream=f"user:{who}",
        type=kind,
        name=name,
        occurred_at=posted if occurred is None else occurred,
        received_at=posted,
        **more,
    )
