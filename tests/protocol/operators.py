"""What people do at the command line while all that goes on: the real commands, which may die like anything else.

Whoever sees a command fail gives it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any

from cli import backfill, pausing
from cli.apply import apply_book, is_unfinished
from redshank.clock import Clock
from redshank.engine.book import ALL, Book
from redshank.errors import Conflict
from redshank.evaluation import doors as evaluation
from redshank.instants import SECOND
from redshank.memory import MemorySettings
from redshank.ports import BookPointer

if TYPE_CHECKING:
    from tests.protocol.scheduling import Worker
    from tests.protocol.world import World


#: How long after a book was dated it is live.
_UPLOAD = SECOND


class Shelf:
    """The bucket of books."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.held[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, BytesIO]:
        return {"Body": BytesIO(self.held[Key])}


class WorldSettings(MemorySettings):
    """The settings, with what the command line writes there."""

    __slots__ = ("_progress", "_world", "dated")

    def __init__(self, world: World, live: BookPointer) -> None:
        super().__init__(live=live)
        self._world = world
        self._progress: tuple[int, Mapping[str, Any]] | None = None
        #: When (wall) the book was dated that is to be published.
        self.dated = world.wall

    def publish(self, pointer: BookPointer) -> None:
        if self._world.wall - self.dated > _UPLOAD:
            # That it is live so soon after the date it bears is taken for granted: see docs/protocol.md.
            raise Conflict
        if self.live is None or pointer.sequence != self.live.sequence + 1:
            raise Conflict
        self.live = pointer
        self._world.is_live(pointer)

    def pause(self, names: Any, *, sequence: int) -> None:
        if self.live is None or sequence != self.live.sequence:
            raise Conflict
        self.live = BookPointer(
            **{name: getattr(self.live, name) for name in BookPointer.__slots__}
            | {"paused": frozenset(names)}
        )
        self._world.is_live(self.live)

    def backfill(self) -> tuple[int, Mapping[str, Any]] | None:
        return self._progress

    def note_backfill(self, sequence: int, progress: Mapping[str, Any]) -> None:
        if self._progress is not None and self._progress[0] > sequence:
            raise Conflict
        kept = {name: it.copy() if isinstance(it, dict | list) else it for name, it in progress.items()}
        self._progress = (sequence, kept)

    def add_signing_key(self, secret: str) -> bool:
        return False


def apply(world: World, book: Book, *, waits: bool) -> None:
    """``redshank apply``: with ``waits`` the visits begin when every function has noticed the book."""

    def work(worker: Worker) -> None:
        settings, clock = world.gated("settings", world.settings, worker), world.clock()
        world.settings.dated = world.wall
        applied = apply_book(book, settings, world.gated("s3", world.shelf, worker), "", now=clock.now())
        # Of who may be judged by the book before, the newest are those that such a function makes.
        grace = _grace(applied.book, clock)
        if waits and grace:
            world.sleep(worker, grace)
        if waits:
            world.history.waited.add(applied.pointer.sequence)
        _visit(world, worker, applied.pointer)

    world.command("apply", work)


def pause(world: World, name: str) -> None:
    """``redshank pause``, of a workflow or (ALL) of every one."""

    def work(worker: Worker) -> None:
        if name == ALL or name in world.book.workflows:
            pausing.pause(world.gated("settings", world.settings, worker), world.book, [name])

    world.command("pause", work)


def resume(world: World) -> None:
    """``redshank resume --all``."""

    def work(worker: Worker) -> None:
        settings = world.gated("settings", world.settings, worker)
        world.settings.dated = world.wall
        try:
            pausing.resume(settings, world.book, [ALL])
        except pausing.NotPaused:
            world.note(f"{worker.name} finds nothing paused: it was resumed before the command died")
        pointer = settings.pointer()
        if pointer is not None:
            _visit(world, worker, pointer)

    world.command("resume", work)


def _grace(live: Book, clock: Clock) -> int:
    """Seconds until every function has noticed what is new in the book."""
    came = [at for sequence, at in live.born.values() if sequence == live.sequence]
    return max(0, ceil((evaluation.NOTICED - (clock.now() - max(came, default=0))) / SECOND))


def _visit(world: World, worker: Worker, pointer: BookPointer) -> None:
    """As after every command, and in ``redshank backfill``."""
    settings = world.gated("settings", world.settings, worker)
    if not is_unfinished(settings.backfill(), pointer):
        return
    doors = backfill.Doors(
        contacts=world.gated("contacts", world.contacts, worker),
        queues=world.gated("queues", world.queues, worker),
        settings=settings,
        spread=world.spread,
        sleep=lambda seconds: world.sleep(worker, ceil(seconds)),
    )
    world.history.scanning(pointer.sequence, world.wall)
    try:
        backfill.fill(doors, pointer)
    except Conflict:
        world.note(f"{worker.name} leaves the visits to the run of a newer book")
