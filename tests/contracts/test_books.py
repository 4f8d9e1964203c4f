"""Which book does a function work with?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from redshank.aws.books import LOOK_AGAIN, S3Books, key
from redshank.engine.book import ALL, Book
from redshank.engine.serial import dump
from redshank.errors import BookMissing, BookTooOld
from redshank.memory import MemoryBooks, MemorySettings
from redshank.ports import BookPointer, Books
from tests.books import ACTIVATION, UPGRADE, book
from tests.contracts import adapters
from tests.contracts.conftest import IN_MEMORY

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass
class Settings(MemorySettings):
    """Counts the looks at the pointer."""

    looks: int = 0

    def pointer(self) -> BookPointer | None:
        self.looks += 1
        return super().pointer()


@dataclass
class World:
    """A stack whose books change, and a function that uses them."""

    settings: Settings = field(default_factory=Settings)
    now: float = 1_000.0
    clients: int = 0

    def __post_init__(self) -> None:
        self.books = S3Books(self._client, adapters.BUCKET, self.settings, tick=lambda: self.now)

    def _client(self) -> S3Client:
        self.clients += 1
        return adapters.s3()

    def publish(self, given: Book) -> None:
        pointer = BookPointer(sequence=given.sequence, hash=given.hash)
        adapters.s3().put_object(Bucket=adapters.BUCKET, Key=key(pointer), Body=dump(given).encode())
        self.settings.live = pointer

    def pause(self, *names: str) -> None:
        assert self.settings.live is not None
        self.settings.live = replace(self.settings.live, paused=frozenset(names))


@pytest.fixture
def world(account: None) -> World:
    return World()


# --- the port


@pytest.fixture
def books(side: str) -> tuple[Books, Books]:
    """One with nothing in it, and one with book 3."""
    if side == IN_MEMORY:
        return MemoryBooks(), MemoryBooks(book(ACTIVATION, sequence=3))
    world = World()
    world.publish(book(ACTIVATION, sequence=3))
    return World().books, world.books


def test_without_a_book_there_is_none(books: tuple[Books, Books]) -> None:
    with pytest.raises(BookMissing):
        books[0].current()
    with pytest.raises(BookMissing):
        books[0].at_least(0)


def test_the_live_book_is_the_one_that_was_published(books: tuple[Books, Books]) -> None:
    assert books[1].current() == book(ACTIVATION, sequence=3)
    assert books[1].at_least(3) == book(ACTIVATION, sequence=3)


def test_a_book_that_is_not_live_yet_is_not_to_be_had(books: tuple[Books, Books]) -> None:
    with pytest.raises(BookTooOld):
        books[1].at_least(4)
    assert books[1].current().sequence == 3


# --- how a function keeps it


def test_the_sequence_is_the_pointers_as_the_file_may_have_been_applied_before(world: World) -> None:
    first = book(ACTIVATION, sequence=1)
    world.publish(first)
    world.settings.live = BookPointer(sequence=7, hash=first.hash, applied=1)
    assert world.books.current() == replace(first, sequence=7)


def test_for_some_seconds_nobody_is_asked_again(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    kept = world.books.current()
    world.publish(book(UPGRADE, sequence=2))
    world.now += LOOK_AGAIN
    assert world.books.current() is kept
    assert (world.settings.looks, world.clients) == (1, 1)


def test_after_some_seconds_the_new_book_is_found(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    world.books.current()
    world.publish(book(UPGRADE, sequence=2))
    world.now += LOOK_AGAIN + 0.1
    assert world.books.current() == book(UPGRADE, sequence=2)


def test_an_unchanged_book_is_not_fetched_again(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    kept = world.books.current()
    for _ in range(3):
        world.now += LOOK_AGAIN + 0.1
        assert world.books.current() is kept
    assert (world.settings.looks, world.clients) == (4, 1)


def test_after_a_look_the_seconds_count_anew(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    world.books.current()
    world.now += LOOK_AGAIN + 0.1
    world.books.current()
    world.now += LOOK_AGAIN - 0.1
    world.books.current()
    assert world.settings.looks == 2


def test_a_stale_look_never_goes_back_to_an_older_book(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    world.publish(book(UPGRADE, sequence=2))
    kept = world.books.current()
    world.publish(book(ACTIVATION, sequence=1))
    world.now += LOOK_AGAIN + 0.1
    assert world.books.current() is kept
    assert world.books.at_least(2) is kept


def test_whoever_has_seen_a_newer_book_looks_at_once(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    world.books.current()
    world.publish(book(UPGRADE, sequence=2))
    assert world.books.at_least(2) == book(UPGRADE, sequence=2)
    assert world.books.current().sequence == 2


def test_whoever_has_the_book_does_not_look(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=2))
    world.books.current()
    assert world.books.at_least(1).sequence == 2
    assert world.settings.looks == 1


def test_what_is_paused_by_command_is_noticed_within_seconds_and_costs_no_fetch(world: World) -> None:
    world.publish(book(ACTIVATION, UPGRADE, sequence=1))
    assert world.books.current().workflows["activation"].state == "live"
    world.pause("activation")
    world.now += LOOK_AGAIN + 0.1
    states = {name: workflow.state for name, workflow in world.books.current().workflows.items()}
    assert states == {"activation": "paused", "upgrade": "live"}
    world.pause()
    world.now += LOOK_AGAIN + 0.1
    assert world.books.current() == book(ACTIVATION, UPGRADE, sequence=1)
    assert world.clients == 1


def test_a_function_that_starts_while_everything_is_paused_notices_it(world: World) -> None:
    world.publish(book(ACTIVATION, UPGRADE, sequence=1))
    world.pause(ALL)
    assert {it.state for it in world.books.current().workflows.values()} == {"paused"}


def test_an_older_pointer_does_not_say_what_is_paused(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    world.publish(book(ACTIVATION, sequence=2))
    world.pause("activation")
    kept = world.books.current()
    world.publish(book(ACTIVATION, sequence=1))
    world.now += LOOK_AGAIN + 0.1
    assert world.books.current() is kept


def test_a_book_that_is_behind_the_pointer_is_kept_if_the_new_one_cannot_be_read(world: World) -> None:
    world.publish(book(ACTIVATION, sequence=1))
    kept = world.books.current()
    world.settings.live = BookPointer(sequence=2, hash="not-there")
    with pytest.raises(adapters.s3().exceptions.NoSuchKey):
        world.books.at_least(2)
    assert world.books.current() is kept
