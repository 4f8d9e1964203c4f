"""How do the contacts that nothing happens to meet a new book?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cli import backfill
from cli.backfill import FEW, MOST_WAITING, PACK, Doors, Progress, drain, fill
from redshank import wire
from redshank.engine.inputs import Visit
from redshank.engine.state import Journey, Standing
from redshank.errors import Conflict
from redshank.memory import MemoryContacts, MemoryQueues
from redshank.ports import EVERYBODY, BookPointer, Outbound, Queue, inline
from tests.unit.cli.fakes import FakeSettings

ALL_OF_THEM = BookPointer(sequence=7, hash="h", visits=frozenset({EVERYBODY}))


class Gone(Exception):
    """The terminal was closed."""


@dataclass
class Stack:
    contacts: MemoryContacts = field(default_factory=MemoryContacts)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    settings: FakeSettings = field(default_factory=FakeSettings)
    slept: int = 0

    def knows(self, names: Iterable[str], **more: Any) -> set[str]:
        for name in names:
            self.contacts.held_standings[name] = Standing(contact_id=name, version=1, **more)
        return set(names)

    def doors(self) -> Doors:
        return Doors(
            contacts=self.contacts,
            queues=self.queues,
            settings=self.settings,
            spread=inline,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        """Somebody works a hundred messages off meanwhile."""
        self.slept += 1
        del self.queues.sent[Queue.EVENTS][:100]

    def visits(self) -> list[Visit]:
        found = [one for message in self.queues.sent[Queue.EVENTS] for one in wire.unpack(message.body)]
        assert all(isinstance(one, Visit) for one in found)
        return [one for one in found if isinstance(one, Visit)]


def names(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


def test_every_contact_is_visited_once_and_none_that_is_a_tombstone() -> None:
    stack = Stack()
    known = stack.knows(names(300))
    stack.knows(["gone"], erased_at=1)
    stack.knows(["merged"], merged_into="c1")
    progress = fill(stack.doors(), ALL_OF_THEM)
    assert sorted(it.contact_id for it in stack.visits()) == sorted(known)
    assert {it.book for it in stack.visits()} == {7}
    assert (progress.done, progress.seen, progress.visited) == (True, 300, 300)


def test_a_message_holds_few_enough_visits_for_a_function_to_make() -> None:
    stack = Stack()
    stack.knows(names(300))
    fill(stack.doors(), ALL_OF_THEM)
    sizes = [len(wire.unpack(message.body)) for message in stack.queues.sent[Queue.EVENTS]]
    assert max(sizes) <= PACK
    assert len(sizes) < 300 / PACK + 2 * backfill.SEGMENTS


def test_only_who_is_in_the_workflows_is_visited_if_it_is_they_that_changed() -> None:
    stack = Stack()
    journey = Journey(run="r", workflow="trial", key="", entered_at=0, at="wait", since=0)
    stack.knows(["ann"], journeys={"r": journey})
    stack.knows(["bob"])
    progress = fill(stack.doors(), BookPointer(sequence=7, hash="h", visits=frozenset({"trial", "other"})))
    assert [it.contact_id for it in stack.visits()] == ["ann"]
    assert (progress.seen, progress.visited) == (2, 1)


def test_it_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PAGE", 10)
    stack = Stack()
    known = stack.knows(names(300))
    heard: list[int] = []

    def interrupted(progress: Progress) -> None:
        heard.append(progress.seen)
        if len(heard) == 12:
            raise Gone

    with pytest.raises(Gone):
        fill(stack.doors(), ALL_OF_THEM, interrupted)
    before = len(stack.visits())
    assert 0 < before < 300
    progress = fill(stack.doors(), ALL_OF_THEM)
    assert sorted(it.contact_id for it in stack.visits()) == sorted(known)
    assert progress.seen == 300


def test_a_page_that_was_sent_but_not_noted_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack()
    known = stack.knows(names(50))
    notes = 0

    def note(sequence: int, progress: Mapping[str, Any]) -> None:
        nonlocal notes
        notes += 1
        if notes == 2:
            raise Gone
        FakeSettings.note_backfill(stack.settings, sequence, progress)

    monkeypatch.setattr(stack.settings, "note_backfill", note)
    with pytest.raises(Gone):
        fill(stack.doors(), ALL_OF_THEM)
    fill(stack.doors(), ALL_OF_THEM)
    assert {it.contact_id for it in stack.visits()} == known


def test_a_newer_book_starts_anew_and_ends_the_older_ones() -> None:
    stack = Stack()
    known = stack.knows(names(20))
    fill(stack.doors(), ALL_OF_THEM)
    stack.queues.sent[Queue.EVENTS].clear()
    newer = BookPointer(sequence=8, hash="h", visits=frozenset({EVERYBODY}))
    fill(stack.doors(), newer)
    assert {it.contact_id for it in stack.visits()} == known
    with pytest.raises(Conflict):
        fill(stack.doors(), ALL_OF_THEM)


def test_what_is_done_is_not_done_again() -> None:
    stack = Stack()
    stack.knows(names(20))
    fill(stack.doors(), ALL_OF_THEM)
    stack.queues.sent[Queue.EVENTS].clear()
    assert fill(stack.doors(), ALL_OF_THEM).done
    assert stack.visits() == []


class Watched(MemoryQueues):
    """Remembers how many messages ever waited."""

    most: int = 0

    def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
        MemoryQueues.send(self, queue, messages)
        self.most = max(self.most, self.waiting(queue))


def test_what_happens_meanwhile_does_not_wait_behind_every_visit() -> None:
    stack = Stack(queues=Watched())
    stack.knows(names(15_000))
    assert fill(stack.doors(), ALL_OF_THEM).visited == 15_000
    assert stack.slept > 0
    assert isinstance(stack.queues, Watched)
    assert stack.queues.most < MOST_WAITING + backfill.PAGE / PACK


# --- until it is drained


def test_a_queue_is_drained_when_next_to_nothing_is_left_twice() -> None:
    looks = [500, 80, FEW - 1, 200, FEW - 1, 0]
    heard: list[int] = []
    drain(lambda: looks.pop(0), told=heard.append, sleep=lambda _: None)
    assert heard == [500, 80, FEW - 1, 200, FEW - 1, 0]
