"""What would a book do with a history? Contacts are shared out among processes, which changes nothing but the time."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.telling import counted
from redshank.engine import serial
from redshank.engine.book import Book
from redshank.engine.moments import instant_of
from redshank.errors import RedshankError
from redshank.instants import from_datetime, to_datetime
from redshank.simulation.events import BadEvents, Index, Reader, index
from redshank.simulation.report import Fact, Outcome, Sent, simulate, until_of

#: So many messages more are worth another process, which takes a second to start.
_WORTH_A_PROCESS = 100_000
_MOST_PROCESSES = 4
#: Contacts in one piece of work.
_PIECE = 100

type Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    outcome: Outcome
    #: Where it ended.
    until: int
    seconds: float
    processes: int

    @property
    def pace(self) -> str:
        rate = self.outcome.steps / max(self.seconds, 1e-9) / self.processes
        each = f" on each of {self.processes} processes" if self.processes > 1 else ""
        return (
            f"{counted(self.outcome.contacts, 'contact')}, {counted(self.outcome.steps, 'contact-step')}"
            f" in {self.seconds:.1f} s: {rate:,.0f} a second{each}"
        )


def run(
    book: Book,
    file: Path,
    *,
    until: int | None = None,
    processes: int | None = None,
    lists_emails: bool = True,
    told: Told = lambda *_: None,
) -> Simulated:
    """Run a book over an events file. Raises BadEvents with every line that is wrong, or another RedshankError.

    ``told`` hears (what is done, how much of it, of how much).
    """
    started = time.monotonic()
    size = file.stat().st_size if file.exists() else 0
    found = index(file, lambda done: told("reading", done, size))
    until = until_of(found) if until is None else until
    if processes is None:
        processes = min(_MOST_PROCESSES, os.cpu_count() or 1, 1 + found.count // _WORTH_A_PROCESS)
    work = _Work(serial.dump(book), str(file), until, lists_emails)
    outcome = Outcome(bad=list(found.bad))
    for part in _parts(work, found, processes):
        outcome.add(part)
        told("simulating", outcome.contacts, len(found.of_stream))
    if outcome.bad:
        raise BadEvents(file, outcome.bad)
    outcome.emails.sort()
    seconds = time.monotonic() - started
    return Simulated(outcome=outcome, until=until, seconds=seconds, processes=processes)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a process has to know."""

    book: str
    file: str
    until: int
    lists_emails: bool


class _Worker:
    def __init__(self, work: _Work) -> None:
        self.work = work
        self.book = serial.load(work.book)
        self.reader = Reader(Path(work.file))

    def do(self, contacts: tuple[tuple[str, array[int]], ...]) -> Outcome:
        work = self.work
        return simulate(self.book, contacts, self.reader, work.until, lists_emails=work.lists_emails)


_worker: _Worker | None = None


def _begin(work: _Work) -> None:
    global _worker
    _worker = _Worker(work)


def _do(contacts: tuple[tuple[str, array[int]], ...]) -> Outcome:
    assert _worker is not None
    return _worker.do(contacts)


def _parts(work: _Work, found: Index, processes: int) -> Iterator[Outcome]:
    pieces = batched(found.of_stream.items(), _PIECE, strict=False)
    if processes == 1:
        worker = _Worker(work)
        with worker.reader:
            yield from map(worker.do, pieces)
        return
    # Not fork: this process may have threads, which draw the progress.
    with multiprocessing.get_context("spawn").Pool(processes, _begin, (work,)) as pool:
        yield from pool.imap(_do, pieces)


# --- times


def instant_from(text: str, where: ZoneInfo) -> int:
    """``2026-12-31``, ``2026-12-31 18:00`` (local time there) or a timestamp with a zone. Raises RedshankError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RedshankError(
            f"`{text}` is no time; write for example 2026-12-31 or 2026-12-31T18:00Z"
        ) from None
    return instant_of(moment, where) if moment.tzinfo is None else from_datetime(moment.astimezone(UTC))


# --- telling


def lines(emails: list[Sent]) -> Iterator[str]:
    """One line of JSON per email."""
    for email in emails:
        at = to_datetime(email.at).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield json.dumps({**email._asdict(), "at": at}, ensure_ascii=False)


@contextmanager
def progress(console: Console) -> Iterator[Told]:
    """A bar, where somebody can see it and there is something to wait for."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    started = time.monotonic()
    tasks: dict[str, int] = {}

    def told(what: str, done: int, of: int) -> None:
        if not bar.live.is_started:
            if not console.is_terminal or time.monotonic() - started < 1:
                return
            bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what)
        bar.update(tasks[what], completed=done, total=of)  # type: ignore[arg-type]

    try:
        yield told
    finally:
        if bar.live.is_started:
            bar.stop()


def summary(book: Book, facts: Mapping[Fact, int]) -> Table:
    """What happened in each workflow and at each step; only columns in which something is."""
    rows: list[dict[str, str]] = []
    for name, workflow in book.workflows.items():
        own = {fact: count for fact, count in facts.items() if fact.workflow == name}
        rows.append({_NAME: f"[bold]{escape(name)}[/]", "entered": _entered(own)})
        for step in filter(None, dict.fromkeys([*workflow.steps, *(fact.step for fact in own)])):
            here = {fact: count for fact, count in own.items() if fact.step == step}
            if here:
                shadow = _told(here, "shadow")
                rows.append(
                    {
                        _NAME: f"  {escape(step)}",
                        "sent": _told(here, "sent") or (f"0 ({shadow} in shadow)" if shadow else ""),
                        "skipped": _told(here, "skipped"),
                        "goal": _reached(here),
                        "ended": _told(here, "exited"),
                        "still there": _told(here, "standing"),
                    }
                )
    titles = [title for title in _TITLES if any(row.get(title) for row in rows)]
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=title == _NAME)
    for row in rows:
        table.add_row(*(row.get(title, "") for title in titles))
    return table


_NAME = "workflow, step"
_TITLES = (_NAME, "entered", "sent", "skipped", "goal", "ended", "still there")


def _reached(facts: Mapping[Fact, int]) -> str:
    """How often a goal was reached that ends nothing, or one that did."""
    count = sum(
        count for fact, count in facts.items() if fact.what == "reached" or (fact.what, fact.why) == _GOAL
    )
    return f"{count:,}" if count else ""


_GOAL = ("exited", "goal")


def _entered(own: Mapping[Fact, int]) -> str:
    entered = sum(count for fact, count in own.items() if fact.what == "entered")
    refused = _told(own, "not_entered")
    return f"{entered:,}" + (f"; refused {refused}" if refused else "")


def _told(facts: Mapping[Fact, int], what: str) -> str:
    """``12 (condition 8, unsubscribed 4)``, or ``12 goal`` where there is one reason."""
    by_reason: Counter[str] = Counter()
    for fact, count in facts.items():
        if fact.what == what:
            by_reason[fact.why] += count
    if len(by_reason) < 2:
        return "".join(f"{count:,} {escape(why)}".strip() for why, count in by_reason.items())
    by_count = sorted(by_reason.items(), key=lambda it: (-it[1], it[0]))
    reasons = ", ".join(f"{why or 'else'} {count:,}" for why, count in by_count)
    return f"{by_reason.total():,} ({escape(reasons)})"
