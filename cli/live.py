"""Which commands change what is live on a stack, or tell of it?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from math import ceil
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.arguments import BookFolder, StackName, compiled, summary
from cli.telling import aside, console, counted, failing_in_words, waiting
from redshank.engine.book import ALL, Book
from redshank.errors import RedshankError
from redshank.evaluation.doors import NOTICED
from redshank.instants import SECOND
from redshank.ports import BookPointer, Queue

if TYPE_CHECKING:
    from cli.backfill import Progress
    from cli.stack import Stack

app = typer.Typer()

NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait until every contact that is to be visited has been.")
]
Workflows = Annotated[list[str] | None, typer.Argument(metavar="[WORKFLOW]…", help="Names of workflows.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for a script.")]


@app.command()
def apply(folder: BookFolder, stack: StackName, no_wait: NoWait = False) -> None:
    """Make a book the live one of a stack, and visit the contacts that it has something for.

    Whenever that is interrupted, `redshank apply` or `redshank backfill` goes on where it stopped.
    """
    import boto3

    from cli.apply import apply_book
    from cli.checking import warn
    from cli.stack import reaching

    book = compiled(folder)
    with failing_in_words(), reaching(stack) as target:
        warn(folder, book)
        s3 = boto3.client("s3")
        applied = apply_book(book, target.settings, s3, target.bucket, now=target.clock.now())
        sequence = applied.pointer.sequence
        if applied.changed:
            console().print(f"[green]book {sequence} is live on {escape(stack)}:[/] {summary(book)}")
        else:
            console().print(f"nothing changed: this is book {sequence}, which is live on {escape(stack)}")
        _visit(target, applied.book, applied.pointer, waits=not no_wait)


@app.command()
def plan(folder: BookFolder, stack: StackName, as_json: AsJson = False) -> None:
    """Show what applying a book would change against what is live, and how many contacts it touches."""
    from cli import plan as planning
    from cli.checking import warn
    from cli.stack import reaching

    book = compiled(folder)
    with failing_in_words(), reaching(stack) as target:
        warn(folder, book)
        live, pointer = target.live_book() if target.settings.pointer() else (None, None)
        made = planning.planned(book, live, pointer, now=target.clock.now())
        standings = None
        if made.asks_for_contacts:
            about = target.contacts.about()
            with waiting(aside(), "reading contacts") as told:
                standings = planning.count(
                    target.contacts, made, target.spread, lambda seen: told(seen, max(seen, about))
                )
    if as_json:
        typer.echo(json.dumps(planning.plain(made, standings), indent=2, ensure_ascii=False))
        return
    out = console()
    styles = {"+": "green", "-": "red", "~": "yellow", "!": "bold yellow"}
    for sign, line in planning.lines(made, standings):
        out.print(f"{sign or ' '} {escape(line)}" if sign else escape(line), style=styles.get(sign))


@app.command()
def backfill(stack: StackName, no_wait: NoWait = False) -> None:
    """Go on visiting the contacts that the live book has something for, where it stopped."""
    from cli.apply import is_unfinished
    from cli.stack import reaching

    with failing_in_words(), reaching(stack) as target:
        live, pointer = target.live_book()
        if not is_unfinished(target.settings.backfill(), pointer):
            console().print(f"book {pointer.sequence} has met every contact it has something for")
            return
        _visit(target, live, pointer, waits=not no_wait)


@app.command()
def pause(
    stack: StackName,
    workflows: Workflows = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every workflow, those of books to come too.")
    ] = False,
) -> None:
    """Stop workflows at once: nobody enters, journeys stand still, nothing of theirs is sent."""
    from cli import pausing
    from cli.stack import reaching

    with failing_in_words():
        names = _named(workflows, everything)
        with reaching(stack) as target:
            live, _ = target.live_book()
            pausing.pause(target.settings, live, names)
    console().print(f"paused within seconds: {_listed(names)}")


@app.command()
def resume(
    stack: StackName,
    workflows: Workflows = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every workflow that is paused by command.")
    ] = False,
    no_wait: NoWait = False,
) -> None:
    """Let workflows that are paused by command go on. Time ran on: what is overdue beyond its hold is skipped."""
    from cli import pausing
    from cli.stack import reaching

    with failing_in_words():
        names = _named(workflows, everything)
        with reaching(stack) as target:
            live, _ = target.live_book()
            pointer = pausing.resume(target.settings, live, names)
            console().print(f"resumed: {_listed(names)}")
            _visit(target, live, pointer, waits=not no_wait)


@app.command()
def segments(
    stack: StackName,
    name: Annotated[str | None, typer.Argument(help="List the members of this one.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Members to list at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count the members of every segment, or list the members of one, a contact id a line."""
    from cli import segments as asking
    from cli.stack import reaching

    with failing_in_words(), reaching(stack) as target:
        live, _ = target.live_book()
        if name is not None:
            for contact_id in asking.listed(live, target.members, name, limit=limit):
                typer.echo(json.dumps({"contact": contact_id}) if as_json else contact_id)
            return
        counts = asking.counts(live, target.members, target.spread)
    if as_json:
        typer.echo(json.dumps(counts))
        return
    table = Table("segment", "members", box=None, pad_edge=False)
    for one, count in counts.items():
        table.add_row(escape(one), f"{count:,}")
    console().print(table if counts else f"the book that is live on {escape(stack)} has no segments")


def _visit(target: Stack, live: Book, pointer: BookPointer, *, waits: bool) -> None:
    """Visit whom the live book has something for, and wait for what comes of it."""
    from cli.apply import is_unfinished
    from cli.backfill import Doors, drain, fill

    if not is_unfinished(target.settings.backfill(), pointer):
        return
    queues = target.events_queue
    doors = Doors(contacts=target.contacts, queues=queues, settings=target.settings, spread=target.spread)
    grace = _grace(target, live)
    if waits and grace:
        with waiting(aside(), "seconds until every function has noticed the book") as told:
            for second in range(grace):
                told(second, grace)
                time.sleep(1)
    about = target.contacts.about()
    with waiting(aside(), "visiting contacts") as told:

        def hear(progress: Progress) -> None:
            told(progress.seen, max(progress.seen, about))

        progress = fill(doors, pointer, hear)
    aside().print(f"{counted(progress.visited, 'contact')} of {progress.seen:,} will be visited")
    if not (waits and progress.visited):
        return
    with waiting(aside(), "working the events queue off") as told:
        drain(lambda: queues.unfinished(Queue.EVENTS), told=_counting_down(told), sleep=time.sleep)
    aside().print("every visit has been made")


def _grace(target: Stack, live: Book) -> int:
    """Seconds until every function has noticed the book.

    One that has not could make a contact by the book before, after the table was read, and nothing would visit
    that. And what is counted anew is not counted sooner: such a visit goes back to the queue.
    """
    came = [at for sequence, at in live.born.values() if sequence == live.sequence]
    if not came:
        return 0
    clock = target.clock
    left = NOTICED - clock.wall_span(clock.now() - max(came))
    return max(0, ceil(left / SECOND))


def _counting_down(told: Callable[[int, int], None]) -> Callable[[int], None]:
    most = 1

    def hear(left: int) -> None:
        nonlocal most
        most = max(most, left)
        told(most - left, most)

    return hear


class _NothingNamed(RedshankError):
    """Name the workflows, or give --all."""


def _named(workflows: Collection[str] | None, everything: bool) -> list[str]:
    if bool(workflows) is everything:
        raise _NothingNamed
    return [ALL] if everything else list(workflows or ())


def _listed(names: Collection[str]) -> str:
    return "every workflow" if ALL in names else escape(", ".join(names))
