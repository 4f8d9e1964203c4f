"""What does a notification say?"""

from __future__ import annotations

import json

import pytest

from redshank.clock import Clock
from redshank.errors import BadInput
from redshank.feedback.bounces import Verdict
from redshank.feedback.notifications import Kind, Notification, decode
from redshank.instants import parse
from tests.raw import event as raw

CLOCK = Clock()
ANN = "ann@example.com"
EVERY_KIND = [
    ("send", Kind.SEND, "2026-12-01T09:00:00.240Z"),
    ("delivery", Kind.DELIVERY, "2026-12-01T09:00:02.133Z"),
    ("bounce_permanent", Kind.BOUNCE, "2026-12-01T09:00:03.000Z"),
    ("complaint", Kind.COMPLAINT, "2026-12-01T11:30:00.669Z"),
    ("reject", Kind.REJECT, "2026-12-01T09:00:00.240Z"),
    ("open", Kind.OPEN, "2026-12-01T09:12:19.652Z"),
    ("click", Kind.CLICK, "2026-12-01T09:12:25.570Z"),
    ("rendering_failure", Kind.RENDERING_FAILURE, "2026-12-01T09:00:00.240Z"),
    ("delivery_delay", Kind.DELAY, "2026-12-01T09:10:40.095Z"),
    ("subscription", Kind.SUBSCRIPTION, "2026-12-01T10:00:17.910Z"),
]


def said(name: str, clock: Clock = CLOCK) -> Notification:
    notification = decode(json.dumps(raw(f"ses/{name}")), clock)
    assert notification is not None
    return notification


@pytest.mark.parametrize(("name", "kind", "at"), EVERY_KIND)
def test_every_kind_says_which_email_it_is_about_and_when_it_happened(name: str, kind: Kind, at: str) -> None:
    notification = said(name)
    assert notification.kind is kind
    assert notification.at == parse(at)
    assert notification.message_id == "aaaabbbbccccddddeeeeffff"
    assert notification.attempt == 1
    assert notification.recipients == (ANN,)
    assert notification.provider_id.endswith("-000000")


def test_all_kinds_of_ses_are_covered_by_an_example() -> None:
    assert {kind for _, kind, _ in EVERY_KIND} == set(Kind)


def test_times_pass_through_a_fast_clock() -> None:
    since = parse("2026-12-01T09:00:00.000Z")
    assert said("delivery", Clock(speed=10, since=since)).at == since + 21_330


class TestBounces:
    @pytest.mark.parametrize(
        ("name", "verdict", "unreachable"),
        [
            ("bounce_permanent", Verdict.HARD, (ANN,)),
            ("bounce_account_suppression_list", Verdict.SUPPRESSED, (ANN,)),
            ("bounce_expired", Verdict.HARD, (ANN,)),
            ("bounce_mailbox_full", Verdict.SOFT, ()),
            ("bounce_undetermined", Verdict.SOFT, ()),
            ("bounce_message_too_large", Verdict.REFUSED, ()),
            ("identity_bounce", Verdict.HARD, (ANN,)),
        ],
    )
    def test_a_bounce_is_judged_by_what_it_says_of_the_address(
        self, name: str, verdict: Verdict, unreachable: tuple[str, ...]
    ) -> None:
        notification = said(name)
        assert notification.verdict is verdict
        assert notification.unreachable == unreachable

    def test_the_address_that_was_written_to_bounced_even_if_the_report_names_another(self) -> None:
        assert said("bounce_forwarded").unreachable == (ANN,)

    def test_of_several_recipients_only_those_named_bounced(self) -> None:
        notification = said("bounce_of_another_system")
        assert notification.unreachable == ("bob@example.org",)
        assert notification.message_id == ""


class TestComplaints:
    def test_a_complaint_makes_the_address_unreachable(self) -> None:
        notification = said("complaint")
        assert notification.feedback_type == "abuse"
        assert notification.unreachable == (ANN,)

    def test_not_spam_is_no_complaint(self) -> None:
        notification = said("complaint_not_spam")
        assert notification.feedback_type == "not-spam"
        assert notification.unreachable == ()

    def test_an_older_complaint_is_told_apart(self) -> None:
        notification = said("complaint_account_suppression_list")
        assert notification.reason == "OnAccountSuppressionList"
        assert notification.unreachable == (ANN,)


def test_a_click_says_which_link_and_by_what() -> None:
    click = said("click")
    assert click.link == "https://acme.example/start?step=1"
    assert click.user_agent.startswith("Mozilla/5.0")
    assert click.ip == "192.0.2.1"


@pytest.mark.parametrize(
    ("name", "left"), [("subscription", ("tips",)), ("subscription_unsubscribe_all", ("*",))]
)
def test_a_subscription_says_which_topics_were_left(name: str, left: tuple[str, ...]) -> None:
    assert said(name).left == left


@pytest.mark.parametrize("name", ["identity_bounce", "identity_complaint", "identity_delivery"])
def test_notifications_of_an_identity_carry_no_tags(name: str) -> None:
    notification = said(name)
    assert (notification.message_id, notification.attempt) == ("", 0)
    assert notification.recipients == (ANN,)


def test_the_envelope_of_sns_is_taken_off() -> None:
    bounce, check = (record["body"] for record in raw("sqs/feedback_in_sns_envelope")["Records"])
    assert decode(bounce, CLOCK) == said("bounce_permanent")
    assert decode(check, CLOCK) is None


def test_sess_check_of_the_topic_says_nothing() -> None:
    assert decode("Successfully validated SNS topic for Amazon SES event publishing.", CLOCK) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nothing",
        "[]",
        "5",
        "{}",
        '{"eventType": "Teleport", "mail": {}}',
        '{"eventType": ["Bounce"], "mail": {}}',
        '{"Type": "Notification", "Message": 5}',
        '{"Type": "Notification", "Message": "nothing"}',
        '{"eventType": "Delivery", "mail": {}, "delivery": {}}',
        '{"eventType": "Delivery", "mail": [], "delivery": {"timestamp": "soon"}}',
        '{"eventType": "Bounce", "mail": {"timestamp": "2026-12-01T09:00:00Z"}}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(BadInput):
        decode(body, CLOCK)


def test_fields_of_other_types_are_as_good_as_missing() -> None:
    strange = {
        "eventType": "Bounce",
        "mail": {"timestamp": "2026-12-01T09:00:00Z", "tags": {"redshank_message": []}, "destination": "x"},
        "bounce": {"bounceType": None, "bouncedRecipients": [5, {"emailAddress": 7}]},
    }
    notification = decode(json.dumps(strange), CLOCK)
    assert notification is not None
    assert (notification.message_id, notification.recipients) == ("", ())
    assert notification.verdict is Verdict.SOFT
