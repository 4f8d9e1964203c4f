"""What do conditions mean to the engine?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from redshank.definitions.compiling.conditions import EDGE, SEGMENT, Conditions, Scope
from redshank.definitions.compiling.references import References
from redshank.definitions.compiling.schema import Declared
from redshank.definitions.documents import read
from redshank.definitions.models import conditions as written
from redshank.definitions.models.base import validate
from redshank.definitions.problems import Place, Problems
from redshank.engine import conditions as engine
from redshank.engine.book import Book
from redshank.engine.conditions import Compare, Condition
from redshank.engine.measures import AGGREGATES, Calendar, Measure, Rolling, SinceEntry
from redshank.engine.values import ENTRY, HERE, Account, Mapped, Measured, Property, Trait
from redshank.instants import DAY, HOUR
from tests.unit.definitions.writing import compiled

CONDITION: TypeAdapter[written.Condition] = TypeAdapter(written.Condition)
WORKFLOW = "workflows/activation.yaml"


JOURNEY = Scope(called="a step", emails=["welcome"], steps=["welcome", "welcome/wait"])


def _asked(condition: str, scope: Scope = JOURNEY) -> tuple[Condition, dict[str, Measure], list[str]]:
    """What a condition compiles to where it stands, the measures it needs, and what is wrong with it."""
    problems = Problems()
    source = validate(CONDITION.validate_python, read("x", condition, problems), problems, at=Place("x"))
    assert source is not None, problems.found
    references = References({}, problems)
    conditions = Conditions(references, problems, Declared(references))
    made = conditions.compile(source, scope)
    return made, conditions.measures, [problem.message for problem in problems.found]


def _exit_if(root: Path, condition: str) -> tuple[Condition, Book]:
    """What a condition of a journey compiles to, and the book."""
    text = f"trigger: {{event: signed_up}}\nexit_if: {condition}\nsteps: [{{send: welcome}}]\n"
    files = {
        WORKFLOW: text,
        "segments.yaml": "power_user: {trait: plan, eq: pro}\n",
        "lists/vips.csv": "email\nann@example.com\n",
        "measures.yaml": "limit: {map: plan, to: {pro: 5}}\n",
    }
    book = compiled(root, files)
    found = book.workflows["activation"].exit_if
    assert found is not None
    return found, book


def _only(book: Book) -> Measure:
    [measure] = book.measures.values()
    return measure


@pytest.mark.parametrize(
    ("condition", "meaning"),
    [
        ("{trait: plan, eq: pro}", Compare(Trait("plan"), "eq", "pro")),
        ("{trait: plan, ne: pro}", Compare(Trait("plan"), "ne", "pro")),
        ("{trait: plan, one_of: [pro, 7, true]}", Compare(Trait("plan"), "one_of", ("pro", 7, True))),
        ("{trait: a.b, lt: 5}", Compare(Trait("a.b"), "lt", 5)),
        ("{trait: a, lte: 0.5}", Compare(Trait("a"), "lte", 0.5)),
        ("{trait: a, gt: 20%}", Compare(Trait("a"), "gt", 0.2)),
        ("{trait: a, gte: 0}", Compare(Trait("a"), "gte", 0)),
        ("{trait: tags, has: vip}", Compare(Trait("tags"), "has", "vip")),
        ('{trait: email, like: "*@acme.example"}', Compare(Trait("email"), "like", "*@acme.example")),
        ("{trait: phone, exists: false}", Compare(Trait("phone"), "exists", False)),
        ("{trait: country, eq: NO}", Compare(Trait("country"), "eq", "NO")),
        ('{trait: discount, eq: "20%"}', Compare(Trait("discount"), "eq", "20%")),
        ("{trait: trial_ends_at, in_next: 3d}", Compare(Trait("trial_ends_at"), "in_next", 3 * DAY)),
        ("{trait: last_seen, in_last: 36h}", Compare(Trait("last_seen"), "in_last", 36 * HOUR)),
        ("{account: seats.free, lt: 2}", Compare(Account("seats.free"), "lt", 2)),
        ("{measure: limit, gte: 5}", Compare(Mapped(Trait("plan"), {"pro": 5}), "gte", 5)),
        ("{property: path, eq: /pricing}", Compare(Property("path"), "eq", "/pricing")),
        ("{in: power_user}", engine.InSegment("power_user")),
        ("{in: vips}", engine.InList("vips")),
        ("{subscribed: tips}", engine.Subscribed("tips")),
        ("{sent: welcome}", engine.Email("sent", "welcome")),
        ("{opened: welcome}", engine.Email("opened", "welcome")),
        ("{clicked: welcome}", engine.Email("clicked", "welcome")),
        ("{clicked: welcome, link: '*/pricing'}", engine.Email("clicked", "welcome", link="*/pricing")),
        ("{clicked: welcome, by: human}", engine.Email("clicked", "welcome")),
        ("{opened: welcome, by: anyone}", engine.Email("opened", "welcome", anyone=True)),
        ("{not: {in: power_user}}", engine.Not(engine.InSegment("power_user"))),
        (
            "[{in: power_user}, {subscribed: tips}]",
            engine.All((engine.InSegment("power_user"), engine.Subscribed("tips"))),
        ),
        (
            "{all: [{in: power_user}, {subscribed: tips}]}",
            engine.All((engine.InSegment("power_user"), engine.Subscribed("tips"))),
        ),
        (
            "{any: [{in: power_user}, [{subscribed: tips}, {sent: welcome}]]}",
            engine.Any_(
                (
                    engine.InSegment("power_user"),
                    engine.All((engine.Subscribed("tips"), engine.Email("sent", "welcome"))),
                )
            ),
        ),
        ("[{in: power_user}]", engine.InSegment("power_user")),
    ],
)
def test_a_condition_means_what_it_says(tmp_path: Path, condition: str, meaning: Condition) -> None:
    assert _exit_if(tmp_path, condition)[0] == meaning


@pytest.mark.parametrize(
    ("condition", "operator", "wanted"),
    [
        ("{event: logged_in}", "gte", 1),
        ("{event: logged_in, gte: 5}", "gte", 5),
        ("{event: logged_in, eq: 0}", "eq", 0),
        ("{event: logged_in, one_of: [1, 2]}", "one_of", (1, 2)),
    ],
)
def test_an_event_is_counted_and_a_bare_one_happened(
    tmp_path: Path, condition: str, operator: str, wanted: Any
) -> None:
    found, book = _exit_if(tmp_path, condition)
    measure = _only(book)
    assert found == Compare(Measured(measure.key), operator, wanted)
    assert (measure.events, measure.window, measure.where) == (("logged_in",), None, None)


def test_a_window_and_a_filter_belong_to_the_measure(tmp_path: Path) -> None:
    _, book = _exit_if(
        tmp_path, "{event: [viewed, opened], where: {property: path, like: '/p*'}, within: 36h, gte: 3}"
    )
    measure = _only(book)
    assert measure.events == ("opened", "viewed")
    assert measure.window == Rolling(length=36 * HOUR)
    assert measure.where == Compare(Property("path"), "like", "/p*")


def test_opens_and_clicks_are_those_of_humans_unless_the_filter_asks_by_whom() -> None:
    by_human = engine.Not(Compare(Property("by"), "one_of", ("proxy", "scanner")))
    by_proxy = Compare(Property("by"), "eq", "proxy")
    of_news = Compare(Property("workflow"), "eq", "news")

    def filters(condition: str) -> list[Condition | None]:
        return [measure.where for measure in _asked(condition)[1].values()]

    assert filters("{event: email_opened, within: 30d, gte: 5}") == [by_human]
    assert filters("{event: link_clicked, where: {property: workflow, eq: news}}") == [
        engine.All((of_news, by_human))
    ]
    assert filters("{event: email_opened, where: {property: by, eq: proxy}}") == [by_proxy]
    assert filters("{event: logged_in}") == [None]


def test_equal_questions_share_a_measure_however_they_are_written(tmp_path: Path) -> None:
    _, book = _exit_if(
        tmp_path,
        "[{event: [a, b], within: 1d}, {event: [b, a], within: 24h, gte: 7}, {event: [a, b], within: 2d}]",
    )
    windows = [measure.window for measure in book.measures.values()]
    assert sorted(windows, key=str) == [Rolling(length=2 * DAY), Rolling(length=DAY)]
    assert all(key == measure.key for key, measure in book.measures.items())


def test_the_key_of_a_measure_depends_on_nothing_but_its_content(tmp_path: Path) -> None:
    _, one = _exit_if(tmp_path / "one", "{event: logged_in, within: 7d}")
    _, other = _exit_if(tmp_path / "other", "{not: {event: logged_in, within: 1w, gte: 3}}")
    assert one.measures == other.measures


@pytest.mark.parametrize(
    ("condition", "aggregate", "of", "operator", "wanted"),
    [
        ("{event: a, sum: total, gte: 99.5}", "sum", "total", "gte", 99.5),
        ("{event: a, avg: total, lt: 3}", "avg", "total", "lt", 3),
        ("{event: a, avg: total, exists: false}", "avg", "total", "exists", False),
        ("{event: a, min: price, gt: 1}", "min", "price", "gt", 1),
        ("{event: a, max: due, in_next: 3d}", "max", "due", "in_next", 3 * DAY),
        ("{event: a, first: source, eq: ads}", "first", "source", "eq", "ads"),
        ("{event: a, last: plan.name, one_of: [pro, team]}", "last", "plan.name", "one_of", ("pro", "team")),
        ("{event: a, distinct: project, gte: 3}", "distinct", "project", "gte", 3),
        ("{event: a, top: feature, like: 'report*'}", "top", "feature", "like", "report*"),
    ],
)
def test_what_events_amount_to_is_compared(
    condition: str, aggregate: str, of: str, operator: str, wanted: Any
) -> None:
    found, measures, wrong = _asked(condition)
    [measure] = measures.values()
    assert not wrong
    assert found == Compare(Measured(measure.key), operator, wanted)
    assert (measure.aggregate, measure.of) == (aggregate, of)


def test_the_language_has_every_aggregate_of_the_engine() -> None:
    # What fades is written as points with a half-life.
    assert {"count", *written.AGGREGATES} == AGGREGATES.keys() - {"fading"}


@pytest.mark.parametrize(
    ("window", "meaning"),
    [
        ("within: 30d", Rolling(length=30 * DAY)),
        ("within: 30d, ago: 1w", Rolling(length=30 * DAY, ago=7 * DAY)),
        ("during: today", Calendar(during="today")),
        ("during: last_month", Calendar(during="last_month")),
    ],
)
def test_an_event_is_looked_for_in_its_window(window: str, meaning: object) -> None:
    found, measures, wrong = _asked(f"{{event: a, {window}}}", SEGMENT)
    [measure] = measures.values()
    assert not wrong
    assert measure.window == meaning
    assert found == Compare(Measured(measure.key), "gte", 1)


@pytest.mark.parametrize(("since", "meaning"), [("entry", ENTRY), ("welcome/wait", "welcome/wait")])
def test_a_journey_can_ask_what_happened_since_its_entry_or_a_step(since: str, meaning: str) -> None:
    found, measures, wrong = _asked(f"{{event: a, since: {since}, gte: 2}}")
    [measure] = measures.values()
    assert not wrong
    assert measure.window == SinceEntry()
    # Nobody said which events start the journey: the one that did is left out to be safe.
    assert found == Compare(Measured(measure.key, meaning, strictly=True), "gte", 2)


@pytest.mark.parametrize(("starts", "strictly"), [("a", True), ("b", False)])
def test_an_event_in_a_goal_counts_from_entry_and_never_the_one_that_started_the_journey(
    starts: str, strictly: bool
) -> None:
    goal = replace(JOURNEY, called="a goal", started_by=frozenset({starts}))
    found, measures, wrong = _asked("{event: a, within: 30d, sum: total, gte: 100}", goal)
    [measure] = measures.values()
    assert not wrong
    assert measure.window == SinceEntry()
    assert found == Compare(Measured(measure.key, ENTRY, 30 * DAY, strictly), "gte", 100)


@pytest.mark.parametrize("window", ["during: today", "within: 1d, ago: 1d"])
def test_a_goal_looks_at_nothing_before_entry(window: str) -> None:
    goal = replace(JOURNEY, called="a goal", started_by=frozenset())
    _, _, wrong = _asked(f"{{event: a, {window}}}", goal)
    name = "during" if "during" in window else "ago"
    assert wrong == [f"a goal counts from the journey's start; `{name}` would look before it"]


@pytest.mark.parametrize(
    ("starts", "strictly"),
    [((), True), (("a", "b"), True), (("b",), False)],
)
def test_a_bare_event_that_is_waited_for_comes_after_the_step_began(
    starts: tuple[str, ...], strictly: bool
) -> None:
    waiting = replace(JOURNEY, waits=True, events=starts)
    found, measures, wrong = _asked("{event: a}", waiting)
    [measure] = measures.values()
    assert not wrong
    assert measure.window == SinceEntry()
    assert found == Compare(Measured(measure.key, HERE, strictly=strictly), "gte", 1)


def test_an_event_with_a_window_can_be_true_before_it_is_waited_for() -> None:
    waiting = replace(JOURNEY, waits=True, events=("a",))
    found, measures, wrong = _asked("{event: a, within: 1d}", waiting)
    [measure] = measures.values()
    assert not wrong
    assert found == Compare(Measured(measure.key), "gte", 1)
    assert measure.window == Rolling(length=DAY)


def test_a_wait_can_look_back_to_entry() -> None:
    waiting = replace(JOURNEY, waits=True, events=("a",))
    found, measures, _ = _asked("{event: a, since: entry}", waiting)
    [measure] = measures.values()
    assert found == Compare(Measured(measure.key, ENTRY, strictly=True), "gte", 1)


def test_events_with_the_same_property_as_the_one_that_started_the_journey_are_counted_apart() -> None:
    _, measures, wrong = _asked("[{event: paid, same: cart.id}, {event: paid}]")
    assert not wrong
    assert sorted(measure.same for measure in measures.values()) == ["", "cart.id"]


@pytest.mark.parametrize(
    ("condition", "scope", "message"),
    [
        ("{event: a, same: b}", SEGMENT, "`same` compares with the event that started a journey; a segment has none"),
        ("{event: a, same: b}", EDGE, "`same` compares with the event that started a journey; `becomes` has none"),
        ("{event: a, since: entry}", SEGMENT, "`since` asks about a journey; a segment has none"),
        ("{event: a, since: welcom}", JOURNEY, "no step `welcom` is in this workflow; did you mean `welcome`?"),
    ],
)  # fmt: skip
def test_what_needs_a_journey_is_refused_where_there_is_none(
    condition: str, scope: Scope, message: str
) -> None:
    assert _asked(condition, scope)[2] == [message]


def test_the_best_hour_is_the_one_at_which_a_human_opens_or_clicks_most() -> None:
    problems = Problems()
    references = References({}, problems)
    conditions = Conditions(references, problems, Declared(references))
    measure = conditions.measures[conditions.best_hour()]
    assert measure.events == ("email_opened", "link_clicked")
    assert (measure.aggregate, measure.of, measure.window) == ("top", "@hour", Rolling(length=90 * DAY))
    assert measure.where == engine.Not(Compare(Property("by"), "one_of", ("proxy", "scanner")))


def test_the_language_has_every_operator_of_the_engine() -> None:
    assert frozenset(written.OPERATORS) == engine.OPERATORS
    assert frozenset(written.COUNTING) <= engine.OPERATORS


def test_every_kind_of_condition_that_is_modelled_is_compiled_here() -> None:
    modelled = {get_args(member)[0] for member in get_args(get_args(written.Condition.__value__)[0])}
    assert modelled == {
        written.TraitCondition,
        written.AccountCondition,
        written.MeasureCondition,
        written.PropertyCondition,
        written.EventCondition,
        written.InCondition,
        written.SubscribedCondition,
        written.EmailCondition,
        written.AllCondition,
        written.AnyCondition,
        written.NotCondition,
    }
