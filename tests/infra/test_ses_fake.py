"""Does the SES fake accept, refuse and report as SES does? An unmodified SDK asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from infra.local.place import choose
from infra.local.ses.api import Api
from infra.local.ses.faults import Faults
from infra.local.ses.mailbox import Mailbox
from infra.local.web import Response, serve

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_sesv2 import SESV2Client


class Fake:
    def __init__(self, port: int) -> None:
        self.published: list[dict[str, Any]] = []
        self.faults = Faults()
        self.mailbox = Mailbox(
            lambda name, notification: self.published.append(notification),
            region="us-east-1",
            delivery_after=0.0,
        )
        api = Api(
            self.mailbox,
            self.faults,
            elsewhere=lambda request: Response(status=404, body=b"{}"),
            knows=lambda name: name == "redshank",
        )
        self.stop = serve(api, port)

    def kinds(self, number: int) -> list[str]:
        """The first so many notifications; they are published in the background."""
        deadline = time.monotonic() + 5
        while len(self.published) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        return [notification["eventType"] for notification in self.published]


@pytest.fixture
def port(tmp_path: Path) -> int:
    return choose(tmp_path, speed=1, since=0, preferred=False).mailbox_port


@pytest.fixture
def fake(port: int) -> Iterator[Fake]:
    fake = Fake(port)
    yield fake
    fake.stop()


@pytest.fixture
def ses(port: int) -> SESV2Client:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    return session.client(
        "sesv2",
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=1),
    )


def send(ses: SESV2Client, to: str = "ann@example.com", **more: Any) -> str:
    simple: Any = {
        "Subject": {"Data": "Grüße"},
        "Body": {
            "Html": {"Data": '<a href="https://example.com/a?b=1&amp;c=2">go</a>'},
            "Text": {"Data": "go"},
        },
        "Headers": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}],
    }
    simple.update(more.pop("simple", {}))
    return ses.send_email(
        **{
            "FromEmailAddress": "Acme <hello@acme.example>",
            "Destination": {"ToAddresses": [to]},
            "Content": {"Simple": simple},
            "ConfigurationSetName": "redshank",
            "EmailTags": [{"Name": "redshank_message", "Value": "m1"}],
            **more,
        }
    )["MessageId"]


def test_an_accepted_email_is_kept_and_reported_as_sent_and_delivered(fake: Fake, ses: SESV2Client) -> None:
    identifier = send(ses)
    kept = fake.mailbox.as_json(fake.mailbox.entry(identifier))
    assert kept["to"] == "ann@example.com"
    assert kept["subject"] == "Grüße"
    assert kept["tags"] == {"redshank_message": "m1"}
    assert kept["links"] == ["https://example.com/a?b=1&c=2"]
    assert sorted(fake.kinds(2)) == ["Delivery", "Send"]
    mail = fake.published[0]["mail"]
    assert mail["messageId"] == identifier
    assert mail["tags"]["redshank_message"] == ["m1"]
    assert mail["tags"]["ses:configuration-set"] == ["redshank"]
    assert {"name": "List-Unsubscribe-Post", "value": "List-Unsubscribe=One-Click"} in mail["headers"]


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("open", "Open"),
        ("click", "Click"),
        ("hard_bounce", "Bounce"),
        ("soft_bounce", "Bounce"),
        ("complaint", "Complaint"),
    ],
)
def test_what_a_recipient_does_is_reported(fake: Fake, ses: SESV2Client, action: str, kind: str) -> None:
    identifier = send(ses)
    fake.mailbox.act(identifier, action)
    assert fake.kinds(3).count(kind) == 1


def test_an_address_that_bounced_hard_is_suppressed_by_the_account(fake: Fake, ses: SESV2Client) -> None:
    fake.mailbox.act(send(ses), "hard_bounce")
    assert ses.get_suppressed_destination(EmailAddress="Ann@example.com")["SuppressedDestination"][
        "Reason"
    ] == ("BOUNCE")
    send(ses)
    fake.kinds(5)
    assert fake.published[-1]["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    ses.delete_suppressed_destination(EmailAddress="ann@example.com")
    assert ses.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"EmailTags": [{"Name": "a b", "Value": "c"}]}, "Invalid tag"),
        ({"Destination": {"ToAddresses": ["nobody"]}}, "Missing final"),
        ({"Destination": {"ToAddresses": []}}, "Recipient count"),
        ({"ConfigurationSetName": "other"}, "does not exist"),
        ({"simple": {"Headers": [{"Name": "X-A", "Value": "a" * 871}]}}, "X-A"),
        ({"simple": {"Headers": [{"Name": "X-A", "Value": "é"}]}}, "X-A"),
        ({"simple": {"Headers": [{"Name": f"X-{n}", "Value": "a"} for n in range(16)]}}, "headers"),
        ({"simple": {"Headers": [{"Name": "Subject", "Value": "twice"}]}}, "Subject"),
        ({"simple": {"Subject": {"Data": "two\nlines"}}}, "line breaks"),
    ],
)
def test_what_ses_refuses_is_refused(fake: Fake, ses: SESV2Client, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ClientError, match=says):
        send(ses, **wrong)
    assert fake.mailbox.entries() == []


def test_a_raw_email_is_taken_apart(fake: Fake, ses: SESV2Client) -> None:
    raw = (
        b"From: hello@acme.example\r\nTo: ann@example.com\r\nSubject: Raw\r\nX-Own: yes\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>hi</p>\r\n"
    )
    identifier = ses.send_email(Content={"Raw": {"Data": raw}})["MessageId"]
    email = fake.mailbox.entry(identifier).email
    assert (email.subject, email.html.strip(), email.header("x-own")) == ("Raw", "<p>hi</p>", "yes")


def test_bulk_emails_succeed_and_fail_one_by_one(fake: Fake, ses: SESV2Client) -> None:
    results = ses.send_bulk_email(
        FromEmailAddress="hello@acme.example",
        ConfigurationSetName="redshank",
        DefaultContent={
            "Template": {
                "TemplateContent": {"Subject": "Hi {{name}}", "Text": "Hi {{name}}"},
                "TemplateData": "{}",
            }
        },
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": ["ann@example.com"]},
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": '{"name": "Ann"}'}
                },
            },
            {"Destination": {"ToAddresses": ["bob@example.com"]}},
        ],
    )["BulkEmailEntryResults"]
    assert [result["Status"] for result in results] == ["SUCCESS", "INVALID_PARAMETER"]
    assert [entry.email.subject for entry in fake.mailbox.entries()] == ["Hi Ann"]


@pytest.mark.parametrize(
    ("kind", "raises", "accepted"),
    [
        ("throttle", ClientError, 0),
        ("reject", ClientError, 0),
        ("error", ClientError, 0),
        ("drop", ConnectionClosedError, 0),
        ("accept_then_error", ClientError, 1),
        ("accept_then_drop", ConnectionClosedError, 1),
        ("accept_then_hang", ReadTimeoutError, 1),
    ],
)
def test_it_misbehaves_when_told_to_and_only_so_often(
    fake: Fake, ses: SESV2Client, kind: str, raises: type[Exception], accepted: int
) -> None:
    fake.faults.add({"kind": kind, "to": "ann@example.com"})
    send(ses, to="bob@example.com")
    with pytest.raises(raises):
        send(ses)
    send(ses)
    to_ann = [entry for entry in fake.mailbox.entries() if entry.email.to == ("ann@example.com",)]
    assert len(to_ann) == accepted + 1


def test_a_stopped_fake_frees_its_port(port: int) -> None:
    for _ in range(2):
        Fake(port).stop()
