"""How is a workflow stopped at once, and how does it go on?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.pausing import NotPaused, Unknown, pause, paused_of, resume
from redshank.engine.book import ALL
from redshank.errors import BookMissing, Conflict
from redshank.ports import EVERYBODY, BookPointer
from tests.books import ACTIVATION, UPGRADE, book
from tests.unit.cli.fakes import FakeSettings

LIVE = book(ACTIVATION, UPGRADE, sequence=3)
POINTER = BookPointer(sequence=3, hash="hash-3", listens=frozenset({"signed_up"}))


def _settings(*paused: str) -> FakeSettings:
    return FakeSettings(live=replace(POINTER, paused=frozenset(paused)))


def _paused(settings: FakeSettings) -> set[str]:
    assert settings.live is not None
    return set(settings.live.paused)


def test_a_workflow_is_paused_beside_those_that_are_and_the_book_stays() -> None:
    settings = _settings("upgrade")
    pause(settings, LIVE, ["activation"])
    assert settings.live == replace(POINTER, paused=frozenset({"activation", "upgrade"}))


def test_all_are_paused_with_those_of_books_to_come() -> None:
    settings = _settings("upgrade")
    pause(settings, LIVE, [ALL])
    assert _paused(settings) == {ALL}


def test_an_unknown_workflow_is_said_so() -> None:
    with pytest.raises(Unknown, match="unknown workflow `upgrad`; did you mean `upgrade`"):
        pause(_settings(), LIVE, ["upgrad"])
    with pytest.raises(Unknown):
        resume(_settings("upgrade"), LIVE, ["upgrad"])


def test_without_a_book_nothing_is_paused() -> None:
    with pytest.raises(BookMissing):
        pause(FakeSettings(), LIVE, ["activation"])


def test_whoever_paused_a_book_that_is_no_longer_live_is_told() -> None:
    class Racing(FakeSettings):
        def pause(self, names: object, *, sequence: int) -> None:
            raise Conflict

    with pytest.raises(Conflict):
        pause(Racing(live=POINTER), LIVE, ["activation"])


def test_to_go_on_the_same_book_becomes_the_live_one_anew() -> None:
    """So a visit reaches the journeys that stood still, though their contacts have seen the book."""
    settings = _settings("activation", "upgrade")
    moved = resume(settings, LIVE, ["activation"])
    assert moved == replace(
        POINTER, sequence=4, applied=3, paused=frozenset({"upgrade"}), visits=frozenset({"activation"})
    )
    assert settings.live == moved
    again = resume(settings, LIVE, ["upgrade"])
    assert (again.sequence, again.lies_at, again.paused) == (5, 3, frozenset())


def test_one_of_all_that_are_paused_goes_on_alone() -> None:
    moved = resume(_settings(ALL), LIVE, ["activation"])
    assert (moved.paused, moved.visits) == (frozenset({"upgrade"}), frozenset({"activation"}))


@pytest.mark.parametrize("paused", [(ALL,), ("activation", "upgrade")])
def test_all_go_on(paused: tuple[str, ...]) -> None:
    moved = resume(_settings(*paused), LIVE, [ALL])
    assert (moved.paused, moved.visits) == (frozenset(), frozenset({"activation", "upgrade"}))


def test_what_is_not_paused_does_not_go_on() -> None:
    with pytest.raises(NotPaused, match="`activation` is not paused by command"):
        resume(_settings("upgrade"), LIVE, ["activation"])
    with pytest.raises(NotPaused, match="nothing is paused by command"):
        resume(_settings(), LIVE, [ALL])


def test_what_the_book_itself_pauses_is_said_so() -> None:
    live = book(replace(ACTIVATION, state="paused"))
    with pytest.raises(NotPaused, match="but by the book: write `state: live` and apply it"):
        resume(_settings("upgrade"), live, ["activation"])


def test_visits_that_were_not_made_yet_are_made_too() -> None:
    settings = FakeSettings(
        live=replace(POINTER, paused=frozenset({"activation"}), visits=frozenset({EVERYBODY}))
    )
    assert resume(settings, LIVE, ["activation"]).visits == {EVERYBODY, "activation"}
    settings.live = replace(POINTER, paused=frozenset({"activation"}), visits=frozenset({EVERYBODY}))
    settings.note_backfill(3, {"done": True})
    assert resume(settings, LIVE, ["activation"]).visits == {"activation"}


def test_what_is_paused_of_a_book_is_named() -> None:
    assert paused_of(LIVE, replace(POINTER, paused=frozenset({ALL}))) == {"activation", "upgrade"}
    assert paused_of(LIVE, replace(POINTER, paused=frozenset({"gone"}))) == frozenset()
