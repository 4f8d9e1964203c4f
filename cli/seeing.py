"""What will a book do, and why did it? The commands that show it before anything is sent, and afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from cli.arguments import BookFolder, compiled
from cli.telling import aside, console, counted, failing_in_words, telling_problems

app = typer.Typer()

EventsFile = Annotated[
    Path, typer.Option("--events", metavar="FILE", help="A history: JSON Lines of Segment messages.")
]


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

    book = compiled(folder)
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

    book = compiled(folder)
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
    own = None if book is None else compiled(book)
    with failing_in_words():
        if events is not None and own is not None:
            told = explaining.in_file(own, events, contact, workflow=workflow, message=message)
        else:
            from cli.stack import reaching

            with reaching(stack or "") as target:
                told = explaining.in_stack(
                    target, contact, own, workflow=workflow, message=message, now=target.clock.now()
                )
        for line in told:
            typer.echo(line)
