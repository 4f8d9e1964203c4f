"""What may happen to a contact, and what may be asked of it? Everything at random, most of it close to some edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from redshank.engine import conditions, values
from redshank.engine.book import SEGMENT, Book, Policy, Topic
from redshank.engine.conditions import Compare, Condition
from redshank.engine.inputs import Event
from redshank.engine.measures import Calendar, Measure, Rolling, Window
from redshank.engine.state import END
from redshank.engine.values import Measured, Value
from redshank.engine.workflows import BecomesTrigger, Workflow
from redshank.instants import DAY, HOUR, MINUTE, SECOND, from_datetime

STREAM = "user:ann"
NAMES = ("logged_in", "ordered", "viewed")
ZONE_NAMES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Nowhere/Land",
)

#: Where clocks change, years end and February has 29 days; the days before are where most histories begin.
DAYS = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin springs forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # and falls back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, Havana
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 4, 23, 22, tzinfo=UTC),  # Cairo has no midnight
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2026, 12, 31, 23, tzinfo=UTC),
    datetime(2026, 6, 30, 23, tzinfo=UTC),
)
GAPS = (0, 1, 999, SECOND, 15 * MINUTE, HOUR, 5 * HOUR, DAY - 1, DAY, DAY + HOUR, 7 * DAY, 30 * DAY)
LENGTHS = (HOUR, DAY, 7 * DAY, 30 * DAY)
NUMBERS = (-2, 0, 1, 2, 3.5, 0.25, 8)
TEXTS = ("", "blue", "Green", "green tea")
TAGS = ("x", "y", 7, None)

spans = st.sampled_from((HOUR, DAY, 3 * DAY, 30 * DAY))


@st.composite
def beginnings(draw: st.DrawFn) -> int:
    day = from_datetime(draw(st.sampled_from(DAYS)))
    return day - draw(st.sampled_from((0, 1, HOUR, DAY, 2 * DAY + 17 * MINUTE, 20 * DAY)))


@st.composite
def dates(draw: st.DrawFn, near: int) -> Any:
    """A time as apps write it."""
    at = near + draw(st.sampled_from((-30 * DAY, -DAY, -HOUR, 0, HOUR, DAY, 3 * DAY, 30 * DAY)))
    at -= at % MINUTE
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    form = draw(st.integers(0, 5))
    if form == 0:
        return moment.isoformat()
    if form == 1:
        return moment.replace(tzinfo=None).isoformat()
    if form == 2:
        return moment.date().isoformat()
    if form == 3:
        return at // SECOND
    return at if form == 4 else draw(st.sampled_from(("2026-03-29T02:30", "2026-10-25T02:30", "soon", True)))


@st.composite
def properties(draw: st.DrawFn, near: int) -> Mapping[str, Any]:
    found = {
        "number": draw(st.sampled_from((*NUMBERS, *NUMBERS, "3", None))),
        "text": draw(st.sampled_from((*TEXTS, None, 5))),
        "tag": draw(st.sampled_from(TAGS)),
    }
    if draw(st.integers(0, 3)) == 0:
        found["date"] = draw(dates(near))
    if draw(st.booleans()):
        found["expires"] = near + draw(st.sampled_from((0, 1, 3 * DAY, 3 * DAY + 1)))
    return {name: value for name, value in found.items() if value is not None}


@st.composite
def traits(draw: st.DrawFn, near: int) -> Mapping[str, Any]:
    options: dict[str, st.SearchStrategy[Any]] = {
        "plan": st.sampled_from(("trial", "pro", None, 3, True)),
        "size": st.sampled_from((0, 49, 50, 50.5, "50", None)),
        "due": dates(near),
        "tags": st.sampled_from((["a"], ["a", "b"], "cab", [], None)),
        "address": st.sampled_from(({"city": "Kiel"}, {}, "Kiel", None)),
        "timezone": st.sampled_from((*ZONE_NAMES, None)),
    }
    names = draw(st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=3, unique=True))
    return {name: draw(options[name]) for name in names}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Events that come in together."""

    now: int
    events: tuple[Event, ...]


@st.composite
def events(draw: st.DrawFn, name: str, occurred_at: int, received_at: int) -> Event:
    event = Event(
        id=name,
        stream=STREAM,
        type="track",
        name="",
        occurred_at=occurred_at,
        received_at=received_at,
    )
    kind = draw(st.integers(0, 9))
    if kind == 0:
        given = {"credits": draw(st.sampled_from(NUMBERS)), "renews": draw(dates(occurred_at))}
        return replace(event, type="group", traits=given, properties={"group_id": "acme"})
    if kind == 1:
        topic = draw(st.sampled_from(("topic_subscribed", "topic_unsubscribed")))
        return replace(event, name=topic, properties={"topic": draw(st.sampled_from(("tips", "news", "*")))})
    if kind <= 3:
        return replace(event, type="identify", traits=draw(traits(occurred_at)))
    return replace(event, name=draw(st.sampled_from(NAMES)), properties=draw(properties(occurred_at)))


LATE = (0, 0, 0, 0, 1, SECOND, HOUR, DAY, DAY + 1, 3 * DAY, 30 * DAY)


@st.composite
def histories(
    draw: st.DrawFn, *, most: int = 8, late: tuple[int, ...] = LATE, together: int = 2
) -> list[Arrival]:
    """Arrivals in the order in which they come in."""
    now = draw(beginnings())
    arrivals = []
    number = 0
    for gap in draw(st.lists(st.sampled_from(GAPS), min_size=1, max_size=most)):
        now += gap
        some = []
        for _ in range(draw(st.integers(1, together))):
            number += 1
            occurred_at = now - draw(st.sampled_from(late))
            some.append(draw(events(f"e{number}", occurred_at, now)))
        arrivals.append(Arrival(now=now, events=tuple(some)))
    return arrivals


@st.composite
def busy_histories(draw: st.DrawFn) -> list[Arrival]:
    """One order after the other, many late, of somebody who travels; mostly where one month becomes another."""
    now = draw(st.one_of(beginnings(), st.just(from_datetime(datetime(2026, 6, 30, 22, tzinfo=UTC)))))
    arrivals = []
    for number in range(draw(st.integers(4, 12))):
        now += draw(st.sampled_from((0, 1, HOUR, 3 * HOUR, DAY)))
        late = draw(st.sampled_from((0, 0, 0, 1, HOUR, DAY, 3 * DAY, 30 * DAY)))
        event = Event(
            id=f"e{number}",
            stream=STREAM,
            type="track",
            name="ordered",
            occurred_at=now - late,
            received_at=now,
        )
        if draw(st.integers(0, 3)) == 0:
            moved = {"timezone": draw(st.sampled_from(ZONE_NAMES))}
            event = replace(event, type="identify", name="", traits=moved)
        else:
            event = replace(event, properties=draw(properties(now)))
        arrivals.append(Arrival(now=now, events=(event,)))
    return arrivals


@st.composite
def said(draw: st.DrawFn) -> list[Arrival]:
    """Nothing but traits and subscriptions, said again and again, late and at the same instants."""
    now = draw(beginnings())
    arrivals = []
    for number in range(draw(st.integers(2, 8))):
        now += draw(st.sampled_from((0, 0, 1, HOUR)))
        occurred_at = now - draw(st.sampled_from((0, 0, 1, HOUR, DAY)))
        event = Event(
            id=f"e{number}",
            stream=STREAM,
            type="identify",
            name="",
            occurred_at=occurred_at,
            received_at=now,
        )
        if draw(st.booleans()):
            event = replace(event, traits={"plan": draw(st.sampled_from(("trial", "pro", None)))})
        else:
            name = draw(st.sampled_from(("topic_subscribed", "topic_unsubscribed")))
            topic = {"topic": draw(st.sampled_from(("tips", "news", "*")))}
            event = replace(event, type="track", name=name, properties=topic)
        arrivals.append(Arrival(now=now, events=(event,)))
    return arrivals


# --- questions

DATED: tuple[Value, ...] = (values.Trait("due"), values.Account("renews"), values.Property("date"))
OF_THE_CONTACT: tuple[Condition, ...] = (
    Compare(values.Trait("plan"), "eq", "pro"),
    Compare(values.Trait("plan"), "one_of", ("trial", 3)),
    Compare(values.Trait("plan"), "exists", False),
    Compare(values.Trait("plan"), "ne", "pro"),
    Compare(values.Trait("tags"), "has", "a"),
    Compare(values.Trait("address.city"), "like", "k?el"),
    Compare(values.Trait("size"), "lt", "60"),
    Compare(values.Property("text"), "like", "GREEN*"),
    Compare(values.Property("number"), "gte", 1),
    conditions.Subscribed("tips"),
    conditions.Subscribed("news"),
)
_NUMERIC = ("lt", "lte", "gt", "gte", "eq", "ne")


@st.composite
def filters(draw: st.DrawFn) -> Condition | None:
    """The ``where`` of a measure."""
    return draw(
        st.sampled_from(
            (
                None,
                None,
                Compare(values.Property("number"), "gte", 1),
                conditions.Not(Compare(values.Property("text"), "like", "green*")),
                Compare(values.Property("expires"), "in_next", 3 * DAY),
            )
        )
    )


windows: st.SearchStrategy[Window | None] = st.one_of(
    st.none(),
    st.builds(Rolling, length=st.sampled_from(LENGTHS), ago=st.sampled_from((0, 0, *LENGTHS))),
    st.builds(Calendar, during=st.sampled_from(("today", "this_month", "last_month"))),
)
_OF = {"sum": "number", "avg": "number", "distinct": "text", "top": "text"}


@st.composite
def measures(draw: st.DrawFn, key: str) -> Measure:
    aggregate = draw(
        st.sampled_from(("count", "count", "sum", "avg", "min", "max", "first", "last", "distinct", "top"))
    )
    of = "" if aggregate == "count" else draw(st.sampled_from(("number", "text", "date")))
    return Measure(
        key=key,
        events=draw(st.sampled_from((("logged_in",), ("ordered",), ("viewed", "ordered"), NAMES))),
        where=draw(filters()),
        aggregate=aggregate,
        of=_OF.get(aggregate, of),
        window=draw(windows),
        same=draw(st.sampled_from(("", "", "", "tag"))),
    )


@st.composite
def fading_points(draw: st.DrawFn, fading: Measure) -> values.Points:
    return values.Points(
        ((Measured(fading.key), draw(st.sampled_from((10, -3)))),),
        ((Compare(values.Trait("size"), "gte", 50), 20), (Compare(values.Trait("due"), "in_next", DAY), 5)),
        fading.half_life,
    )


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What can be asked: the measures, and the segments that conditions can name."""

    measures: Mapping[str, Measure]
    segments: tuple[str, ...] = ()
    #: Whether there is an event whose properties can be looked at.
    event: bool = True


@st.composite
def numbers(draw: st.DrawFn, about: Questions, depth: int = 1) -> Value:
    plain = [it for it in about.measures.values() if it.aggregate != "fading"]
    kind = draw(st.integers(0, 6 if depth else 3))
    if kind <= 2 and plain:
        return Measured(draw(st.sampled_from(plain)).key)
    if kind <= 3:
        plain_values: tuple[Value, ...] = (
            values.Trait("size"),
            values.Account("credits"),
            values.Constant(2),
        )
        return draw(st.sampled_from(plain_values))
    if kind == 4:
        return values.Arithmetic(
            draw(st.sampled_from("+-*/")),
            draw(numbers(about, depth - 1)),
            draw(numbers(about, depth - 1)),
        )
    if kind == 5:
        return values.Mapped(draw(numbers(about, depth - 1)), {"1": 10, "2": 20.5, "0": 0, "blue": "green"})
    counted = [it for it in plain if it.aggregate == "count" and not it.same]
    return values.Points(
        tuple((Measured(it.key), 10) for it in counted[:2]),
        ((Compare(values.Trait("size"), "gte", 50), 20), (Compare(values.Trait("due"), "in_last", DAY), -5)),
    )


@st.composite
def comparisons(draw: st.DrawFn, about: Questions) -> Condition:
    fading = [it for it in about.measures.values() if it.aggregate == "fading"]
    kind = draw(st.integers(0, 7))
    if kind == 0 and fading:
        points = draw(fading_points(fading[0]))
        return Compare(points, draw(st.sampled_from(_NUMERIC[:4])), draw(st.sampled_from((1.3, 7, 21, -2))))
    if kind == 1:
        date: Value = draw(st.sampled_from(DATED))
        return conditions.Reached(
            date,
            draw(st.sampled_from((0, -3 * DAY, DAY, -HOUR, 14 * DAY))),
            draw(st.sampled_from((None, 9 * 60, 2 * 60 + 30, 0))),
        )
    if kind == 2:
        dated = [*DATED, *DATED]
        dated += [Measured(it.key) for it in about.measures.values() if it.of == "date"]
        return Compare(
            draw(st.sampled_from(dated)), draw(st.sampled_from(("in_next", "in_last"))), draw(spans)
        )
    if kind == 3:
        return draw(st.sampled_from(OF_THE_CONTACT))
    operator = draw(st.sampled_from((*_NUMERIC, "exists", "one_of")))
    wanted: Any = draw(st.sampled_from((0, 1, 2, 3.5, "blue")))
    if operator == "exists":
        wanted = draw(st.booleans())
    elif operator == "one_of":
        wanted = (0, 2, "blue")
    return Compare(draw(numbers(about)), operator, wanted)


@st.composite
def questions(draw: st.DrawFn, about: Questions, depth: int = 2) -> Condition:
    """Any condition, nested."""
    kind = draw(st.integers(0, 9))
    if depth == 0 or kind <= 3:
        if about.segments and kind == 0:
            return conditions.InSegment(draw(st.sampled_from(about.segments)))
        return draw(comparisons(about))
    if kind <= 5:
        return conditions.Not(draw(questions(about, depth - 1)))
    items = tuple(draw(st.lists(questions(about, depth - 1), min_size=2, max_size=3)))
    return conditions.All(items) if kind <= 7 else conditions.Any_(items)


@st.composite
def books(draw: st.DrawFn, *, most: int = 4) -> Book:
    """Measures, segments that may name earlier ones, and workflows that begin when something becomes true."""
    made = {f"m{index}": draw(measures(f"m{index}")) for index in range(draw(st.integers(1, most)))}
    made["fading"] = Measure(
        key="fading", events=("viewed",), aggregate="fading", half_life=draw(st.sampled_from((HOUR, 7 * DAY)))
    )
    segments: dict[str, Condition] = {}
    for index in range(draw(st.integers(0, 2))):
        segments[f"s{index}"] = draw(
            questions(Questions(measures=made, segments=tuple(segments), event=False))
        )
    about = Questions(measures=made, segments=tuple(segments), event=False)
    edges = [draw(questions(about)) for _ in range(draw(st.integers(1, 2)))]
    return book_of(made, segments, edges)


def book_of(
    made: Mapping[str, Measure], segments: Mapping[str, Condition], edges: list[Condition], **more: Any
) -> Book:
    workflows = {
        f"w{index}": Workflow(
            name=f"w{index}",
            triggers=(BecomesTrigger(key=f"edge{index}", condition=condition),),
            again="always",
            first=END,
            steps={},
        )
        for index, condition in enumerate(edges)
    }
    found = Book(
        sequence=1,
        hash="1",
        timezone="Europe/Berlin",
        topics={
            "tips": Topic(name="tips", title="Tips"),
            "news": Topic(name="news", title="News", opt_in="double"),
        },
        measures=made,
        segments=segments,
        workflows=workflows,
        policy=Policy(entry_grace=0),
    )
    return replace(found, **more)


def keys_of(book: Book) -> list[str]:
    """All that a standing keeps for a book."""
    return [*book.measures, *book.absences, *book.edges, *(SEGMENT + name for name in book.segments)]
