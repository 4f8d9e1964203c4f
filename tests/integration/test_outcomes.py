"""What send makes of what SES answers, or does not answer: one request per attempt, and no email lost or doubled."""

from __future__ import annotations

from itertools import count

import boto3
import pytest
from botocore.config import Config

from redshank import wiring
from redshank.instants import HOUR, MINUTE, SECOND
from redshank.ports import LedgerRow, Status
from tests.integration.journeys import Traveller
from tests.integration.ses import Mood
from tests.integration.stack import Stack

_numbers = count(1)


class Buyer(Traveller):
    """Somebody who pays, and is to get one receipt."""

    def buys(self, stack: Stack) -> str:
        stack.post(
            self.event(stack, 1, "identify", email=f"{self.name}@example.com"),
            self.event(stack, 4, "track", "paid"),
        )
        return self.emails["receipt"]


@pytest.fixture
def buyer() -> Buyer:
    return Buyer(f"buyer-{next(_numbers)}")


def row(message_id: str) -> LedgerRow:
    return wiring.ledger().rows([message_id], consistent=True)[message_id]


UNKNOWN = [
    Mood.ACCEPTS_AND_HANGS_UP,
    Mood.HANGS_UP,
    Mood.ACCEPTS_AND_IS_SILENT,
    Mood.IS_SILENT,
    Mood.ACCEPTS_AND_BREAKS,
    Mood.BREAKS,
]


@pytest.mark.parametrize("mood", UNKNOWN)
def test_one_attempt_is_one_request_whatever_comes_back(stack: Stack, buyer: Buyer, mood: Mood) -> None:
    stack.ses.moods, stack.feedback_after = [mood], None
    before = stack.ses.requests
    message_id = buyer.buys(stack)
    stack.pump_for(MINUTE)
    assert stack.ses.requests == before + 1
    assert (row(message_id).status, row(message_id).attempt) == (Status.CLAIMED, 1)


@pytest.mark.parametrize("mood", UNKNOWN)
def test_an_email_whose_outcome_was_unknown_is_in_the_end_sent_once(
    stack: Stack, buyer: Buyer, mood: Mood
) -> None:
    stack.ses.moods = [mood]
    message_id = buyer.buys(stack)
    stack.pump()
    assert row(message_id).status is Status.SENT
    assert stack.sent()[message_id] == 1


def test_an_accepted_email_is_settled_by_its_feedback_and_not_sent_again(stack: Stack, buyer: Buyer) -> None:
    stack.ses.moods = [Mood.ACCEPTS_AND_HANGS_UP]
    before = stack.ses.requests
    message_id = buyer.buys(stack)
    stack.pump_for(MINUTE)
    assert row(message_id).status is Status.SENT
    stack.pump()
    assert stack.ses.requests == before + 1


def test_an_email_that_was_not_accepted_is_sent_again_only_after_the_settle_time(
    stack: Stack, buyer: Buyer
) -> None:
    stack.ses.moods = [Mood.HANGS_UP]
    message_id = buyer.buys(stack)
    stack.pump_for(14 * MINUTE)
    assert stack.sent()[message_id] == 0
    stack.pump()
    assert stack.sent()[message_id] == 1
    assert row(message_id).attempt == 2


def test_nothing_is_sent_again_while_feedback_waits_to_be_read(stack: Stack, buyer: Buyer) -> None:
    stack.ses.moods = [Mood.ACCEPTS_AND_HANGS_UP]
    stack.paused.add("feedback")
    before = stack.ses.requests
    message_id = buyer.buys(stack)
    stack.pump_for(20 * MINUTE)
    assert stack.ses.requests == before + 1
    assert row(message_id).status is Status.CLAIMED
    stack.paused.discard("feedback")
    stack.pump()
    assert stack.ses.requests == before + 1
    assert row(message_id).status is Status.SENT


def test_feedback_that_nobody_could_read_holds_up_what_it_might_be_about(stack: Stack, buyer: Buyer) -> None:
    """A notification among the dead letters may be the one: better late than twice."""
    stack.sqs.send_message(QueueUrl=stack.outputs["FeedbackDeadLetters"], MessageBody="?")
    stack.ses.moods, stack.feedback_after = [Mood.ACCEPTS_AND_HANGS_UP], None
    message_id = buyer.buys(stack)
    stack.pump_for(20 * MINUTE)
    assert stack.sent()[message_id] == 1
    stack.sqs.purge_queue(QueueUrl=stack.outputs["FeedbackDeadLetters"])
    stack.feedback_after = 2_000
    stack.pump()
    assert stack.sent()[message_id] == 1


def test_throttling_sends_a_copy_so_that_the_receive_count_is_not_used_up(stack: Stack, buyer: Buyer) -> None:
    stack.ses.moods = [Mood.THROTTLES] * 20
    message_id = buyer.buys(stack)
    stack.pump()
    assert stack.sent()[message_id] == 1
    assert stack.dead_letters() == {}


def test_an_email_that_ses_refuses_for_good_has_failed(stack: Stack, buyer: Buyer) -> None:
    stack.ses.moods = [Mood.REFUSES]
    message_id = buyer.buys(stack)
    stack.pump()
    assert row(message_id).status is Status.FAILED
    assert row(message_id).reason.startswith("rejected: MessageRejected")
    assert stack.sent()[message_id] == 0


def test_nobody_listening_at_all_is_certainly_not_sent(
    stack: Stack, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = boto3.client(
        "sesv2", endpoint_url="http://127.0.0.1:1", config=Config(retries={"total_max_attempts": 1})
    )
    with monkeypatch.context() as patch:
        patch.setattr(wiring.mailer(), "_client", nowhere)
        message_id = buyer.buys(stack)
        stack.pump_for(10 * SECOND)
        assert row(message_id).status is Status.OPEN
    stack.pump()
    assert stack.sent()[message_id] == 1


def test_an_email_too_late_after_an_unknown_outcome_does_not_stay_claimed(stack: Stack, buyer: Buyer) -> None:
    """Its claim settles first, then it is given back, deferred and cancelled."""
    stack.ses.moods = [Mood.HANGS_UP]
    message_id = buyer.buys(stack)
    stack.pump_for(MINUTE)
    stack.wall += 25 * HOUR
    stack.pump()
    assert (row(message_id).status, stack.sent()[message_id]) == (Status.CANCELLED, 0)
