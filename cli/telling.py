"""How does a person hear of it? Results on stdout, everything else on stderr, never a traceback for their own
mistakes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from redshank.definitions.problems import InvalidBook, Problem
from redshank.errors import RedshankError
from redshank.simulation.events import BadEvents

#: Columns of a table that a file or another program takes.
_WIDE = 200


def console() -> Console:
    """Where results go; wide where no terminal is."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def aside() -> Console:
    """Where everything else goes."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def failing_in_words() -> Iterator[None]:
    """What a person can do something about is said in a line; exit code 1."""
    try:
        yield
    except BadEvents as error:
        out = aside()
        for line, message in error.lines:
            out.print(f"[bold]{escape(f'{error.path}:{line}')}:[/] {escape(message)}")
        out.print(f"[bold red]{counted(len(error.lines), 'error')}[/]")
        raise typer.Exit(1) from None
    except RedshankError as error:
        aside().print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(1) from None


@contextmanager
def telling_problems(folder: Path) -> Iterator[None]:
    """Each problem of a book on a line that editors and terminals can follow to its place; exit code 1."""
    try:
        yield
    except InvalidBook as error:
        tell_errors(folder, error.problems)
        raise typer.Exit(1) from None


def tell_errors(folder: Path, errors: Collection[Problem]) -> None:
    """Each error of a book on a line of its own, and how many there are."""
    out = aside()
    for problem in errors:
        out.print(_line(folder, problem))
    out.print(f"[bold red]{counted(len(errors), 'error')}[/]")


def tell_warnings(folder: Path, found: Collection[Problem]) -> None:
    """Each warning of a book on a line of its own, and how many there are, if any."""
    out = aside()
    for problem in found:
        out.print(_line(folder, problem), style="yellow")
    if found:
        out.print(f"[bold yellow]{counted(len(found), 'warning')}[/]")


def path_of(folder: Path, problem: Problem) -> str:
    """The file a problem is in, as an editor opens it."""
    return str(folder / problem.place.file if problem.place.file else folder)


def _line(folder: Path, problem: Problem) -> str:
    path = path_of(folder, problem)
    place = f"{path}:{problem.place.line}" if problem.place.line else path
    return f"[bold]{escape(place)}:[/] {escape(problem.message)}"


#: Seconds between two lines where no bar can be drawn.
_LINE_EVERY = 5.0


@contextmanager
def waiting(out: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Hears (how much is done, of how much): a bar where somebody can see it, else a line every few seconds.

    Nothing is drawn in the first second.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
    )
    task = bar.add_task(escape(what), total=None)
    draws = out.is_terminal and not out.is_dumb_terminal
    started = said = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal said
        now = time.monotonic()
        if draws and not bar.live.is_started and now - started >= 1:
            bar.start()
        if not draws and now - said > _LINE_EVERY:
            said = now
            out.print(f"{escape(what)}: {done:,} of about {of:,}")
        bar.update(task, completed=done, total=of)

    try:
        yield told
    finally:
        if bar.live.is_started:
            bar.stop()


def counted(count: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
