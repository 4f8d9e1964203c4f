"""How does a book become the live one?

Its content goes to the bucket first; then the pointer moves, on the condition that nobody else moved it meanwhile. A
function that reads in between still finds the old book whole.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from redshank.aws.books import key, read
from redshank.engine import serial
from redshank.engine.book import ALL, SEGMENT, Book
from redshank.engine.state import END
from redshank.engine.workflows import Send, Step, Workflow
from redshank.errors import RedshankError
from redshank.ingest.declared import compact
from redshank.ports import EVERYBODY, BookPointer

#: The schema travels with the pointer, which every function looks at every few seconds.
SCHEMA_BYTES = 32_000


class SchemaTooLarge(RedshankError):
    """The declared schema is too large."""


class Settings(Protocol):
    """What of the settings applying needs."""

    def pointer(self) -> BookPointer | None: ...

    def publish(self, pointer: BookPointer) -> None:
        """Move the pointer to the next sequence number. Raises Conflict if somebody else did."""
        ...

    def backfill(self) -> tuple[int, Mapping[str, Any]] | None: ...

    def add_signing_key(self, secret: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    book: Book
    pointer: BookPointer
    changed: bool


def apply_book(book: Book, settings: Settings, s3: Any, bucket: str, *, now: int) -> Applied:
    """Make a compiled book the live one; without effect if it is. Raises Conflict, or SchemaTooLarge."""
    settings.add_signing_key(secrets.token_urlsafe(32))
    pointer = settings.pointer()
    live = None if pointer is None else read(s3, bucket, pointer)
    schema = schema_of(book)
    # What a book listens to also depends on the engine: after an upgrade it may differ for an equal book.
    if pointer is not None and live is not None:
        same = (pointer.hash, pointer.listens, pointer.schema) == (book.hash, book.listens, schema)
        if same:
            return Applied(book=live, pointer=pointer, changed=False)
    made = succeeding(book, live, sequence=pointer.sequence + 1 if pointer else 1, now=now)
    paused = pointer.paused if pointer else frozenset[str]()
    visits = whom_to_visit(made, live)
    if pointer is not None and is_unfinished(settings.backfill(), pointer):
        visits |= pointer.visits
    moved = BookPointer(
        sequence=made.sequence,
        hash=made.hash,
        listens=made.listens,
        paused=frozenset(name for name in paused if name in made.workflows or name == ALL),
        visits=visits,
        schema=schema,
    )
    body = serial.dump(replace(made, sequence=0)).encode()
    s3.put_object(Bucket=bucket, Key=key(moved), Body=body, ContentType="application/json")
    settings.publish(moved)
    return Applied(book=made, pointer=moved, changed=True)


def schema_of(book: Book) -> dict[str, Any] | None:
    """What the app declared, as it travels in the pointer. Raises SchemaTooLarge."""
    if book.schema is None:
        return None
    made = compact(book.schema)
    size = len(json.dumps(made, separators=(",", ":")).encode())
    if size > SCHEMA_BYTES:
        said = f"schema.yaml takes {size:,} bytes, of {SCHEMA_BYTES:,} at most: declare fewer events or properties"
        raise SchemaTooLarge(said)
    return made


def is_unfinished(backfill: tuple[int, Mapping[str, Any]] | None, pointer: BookPointer) -> bool:
    """Whether there are contacts that the live book still has something for."""
    if not pointer.visits:
        return False
    return backfill is None or backfill[0] != pointer.sequence or not backfill[1].get("done")


# --- what a book that follows another knows of it


def succeeding(book: Book, live: Book | None, *, sequence: int, now: int) -> Book:
    """The book as it follows the live one: since when it has what, and where journeys go on whose step is gone."""
    workflows = {
        name: replace(workflow, moved=moved(workflow, live.workflows.get(name) if live else None))
        for name, workflow in book.workflows.items()
    }
    return replace(book, sequence=sequence, born=_born(book, live, sequence, now), workflows=workflows)


def _born(book: Book, live: Book | None, sequence: int, now: int) -> Mapping[str, tuple[int, int]]:
    before = meanings(live) if live else {}
    born = {}
    for name, meaning in meanings(book).items():
        kept = live is not None and before.get(name) == meaning
        # What the live book does not date is as old as that book.
        born[name] = (
            live.born.get(name, (live.sequence, now)) if live is not None and kept else (sequence, now)
        )
    return born


def meanings(book: Book) -> Mapping[str, str]:
    """Of all that a contact keeps something for: its key, and what it means.

    A trigger that is to include who already matches is another one than before, when it did not.
    """
    asked = {key: trigger for key, (_, trigger) in (*book.edges.items(), *book.absences.items())}
    existing = {key for key, trigger in asked.items() if trigger.include_existing}
    return {key: meaning + "+" * (key in existing) for key, meaning in serial.signatures(book).items()}


def moved(workflow: Workflow, live: Workflow | None) -> Mapping[str, str]:
    """Steps of earlier books -> the surviving step where their journeys go on.

    ``was`` says it of a renamed step; from any other that vanished they go on at the next one that survived.
    """
    found = dict(workflow.moved)
    if live is not None:
        for step in live.steps:
            if step not in workflow.steps:
                found.setdefault(step, _surviving(step, workflow, live))
        for step, to in live.moved.items():
            # A contact may have slept through several books.
            if step not in workflow.steps:
                found.setdefault(step, _surviving(to, workflow, live))
    return found


def _surviving(step: str, workflow: Workflow, live: Workflow) -> str:
    passed = set()
    while step != END and step not in workflow.steps:
        renamed = workflow.moved.get(step)
        if renamed is not None:
            return renamed
        if step in passed or step not in live.steps:
            return END
        passed.add(step)
        step = live.steps[step].next
    return step


# --- whom it has something for


def whom_to_visit(made: Book, live: Book | None) -> frozenset[str]:
    """The workflows whose contacts the book has something for though nothing happens to them; or EVERYBODY."""
    if live is None:
        return frozenset()
    gone = any(SEGMENT + name not in made.truths for name in live.segments)
    if gone or any(sequence == made.sequence for sequence, _ in made.born.values()):
        return frozenset({EVERYBODY})
    return frozenset(
        name
        for name, before in live.workflows.items()
        if name not in made.workflows or _moves(before, made.workflows[name])
    )


def _moves(before: Workflow, after: Workflow) -> bool:
    """Whether a journey that stands still may go on, or end, because of the change."""
    resumed = before.state == "paused" and after.state != "paused"
    ends = (before.goal, before.exit_if) != (after.goal, after.exit_if)
    changed = any(
        step not in after.steps or waits(it) != waits(after.steps[step]) for step, it in before.steps.items()
    )
    return resumed or ends or changed


def waits(step: Step) -> Step:
    """A step without what does not matter to a journey that stands at it: what an email says, where it leads."""
    step = replace(step, next=END)
    if not isinstance(step, Send):
        return step
    return replace(step, template="", topic="", sender="", subject="", arms={}, decide=None)
