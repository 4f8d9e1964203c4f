"""Which commands are there?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.keys import Scope, create_key, list_keys, revoke_key
from cli.telling import aside, console, counted, failing_in_words, tell_problems
from redshank.clock import Clock
from redshank.definitions import InvalidBook, compile_book
from redshank.engine.book import Book
from redshank.instants import iso

app = typer.Typer(
    name="redshank",
    help="Behavioural email automation in your own AWS account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
keys_app = typer.Typer(help="The keys that may call the API.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

BookFolder = Annotated[
    Path, typer.Argument(metavar="BOOK", help="The folder with redshank.yaml, workflows and templates.")
]
StackName = Annotated[
    str, typer.Option("--stack", envvar="REDSHANK_STACK", metavar="NAME", help="The deployed stack.")
]


@app.command()
def validate(folder: BookFolder) -> None:
    """Check a book: every error with its file, its line, and what would be right."""
    book = _compiled(folder)
    console().print(f"[green]{escape(str(folder))} is valid:[/] {_summary(book)}")


@app.command()
def apply(folder: BookFolder, stack: StackName) -> None:
    """Make a book the live one of a stack."""
    import boto3

    from cli.apply import apply_book
    from cli.stack import reaching

    book = _compiled(folder)
    with failing_in_words(), reaching(stack) as target:
        applied = apply_book(book, target.settings, boto3.client("s3"), target.bucket)
    if applied.changed:
        console().print(f"[green]book {applied.sequence} is live on {escape(stack)}:[/] {_summary(book)}")
    else:
        console().print(f"nothing changed: this is book {applied.sequence}, which is live on {escape(stack)}")


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="What the key is called, such as the app that uses it.")],
    stack: StackName,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; may be repeated.")] = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from cli.stack import reaching

    with failing_in_words(), reaching(stack) as target:
        key = create_key(target.settings, name, scope or [Scope.WRITE], now=Clock().now())
    aside().print("this key is not shown again:")
    typer.echo(key)


@keys_app.command("list")
def keys_list(stack: StackName) -> None:
    """Show the keys: not the keys themselves, which nobody has but their users."""
    from cli.stack import reaching

    with failing_in_words(), reaching(stack) as target:
        records = list_keys(target.settings)
    table = Table("id", "name", "scopes", "created", "revoked", box=None, pad_edge=False)
    for record in records:
        table.add_row(
            record.id,
            escape(record.label),
            " ".join(record.scopes),
            iso(record.created_at),
            "" if record.revoked_at is None else iso(record.revoked_at),
        )
    console().print(table if records else f"{escape(stack)} has no keys; `redshank keys create` makes one")


@keys_app.command("revoke")
def keys_revoke(
    key: Annotated[str, typer.Argument(help="The key's name or id, as `keys list` shows them.")],
    stack: StackName,
) -> None:
    """Make a key invalid; within a minute, nothing accepts it any more."""
    from cli.stack import reaching

    with failing_in_words(), reaching(stack) as target:
        record = revoke_key(target.settings, key, now=Clock().now())
    console().print(f"revoked {record.id} ({escape(record.label)})")


def _compiled(folder: Path) -> Book:
    try:
        return compile_book(folder)
    except InvalidBook as error:
        tell_problems(folder, error)
        raise typer.Exit(1) from None


def _summary(book: Book) -> str:
    parts = [
        counted(len(book.workflows), "workflow"),
        counted(len(book.templates), "email"),
        counted(len(book.segments), "segment"),
    ]
    events = ", ".join(sorted(book.listens)) or "nothing"
    return escape(f"{', '.join(parts)}; listens to {events}")


if __name__ == "__main__":
    app()
