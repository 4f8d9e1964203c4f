"""What do the names of ``measures.yaml`` stand for, and which mistakes in them are told?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.engine.book import Book
from redshank.engine.conditions import Compare, InSegment
from redshank.engine.measures import Calendar, Measure, Rolling
from redshank.engine.serial import dump, load
from redshank.engine.values import (
    Account,
    Arithmetic,
    Constant,
    Mapped,
    Measured,
    Points,
    Predicted,
    Property,
    Trait,
    Value,
)
from redshank.instants import DAY
from tests.unit.definitions.writing import compiled, errors

#: The block of the language's definition, word for word.
MEASURES = """\
usage: {event: report_run, sum: credits, within: 30d}
usage_prev: {event: report_run, sum: credits, within: 30d, ago: 30d}
usage_ratio: {expr: usage / usage_prev}          # x / 0 is missing
plan_limit: {map: plan, to: {free: 100, pro: 5000}}
plan_usage: {expr: account.credits_used / plan_limit}
top_feature: {event: feature_used, top: feature, within: 30d}
lead_score: {points: [{event: pricing_viewed, add: 10}, {trait: size, gte: 50, add: 20}], half_life: 30d}
churn_60d: {model: churn_60d}
"""
MODELS = """\
churn_60d: {predict: {not: {event: logged_in}}, horizon: 60d, rescore: 1d, from: [usage_ratio, plan]}
will_buy: {predict: {event: purchase_completed}, horizon: 30d, at: signed_up, from: [source, size]}
"""
SEGMENTS = """\
power_user: [{trait: plan, eq: pro}, {measure: usage, gte: 500}]
active_trial: [{trait: plan, eq: trial}, {event: logged_in, within: 7d}]
"""


def _book(root: Path, measures: str = MEASURES, **others: str | None) -> Book:
    return compiled(root, _files(measures, others))


def _errors(root: Path, measures: str, **others: str | None) -> list[str]:
    return errors(root, _files(measures, others))


def _files(measures: str, others: dict[str, str | None]) -> dict[str, str | None]:
    given = {"models": MODELS if measures == MEASURES else None, "segments": SEGMENTS, **others}
    if measures != MEASURES and "segments" not in others:
        given["segments"] = None
    return {
        "workflows/activation.yaml": None,
        "measures.yaml": measures,
        **{f"{name}.yaml": text for name, text in given.items()},
    }


def _measure(book: Book, value: Value) -> Measure:
    assert isinstance(value, Measured)
    return book.measures[value.measure]


def test_the_measures_models_and_segments_of_the_definition_compile(tmp_path: Path) -> None:
    book = _book(tmp_path)
    usage, before = book.named["usage"], book.named["usage_prev"]
    assert _measure(book, usage).window == Rolling(length=30 * DAY)
    assert _measure(book, before).window == Rolling(length=30 * DAY, ago=30 * DAY)
    assert (_measure(book, usage).aggregate, _measure(book, usage).of) == ("sum", "credits")
    assert book.named["usage_ratio"] == Arithmetic("/", usage, before)
    limit = Mapped(Trait("plan"), {"free": 100, "pro": 5000})
    assert book.named["plan_limit"] == limit
    assert book.named["plan_usage"] == Arithmetic("/", Account("credits_used"), limit)
    assert _measure(book, book.named["top_feature"]).aggregate == "top"
    assert book.named["churn_60d"] == Predicted("churn_60d")
    assert set(book.segments) == {"power_user", "active_trial"}


def test_points_for_events_fade_and_points_for_what_holds_do_not(tmp_path: Path) -> None:
    book = _book(tmp_path)
    score = book.named["lead_score"]
    assert isinstance(score, Points)
    [(viewed, worth)] = score.events
    assert (worth, score.half_life) == (10, 30 * DAY)
    [(held, once)] = score.conditions
    assert (held, once) == (Compare(Trait("size"), "gte", 50), 20)
    measure = _measure(book, viewed)
    assert (measure.aggregate, measure.half_life, measure.window) == ("fading", 30 * DAY, None)


def test_points_without_a_half_life_count_each_event_of_a_window(tmp_path: Path) -> None:
    book = _book(
        tmp_path, "score: {points: [{event: a, within: 7d, add: 1}, {event: a, gte: 3, add: -2.5}]}\n"
    )
    score = book.named["score"]
    assert isinstance(score, Points)
    [(counted, worth)] = score.events
    [(held, once)] = score.conditions
    assert (worth, once, score.half_life) == (1, -2.5, 0)
    assert _measure(book, counted).aggregate == "count"
    assert _measure(book, counted).window == Rolling(length=7 * DAY)
    assert isinstance(held, Compare)
    assert (held.operator, held.wanted) == ("gte", 3)


def test_a_condition_holds_the_value_itself_and_not_its_name(tmp_path: Path) -> None:
    book = _book(tmp_path, segments="heavy: {measure: usage_ratio, gte: 2}\n")
    assert book.segments["heavy"] == Compare(book.named["usage_ratio"], "gte", 2)


def test_a_measure_and_a_condition_that_ask_the_same_share_what_is_kept(tmp_path: Path) -> None:
    book = _book(
        tmp_path,
        "logins: {event: logged_in, within: 7d}\n",
        segments="active: {event: logged_in, within: 1w, gte: 3}\n",
    )
    assert len(book.measures) == 1
    assert book.segments["active"] == Compare(book.named["logins"], "gte", 3)


def test_a_measure_can_be_named_before_it_is_defined(tmp_path: Path) -> None:
    book = _book(tmp_path, "double: {expr: 2 * logins}\nlogins: {event: logged_in}\n")
    assert book.named["double"] == Arithmetic("*", Constant(2), book.named["logins"])


def test_a_calendar_measure_has_a_calendar_window(tmp_path: Path) -> None:
    book = _book(tmp_path, "today: {event: report_run, during: today, where: {property: size, gt: 1}}\n")
    measure = _measure(book, book.named["today"])
    assert measure.window == Calendar(during="today")
    assert measure.where == Compare(Property("size"), "gt", 1)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1 + 2.5", Arithmetic("+", Constant(1), Constant(2.5))),
        ("-3", Constant(-3)),
        ("+3", Constant(3)),
        ("-contact.age", Arithmetic("-", Constant(0), Trait("age"))),
        ("contact.address.size", Trait("address.size")),
        ("account.seats.free", Account("seats.free")),
        ("1 - 2 - 3", Arithmetic("-", Arithmetic("-", Constant(1), Constant(2)), Constant(3))),
        ("1 - (2 - 3)", Arithmetic("-", Constant(1), Arithmetic("-", Constant(2), Constant(3)))),
        ("1 + 2 * 3 / 4", Arithmetic("+", Constant(1),
         Arithmetic("/", Arithmetic("*", Constant(2), Constant(3)), Constant(4)))),
    ],
)  # fmt: skip
def test_an_expression_is_arithmetic_as_everybody_knows_it(tmp_path: Path, text: str, meaning: Value) -> None:
    assert _book(tmp_path, f'x: {{expr: "{text}"}}\n').named["x"] == meaning


@pytest.mark.parametrize(
    ("name", "meaning"),
    [("plan", Trait("plan")), ("contact.plan", Trait("plan")), ("account.plan", Account("plan"))],
)
def test_a_table_maps_a_trait_of_the_contact_or_the_account(
    tmp_path: Path, name: str, meaning: Value
) -> None:
    book = _book(tmp_path, f"x: {{map: {name}, to: {{a: 1}}}}\n")
    assert book.named["x"] == Mapped(meaning, {"a": 1})


def test_a_table_maps_a_measure_where_there_is_one_of_that_name(tmp_path: Path) -> None:
    book = _book(tmp_path, "top: {event: a, top: b}\nx: {map: top, to: {reports: Reports}}\n")
    assert book.named["x"] == Mapped(book.named["top"], {"reports": "Reports"})


def test_what_a_model_predicts_is_not_kept_of_the_past(tmp_path: Path) -> None:
    book = _book(tmp_path, "churn_60d: {model: churn_60d}\n", models=MODELS.replace("usage_ratio", "size"))
    assert book.measures == {}


def test_points_may_ask_for_a_segment(tmp_path: Path) -> None:
    book = _book(
        tmp_path, "x: {points: [{in: trial, add: 5}]}\n", segments="trial: {trait: plan, eq: trial}\n"
    )
    assert book.named["x"] == Points((), ((InSegment("trial"), 5),))


def test_a_book_with_measures_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    book = _book(tmp_path)
    assert load(dump(book)) == book


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("{evnt: a}", "this is no measure: it has `evnt`; did you mean `event`?"),
        ("{event: a, expr: b}", "this has `event` and `expr`; a measure is one of them"),
        ("{event: a, gte: 5}", "unknown key `gte`"),
        ("{event: a, same: b}", "`same` compares with the event that started a journey; a measure has none"),
        ("{event: a, since: entry}", "`since` asks about a journey; a measure has none"),
        ("{expr: a +}", "`a +` is no expression; an expression has numbers, names, `+`, `-`, `*`, `/` and "
         "parentheses"),
        ("{expr: a ** 2}", "`a ** 2` cannot stand in an expression; an expression has numbers, names, `+`, `-`, `*`, "
         "`/` and parentheses"),
        ("{expr: max(a)}", "`max(a)` cannot stand in an expression; an expression has numbers, names, `+`, `-`, `*`, "
         "`/` and parentheses"),
        ("{expr: 'True'}", "`True` cannot stand in an expression; an expression has numbers, names, `+`, `-`, `*`, `/` "
         "and parentheses"),
        ('{expr: "f().x"}', "`f()` cannot stand in an expression; an expression has numbers, names, `+`, `-`, `*`, "
         "`/` and parentheses"),
        ("{expr: 1e999 * 2}", "`1e309` cannot stand in an expression; an expression has numbers, names, `+`, `-`, "
         "`*`, `/` and parentheses"),
        ("{expr: numbr}", "unknown measure `numbr`; did you mean `number`?"),
        ("{expr: zzz}", "unknown measure `zzz`; a trait is written `contact.zzz`"),
        ("{expr: score * 2}", "`score` has a half-life, and so another value at every instant; compare it directly, an "
         "expression cannot use it"),
        ("{expr: words + 1}", "`words` is no number; an expression cannot use it"),
        ("{map: score, to: {a: 1}}", "`score` has a half-life, and so another value at every instant; compare it "
         "directly, a table cannot use it"),
        ("{map: plan, to: {}}", "`to` should not be empty"),
        ("{map: plan}", "`to` is missing"),
        ("{points: []}", "`points` should not be empty"),
        ("{points: [{event: a}]}", "`add` is missing"),
        ("{points: [{event: a, add: x}]}", "`add` should be a number, not `x`"),
        ("{points: [{trait: a, add: 1}]}", "this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, "
         "`gte`, `has`, `like`, `exists`, `in_next` or `in_last`"),
        ("{points: [{event: a, within: 1d, add: 1}], half_life: 3d}", "points with a half-life fade; `within` would "
         "cut them off, leave one of the two out"),
        ("{points: [{property: a, eq: 1, add: 1}]}", "a measure has no event to look at"),
        ("{model: churn}", "unknown model `churn`"),
        ("{expr: x}", "the measure `x` is defined by itself"),
        ("{map: x, to: {a: 1}}", "the measure `x` is defined by itself"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_measure_is_told(tmp_path: Path, measure: str, message: str) -> None:
    others = (
        "number: {event: a}\n"
        "score: {points: [{event: a, add: 1}], half_life: 1d}\n"
        "words: {map: plan, to: {a: b}}\n"
    )
    assert _errors(tmp_path, f"{others}x: {measure}\n") == [f"measures.yaml:4: {message}"]


@pytest.mark.parametrize("name", ["usage-prev", "account", "contact", "if", "7d", "a b"])
def test_a_measure_has_a_name_that_an_expression_can_use(tmp_path: Path, name: str) -> None:
    assert _errors(tmp_path, f"{name}: {{event: a}}\n") == [
        f"measures.yaml:1: `{name}` should be a name of letters, digits and `_` that an expression can use, "
        f"not `{name}`"
    ]


def test_a_long_expression_is_refused_before_it_is_read(tmp_path: Path) -> None:
    assert _errors(tmp_path, f"x: {{expr: {'(' * 600}1{')' * 600}}}\n") == [
        "measures.yaml:1: an expression is 1,000 characters long at most; give parts of it names"
    ]


@pytest.mark.parametrize("depth", [150, 490])
def test_a_deep_expression_is_read_or_refused(tmp_path: Path, depth: int) -> None:
    found = _errors(tmp_path, f"x: {{expr: {'(' * depth}1{')' * depth}}}\n")
    assert found == [] or " is no expression; " in found[0]


def test_a_circle_of_measures_and_segments_is_refused_at_each_of_them(tmp_path: Path) -> None:
    found = _errors(
        tmp_path,
        "score: {points: [{in: fans, add: 1}]}\ndouble: {expr: 2 * score}\nplain: {expr: double}\n",
        segments="fans: [{not: {measure: double, gte: 3}}]\n",
    )
    assert found == [
        "measures.yaml:1: the measure `score` is defined by itself",
        "measures.yaml:2: the measure `double` is defined by itself",
        "segments.yaml:1: the segment `fans` is defined by itself",
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{measure: usge, gte: 1}", "unknown measure `usge`; did you mean `usage`?"),
        ("{measure: lead_score, eq: 10}", "`lead_score` has a half-life, and so another value at every instant; "
         "compare it with `lt`, `lte`, `gt` or `gte`, not `eq`"),
        ("{measure: lead_score, one_of: [1]}", "`lead_score` has a half-life, and so another value at every instant; "
         "compare it with `lt`, `lte`, `gt` or `gte`, not `one_of`"),
        ("{measure: usage, like: a}", "`usage` is a number; it is compared with `eq`, `ne`, `one_of`, `lt`, `lte`, "
         "`gt`, `gte` or `exists`, not `like`"),
        ("{measure: usage_ratio, gte: a}", "`usage_ratio` is a number, which `a` never is"),
        ("{measure: plan_limit, eq: true}", "`plan_limit` is a number, which `true` never is"),
    ],
)  # fmt: skip
def test_a_comparison_that_a_measure_cannot_have_is_refused(
    tmp_path: Path, condition: str, message: str
) -> None:
    assert _errors(tmp_path, MEASURES, segments=f"x: {condition}\n") == [f"segments.yaml:1: {message}"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{horizon: 1d, rescore: 1d, from: [a]}", "`predict` is missing"),
        ("{predict: {event: a}, rescore: 1d, from: [a]}", "`horizon` is missing"),
        ("{predict: {event: a}, horizon: 1d, rescore: 1d}", "`from` is missing"),
        ("{predict: {event: a}, horizon: 1d, rescore: 1d, from: []}", "`from` should not be empty"),
        ("{predict: {event: a}, horizon: 1d, from: [b]}", "a model scores again and again (`rescore: 1d`) or at an "
         "event (`at: signed_up`); this has neither"),
        ("{predict: {event: a}, horizon: 1d, from: [b], rescore: 1d, at: c}", "a model scores again and again "
         "(`rescore: 1d`) or at an event (`at: signed_up`); this has both"),
        ("{predict: {event: a, within: 1d}, horizon: 1d, rescore: 1d, from: [b]}", "`within` is of no use here: what "
         "is predicted happens within the `horizon`"),
        ("{predict: {property: a, eq: 1}, horizon: 1d, rescore: 1d, from: [b]}", "`predict` has no event to look at"),
        ("{predict: {sent: a}, horizon: 1d, rescore: 1d, from: [b]}", "`sent` asks about a journey's emails; `predict` "
         "has none"),
        ("{predict: {event: a}, horizon: soon, rescore: 1d, from: [b]}", "`horizon` should be a duration such as "
         "`15m`, `4h`, `2d` or `3w`, not `soon`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_model_is_told(tmp_path: Path, model: str, message: str) -> None:
    assert _errors(tmp_path, "a: {event: a}\n", models=f"x: {model}\n") == [f"models.yaml:1: {message}"]


def test_a_file_that_cannot_be_read_causes_no_second_error_where_its_names_are_used(tmp_path: Path) -> None:
    found = _errors(
        tmp_path, "usage: {\n", segments="x: [{measure: usage, gte: 1}, {in: y}]\ny: {measure: z, gte: 1}\n"
    )
    assert len(found) == 1
    assert found[0].startswith("measures.yaml:")
