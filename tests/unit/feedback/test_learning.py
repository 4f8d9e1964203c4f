"""What follows from a batch of notifications?"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from redshank import observing, wire
from redshank.clock import Clock
from redshank.engine import inputs
from redshank.engine.inputs import Event
from redshank.environment import Environment
from redshank.feedback.learning import Doors, learn
from redshank.identity import address_hash
from redshank.instants import parse
from redshank.memory import (
    MemoryLedger,
    MemoryQueues,
    MemorySettings,
    MemorySuppressions,
)
from redshank.ports import BookPointer, LedgerRow, Outbound, Queue, Status, inline
from redshank.records import Record
from tests.handlers import load
from tests.raw import event as raw

NOW = parse("2026-12-01T12:00:00Z")
CLOCK = Clock(wall=lambda: NOW)
MESSAGE = "aaaabbbbccccddddeeeeffff"
ANN = address_hash("ann@example.com")
EVERYTHING = frozenset(
    {
        inputs.EMAIL_SENT,
        inputs.EMAIL_DELIVERED,
        inputs.EMAIL_OPENED,
        inputs.LINK_CLICKED,
        inputs.EMAIL_BOUNCED,
        inputs.EMAIL_COMPLAINED,
    }
)
ABOUT = {"message_id": MESSAGE, "run": "run-1", "workflow": "activation", "step": "welcome"}


def claimed() -> LedgerRow:
    return LedgerRow(
        message_id=MESSAGE,
        status=Status.CLAIMED,
        attempt=1,
        contact_id="contact-1",
        workflow="activation",
        run="run-1",
        step="welcome",
        topic="tips",
    )


@dataclass(slots=True)
class World:
    """The ports in memory, and in what order they were asked."""

    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({MESSAGE: claimed()}))
    suppressions: MemorySuppressions = field(default_factory=MemorySuppressions)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    settings: MemorySettings = field(
        default_factory=lambda: MemorySettings(live=BookPointer(sequence=1, hash="x", listens=EVERYTHING))
    )

    def hears(self, *names: str) -> list[str]:
        """Learn from these notifications, as records named after them; the records that failed."""
        records = [
            Record(id=f"{index}:{name}", body=json.dumps(raw(f"ses/{name}")))
            for index, name in enumerate(names)
        ]
        learned = learn(self.doors(), records)
        self.counts = learned.counts
        return learned.failed

    counts: Mapping[str, int] = field(default_factory=dict)

    def doors(self) -> Doors:
        return Doors(
            ledger=self.ledger,
            suppressions=self.suppressions,
            queues=self.queues,
            settings=self.settings,
            clock=CLOCK,
            spread=inline,
        )

    def told(self) -> list[Event]:
        bodies = [message.body for message in self.queues.sent[Queue.EVENTS]]
        return [one for body in bodies for one in wire.unpack(body) if isinstance(one, Event)]

    def facts(self) -> Mapping[str, int]:
        return self.ledger.held[MESSAGE].facts


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("send", "sent"),
        ("delivery", "delivered"),
        ("delivery_delay", "delayed"),
        ("bounce_permanent", "bounced"),
        ("bounce_expired", "bounced"),
        ("bounce_account_suppression_list", "suppressed"),
        ("bounce_mailbox_full", "soft_bounced"),
        ("bounce_message_too_large", "refused"),
        ("complaint", "complained"),
        ("complaint_account_suppression_list", "suppressed"),
        ("complaint_not_spam", "delivered"),
        ("reject", "rejected"),
        ("open", "opened"),
        ("click", "clicked"),
        ("rendering_failure", "rendering_failed"),
        ("subscription", "unsubscribed"),
    ],
)
def test_every_notification_leaves_a_fact_and_settles_a_claim(world: World, name: str, fact: str) -> None:
    assert world.hears(name) == []
    assert list(world.facts()) == [fact]
    assert world.ledger.held[MESSAGE].status is Status.SENT
    assert world.counts == {fact: 1}


class TestSuppression:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("bounce_permanent", "hard_bounce"),
            ("bounce_expired", "hard_bounce"),
            ("bounce_account_suppression_list", "hard_bounce"),
            ("identity_bounce", "hard_bounce"),
            ("complaint", "complaint"),
            ("complaint_account_suppression_list", "complaint"),
            ("identity_complaint", "complaint"),
        ],
    )
    def test_a_hard_bounce_or_complaint_suppresses_the_address(
        self, world: World, name: str, reason: str
    ) -> None:
        assert world.hears(name) == []
        assert world.suppressions.held == {ANN: reason}

    @pytest.mark.parametrize(
        "name", ["bounce_mailbox_full", "bounce_message_too_large", "complaint_not_spam", "delivery_delay"]
    )
    def test_nothing_else_does(self, world: World, name: str) -> None:
        assert world.hears(name) == []
        assert world.suppressions.held == {}

    def test_an_email_of_another_system_suppresses_too_and_is_counted(self, world: World) -> None:
        assert world.hears("bounce_of_another_system", "identity_delivery") == []
        assert world.suppressions.held == {address_hash("bob@example.org"): "hard_bounce"}
        assert world.told() == []
        assert world.counts["unknown_email"] == 2

    def test_an_email_the_ledger_does_not_know_suppresses_too(self, world: World) -> None:
        world.ledger.held.clear()
        assert world.hears("bounce_permanent") == []
        assert world.suppressions.held == {ANN: "hard_bounce"}
        assert world.told() == []
        assert world.counts["unknown_email"] == 1

    def test_the_address_is_suppressed_before_anybody_is_told(self, world: World) -> None:
        class Down(MemoryQueues):
            def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
                assert world.suppressions.held
                raise ConnectionError

        world.queues = Down()
        assert world.hears("bounce_permanent") == ["0:bounce_permanent"]
        assert world.suppressions.held == {ANN: "hard_bounce"}


class TestTelling:
    def test_a_hard_bounce_is_told_with_the_hash_of_the_address(self, world: World) -> None:
        world.hears("bounce_permanent")
        [event] = world.told()
        assert event.name == inputs.EMAIL_BOUNCED
        assert event.stream == "contact:contact-1"
        assert event.properties == {**ABOUT, "kind": "hard", "address_hash": ANN}
        assert event.occurred_at == parse("2026-12-01T09:00:03.000Z")
        assert event.received_at == NOW

    def test_a_complaint_is_told(self, world: World) -> None:
        world.hears("complaint")
        [event] = world.told()
        assert event.name == inputs.EMAIL_COMPLAINED
        assert event.properties == {**ABOUT, "kind": "abuse", "address_hash": ANN}

    def test_what_the_book_does_not_listen_to_is_not_told_except_the_end_of_a_conversation(
        self, world: World
    ) -> None:
        world.settings.live = BookPointer(sequence=1, hash="x")
        every = (
            "delivery",
            "open",
            "click",
            "bounce_mailbox_full",
            "bounce_message_too_large",
            "send",
            "reject",
        )
        assert world.hears(*every) == []
        assert world.told() == []
        world.hears("bounce_account_suppression_list", "complaint", "subscription")
        assert [event.name for event in world.told()] == [
            inputs.EMAIL_BOUNCED,
            inputs.EMAIL_COMPLAINED,
            inputs.TOPIC_UNSUBSCRIBED,
        ]

    def test_without_a_live_book_nobody_listens(self, world: World) -> None:
        world.settings.live = None
        world.hears("open", "bounce_permanent")
        assert [event.name for event in world.told()] == [inputs.EMAIL_BOUNCED]

    def test_delivery_opens_and_clicks_are_told_where_the_book_listens(self, world: World) -> None:
        world.hears("send", "delivery", "open", "click", "bounce_mailbox_full")
        assert [(event.name, {**event.properties}) for event in world.told()] == [
            (inputs.EMAIL_SENT, ABOUT),
            (inputs.EMAIL_DELIVERED, ABOUT),
            (inputs.EMAIL_OPENED, ABOUT),
            (inputs.LINK_CLICKED, {**ABOUT, "link": "https://acme.example/start?step=1"}),
            (inputs.EMAIL_BOUNCED, {**ABOUT, "kind": "soft", "address_hash": ANN}),
        ]

    @pytest.mark.parametrize(
        ("name", "topic"), [("subscription", "tips"), ("subscription_unsubscribe_all", "*")]
    )
    def test_leaving_a_topic_through_ses_unsubscribes_the_contact(
        self, world: World, name: str, topic: str
    ) -> None:
        world.hears(name)
        [event] = world.told()
        assert event.name == inputs.TOPIC_UNSUBSCRIBED
        assert event.properties["topic"] == topic

    def test_who_took_an_email_out_of_spam_is_left_alone(self, world: World) -> None:
        world.hears("complaint_not_spam")
        assert world.told() == []

    def test_nothing_personal_but_the_hash_is_told(self, world: World) -> None:
        world.hears("bounce_permanent", "complaint", "click", "open", "delivery")
        assert not [message for message in world.queues.sent[Queue.EVENTS] if "@" in message.body]


class TestRepetition:
    def test_a_redelivered_batch_changes_nothing_and_makes_the_same_events(self, world: World) -> None:
        every = ("send", "delivery", "open", "click", "bounce_permanent", "complaint", "subscription")
        world.hears(*every)
        once, facts = world.told(), world.facts()
        world.hears(*every)
        assert world.told()[len(once) :] == once
        assert world.facts() == facts
        assert len({event.id for event in once}) == len(once)

    def test_the_same_notification_twice_in_a_batch_is_told_once(self, world: World) -> None:
        world.hears("click", "click")
        assert len(world.told()) == 1

    def test_that_ses_took_an_email_is_not_written_where_send_has_said_so(self, world: World) -> None:
        world.ledger.held[MESSAGE] = replace(claimed(), status=Status.SENT)
        assert world.hears("send") == []
        assert world.facts() == {}

    def test_a_messages_notifications_are_noted_in_one_write(self, world: World) -> None:
        asked: list[Mapping[str, int]] = []

        class Counting(MemoryLedger):
            def note(self, message_id: str, facts: Mapping[str, int]) -> LedgerRow | None:
                asked.append(facts)
                return super().note(message_id, facts)

        world.ledger = Counting({MESSAGE: claimed()})
        world.hears("send", "delivery", "open", "click", "open")
        [facts] = asked
        assert list(facts) == ["sent", "delivered", "opened", "clicked"]


class TestFailures:
    def test_a_bad_record_fails_alone(self, world: World) -> None:
        plain = raw("sqs/feedback_with_a_bad_record")["Records"]
        learned = learn(world.doors(), [Record(id=it["messageId"], body=it["body"]) for it in plain])
        assert learned.failed == [plain[1]["messageId"], plain[2]["messageId"]]
        assert learned.counts == {"unreadable": 2, "delivered": 1, "bounced": 1}
        assert list(world.facts()) == ["delivered", "bounced"]

    def test_a_message_that_cannot_be_kept_comes_again_and_no_other_with_it(self, world: World) -> None:
        class Picky(MemoryLedger):
            def note(self, message_id: str, facts: Mapping[str, int]) -> LedgerRow | None:
                raise ConnectionError

        world.ledger = Picky()
        assert world.hears("delivery", "bounce_of_another_system", "open") == ["0:delivery", "2:open"]
        assert world.suppressions.held == {address_hash("bob@example.org"): "hard_bounce"}

    def test_when_an_address_cannot_be_suppressed_nothing_else_is_done_for_it(self, world: World) -> None:
        class Down(MemorySuppressions):
            def add(self, address_hash: str, *, reason: str, source: str, at: int) -> None:
                raise ConnectionError

        world.suppressions = Down()
        assert world.hears("bounce_permanent") == ["0:bounce_permanent"]
        assert world.facts() == {}
        assert world.told() == []

    def test_when_evaluate_cannot_be_told_only_what_was_to_be_told_comes_again(self, world: World) -> None:
        class Down(MemoryQueues):
            def send(self, queue: Queue, messages: Sequence[Outbound]) -> None:
                raise ConnectionError

        world.queues = Down()
        assert world.hears("bounce_of_another_system", "click") == ["1:click"]

    def test_no_address_is_logged(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        world.ledger.held.clear()
        world.hears("bounce_permanent", "complaint", "bounce_of_another_system")
        learn(world.doors(), [Record(id="1", body='{"eventType": "ann@example.com", "mail": {}}'[:-1])])
        assert caplog.records
        assert "@" not in caplog.text


def test_the_handler_names_what_must_come_again_and_counts_the_rest(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    counted: dict[str, int] = {}
    app = load(
        "bounce",
        monkeypatch,
        Environment(stack="test", clock=CLOCK),
        ledger=world.ledger,
        suppressions=world.suppressions,
        events_queue=world.queues,
        settings=world.settings,
        spread=inline,
    )
    monkeypatch.setattr(observing, "count", lambda name, number: counted.update({name: number}))
    bad = raw("sqs/feedback_with_a_bad_record")
    failures = app.handler(bad, None)["batchItemFailures"]
    assert [it["itemIdentifier"] for it in failures] == [bad["Records"][n]["messageId"] for n in (1, 2)]
    assert counted == {"feedback_unreadable": 2, "feedback_delivered": 1, "feedback_bounced": 1}
    assert app.handler(raw("sqs/feedback_raw"), None) == {"batchItemFailures": []}
