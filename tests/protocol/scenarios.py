"""What is tried: a book in which everything is short, and people to whom things happen in quick succession."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from redshank.engine import inputs
from redshank.engine.book import ALL
from redshank.engine.inputs import Event
from redshank.identity import contact_of, contact_stream
from redshank.instants import MINUTE, SECOND
from tests.protocol import definitions, invariants, operators
from tests.protocol.definitions import START
from tests.protocol.world import Faults, World

#: What may be applied.
BOOKS = {"full": definitions.FULL, "plain": definitions.PLAIN, "light": definitions.LIGHT}
#: What may be paused.
PAUSED = ("activation", "quiet", "upgrade", "nurture", "included", ALL)


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
    #: Which of BOOKS.
    book: str = "full"
    #: Whether the command waits until every function has noticed, before it visits anybody.
    waits: bool = True
    #: What is paused, when, and when everything is resumed, in seconds; 0: never.
    paused: str = ""
    pause_at: int = 0
    resume_at: int = 0
    #: Emails a day at most.
    cap: int = 10


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
        book=st.sampled_from(list(BOOKS)),
        waits=st.booleans(),
        paused=st.sampled_from(["", *PAUSED]),
        pause_at=st.sampled_from([1, 10, 70]),
        resume_at=st.sampled_from([0, 12, 150]),
        cap=st.sampled_from([10, 2]),
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
    return Scenario(
        posts=tuple(posts),
        faults=faults,
        seed=seed,
        book_at=chance.choice([0, 0, 3, 60]),
        book=chance.choice(list(BOOKS)),
        waits=chance.random() < 0.5,
        paused=chance.choice(["", "", *PAUSED]),
        pause_at=chance.choice([1, 10, 70]),
        resume_at=chance.choice([0, 12, 150, 150]),
        cap=chance.choice([10, 10, 2]),
    )


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
    faults = Faults(stale=True, stalls=chance.random() < 0.3)
    book = chance.choice(["plain", "light"])
    return Scenario(posts=tuple(posts), faults=faults, seed=seed, book_at=3, book=book, waits=False)


def back_fill(seed: int) -> Scenario:
    """A book is applied that counts what nobody counted, while the same goes on happening: before, while functions
    notice, and while contacts are visited."""
    chance = Random(seed)
    whats = ("page_viewed", "page_viewed", "paid", "logged_in", "plan=pro", "signed_up")
    moments = chance.choice([(0, 12), (0, 12), (65, 80), (0, 100)])
    posts = [
        Post(
            who=chance.choice(["ann", "ann", "bob"]),
            what=chance.choice(whats),
            at=chance.randint(*moments),
            late=chance.choice([0, 0, 1]),
            twice=chance.random() < 0.3,
        )
        for _ in range(chance.randint(3, 8))
    ]
    knobs = ("crashes", "errors", "duplicates", "stalls", "skew", "lag")
    faults = Faults(stale=True, **{knob: chance.random() < 0.5 for knob in knobs})
    resumed = chance.random() < 0.3
    return Scenario(
        posts=tuple(posts),
        faults=faults,
        seed=seed,
        book_at=chance.randint(1, 8),
        waits=chance.random() < 0.7,
        paused="quiet" if resumed else "",
        pause_at=20,
        resume_at=150,
    )


def new_contact(seed: int) -> Scenario:
    """A book that has something for everybody is applied while contacts are new."""
    chance = Random(seed)
    posts = [
        Post(who=chance.choice(["ann", "bob"]), what=what, at=chance.choice([0, 0, 1, 2]))
        for what in chance.sample(WHATS, 3)
    ]
    faults = Faults(stale=True, stalls=chance.random() < 0.3)
    waits = chance.random() < 0.5
    return Scenario(
        posts=tuple(posts),
        faults=faults,
        seed=seed,
        book_at=chance.choice([1, 1, 2]),
        book="light",
        waits=waits,
    )


def unnoticed(seed: int) -> Scenario:
    """Things happen of which only the new book counts some, just when functions notice it."""
    chance = Random(seed)
    whats = ("page_viewed", "page_viewed", "page_viewed", "logged_in")
    posts = [Post(who="ann", what=chance.choice(whats), at=chance.randint(3, 10)) for _ in range(8)]
    faults = Faults(stale=True, stalls=True)
    return Scenario(posts=tuple(posts), faults=faults, seed=seed, book_at=3, waits=False)


def stopped(seed: int) -> Scenario:
    """Something is paused by command while emails of it are on their way, and resumed, or not."""
    chance = Random(seed)
    posts = [
        Post(
            who="ann",
            what=chance.choice(["signed_up", "signed_up", "logged_in", "plan=pro", "product_activated"]),
            at=chance.choice([chance.randint(0, 8), chance.randint(0, 160)]),
            twice=chance.random() < 0.3,
        )
        for _ in range(chance.randint(2, 6))
    ]
    knobs = ("crashes", "errors", "duplicates", "stalls", "provider", "skew")
    return Scenario(
        posts=tuple(posts),
        faults=Faults(stale=True, **{knob: chance.random() < 0.4 for knob in knobs}),
        seed=seed,
        paused=chance.choice(["activation", "upgrade", ALL]),
        pause_at=chance.randint(1, 8),
        resume_at=chance.choice([0, chance.randint(4, 30), 150]),
        book_at=chance.choice([0, 0, 0, 60]),
        book=chance.choice(list(BOOKS)),
    )


def stopped_early(seed: int) -> Scenario:
    """The activation sequence is paused while its first emails are on their way, and its goal is reached then."""
    chance = Random(seed)
    posts = (
        Post(who="ann", what="signed_up", at=3),
        Post(who="ann", what="product_activated", at=chance.randint(20, 60)),
    )
    faults = Faults(stale=True, stalls=chance.random() < 0.5)
    return Scenario(
        posts=posts, faults=faults, seed=seed, paused="activation", pause_at=chance.choice([2, 3])
    )


def play(scenario: Scenario) -> World:
    """Run a scenario to its rest and check the invariants; the world, for whoever wants to look."""
    world = World(definitions.first(scenario.cap), scenario.faults, scenario.seed)
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
    _command(world, scenario)
    try:
        world.run(troubles_until=START + 8 * MINUTE)
        invariants.check(world)
    except AssertionError as error:
        error.add_note("\n".join(world.journal[-400:]))
        raise
    return world


def _command(world: World, scenario: Scenario) -> None:
    """What is done at the command line."""
    if scenario.book_at:
        book = definitions.capped(BOOKS[scenario.book], scenario.cap)
        world.at(
            START + scenario.book_at * SECOND, lambda: operators.apply(world, book, waits=scenario.waits)
        )
    if scenario.paused:
        world.at(START + scenario.pause_at * SECOND, lambda: operators.pause(world, scenario.paused))
        if scenario.resume_at > scenario.pause_at:
            world.at(START + scenario.resume_at * SECOND, lambda: operators.resume(world))


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
    return _event(post.who, "track", posted, event_id, occurred=occurred, name=name, properties={"n": number})


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
