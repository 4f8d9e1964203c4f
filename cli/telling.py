"""How does a person hear of it? Results on stdout, everything else on stderr, never a traceback for their own
mistakes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from redshank.definitions.problems import InvalidBook
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
        out = aside()
        for problem in error.problems:
            path = folder / problem.place.file if problem.place.file else folder
            place = f"{path}:{problem.place.line}" if problem.place.line else f"{path}"
            out.print(f"[bold]{escape(place)}:[/] {escape(problem.message)}")
        out.print(f"[bold red]{counted(len(error.problems), 'error')}[/]")
        raise typer.Exit(1) from None


def counted(count: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
