"""How is a workflow stopped at once, and how does it go on?

What is paused by command stands beside the pointer to the live book, which every function looks at every few seconds.
To go on, the same book becomes the live one anew: its number tells the contacts that have seen it from those that
have not, so that a visit reaches each journey that stood still.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from cli.apply import is_unfinished
from redshank.definitions.problems import did_you_mean
from redshank.engine.book import ALL, Book
from redshank.errors import BookMissing, RedshankError
from redshank.ports import BookPointer


class Unknown(RedshankError):
    """There is no such workflow."""


class NotPaused(RedshankError):
    """The workflow is not paused by command."""


class Settings(Protocol):
    """What of the settings pausing needs."""

    def pointer(self) -> BookPointer | None: ...

    def publish(self, pointer: BookPointer) -> None: ...

    def pause(self, names: Iterable[str], *, sequence: int) -> None: ...

    def backfill(self) -> tuple[int, Mapping[str, Any]] | None: ...


def pause(settings: Settings, live: Book, names: Collection[str]) -> frozenset[str]:
    """Pause these workflows (ALL for every one, also of books to come); what is paused now."""
    pointer = _pointer(settings)
    _check(live, names)
    paused = frozenset({ALL}) if ALL in names else pointer.paused | frozenset(names)
    if paused != pointer.paused:
        settings.pause(paused, sequence=pointer.sequence)
    return paused


def resume(settings: Settings, live: Book, names: Collection[str]) -> BookPointer:
    """Let these workflows (ALL for every one) go on; the pointer then, whose visits are to be made."""
    pointer = _pointer(settings)
    _check(live, names)
    resumed = paused_of(live, pointer) if ALL in names else frozenset(names)
    if not resumed <= paused_of(live, pointer) or not pointer.paused:
        strays = sorted(resumed - paused_of(live, pointer))
        raise NotPaused(_not_paused(live, strays))
    left = frozenset() if ALL in names else paused_of(live, pointer) - resumed
    visits = pointer.visits if is_unfinished(settings.backfill(), pointer) else frozenset[str]()
    moved = replace(
        pointer,
        sequence=pointer.sequence + 1,
        applied=pointer.lies_at,
        paused=left,
        visits=visits | resumed,
    )
    settings.publish(moved)
    return moved


def paused_of(live: Book, pointer: BookPointer) -> frozenset[str]:
    """The workflows of a book that are paused by command."""
    return frozenset(name for name in live.workflows if name in pointer.paused or ALL in pointer.paused)


def _pointer(settings: Settings) -> BookPointer:
    pointer = settings.pointer()
    if pointer is None:
        raise BookMissing
    return pointer


def _check(live: Book, names: Collection[str]) -> None:
    for name in names:
        if name != ALL and name not in live.workflows:
            raise Unknown(f"unknown workflow `{name}`{did_you_mean(name, live.workflows.keys())}")


def _not_paused(live: Book, names: Iterable[str]) -> str:
    for name in names:
        said = f"`{name}` is not paused by command"
        if live.workflows[name].state == "paused":
            said += ", but by the book: write `state: live` and apply it"
        return said
    return "nothing is paused by command"
