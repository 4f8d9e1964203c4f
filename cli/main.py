"""Which commands are there?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from cli.keys import Scope, create_key, list_keys, revoke_key
from cli.telling import aside, console, counted, failing_in_words, telling_problems
from redshank.clock import Clock
from redshank.definitions import compile_book
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
EventsFile = Annotated[
    Path, typer.Option("--events", metavar="FILE", help="A history: JSON Lines of Segment messages.")
]


@app.command()
def validate(folder: BookFolder) -> None:
    """Check a book: every error with its file, its line, and what would be right."""
    from redshank.definitions.scenarios import read_scenarios

    book = _compiled(folder)
    with telling_problems(folder):
        read_scenarios(folder, book)
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


@app.command()
def simulate(
    folder: BookFolder,
    events: EventsFile,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Where to stop: 2026-12-31, `2026-12-31 18:00` (the book's timezone) or a time with a zone."
            " Otherwise when nothing is due any more, 90 days after the last event at the latest.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per email, in order.")] = False,
) -> None:
    """Run a book over a history on a virtual clock: who would have been sent what, and when. Sends nothing.

    The events are JSON Lines of Segment messages. `email_opened` and `link_clicked` with the properties `workflow`
    and `step` are about the contact's latest email of that step.
    """
    from cli import simulate as simulation

    book = _compiled(folder)
    with failing_in_words():
        end = None if until is None else simulation.instant_from(until, ZoneInfo(book.timezone))
        with simulation.progress(aside()) as told:
            done = simulation.run(book, events, until=end, lists_emails=as_json, told=told)
    if as_json:
        for line in simulation.lines(done.outcome.emails):
            typer.echo(line)
    else:
        console().print(simulation.summary(book, done.outcome.facts))
    aside().print(done.pace)


@app.command("test")
def run_tests(
    folder: BookFolder,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the results there, as JUnit XML.")
    ] = None,
) -> None:
    """Run the scenarios in a book's `tests`: what happens to a contact, and what the book should do about it."""
    from cli import testing

    book = _compiled(folder)
    out = console()
    tested = []
    with telling_problems(folder):
        for one in testing.run_scenarios(folder, book):
            tested.append(one)
            if one.passed:
                continue
            out.print(
                f"[bold red]failed:[/] {escape(one.name)} ({escape(f'{folder / one.file}:{one.line}')})"
            )
            for line in testing.timeline(one.result) if one.result else [one.error]:
                style = {"-": "red", "+": "yellow"}.get(line[:1])
                out.print(f"  {escape(line)}", style=style)
    if junit is not None:
        junit.write_bytes(testing.junit(tested))
    failed = sum(not one.passed for one in tested)
    if failed:
        out.print(f"{failed:,} of {counted(len(tested), 'scenario')} failed; - was expected, + was not")
        raise typer.Exit(1)
    out.print(f"[green]{counted(len(tested), 'scenario')} passed[/]" if tested else "there are no scenarios")


@app.command()
def explain(
    contact: Annotated[str, typer.Argument(help="A user id, an anonymous id or a contact id.")],
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what concerns this workflow.")
    ] = None,
    message: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the journey of this email, and what became of it.")
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option("--stack", envvar="REDSHANK_STACK", metavar="NAME", help="The deployed stack."),
    ] = None,
    book: Annotated[
        Path | None, typer.Option(metavar="BOOK", help="Explain by this book instead of the live one.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take the history from this file instead of a stack; needs --book."
        ),
    ] = None,
) -> None:
    """Why did a contact get an email, or not? Plays what is logged of them again, and says each decision."""
    from cli import explain as explaining

    if book is None if events else stack is None:
        raise typer.BadParameter("give --stack, or --events together with --book")
    own = None if book is None else _compiled(book)
    with failing_in_words():
        if events is not None and own is not None:
            told = explaining.in_file(own, events, contact, workflow=workflow, message=message)
        else:
            from cli.stack import reaching

            with reaching(stack or "") as target:
                told = explaining.in_stack(
                    target, contact, own, workflow=workflow, message=message, now=Clock().now()
                )
        for line in told:
            typer.echo(line)


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
    with telling_problems(folder):
        # The number of a first book: whoever runs it has contacts that no book has seen.
        return compile_book(folder, sequence=1)


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
