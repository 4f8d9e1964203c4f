"""How does a book become the live one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from cli.apply import Applied, SchemaTooLarge, apply_book, is_unfinished, moved, succeeding, whom_to_visit
from redshank.aws.books import read
from redshank.engine.book import ALL, SEGMENT, Book, Kind, Schema
from redshank.engine.conditions import Compare, Condition, InList, InSegment
from redshank.engine.measures import Measure
from redshank.engine.serial import load
from redshank.engine.state import END
from redshank.engine.values import Measured, Trait
from redshank.engine.workflows import (
    AbsenceTrigger,
    BecomesTrigger,
    EventTrigger,
    Exit,
    ScheduleTrigger,
    Split,
    Step,
    Wait,
    WaitFor,
    Way,
    Workflow,
)
from redshank.errors import Conflict
from redshank.instants import DAY
from redshank.ports import EVERYBODY, BookPointer
from tests.books import book as written
from tests.books import send
from tests.unit.cli.fakes import FakeBucket, FakeSettings

NOW = 1_800_000_000_000


def _book(name: str = "one", **more: Any) -> Book:
    listening = Workflow(name="w", triggers=(EventTrigger(events=("signed_up",)),), first="", steps={})
    return replace(Book(sequence=1, hash=name, workflows={"w": listening}), **more)


def _apply(book: Book, settings: FakeSettings, bucket: FakeBucket, now: int = NOW) -> Applied:
    return apply_book(book, settings, bucket, "b", now=now)


def test_the_first_book_is_number_one_and_lies_in_the_bucket() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    applied = _apply(_book(), settings, bucket)
    assert (applied.pointer.sequence, applied.changed) == (1, True)
    assert settings.live == BookPointer(sequence=1, hash="one", listens=frozenset({"signed_up"}))
    assert load(bucket.objects["b/books/000001-one.json"]) == replace(_book(), sequence=0)


def test_applying_a_book_again_changes_nothing() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    _apply(_book(), settings, bucket)
    live, objects = settings.live, dict(bucket.objects)
    applied = _apply(_book(), settings, bucket)
    assert (applied.pointer.sequence, applied.changed) == (1, False)
    assert (settings.live, bucket.objects) == (live, objects)


def test_going_back_to_an_earlier_book_is_a_step_forward() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    for name in ("one", "two", "one"):
        _apply(_book(name), settings, bucket)
    assert settings.live is not None
    assert (settings.live.sequence, settings.live.hash) == (3, "one")
    assert len(bucket.objects) == 3


def test_an_equal_book_that_listens_to_more_after_an_upgrade_is_published_anew() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    _apply(_book(), settings, bucket)
    assert settings.live is not None
    settings.live = replace(settings.live, listens=frozenset())
    applied = _apply(_book(), settings, bucket)
    assert (applied.pointer.sequence, applied.changed) == (2, True)


def test_the_signing_key_is_made_once() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    _apply(_book("one"), settings, bucket)
    first = list(settings.signing)
    _apply(_book("two"), settings, bucket)
    assert settings.signing == first
    assert len(first[0]) >= 43


def test_whoever_loses_a_race_is_told_and_changes_nothing() -> None:
    class Racing(FakeSettings):
        def publish(self, pointer: BookPointer) -> None:
            self.live = BookPointer(sequence=1, hash="other")
            super().publish(replace(pointer))

    settings = Racing()
    with pytest.raises(Conflict):
        _apply(_book(), settings, FakeBucket())
    assert settings.live == BookPointer(sequence=1, hash="other")


def test_the_book_is_in_the_bucket_before_anybody_is_pointed_to_it() -> None:
    bucket = FakeBucket()

    class Looking(FakeSettings):
        def publish(self, pointer: BookPointer) -> None:
            assert "b/books/000001-one.json" in bucket.objects
            super().publish(pointer)

    assert _apply(_book(), Looking(), bucket).changed


def test_what_is_paused_by_command_stays_so_while_there_is_such_a_workflow() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    _apply(_book("one"), settings, bucket)
    settings.pause(["w", ALL], sequence=1)
    _apply(_book("two"), settings, bucket)
    assert settings.live is not None
    assert settings.live.paused == {"w", ALL}
    _apply(_book("three", workflows={}), settings, bucket)
    assert settings.live.paused == {ALL}


def test_what_functions_read_is_the_book_with_its_births() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    book = _book(segments={"pro": Compare(Trait("plan"), "eq", "pro")})
    applied = _apply(book, settings, bucket)
    client: Any = bucket
    assert read(client, "b", applied.pointer) == applied.book
    assert applied.book.born == {SEGMENT + "pro": (1, NOW)}


# --- the schema


def test_the_pointer_says_what_the_app_declared() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    schema = Schema(rejects=True, traits={"plan": Kind(type="one_of", options=("a", "b"))})
    _apply(_book("one", schema=schema), settings, bucket)
    assert settings.live is not None
    assert settings.live.schema == {"rejects": True, "traits": {"plan": ["a", "b"]}, "events": {}}
    _apply(_book("two"), settings, bucket)
    assert settings.live.schema is None


def test_a_schema_that_does_not_fit_is_refused_and_nothing_is_published() -> None:
    events = {f"event_{number}": {"property": Kind(type="text")} for number in range(2_000)}
    settings, bucket = FakeSettings(), FakeBucket()
    with pytest.raises(SchemaTooLarge, match="32,000 at most: declare fewer"):
        _apply(_book(schema=Schema(events=events)), settings, bucket)
    assert (settings.live, bucket.objects) == (None, {})


# --- since when a book has what

PRO: Condition = Compare(Trait("plan"), "eq", "pro")
LOGINS = Measure(key="logins", events=("logged_in",))


def _births(book: Book, live: Book | None, sequence: int, now: int = NOW) -> Mapping[str, tuple[int, int]]:
    return succeeding(book, live, sequence=sequence, now=now).born


def _triggered(*triggers: Any) -> Workflow:
    return Workflow(name="w", triggers=triggers, first="", steps={})


def test_measures_truths_and_triggers_keep_the_book_that_brought_them() -> None:
    absence = AbsenceTrigger(key="a", events=("x",), without=("y",), span=1)
    becomes = BecomesTrigger(key="b", condition=PRO)
    schedule = ScheduleTrigger(key="s", segment="pro", minutes=0)
    first = succeeding(_book(measures={"logins": LOGINS}), None, sequence=1, now=NOW)
    more = _book(
        measures={"logins": LOGINS},
        segments={"pro": PRO},
        workflows={"w": _triggered(absence, becomes, schedule)},
    )
    assert _births(more, first, 2, NOW + 5) == {
        "logins": (1, NOW),
        **dict.fromkeys(("a", "b", "s", SEGMENT + "pro"), (2, NOW + 5)),
    }


def test_what_went_and_comes_back_is_new() -> None:
    first = succeeding(_book(measures={"logins": LOGINS}), None, sequence=1, now=NOW)
    second = succeeding(_book(), first, sequence=2, now=NOW + 1)
    assert _births(_book(measures={"logins": LOGINS}), second, 3, NOW + 2) == {"logins": (3, NOW + 2)}


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"segments": {"pro": PRO}}, {"segments": {"pro": Compare(Trait("plan"), "eq", "team")}}),
        ({"lists": {"vips": "a"}}, {"lists": {"vips": "b"}}),
        ({}, {"segments": {"pro": Compare(Measured("logins"), "gte", 1)}, "measures": {"logins": LOGINS}}),
    ],
)
def test_a_segment_whose_meaning_changed_is_new_and_so_is_what_asks_for_it(
    was: dict[str, Any], now: dict[str, Any]
) -> None:
    asks = BecomesTrigger(key="b", condition=InSegment("outer"))
    base = {
        "segments": {"pro": PRO, "vip": InList("vips"), "outer": InSegment("pro"), "other": PRO},
        "lists": {"vips": "a"},
        "workflows": {"w": _triggered(asks)},
    }

    def made(more: dict[str, Any]) -> Book:
        segments = {**base["segments"], **more.get("segments", {})}  # type: ignore[dict-item]
        return _book(**{**base, **more, "segments": segments})

    live = succeeding(made(was), None, sequence=1, now=NOW)
    changed = {"vip"} if "lists" in now else {"pro", "outer"}
    born = _births(made(now), live, 2)
    fresh = {name for name, (sequence, _) in born.items() if sequence == 2}
    expected = {SEGMENT + name for name in changed} | ({"b"} if "outer" in changed else set())
    assert fresh - {"logins"} == expected


def test_a_trigger_that_is_to_include_who_matches_already_is_new() -> None:
    def made(existing: bool) -> Book:
        trigger = BecomesTrigger(key="b", condition=PRO, include_existing=existing)
        return _book(workflows={"w": _triggered(trigger)})

    live = succeeding(made(False), None, sequence=1, now=NOW)
    assert _births(made(False), live, 2) == {"b": (1, NOW)}
    assert _births(made(True), live, 2) == {"b": (2, NOW)}


# --- where journeys go on whose step is gone


def _steps(*ids: str, **more: Any) -> Workflow:
    """A workflow that waits at each of these steps."""
    chain = [*ids, END]
    steps: dict[str, Step] = {step: Wait(id=step, next=then, span=DAY) for step, then in pairwise(chain)}
    return Workflow(**{"name": "w", "first": chain[0], "steps": steps, **more})


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("abc", "abc", {}),
        ("abc", "ac", {"b": "c"}),
        ("abc", "a", {"b": END, "c": END}),
        ("abcd", "ad", {"b": "d", "c": "d"}),
        ("abc", "xabcy", {}),
    ],
)
def test_journeys_at_a_step_that_is_gone_go_on_at_the_next_that_survived(
    was: str, now: str, expected: dict[str, str]
) -> None:
    assert moved(_steps(*now), _steps(*was)) == expected


def test_a_renamed_step_is_found_and_so_is_what_led_to_it() -> None:
    now = _steps("a", "new", "d", moved={"c": "new"})
    assert moved(now, _steps("a", "b", "c", "d")) == {"c": "new", "b": "new"}


def test_a_journey_that_slept_through_several_books_is_still_led_on() -> None:
    first = _steps("a", "b", "c", "d")
    second = _steps("a", "c", "d")
    second = replace(second, moved=moved(second, first))
    third = _steps("a", "d")
    third = replace(third, moved=moved(third, second))
    assert third.moved == {"b": "d", "c": "d"}
    fourth = _steps("a", "e", moved={"d": "e"})
    assert moved(fourth, third) == {"b": "e", "c": "e", "d": "e"}


def test_a_step_that_comes_back_is_where_its_journeys_are() -> None:
    second = _steps("a", "c", moved={"b": "c"})
    assert moved(_steps("a", "b", "c"), second) == {}


def test_inside_a_branch_the_steps_own_way_on_is_followed() -> None:
    steps: dict[str, Step] = {
        "wait": WaitFor(id="wait", next="end", condition=PRO, then="inner", otherwise="end"),
        "inner": Wait(id="inner", next="end", span=DAY),
        "split": Split(id="split", next="end", arms={"x": Way(share=1.0, to="inner")}),
        "end": Exit(id="end", next=END, reason="done"),
    }
    was = Workflow(name="w", first="wait", steps=steps)
    now = replace(was, first="end", steps={"end": steps["end"]})
    assert moved(now, was) == dict.fromkeys(("wait", "inner", "split"), "end")


# --- whom it has something for


def _visits(now: Book, was: Book) -> frozenset[str]:
    live = succeeding(was, None, sequence=1, now=NOW)
    return whom_to_visit(succeeding(now, live, sequence=2, now=NOW), live)


def test_the_first_book_visits_nobody() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    assert _apply(_book(segments={"pro": PRO}), settings, bucket).pointer.visits == frozenset()


def test_what_is_new_is_for_everybody_and_so_is_a_segment_that_is_gone() -> None:
    plain, segmented = _book(), _book(segments={"pro": PRO})
    assert _visits(segmented, plain) == {EVERYBODY}
    assert _visits(plain, segmented) == {EVERYBODY}
    assert _visits(segmented, segmented) == frozenset()


def _live(workflow: Workflow) -> Book:
    return written(workflow)


_WAITING = _steps("a", "b")
_SENDING = replace(_WAITING, steps={**_WAITING.steps, "c": send("welcome")})


@pytest.mark.parametrize(
    ("was", "now", "visited"),
    [
        (_WAITING, _WAITING, False),
        (_WAITING, replace(_WAITING, steps={**_WAITING.steps, "b": Wait(id="b", next=END, span=1)}), True),
        (_WAITING, _steps("a"), True),
        (_WAITING, _steps("a", "b", "c"), False),
        (_WAITING, replace(_WAITING, goal=PRO), True),
        (_WAITING, replace(_WAITING, exit_if=PRO), True),
        (_WAITING, replace(_WAITING, priority=1), False),
        (replace(_WAITING, state="paused"), _WAITING, True),
        (_WAITING, replace(_WAITING, state="paused"), False),
        (_SENDING, replace(_SENDING, steps={**_SENDING.steps, "c": send("welcome", subject="New")}), False),
    ],
)
def test_a_workflow_is_visited_where_a_journey_that_stands_may_go_on_or_end(
    was: Workflow, now: Workflow, visited: bool
) -> None:
    assert _visits(_live(now), _live(was)) == (frozenset({"w"}) if visited else frozenset())


def test_the_journeys_of_a_removed_workflow_are_visited() -> None:
    assert _visits(written(), _live(_WAITING)) == {"w"}


def test_what_an_earlier_book_did_not_finish_is_done_by_the_next() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    _apply(_book("one"), settings, bucket)
    _apply(_book("two", segments={"pro": PRO}), settings, bucket)
    third = _apply(_book("three", segments={"pro": PRO}), settings, bucket).pointer
    assert third.visits == {EVERYBODY}
    settings.note_backfill(3, {"done": True})
    assert not is_unfinished(settings.backfill(), third)
    assert _apply(_book("four", segments={"pro": PRO}), settings, bucket).pointer.visits == frozenset()
