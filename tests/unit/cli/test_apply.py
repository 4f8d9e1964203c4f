"""How does a book become the live one?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.apply import apply_book
from redshank.engine.book import Book
from redshank.engine.serial import load
from redshank.engine.workflows import EventTrigger, Workflow
from redshank.errors import Conflict
from redshank.ports import BookPointer
from tests.unit.cli.fakes import FakeBucket, FakeSettings


def _book(name: str = "one") -> Book:
    listening = Workflow(name="w", triggers=(EventTrigger(events=("signed_up",)),), first="", steps={})
    return Book(sequence=0, hash=name, workflows={"w": listening})


def test_the_first_book_is_number_one_and_lies_in_the_bucket() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    applied = apply_book(_book(), settings, bucket, "b")
    assert (applied.sequence, applied.changed) == (1, True)
    assert settings.live == BookPointer(sequence=1, hash="one", listens=frozenset({"signed_up"}))
    assert load(bucket.objects["b/books/one.json"]) == _book()


def test_applying_a_book_again_changes_nothing() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    apply_book(_book(), settings, bucket, "b")
    live = settings.live
    bucket.objects.clear()
    applied = apply_book(_book(), settings, bucket, "b")
    assert (applied.sequence, applied.changed) == (1, False)
    assert (settings.live, bucket.objects) == (live, {})


def test_going_back_to_an_earlier_book_is_a_step_forward() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    for name in ("one", "two", "one"):
        apply_book(_book(name), settings, bucket, "b")
    assert settings.live is not None
    assert (settings.live.sequence, settings.live.hash) == (3, "one")


def test_an_equal_book_that_listens_to_more_after_an_upgrade_is_published_anew() -> None:
    settings = FakeSettings(live=BookPointer(sequence=4, hash="one", listens=frozenset()))
    applied = apply_book(_book(), settings, FakeBucket(), "b")
    assert (applied.sequence, applied.changed) == (5, True)


def test_the_signing_key_is_made_once() -> None:
    settings, bucket = FakeSettings(), FakeBucket()
    apply_book(_book("one"), settings, bucket, "b")
    first = list(settings.signing)
    apply_book(_book("two"), settings, bucket, "b")
    assert settings.signing == first
    assert len(first[0]) >= 43


def test_whoever_loses_a_race_is_told_and_changes_nothing() -> None:
    class Racing(FakeSettings):
        def publish(self, pointer: BookPointer) -> None:
            self.live = BookPointer(sequence=1, hash="other")
            super().publish(replace(pointer))

    settings = Racing()
    with pytest.raises(Conflict):
        apply_book(_book(), settings, FakeBucket(), "b")
    assert settings.live == BookPointer(sequence=1, hash="other")


def test_the_book_is_in_the_bucket_before_anybody_is_pointed_to_it() -> None:
    bucket = FakeBucket()

    class Looking(FakeSettings):
        def publish(self, pointer: BookPointer) -> None:
            assert "b/books/one.json" in bucket.objects
            super().publish(pointer)

    assert apply_book(_book(), Looking(), bucket, "b").changed
