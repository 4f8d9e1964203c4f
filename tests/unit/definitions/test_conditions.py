"""What do conditions mean to the engine?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from redshank.definitions.models import conditions as written
from redshank.engine import conditions as engine
from redshank.engine.book import Book
from redshank.engine.conditions import Compare, Condition
from redshank.engine.measures import Measure
from redshank.engine.values import Measured, Property, Trait
from redshank.instants import DAY, HOUR
from tests.unit.definitions.writing import compiled

WORKFLOW = "workflows/activation.yaml"


def _exit_if(root: Path, condition: str) -> tuple[Condition, Book]:
    """What a condition of a journey compiles to, and the book."""
    text = f"trigger: {{event: signed_up}}\nexit_if: {condition}\nsteps: [{{send: welcome}}]\n"
    book = compiled(root, {WORKFLOW: text, "segments.yaml": "power_user: {trait: plan, eq: pro}\n"})
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
        ("{property: path, eq: /pricing}", Compare(Property("path"), "eq", "/pricing")),
        ("{in: power_user}", engine.InSegment("power_user")),
        ("{subscribed: tips}", engine.Subscribed("tips")),
        ("{sent: welcome}", engine.Email("sent", "welcome")),
        ("{opened: welcome}", engine.Email("opened", "welcome")),
        ("{clicked: welcome}", engine.Email("clicked", "welcome")),
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
    assert measure.window == 36 * HOUR
    assert measure.where == Compare(Property("path"), "like", "/p*")


def test_equal_questions_share_a_measure_however_they_are_written(tmp_path: Path) -> None:
    _, book = _exit_if(
        tmp_path,
        "[{event: [a, b], within: 1d}, {event: [b, a], within: 24h, gte: 7}, {event: [a, b], within: 2d}]",
    )
    assert sorted(measure.window or 0 for measure in book.measures.values()) == [DAY, 2 * DAY]
    assert all(key == measure.key for key, measure in book.measures.items())


def test_the_key_of_a_measure_depends_on_nothing_but_its_content(tmp_path: Path) -> None:
    _, one = _exit_if(tmp_path / "one", "{event: logged_in, within: 7d}")
    _, other = _exit_if(tmp_path / "other", "{not: {event: logged_in, within: 1w, gte: 3}}")
    assert one.measures == other.measures


def test_the_language_has_every_operator_of_the_engine() -> None:
    assert frozenset(written.OPERATORS) == engine.OPERATORS
    assert frozenset(written.COUNTING) <= engine.OPERATORS


def test_every_kind_of_condition_that_is_modelled_is_compiled_here() -> None:
    modelled = {get_args(member)[0] for member in get_args(get_args(written.Condition.__value__)[0])}
    assert modelled == {
        written.TraitCondition,
        written.PropertyCondition,
        written.EventCondition,
        written.InCondition,
        written.SubscribedCondition,
        written.EmailCondition,
        written.AllCondition,
        written.AnyCondition,
        written.NotCondition,
    }
