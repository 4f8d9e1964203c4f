"""The books that are tried: everything in them is short, so that much happens in minutes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from cli.apply import succeeding
from redshank.engine.book import SEGMENT, Book, Policy, Template, Topic
from redshank.engine.conditions import All, Compare, Condition, Email
from redshank.engine.measures import Measure, Rolling, SinceEntry
from redshank.engine.state import END
from redshank.engine.values import HERE, Constant, Measured, Property, Trait
from redshank.engine.workflows import (
    AbsenceTrigger,
    Arm,
    BecomesTrigger,
    Branch,
    Emit,
    Enroll,
    EventTrigger,
    ManualTrigger,
    ScheduleTrigger,
    Send,
    Set,
    Subscribe,
    Trigger,
    Wait,
    WaitFor,
    Workflow,
)
from redshank.instants import DAY, MINUTE, SECOND
from tests import books
from tests.books import send, steps

#: 2027-01-15T08:00:00Z.
START = 1_800_000_000_000
#: Events that the first book counts. The second counts ``page_viewed`` as well, to which nobody listens before.
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


def _told(name: str, trigger: Trigger, *more: Send | Enroll, again: str = "always") -> Workflow:
    """A workflow that puts an event onto the bus, with the number of the event that started it."""
    emit = Emit(id="tell", next=more[0].id if more else END, name=name, detail={"n": Property("n")})
    return Workflow(
        name=name,
        topic="tips",
        triggers=(trigger,),
        again=again,
        first="tell",
        steps=steps(emit, *more),
        keeps_event=True,
    )


_TRIAL = _told(
    "trial",
    EventTrigger(events=("signed_up",)),
    Enroll(id="nurture", next=END, workflow="nurture"),
    again="never",
)


def _nurture(at_most: int) -> Workflow:
    logged_in: Condition = Compare(Measured("logins here", HERE), "gte", 1)
    return Workflow(
        name="nurture",
        topic="tips",
        triggers=(ManualTrigger(),),
        first="mark",
        steps=steps(
            Set(id="mark", next="listen", traits={"lifecycle": Constant("nurtured")}),
            WaitFor(
                id="listen", next=END, condition=logged_in, at_most=at_most, then="join", otherwise="tell"
            ),
            Subscribe(id="join", next="howto", topic="news"),
            Send(id="howto", next=END, template="howto", topic="news"),
            Emit(id="tell", next=END, name="missed"),
        ),
    )


_VIEWED = Compare(Measured("views"), "gte", 1)
#: Of the first book.
_WAVERING = _told(
    "wavering",
    AbsenceTrigger(key="wavering", events=("logged_in",), without=("paid",), span=20 * SECOND),
)
_DIGEST = _told("digest", ScheduleTrigger(key="digest", segment="pros", at="2027-01-15T08:02"))
_OLD = (_ACTIVATION, books.UPGRADE, _QUIET, _RECEIPT, _TRIAL, _nurture(45 * SECOND), _WAVERING, _DIGEST)
#: Of the second. An event of which nothing was counted before, condition by condition and wait by wait.
_GREETER = _told("greeter", EventTrigger(events=("page_viewed",)))
_INCLUDED = _told(
    "included",
    BecomesTrigger(key="included", condition=_VIEWED, include_existing=True),
    send("howto"),
)
_FRESH = _told("fresh", BecomesTrigger(key="fresh", condition=_VIEWED))
_LAPSED = _told(
    "lapsed",
    AbsenceTrigger(key="lapsed", events=("page_viewed",), without=("logged_in",), span=90 * SECOND),
)
_FORSAKEN = _told(
    "forsaken",
    AbsenceTrigger(
        key="forsaken", events=("page_viewed",), without=("paid",), span=10 * SECOND, include_existing=True
    ),
)
_BULLETIN = _told("bulletin", ScheduleTrigger(key="bulletin", segment="readers", at="2027-01-15T08:01"))
_REMINDER = _told("reminder", ScheduleTrigger(key="reminder", segment="readers", at="2027-01-15T08:03"))

#: Workflow -> the segment whose members hear of it, and when. All of UTC.
BROADCASTS = {
    "digest": (SEGMENT + "pros", START + 2 * MINUTE),
    "bulletin": (SEGMENT + "readers", START + MINUTE),
    "reminder": (SEGMENT + "readers", START + 3 * MINUTE),
}

_KEPT = (
    books.ACTIVATED,
    Measure(key="logins", events=("logged_in",), window=Rolling(length=5 * MINUTE)),
    Measure(key="logins here", events=("logged_in",), window=SinceEntry()),
)
_SEEN = Measure(key="seen", events=COUNTED)
_SEEN_ANEW = (
    Measure(key="seen, views too", events=(*COUNTED, "page_viewed")),
    Measure(key="views", events=("page_viewed",)),
    Measure(key="spent", events=("paid",), aggregate="sum", of="n"),
    Measure(key="views lately", events=("page_viewed", "email_opened"), window=Rolling(length=2 * MINUTE)),
)
_PROS: Condition = Compare(Trait("plan"), "eq", "pro")
_ACTIVE: Condition = Compare(Measured("logins"), "gte", 1)
#: One truth of both halves: of the profile and of the standing.
_ACTIVATED_PROS: Condition = All((_PROS, Compare(Measured("activated"), "gte", 1)))


def _book(*workflows: Workflow, measures: tuple[Measure, ...], segments: dict[str, Condition]) -> Book:
    made = books.book(*workflows)
    names = {"miss", "howto"} | ({"news"} if _NEWS in workflows else set())
    extra = {
        name: Template(name=name, subject=name, preheader="", html="welcome.html", text="welcome.txt")
        for name in names
    }
    return replace(
        made,
        sequence=0,
        hash="of " + " ".join(workflow.name for workflow in workflows),
        topics={**made.topics, "news": Topic(name="news", title="News", opt_in="single")},
        measures={measure.key: measure for measure in measures},
        segments=segments,
        templates={**made.templates, **extra},
    )


_SEGMENTS = {"pros": _PROS, "active": _ACTIVE, "activated pros": _ACTIVATED_PROS}
_FIRST = _book(*_OLD, measures=(*_KEPT, _SEEN), segments=_SEGMENTS)
#: Workflows more, one with an email of its own: functions that still have the first book do not know it.
PLAIN = _book(*_OLD, _NEWS, _GREETER, measures=(*_KEPT, _SEEN), segments=_SEGMENTS)
#: All that asks for a back-fill: measures, absences, a segment more and one less, edges, schedules; a shorter wait.
FULL = _book(
    *(_nurture(30 * SECOND) if it.name == "nurture" else it for it in _OLD),
    _NEWS,
    _GREETER,
    _INCLUDED,
    _FRESH,
    _LAPSED,
    _FORSAKEN,
    _BULLETIN,
    _REMINDER,
    measures=(*_KEPT, *_SEEN_ANEW),
    segments={"pros": _PROS, "activated pros": _ACTIVATED_PROS, "readers": _VIEWED},
)
#: No measure, no absence more: nothing of it has to wait until every function has noticed.
LIGHT = _book(
    *_OLD,
    _NEWS,
    _GREETER,
    _told("welcomed", BecomesTrigger(key="welcomed", condition=_PROS, include_existing=True)),
    measures=(*_KEPT, _SEEN),
    segments={"pros": _PROS, "activated pros": _ACTIVATED_PROS, "free": Compare(Trait("plan"), "eq", "free")},
)


def first(cap: int) -> Book:
    """The book that is live from the beginning, with so many emails a day at most."""
    return _first(cap)


@cache
def _first(cap: int) -> Book:
    return succeeding(capped(_FIRST, cap), None, sequence=1, now=START - DAY)


def capped(book: Book, cap: int) -> Book:
    """The book, with so many emails a day at most."""
    return replace(book, policy=Policy(max_emails_per_day=cap))
