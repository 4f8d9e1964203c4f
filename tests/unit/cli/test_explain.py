"""Why did a contact get an email, or not?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.explain import Life, explain, life_in_stack
from cli.main import app
from redshank.engine import inputs
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Standing
from redshank.errors import RedshankError
from redshank.identity import contact_of, contact_stream
from redshank.instants import DAY, HOUR, MINUTE
from redshank.memory import MemoryContacts, MemoryLog
from redshank.ports import LedgerRow, LogRecord, Status
from redshank.simulation.world import play
from tests import books
from tests.books import ACTIVATION, UPGRADE
from tests.unit.definitions.writing import write as write_book
from tests.unit.simulation.histories import T0, done, known, write

STREAM = "user:ann"
CONTACT = contact_of(STREAM)
BOOK = books.book(ACTIVATION, UPGRADE)
NOW = T0 + 10 * DAY

_UPGRADE = """\
trigger: {event: signed_up, if: {trait: plan, eq: pro}}
topic: tips
exit_if: {trait: plan, eq: team}
steps: [{send: help}]
"""


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["explain", *(str(argument) for argument in arguments)])


# --- from an events file


@pytest.fixture
def offline(tmp_path: Path) -> list[object]:
    """The options that name a book of two workflows, and the history of a contact on trial."""
    book = write_book(tmp_path / "book", {"workflows/upgrade.yaml": _UPGRADE})
    events = write(
        tmp_path / "e.jsonl", known("ann", plan="trial"), done("ann", "signed_up", 0), known("bob")
    )
    return ["--book", book, "--events", events]


def test_it_says_in_local_time_what_happened_and_what_did_not_and_why(offline: list[object]) -> None:
    result = _run("ann", *offline)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Tue 1 Dec 10:00: was said to be {email: `ann@example.com`, plan: `trial`}",
        "Tue 1 Dec 10:00: `signed_up` happened",
        "Tue 1 Dec 10:00: entered `activation`: `signed_up` happened",
        "Tue 1 Dec 10:00: received `welcome` of `activation`",
        "Tue 1 Dec 10:00: waits at `welcome/wait` until Thu 3 Dec 10:00",
        "Tue 1 Dec 10:00: did not enter `upgrade`: `plan` was `trial`, not `pro`",
        "Thu 3 Dec 10:00: received `help` of `activation`",
        "Thu 3 Dec 10:00: left `activation` at `help`: no step was left",
    ]


def test_only_what_concerns_a_workflow(offline: list[object]) -> None:
    assert _run("ann", "--workflow", "upgrade", *offline).stdout.splitlines() == [
        "Tue 1 Dec 10:00: `signed_up` happened",
        "Tue 1 Dec 10:00: did not enter `upgrade`: `plan` was `trial`, not `pro`",
    ]


def test_a_workflow_that_never_came_up_says_what_was_missing(offline: list[object]) -> None:
    assert _run("bob", "--workflow", "activation", *offline).stdout.splitlines() == [
        "never came to `activation`: `signed_up` did not happen"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cem"], "is about `cem`"),
        (
            ["ann", "--workflow", "activaton"],
            "the book has no workflow `activaton`; it has activation, upgrade",
        ),
        (["ann", "--message", "m1"], "no email `m1` comes out of what is logged of this contact"),
    ],
)
def test_what_is_not_there_is_told(offline: list[object], arguments: list[str], message: str) -> None:
    result = _run(*arguments, *offline)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_a_history_needs_a_book_and_everything_else_a_stack(
    offline: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDSHANK_STACK", raising=False)
    for options in ([], offline[2:], offline[:2]):
        result = _run("ann", *options)
        assert result.exit_code == 2
        assert "--stack" in result.stderr


# --- from a stack


def _event(name: str, at: int, stream: str = STREAM, **properties: object) -> Event:
    return Event(
        id=f"{name}@{at}",
        stream=stream,
        type="track",
        name=name,
        occurred_at=T0 + at,
        received_at=T0 + at,
        properties=properties,
    )


_KNOWN = replace(_event("", 0), type="identify", traits={"email": "ann@example.com"})


def _life(*events: Event, name: str = "ann") -> Life:
    """What a stack that logged these events knows of somebody."""
    contacts, log = MemoryContacts(), MemoryLog()
    streams = [stream for stream in dict.fromkeys(it.stream for it in events) if stream.startswith("user:")]
    contacts.write(Standing(contact_id=CONTACT, version=1, streams=streams))
    log.write(
        LogRecord(stream=it.stream, event_id=it.id, contact_id=CONTACT, at=it.received_at, event=it)
        for it in events
    )
    return life_in_stack(contacts, log, name, now=NOW)


@pytest.mark.parametrize("name", ["ann", CONTACT])
def test_a_contact_is_called_by_its_user_id_or_its_own(name: str) -> None:
    life = _life(_KNOWN, _event("signed_up", 0), name=name)
    assert (life.contact_id, len(life.events)) == (CONTACT, 2)


def test_somebody_nobody_knows() -> None:
    with pytest.raises(RedshankError, match="there is no contact `cem`"):
        _life(_KNOWN, name="cem")


def test_what_another_book_may_have_decided_is_not_told_as_a_fact() -> None:
    life = replace(_life(_KNOWN, _event("signed_up", 0)), until=T0 + DAY)
    plain = list(explain(BOOK, life))
    assert list(explain(BOOK, life, since=T0 + HOUR)) == [
        "this is what the live book makes of it; before Tue 1 Dec 10:00 another was live, and may have decided"
        " otherwise",
        *plain,
    ]
    assert list(explain(BOOK, life, since=T0)) == plain


def test_an_email_that_nobody_decided_then_is_not_told_as_received() -> None:
    asked: list[str] = []

    def unsent(mails: Collection[Mail]) -> set[str]:
        asked.extend(mail.step for mail in mails)
        return {_message()}

    told = list(explain(BOOK, _life(_KNOWN, _event("signed_up", 0)), unsent=unsent))
    assert asked == ["welcome", "help", "proof"]
    assert "Tue 1 Dec 09:00: received `welcome` of `activation`" in told
    assert (
        "Thu 3 Dec 09:00: would receive `help` of `activation` by this book, and did not: it was paused then, or"
        " another book was live"
    ) in told


def test_a_log_is_played_up_to_now_and_the_end_says_where_they_stand() -> None:
    life = replace(_life(_KNOWN, _event("signed_up", 0)), until=T0 + DAY)
    assert list(explain(BOOK, life))[-2:] == [
        "Tue 1 Dec 09:00: waits at `pause` until Thu 3 Dec 09:00",
        "now: stands at `pause` of `activation` until Thu 3 Dec 09:00",
    ]
    assert list(explain(BOOK, life, paused={"activation"}))[-1] == (
        "now: stands at `pause` of `activation` until Thu 3 Dec 09:00, which is paused"
    )


def _message() -> str:
    moments = play(BOOK, CONTACT, [_KNOWN, _event("signed_up", 0)], NOW)
    return next(mail.message_id for moment in moments for mail in moment.mails if mail.step == "help")


def test_an_email_is_explained_by_its_journey_and_what_the_ledger_says_of_it() -> None:
    message = _message()
    row = LedgerRow(
        message_id=message,
        status=Status.SENT,
        workflow="activation",
        step="help",
        facts={"delivered": T0 + 2 * DAY + MINUTE, "opened": T0 + 2 * DAY + HOUR},
    )
    life = _life(_KNOWN, _event("signed_up", 0), _event("signed_up", HOUR))
    told = list(explain(BOOK, life, message=message, row=row))
    assert told[0] == "Tue 1 Dec 09:00: `signed_up` happened"
    assert "Thu 3 Dec 09:00: received `help` of `activation`" in told
    assert not any("did not enter" in line for line in told)
    assert told[-1] == "the ledger: `help` is sent, delivered Thu 3 Dec 09:01, opened Thu 3 Dec 10:00"


def test_an_email_whose_journey_has_another_name_when_played_again_is_found_by_its_step() -> None:
    row = LedgerRow(
        message_id="m", status=Status.CANCELLED, workflow="activation", step="help", reason="goal"
    )
    told = list(explain(BOOK, _life(_KNOWN, _event("signed_up", 0)), message="m", row=row))
    assert told[-1] == "the ledger: `help` is cancelled: goal"


def test_an_email_that_was_put_off_is_told_as_held_and_sent_later() -> None:
    deferred = _event(
        inputs.EMAIL_DEFERRED,
        2 * DAY + MINUTE,
        contact_stream(CONTACT),
        message_id=_message(),
        workflow="activation",
        step="help",
        reason="throttled",
        retry_at=T0 + 3 * DAY,
    )
    told = list(explain(BOOK, _life(_KNOWN, _event("signed_up", 0), deferred)))
    assert "Thu 3 Dec 09:01: `help` was held back: throttled" in told
    assert "Fri 4 Dec 09:00: received `help` of `activation`" in told
