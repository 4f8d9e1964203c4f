"""What do the commands say and do, to a person and to a script?"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.definitions.writing import FILES, write

_AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _table(name: str, *keys: str) -> dict[str, object]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
            "KeySchema": [
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        },
    }


_GOES_ON = "trigger: {event: signed_up}\nsteps: [{send: welcome}, {wait: 2d}, {send: help}]\n"
_TEMPLATE = {
    "Resources": {
        "Settings": _table("settings", "name"),
        "Contacts": _table("contacts", "contact_id", "kind"),
        "Members": _table("members", "segment_shard", "contact_id"),
        "Log": _table("events", "stream", "event_id"),
        "Messages": _table("messages", "message_id"),
        "Books": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "books-of-redshank"}},
        "Events": {"Type": "AWS::SQS::Queue"},
    },
    "Outputs": {"Bucket": {"Value": {"Ref": "Books"}}, "EventsQueue": {"Value": {"Ref": "Events"}}},
}


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _stack_name() -> str:
    """The tables' names are read once a process: whoever imported them first has chosen the stack's name."""
    tables = sys.modules.get("redshank.store.tables")
    return tables.SettingItem.Meta.table_name.removesuffix("-settings") if tables else "redshank"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account without a stack."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in _AWS.items():
        monkeypatch.setenv(name, value)
    # What the command sets is taken back after the test.
    monkeypatch.setenv("REDSHANK_STACK", _stack_name())
    with mock_aws():
        yield


@pytest.fixture
def stack(account: None) -> str:
    name = _stack_name()
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(_TEMPLATE))
    return name


# --- validate


def test_a_valid_book_is_summed_up(tmp_path: Path) -> None:
    result = _run("validate", write(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.replace("\n", "") == (
        f"{tmp_path} is valid: 1 workflow, 2 emails, 1 segment; listens to logged_in, product_activated, signed_up"
    )


def test_mistakes_are_printed_to_stderr_with_places_an_editor_can_open(tmp_path: Path) -> None:
    write(tmp_path, {"workflows/activation.yaml": "trigger: {event: a}\nsteps:\n- send: welcom\n"})
    result = _run("validate", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"{tmp_path}/workflows/activation.yaml:3: unknown template `welcom`; did you mean `welcome`?",
        "1 error",
    ]


def test_square_brackets_in_a_book_are_printed_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, {"workflows/activation.yaml": "trigger: {event: a}\nsteps:\n- send: '[bold]x[/bold]'\n"})
    assert "`[bold]x[/bold]`" in _run("validate", tmp_path).stderr


# --- apply


def test_a_book_is_applied_once_and_then_nothing_changes(tmp_path: Path, stack: str) -> None:
    write(tmp_path)
    first = _run("apply", tmp_path, "--stack", stack)
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith(f"book 1 is live on {stack}: 1 workflow, 2 emails")
    second = _run("apply", tmp_path, "--stack", stack)
    assert second.stdout == f"nothing changed: this is book 1, which is live on {stack}\n"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_whoever_plans_or_applies_is_warned(tmp_path: Path, stack: str, command: str) -> None:
    result = _run(command, write(tmp_path, {"workflows/activation.yaml": _GOES_ON}), "--stack", stack)
    assert f"{tmp_path}/workflows/activation.yaml:1: there is no `goal`" in result.stderr
    assert result.exit_code == 0


def test_what_was_applied_is_what_the_functions_read(tmp_path: Path, stack: str) -> None:
    from redshank.aws.books import S3Books
    from redshank.definitions import compile_book
    from redshank.store.settings import DynamoSettings

    _run("apply", write(tmp_path), "--stack", stack)
    (tmp_path / "segments.yaml").write_text("power_user: {trait: plan, eq: team}\n", encoding="utf-8")
    assert _run("apply", tmp_path, "--stack", stack).exit_code == 0
    settings = DynamoSettings()
    live = S3Books(lambda: boto3.client("s3"), "books-of-redshank", settings).current()
    assert replace(live, born={}) == compile_book(tmp_path, sequence=2)
    assert {name: sequence for name, (sequence, _) in live.born.items()}["segment:power_user"] == 2
    pointer = settings.pointer()
    assert pointer is not None
    assert pointer.listens == live.listens
    assert len(settings.signing_keys()) == 1


def test_a_book_with_mistakes_is_not_applied(tmp_path: Path, stack: str) -> None:
    from redshank.store.settings import DynamoSettings

    write(tmp_path, {"redshank.yaml": FILES["redshank.yaml"] + "topic: {}\n"})
    result = _run("apply", tmp_path, "--stack", stack)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "redshank.yaml:10: unknown key `topic`; did you mean `topics`?" in result.stderr
    assert DynamoSettings().pointer() is None


# --- the contacts of a book


def _know(*names: str) -> None:
    from redshank.engine.state import Standing
    from redshank.store.contacts import DynamoContacts

    for name in names:
        DynamoContacts().write(Standing(contact_id=name, version=1, book=1))


def _visits() -> list[tuple[str, int]]:
    """Who was sent a visit, and of which book; the messages are taken from the queue."""
    from redshank import wire
    from redshank.engine.inputs import Visit

    sqs = boto3.client("sqs")
    [url] = sqs.list_queues()["QueueUrls"]
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            inputs = wire.unpack(message["Body"])
            found += [(one.contact_id, one.book) for one in inputs if isinstance(one, Visit)]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found)


def _new_segment(folder: Path) -> Path:
    (folder / "segments.yaml").write_text("power_user: {trait: plan, eq: team}\n", encoding="utf-8")
    return folder


def test_a_book_with_something_new_visits_every_contact(tmp_path: Path, stack: str) -> None:
    _run("apply", write(tmp_path), "--stack", stack)
    _know("ann", "bob")
    result = _run("apply", _new_segment(tmp_path), "--stack", stack, "--no-wait")
    assert result.exit_code == 0, result.output
    assert "2 contacts of 2 will be visited" in result.stderr
    assert _visits() == [("ann", 2), ("bob", 2)]
    assert _run("backfill", "--stack", stack).stdout == "book 2 has met every contact it has something for\n"
    assert _visits() == []


def test_what_was_interrupted_goes_on(tmp_path: Path, stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from redshank.store.contacts import DynamoContacts

    _run("apply", write(tmp_path), "--stack", stack)
    _know("ann")
    with monkeypatch.context() as broken:
        broken.setattr(DynamoContacts, "some", None)
        assert _run("apply", _new_segment(tmp_path), "--stack", stack, "--no-wait").exit_code != 0
    again = _run("apply", tmp_path, "--stack", stack, "--no-wait")
    assert again.stdout == f"nothing changed: this is book 2, which is live on {stack}\n"
    assert _visits() == [("ann", 2)]


def test_a_drained_queue_is_waited_for(tmp_path: Path, stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _run("apply", write(tmp_path), "--stack", stack)
    _know("ann")
    looks: list[float] = []
    monkeypatch.setattr(time, "sleep", looks.append)
    result = _run("apply", _new_segment(tmp_path), "--stack", stack)
    assert (result.exit_code, "every visit has been made" in result.stderr) == (0, True)
    assert sum(looks) >= 2


def test_until_what_is_new_may_be_counted_no_visit_is_sent(
    tmp_path: Path, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redshank.evaluation.doors import NOTICED

    _run("apply", write(tmp_path), "--stack", stack)
    _know("ann")
    (tmp_path / "segments.yaml").write_text("buyer: {event: bought, within: 7d}\n", encoding="utf-8")
    looks: list[float] = []
    monkeypatch.setattr(time, "sleep", looks.append)
    assert _run("apply", tmp_path, "--stack", stack).exit_code == 0
    assert sum(looks) * 1_000 >= NOTICED
    assert _visits() == [("ann", 2)]


# --- plan


def test_a_plan_shows_what_would_change_and_changes_nothing(tmp_path: Path, stack: str) -> None:
    from redshank.store.settings import DynamoSettings

    assert "no book is live" in _run("plan", write(tmp_path), "--stack", stack).stdout
    _run("apply", tmp_path, "--stack", stack)
    _know("ann")
    result = _run("plan", _new_segment(tmp_path), "--stack", stack)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "book 1 is live; this would be book 2",
        "~ segment power_user",
        "every contact will be visited: 1",
    ]
    pointer = DynamoSettings().pointer()
    assert pointer is not None
    assert pointer.sequence == 1


def test_a_script_gets_the_plan_as_json(tmp_path: Path, stack: str) -> None:
    _run("apply", write(tmp_path), "--stack", stack)
    found = json.loads(_run("plan", _new_segment(tmp_path), "--stack", stack, "--json").stdout)
    assert (found["live"], found["segments"]["changed"]) == (1, ["power_user"])


# --- pause and resume


def test_a_workflow_is_paused_shown_as_drift_and_resumed(tmp_path: Path, stack: str) -> None:
    from redshank.aws.books import S3Books
    from redshank.store.settings import DynamoSettings

    def state() -> str:
        books = S3Books(lambda: boto3.client("s3"), "books-of-redshank", DynamoSettings())
        return books.current().workflows["activation"].state

    _run("apply", write(tmp_path), "--stack", stack)
    assert _run("pause", "activation", "--stack", stack).stdout == "paused within seconds: activation\n"
    assert state() == "paused"
    assert "! workflow activation is paused by command" in _run("plan", tmp_path, "--stack", stack).stdout
    _run("apply", _new_segment(tmp_path), "--stack", stack, "--no-wait")
    assert state() == "paused"
    assert _run("resume", "--all", "--stack", stack, "--no-wait").stdout == "resumed: every workflow\n"
    assert state() == "live"


@pytest.mark.parametrize("arguments", [["pause"], ["pause", "activation", "--all"], ["resume"]])
def test_what_is_to_be_paused_must_be_said(stack: str, arguments: list[str]) -> None:
    result = _run(*arguments, "--stack", stack)
    assert (result.exit_code, result.stderr) == (1, "error: Name the workflows, or give --all.\n")


def test_without_a_book_that_is_said(stack: str) -> None:
    result = _run("pause", "--all", "--stack", stack)
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: no book is live on `{stack}`; `redshank apply` makes one\n",
    )


# --- segments


def test_segments_are_counted_and_their_members_listed(tmp_path: Path, stack: str) -> None:
    from redshank.store.members import DynamoMembers

    _run("apply", write(tmp_path), "--stack", stack)
    for name in ("ann", "bob", "cem"):
        DynamoMembers().put("power_user", name, member=name != "cem", version=1, now=1)
    lines = _run("segments", "--stack", stack).stdout.splitlines()
    assert [line.split() for line in lines] == [["segment", "members"], ["power_user", "2"]]
    assert json.loads(_run("segments", "--stack", stack, "--json").stdout) == {"power_user": 2}
    listed = _run("segments", "power_user", "--stack", stack).stdout.splitlines()
    assert sorted(listed) == ["ann", "bob"]
    assert len(_run("segments", "power_user", "--limit", 1, "--stack", stack).stdout.splitlines()) == 1
    unknown = _run("segments", "power_users", "--stack", stack)
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "error: unknown segment `power_users`; did you mean `power_user`?\n",
    )


# --- explain


def test_a_contact_of_a_stack_is_explained_from_its_log(tmp_path: Path, stack: str) -> None:
    from redshank.engine.inputs import Event
    from redshank.engine.state import Standing
    from redshank.identity import contact_of
    from redshank.instants import DAY
    from redshank.ports import LogRecord, inline
    from redshank.store.contacts import DynamoContacts
    from redshank.store.log import DynamoLog

    at = time.time_ns() // 1_000_000 - DAY
    known = Event(
        id="1",
        stream="user:ann",
        type="identify",
        name="",
        occurred_at=at,
        received_at=at,
        traits={"email": "ann@example.com"},
    )
    signed_up = replace(known, id="2", type="track", name="signed_up", traits={})
    contact_id = contact_of(known.stream)
    DynamoContacts().write(Standing(contact_id=contact_id, version=1, book=1, streams=[known.stream]))
    DynamoLog(inline, ttl=90 * DAY).write(
        LogRecord(stream=it.stream, event_id=it.id, contact_id=contact_id, at=at, event=it)
        for it in (known, signed_up)
    )
    _run("apply", write(tmp_path), "--stack", stack)
    result = _run("explain", "ann", "--stack", stack)
    assert result.exit_code == 0, result.output
    told = [line.partition(": ")[2] for line in result.stdout.splitlines()]
    assert told[1:4] == [
        "`signed_up` happened",
        "entered `activation`: `signed_up` happened",
        # The ledger of this stack has no email of theirs: nobody evaluated what is logged here.
        "would receive `welcome` of `activation` by this book, and did not: it was paused then, or another book"
        " was live",
    ]
    assert told[-1].startswith("stands at `welcome/wait` of `activation` until ")
    _run("pause", "activation", "--stack", stack)
    assert _run("explain", "ann", "--stack", stack).stdout.endswith(", which is paused\n")
    email = _run("explain", "ann", "--message", "none", "--stack", stack)
    assert email.stderr == "error: no email `none` comes out of what is logged of this contact\n"
    assert "there is no contact `cem`" in _run("explain", "cem", "--stack", stack).stderr


# --- what is wrong with the stack or the account


def test_a_stack_that_is_not_there_is_said_so(tmp_path: Path, account: None) -> None:
    result = _run("apply", write(tmp_path), "--stack", _stack_name())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: there is no stack `{_stack_name()}` in us-east-1; "
        "`sam deploy` makes one, --stack names another\n"
    )


def test_a_stack_of_something_else_is_said_so(tmp_path: Path, account: None) -> None:
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
    boto3.client("cloudformation").create_stack(StackName=_stack_name(), TemplateBody=json.dumps(template))
    result = _run("apply", write(tmp_path), "--stack", _stack_name())
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        f"error: the stack `{_stack_name()}` has no output `Bucket`: is it a Redshank stack?",
    )


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        (["AWS_DEFAULT_REGION"], "no AWS region is set; set AWS_DEFAULT_REGION"),
    ],
)
def test_what_the_shell_lacks_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str], message: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in _AWS.keys() - set(missing):
        monkeypatch.setenv(name, _AWS[name])
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    result = _run("keys", "list", "--stack", _stack_name())
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"error: {message}\n")


def test_the_stack_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDSHANK_STACK", raising=False)
    result = _run("apply", write(tmp_path))
    assert result.exit_code == 2
    assert "--stack" in result.stderr


# --- keys


def test_a_new_key_alone_is_on_stdout(stack: str) -> None:
    import hashlib

    from redshank.store.settings import DynamoSettings

    result = _run("keys", "create", "web", "--scope", "write", "--scope", "manage", "--stack", stack)
    assert result.exit_code == 0, result.output
    key = result.stdout.removesuffix("\n")
    assert key.startswith("rsk_")
    found = DynamoSettings().api_key(hashlib.sha256(key.encode()).hexdigest())
    assert found is not None
    assert (found.label, found.scopes) == ("web", frozenset({"write", "manage"}))


def test_keys_are_listed_without_the_keys(stack: str) -> None:
    key = _run("keys", "create", "web", "--stack", stack).stdout.strip()
    result = _run("keys", "list", "--stack", stack)
    assert "web" in result.stdout
    assert "write" in result.stdout
    assert key not in result.stdout


def test_a_revoked_key_no_longer_opens_anything(stack: str) -> None:
    import hashlib

    from redshank.store.settings import DynamoSettings

    key = _run("keys", "create", "web", "--stack", stack).stdout.strip()
    assert _run("keys", "revoke", "web", "--stack", stack).exit_code == 0
    assert DynamoSettings().api_key(hashlib.sha256(key.encode()).hexdigest()) is None
    again = _run("keys", "revoke", "web", "--stack", stack)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "error: there is no valid key called `web`; `redshank keys list` shows them\n"


def test_a_scope_that_is_none_is_refused(stack: str) -> None:
    result = _run("keys", "create", "web", "--scope", "read", "--stack", stack)
    assert result.exit_code == 2
