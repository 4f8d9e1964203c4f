"""What would a book do with a history, and how is it told?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.simulate import instant_from, run, summary
from redshank.definitions import compile_book
from redshank.engine.moments import zone
from redshank.errors import RedshankError
from redshank.instants import DAY, HOUR, iso
from tests.unit.definitions.writing import write as write_book
from tests.unit.simulation.histories import done, known, write

_LIVES = (
    known("bob"),
    done("bob", "signed_up", HOUR),
    known("ann"),
    done("ann", "signed_up", HOUR),
    done("ann", "product_activated", 3 * DAY),
    done("cem", "signed_up", 2 * HOUR),
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write(tmp_path / "events.jsonl", *_LIVES)


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["simulate", *(str(argument) for argument in arguments)])


def _lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_email_is_a_line_of_json_by_time_and_then_by_contact(book: Path, events: Path) -> None:
    def line(at: str, contact: str, step: str) -> dict[str, Any]:
        return {
            "at": at,
            "contact": contact,
            "workflow": "activation",
            "step": step,
            "template": step,
            "variant": "",
        }

    assert _lines(_run(book, "--events", events, "--json")) == [
        line("2026-12-01T10:00:00Z", "ann", "welcome"),
        line("2026-12-01T10:00:00Z", "bob", "welcome"),
        line("2026-12-03T10:00:00Z", "ann", "help"),
        line("2026-12-03T10:00:00Z", "bob", "help"),
    ]


def test_it_says_how_many_contact_steps_a_second_and_not_among_the_results(book: Path, events: Path) -> None:
    result = _run(book, "--events", events)
    assert "3 contacts, " in result.stderr
    assert "a second" in result.stderr
    assert "a second" not in result.stdout


def test_the_summary_counts_per_workflow_and_step(book: Path, events: Path) -> None:
    rows = [line.split() for line in _run(book, "--events", events).stdout.splitlines()]
    assert ["activation", "3"] in rows
    assert ["welcome", "2", "1", "no_address"] in rows
    assert ["help", "2", "1", "no_address", "3", "finished"] in rows


def test_the_summary_counts_reached_goals_also_those_that_end_nothing(tmp_path: Path, events: Path) -> None:
    for ends in ("true", "false"):
        workflow = f"""\
trigger: {{event: signed_up}}
goal: {{event: product_activated, ends: {ends}}}
steps: [{{send: welcome}}, {{wait: 30d}}]
"""
        book = compile_book(write_book(tmp_path / ends, {"workflows/activation.yaml": workflow}))
        table = summary(book, run(replace(book, sequence=1), events).outcome.facts)
        reached = next(column for column in table.columns if column.header == "goal")
        assert [cell for cell in reached.cells if cell] == ["1"]


def test_it_stops_at_the_time_that_is_given(book: Path, events: Path) -> None:
    """A day without an hour begins at midnight in the book's timezone, which is Berlin's."""
    until = _lines(_run(book, "--events", events, "--json", "--until", "2026-12-03 11:00"))
    assert len(until) == 4
    assert len(_lines(_run(book, "--events", events, "--json", "--until", "2026-12-03T10:59:59+01:00"))) == 2
    assert len(_lines(_run(book, "--events", events, "--json", "--until", "2026-12-03"))) == 2


def test_who_stands_somewhere_when_it_stops_is_counted(book: Path, events: Path) -> None:
    rows = [
        line.split() for line in _run(book, "--events", events, "--until", "2026-12-02").stdout.splitlines()
    ]
    assert ["welcome/wait", "3"] in rows


def test_every_bad_line_is_told_and_nothing_else(book: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "bad.jsonl", known("ann"), "{", done("ann", "", 0), done("ann", "signed_up", 0))
    result = _run(book, "--events", file, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"{file}:2: is not JSON: Expecting property name enclosed in double quotes at column 2",
        f"{file}:3: event: is missing or not a string",
        "2 errors",
    ]


def test_a_file_that_is_not_there_is_told(book: Path, tmp_path: Path) -> None:
    result = _run(book, "--events", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {tmp_path / 'none'} cannot be read: No such file or directory\n"


def test_a_time_that_is_none_is_told(book: Path, events: Path) -> None:
    result = _run(book, "--events", events, "--until", "soon")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: `soon` is no time; write for example 2026-12-31")


def test_what_is_wrong_with_the_book_is_told_with_its_place(tmp_path: Path, events: Path) -> None:
    book = write_book(
        tmp_path / "wrong", {"workflows/activation.yaml": "trigger: {event: x}\nsteps: [{sned: y}]\n"}
    )
    result = _run(book, "--events", events)
    assert result.exit_code == 1
    assert f"{book}/workflows/activation.yaml:2: " in result.stderr


def test_several_processes_come_to_the_same_as_one(book: Path, tmp_path: Path) -> None:
    lives = [
        message
        for number in range(250)
        for message in (known(f"u{number}"), done(f"u{number}", "signed_up", number * HOUR))
    ]
    file = write(tmp_path / "many.jsonl", *lives)
    compiled = compile_book(book, sequence=1)
    alone, together = (run(compiled, file, processes=number).outcome for number in (1, 2))
    assert alone == together
    assert len(alone.emails) == 500


def test_an_empty_history_has_no_emails(book: Path, tmp_path: Path) -> None:
    result = _run(book, "--events", write(tmp_path / "empty.jsonl"), "--json")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_workflow_that_nobody_enters_is_in_the_summary(book: Path, tmp_path: Path) -> None:
    done_nothing = run(compile_book(book, sequence=1), write(tmp_path / "e.jsonl", known("ann")))
    table = summary(compile_book(book), done_nothing.outcome.facts)
    assert table.row_count == 1


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-31", "2026-12-30T23:00:00.000Z"),
        ("2026-12-31 18:00", "2026-12-31T17:00:00.000Z"),
        ("2026-12-31T18:00Z", "2026-12-31T18:00:00.000Z"),
        ("2026-12-31T18:00:30+02:00", "2026-12-31T16:00:30.000Z"),
    ],
)
def test_times_without_a_zone_are_local(text: str, instant: str) -> None:
    berlin = zone("Europe/Berlin")
    assert berlin is not None
    assert iso(instant_from(text, berlin)) == instant


def test_a_time_in_no_form_is_refused() -> None:
    berlin = zone("Europe/Berlin")
    assert berlin is not None
    with pytest.raises(RedshankError, match="is no time"):
        instant_from("31.12.2026", berlin)
