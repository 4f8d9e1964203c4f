"""Which commands are there?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.arguments import BookFolder, StackName, summary
from cli.keys import Scope, create_key, list_keys, revoke_key
from cli.live import app as live_app
from cli.seeing import app as seeing_app
from cli.telling import aside, console, counted, failing_in_words, tell_errors, tell_warnings
from redshank.clock import Clock
from redshank.instants import iso

app = typer.Typer(
    name="redshank",
    help="Behavioural email automation in your own AWS account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
keys_app = typer.Typer(help="The keys that may call the API.", no_args_is_help=True)
app.add_typer(live_app)
app.add_typer(seeing_app)
app.add_typer(keys_app, name="keys")


@app.command()
def validate(
    folder: BookFolder,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where there are warnings too.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON per error or warning, on stdout.")
    ] = False,
) -> None:
    """Check a book: every error with its file, its line, and what would be right; and what is likely to be a mistake.

    Errors fail, warnings do not.
    """
    from cli import checking

    checked = checking.check(folder, now=Clock().now())
    if as_json:
        for line in checking.lines(folder, checked):
            typer.echo(line)
    elif checked.book is None:
        tell_errors(folder, checked.errors)
    else:
        tell_warnings(folder, checked.warnings)
        console().print(f"[green]{escape(str(folder))} is valid:[/] {summary(checked.book)}")
    if not checked.passes(strict=strict):
        raise typer.Exit(1)


@app.command()
def schema(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write them to.")] = Path(
        ".schemas"
    ),
) -> None:
    """Write JSON Schemas, with which an editor completes and checks the files of a book."""
    from cli.schema import associations, write_schemas

    written = write_schemas(out)
    aside().print(f"[green]{counted(len(written), 'schema')} written to {escape(str(out))}[/]")
    aside().print("for Visual Studio Code with its YAML extension, put this into .vscode/settings.json:")
    typer.echo(json.dumps({"yaml.schemas": associations(out)}, indent=2))
    aside().print(
        "other editors with yaml-language-server read it from the first line of a file, with the path from there:\n"
        "# yaml-language-server: $schema=PATH/workflow.json"
    )


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


if __name__ == "__main__":
    app()
