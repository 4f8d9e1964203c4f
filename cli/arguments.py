"""What do several commands take, and what do they make of it?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.telling import counted, telling_problems
from redshank.definitions import compile_book
from redshank.engine.book import Book

BookFolder = Annotated[
    Path, typer.Argument(metavar="BOOK", help="The folder with redshank.yaml, workflows and templates.")
]
StackName = Annotated[
    str, typer.Option("--stack", envvar="REDSHANK_STACK", metavar="NAME", help="The deployed stack.")
]


def compiled(folder: Path) -> Book:
    """The book in a folder; its mistakes are told, and end the command."""
    with telling_problems(folder):
        # The number of a first book: whoever runs it has contacts that no book has seen.
        return compile_book(folder, sequence=1)


def summary(book: Book) -> str:
    """What a book consists of, in a line."""
    parts = [
        counted(len(book.workflows), "workflow"),
        counted(len(book.templates), "email"),
        counted(len(book.segments), "segment"),
    ]
    events = ", ".join(sorted(book.listens)) or "nothing"
    return escape(f"{', '.join(parts)}; listens to {events}")
