"""What becomes of a message on a send queue."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from redshank import wire
from redshank.clock import Clock
from redshank.engine import inputs
from redshank.engine.book import ALL, Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event
from redshank.engine.state import Profile
from redshank.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from redshank.identity import address_hash
from redshank.instants import HOUR, MINUTE
from redshank.memory import (
    MemoryBooks,
    MemoryContacts,
    MemoryLedger,
    MemoryMailer,
    MemoryQueues,
    MemorySuppressions,
)
from redshank.ports import OutgoingEmail, Queue, Status, inline
from redshank.preferences.links import Links
from redshank.records import Record
from redshank.sending.batch import Sender
from redshank.sending.doors import Doors
from tests.books import ACTIVATION, book

T0 = 1_800_000_000_000
SETTLE = 15 * MINUTE

MAIL = Mail(
    message_id="m1",
    contact_id="ann",
    workflow="activation",
    run="r1",
    step="welcome",
    template="welcome",
    topic="tips",
    transactional=False,
    decided_at=T0,
    not_after=T0 + HOUR,
)


@dataclass
class Provider(MemoryMailer):
    """A provider that fails as it is told, one error a call."""

    errors: list[Exception] = field(default_factory=list)

    def send(self, email: OutgoingEmail) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return MemoryMailer.send(self, email)


class Desk:
    """A send function on ports in memory."""

    def __init__(self) -> None:
        self.now = T0
        self.contacts = MemoryContacts()
        self.suppressions = MemorySuppressions()
        self.ledger = MemoryLedger()
        self.provider = Provider()
        self.queues = MemoryQueues()
        self.books = MemoryBooks(book(ACTIVATION))
        self.knows(email="ann@example.com", first_name="Ann")
        self.sender = Sender(
            Doors(
                contacts=self.contacts,
                suppressions=self.suppressions,
                ledger=self.ledger,
                mailer=self.provider,
                queues=self.queues,
                books=self.books,
                links=lambda mail: Links(
                    unsubscribe="https://x.example/u/1", preferences="https://x.example/p/1"
                ),
                clock=Clock(wall=lambda: self.now),
                spread=inline,
                settle=SETTLE,
            )
        )

    def knows(self, **traits: Any) -> None:
        self.contacts.held_profiles["ann"] = Profile(contact_id="ann", version=1, traits=traits)

    def receives(self, *mails: Mail) -> list[str]:
        records = [
            Record(id=f"r{index}", body=wire.dump_mail(mail), receipt=f"receipt-{index}")
            for index, mail in enumerate(mails)
        ]
        return self.sender.send(Queue.MARKETING, records)

    @property
    def told(self) -> list[Event]:
        packs = [one for message in self.queues.sent[Queue.EVENTS] for one in wire.unpack(message.body)]
        return [one for one in packs if isinstance(one, Event)]

    @property
    def status(self) -> Status:
        return self.ledger.held["m1"].status


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_email_is_rendered_sent_and_marked(desk: Desk) -> None:
    assert desk.receives(MAIL) == []
    [email] = desk.provider.sent
    assert email.to == "ann@example.com"
    assert email.subject == "welcome Ann"
    assert email.html == "<p>welcome Ann</p>"
    assert email.text == "welcome https://x.example/u/1\n"
    assert email.tags["redshank_message"] == "m1"
    assert desk.status is Status.SENT


def test_marketing_email_offers_one_click_unsubscribe(desk: Desk) -> None:
    desk.receives(MAIL)
    assert desk.provider.sent[0].headers == {
        "List-Unsubscribe": "<https://x.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_transactional_email_has_nothing_to_unsubscribe_from(desk: Desk) -> None:
    desk.receives(replace(MAIL, topic="billing", transactional=True))
    assert desk.provider.sent[0].headers == {}


def test_the_second_delivery_of_a_message_sends_nothing(desk: Desk) -> None:
    desk.receives(MAIL)
    assert desk.receives(MAIL) == []
    assert len(desk.provider.sent) == 1


def test_a_cancelled_message_is_not_sent(desk: Desk) -> None:
    desk.ledger.cancel("m1", contact_id="ann", reason="goal", now=T0)
    assert desk.receives(MAIL) == []
    assert desk.provider.sent == []


def test_a_message_past_its_time_goes_back_to_the_engine(desk: Desk) -> None:
    desk.now = T0 + HOUR + 1
    assert desk.receives(MAIL) == []
    assert desk.provider.sent == []
    assert [(event.name, event.properties["reason"]) for event in desk.told] == [
        (inputs.EMAIL_DEFERRED, "late")
    ]


@pytest.mark.parametrize("error", [Throttled(), NotSent()])
def test_what_was_certainly_not_sent_is_tried_again_from_a_copy(desk: Desk, error: Exception) -> None:
    desk.provider.errors = [error]
    assert desk.receives(MAIL) == []
    assert desk.status is Status.OPEN
    [copy] = desk.queues.sent[Queue.MARKETING]
    assert copy.delay > 0
    desk.receives(wire.load_mail(copy.body))
    assert len(desk.provider.sent) == 1


def test_an_unknown_outcome_keeps_the_message_hidden_until_it_may_be_known(desk: Desk) -> None:
    desk.provider.errors = [OutcomeUnknown()]
    assert desk.receives(MAIL) == ["r0"]
    [(queue, receipt, seconds)] = desk.queues.hidden
    assert (queue, receipt) == (Queue.MARKETING, "receipt-0")
    assert seconds * 1000 > SETTLE


def test_an_unknown_outcome_is_settled_by_feedback(desk: Desk) -> None:
    desk.provider.errors = [OutcomeUnknown()]
    desk.receives(MAIL)
    desk.ledger.note("m1", {"delivered": T0 + 5})
    assert desk.receives(MAIL) == []
    assert desk.provider.sent == []


def test_an_unknown_outcome_is_sent_again_once_feedback_is_drained_past_the_settle_time(desk: Desk) -> None:
    desk.provider.errors = [OutcomeUnknown()]
    desk.receives(MAIL)
    desk.now = T0 + SETTLE
    assert desk.receives(MAIL) == []
    assert [email.tags["redshank_attempt"] for email in desk.provider.sent] == ["2"]


def test_an_unknown_outcome_is_not_sent_again_while_feedback_waits(desk: Desk) -> None:
    desk.provider.errors = [OutcomeUnknown()]
    desk.receives(MAIL)
    desk.now = T0 + SETTLE
    desk.queues.drained = False
    assert desk.receives(MAIL) == ["r0"]
    assert desk.provider.sent == []


def test_a_claim_that_is_young_is_left_alone(desk: Desk) -> None:
    desk.ledger.claim(MAIL, now=T0)
    desk.now = T0 + SETTLE - 1
    assert desk.receives(MAIL) == ["r0"]
    assert desk.provider.sent == []


def test_what_the_provider_refuses_is_recorded_and_told(desk: Desk) -> None:
    desk.provider.errors = [Rejected("MessageRejected: Email address is not verified.")]
    assert desk.receives(MAIL) == []
    assert desk.status is Status.FAILED
    assert [event.name for event in desk.told] == [inputs.EMAIL_FAILED]


def test_a_suppressed_address_gets_nothing(desk: Desk) -> None:
    desk.suppressions.add(address_hash(" Ann@Example.com "), reason="hard_bounce", source="ses", at=T0)
    assert desk.receives(MAIL) == []
    assert desk.provider.sent == []
    assert (desk.status, desk.ledger.held["m1"].reason) == (Status.FAILED, "hard_bounce")


def test_who_complained_still_gets_receipts(desk: Desk) -> None:
    desk.suppressions.add(address_hash("ann@example.com"), reason="complaint", source="ses", at=T0)
    desk.receives(MAIL, replace(MAIL, message_id="m2", topic="billing", transactional=True))
    assert [email.tags["redshank_message"] for email in desk.provider.sent] == ["m2"]


def test_who_unsubscribed_meanwhile_gets_nothing(desk: Desk) -> None:
    known = desk.contacts.held_profiles["ann"]
    desk.contacts.held_profiles["ann"] = replace(known, consent={"tips": (False, T0)})
    desk.receives(MAIL)
    assert desk.provider.sent == []
    assert desk.told[0].properties["reason"] == "unsubscribed"


def test_a_trait_cannot_add_a_header(desk: Desk) -> None:
    desk.knows(email="ann@example.com", first_name="Ann\r\nBcc: eve@example.com")
    desk.receives(MAIL)
    assert desk.provider.sent[0].subject == "welcome Ann Bcc: eve@example.com"


def test_a_trait_cannot_add_markup(desk: Desk) -> None:
    desk.knows(email="ann@example.com", first_name="<script>alert(1)</script>")
    desk.receives(MAIL)
    assert "<script>" not in desk.provider.sent[0].html


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.__class__.__mro__ }}",
        "{{ ''.format.__globals__ }}",
        "{% for x in range(99999999) %}{% endfor %}",
        "{{ 1 / 0 }}",
        "{% include 'nowhere' %}",
    ],
)
def test_a_template_that_breaks_or_breaks_out_fails_its_email_alone(desk: Desk, source: str) -> None:
    live = desk.books.current()
    bad = replace(live.templates["help"], html="bad")
    desk.books.book = replace(
        live, templates={**live.templates, "help": bad}, sources={**live.sources, "bad": source}
    )
    desk.receives(replace(MAIL, message_id="m2", template="help"), MAIL)
    assert desk.ledger.held["m2"].status is Status.FAILED
    assert desk.ledger.held["m2"].reason.startswith("rendering: help")
    assert desk.status is Status.SENT


def test_one_message_that_is_no_email_fails_alone(desk: Desk) -> None:
    good = Record(id="good", body=wire.dump_mail(MAIL))
    assert desk.sender.send(Queue.MARKETING, [Record(id="bad", body="{}"), good]) == ["bad"]
    assert len(desk.provider.sent) == 1


def test_the_same_report_twice_is_the_same_event(desk: Desk) -> None:
    desk.provider.errors = [Rejected()]
    desk.receives(MAIL)
    desk.receives(MAIL)
    assert len({event.id for event in desk.told}) == 1


def test_a_claim_whose_process_died_settles_before_the_email_is_found_too_late(desk: Desk) -> None:
    desk.ledger.claim(MAIL, now=T0)
    desk.now = T0 + HOUR + 1
    desk.queues.drained = False
    assert desk.receives(MAIL) == ["r0"]
    assert desk.told == []
    desk.queues.drained = True
    assert desk.receives(MAIL) == []
    assert [event.name for event in desk.told] == [inputs.EMAIL_DEFERRED]
    assert desk.status is Status.OPEN


def test_a_claim_whose_process_died_settles_before_the_email_is_refused(desk: Desk) -> None:
    desk.ledger.claim(MAIL, now=T0)
    desk.suppressions.add(address_hash("ann@example.com"), reason="hard_bounce", source="ses", at=T0)
    assert desk.receives(MAIL) == ["r0"]
    assert desk.status is Status.CLAIMED
    desk.now = T0 + SETTLE
    assert desk.receives(MAIL) == []
    assert (desk.status, desk.told[0].name) == (Status.FAILED, inputs.EMAIL_FAILED)


def test_an_email_that_was_sent_after_all_is_not_refused_any_more(desk: Desk) -> None:
    desk.ledger.claim(MAIL, now=T0)
    desk.ledger.note("m1", {"sent": T0})
    desk.suppressions.add(address_hash("ann@example.com"), reason="hard_bounce", source="ses", at=T0)
    assert desk.receives(MAIL) == []
    assert (desk.status, desk.told) == (Status.SENT, [])


def test_no_other_delivery_claims_an_email_once_it_was_deferred(desk: Desk) -> None:
    """Its clock may be slower; and nobody would come back for its claim if it died."""
    desk.now = T0 + HOUR + 1
    desk.receives(MAIL)
    desk.now = T0
    assert desk.receives(MAIL) == []
    assert desk.provider.sent == []
    assert len({event.id for event in desk.told}) == 1
    assert desk.receives(replace(MAIL, release=1)) == []
    assert len(desk.provider.sent) == 1


def test_an_email_cancelled_while_it_was_being_throttled_is_not_tried_again(desk: Desk) -> None:
    class Meanwhile(MemoryMailer):
        def send(self, email: OutgoingEmail) -> str:
            desk.ledger.cancel("m1", contact_id="ann", reason="goal", now=T0)
            raise Throttled

    desk.sender = Sender(replace(desk.sender._doors, mailer=Meanwhile()))
    desk.receives(MAIL)
    assert desk.status is Status.CANCELLED


class LateContacts(MemoryContacts):
    """Contacts of whom a moment ago nothing was known."""

    def profiles(self, contact_ids: Any, *, consistent: bool) -> dict[str, Profile]:
        return MemoryContacts.profiles(self, contact_ids, consistent=True) if consistent else {}


def test_a_contact_of_a_moment_ago_is_not_refused_for_want_of_an_address(desk: Desk) -> None:
    contacts = LateContacts(held_profiles=desk.contacts.held_profiles)
    desk.sender = Sender(replace(desk.sender._doors, contacts=contacts))
    assert desk.receives(MAIL) == []
    assert (desk.status, len(desk.provider.sent)) == (Status.SENT, 1)


def test_the_second_look_sees_the_suppression_too(desk: Desk) -> None:
    contacts = LateContacts(held_profiles=desk.contacts.held_profiles)
    desk.sender = Sender(replace(desk.sender._doors, contacts=contacts))
    desk.suppressions.add(address_hash("ann@example.com"), reason="hard_bounce", source="ses", at=T0)
    desk.receives(MAIL)
    assert desk.ledger.held["m1"].reason == "hard_bounce"


def test_an_email_of_a_book_just_applied_is_not_refused_by_the_book_before(desk: Desk) -> None:
    class Books(MemoryBooks):
        """Looks at the pointer again only when asked for more."""

        def at_least(self, sequence: int) -> Book:
            self.book = book(ACTIVATION, sequence=2)
            return MemoryBooks.at_least(self, sequence)

    desk.sender = Sender(replace(desk.sender._doors, books=Books(book(ACTIVATION, templates={}))))
    assert desk.receives(MAIL) == []
    assert (desk.status, len(desk.provider.sent)) == (Status.SENT, 1)


def test_an_email_whose_template_is_gone_fails(desk: Desk) -> None:
    desk.books.book = book(ACTIVATION, templates={})
    desk.receives(MAIL)
    assert desk.ledger.held["m1"].reason == "template_removed"


# --- while its workflow stands still


def _pause(desk: Desk, *names: str) -> None:
    desk.books.paused = frozenset(names)


@pytest.mark.parametrize("named", ["activation", ALL])
def test_an_email_of_a_paused_workflow_goes_back_to_the_engine_unsent(desk: Desk, named: str) -> None:
    _pause(desk, named)
    assert desk.receives(MAIL) == []
    assert (desk.provider.sent, desk.status) == ([], Status.OPEN)
    [told] = desk.told
    assert told.name == inputs.EMAIL_DEFERRED
    assert (told.properties["reason"], told.properties["retry_at"] > T0) == ("paused", True)


def test_a_paused_email_that_comes_twice_is_told_of_once(desk: Desk) -> None:
    _pause(desk, "activation")
    desk.receives(MAIL)
    desk.receives(MAIL)
    assert len({told.id for told in desk.told}) == 1
    assert desk.provider.sent == []


def test_after_the_pause_the_next_release_is_sent_and_the_held_one_is_not(desk: Desk) -> None:
    _pause(desk, "activation")
    desk.receives(MAIL)
    _pause(desk)
    desk.receives(MAIL)
    assert desk.provider.sent == []
    desk.receives(replace(MAIL, release=1))
    assert len(desk.provider.sent) == 1


def test_other_workflows_go_on_sending(desk: Desk) -> None:
    _pause(desk, "upgrade")
    desk.receives(MAIL)
    assert desk.status is Status.SENT


def test_what_may_never_be_sent_is_refused_also_while_its_workflow_is_paused(desk: Desk) -> None:
    _pause(desk, "activation")
    desk.suppressions.add(address_hash("ann@example.com"), reason="hard_bounce", source="ses", at=T0)
    desk.receives(MAIL)
    assert desk.status is Status.FAILED


# --- what it says


def test_a_template_shows_the_account_and_the_measures_as_they_were_decided(desk: Desk) -> None:
    sources = {"welcome.html": "<p>{{ account.plan }} {{ measures.usage }}</p>", "welcome.txt": "x"}
    assert desk.books.book is not None
    desk.books.book = replace(desk.books.book, sources={**desk.books.book.sources, **sources})
    profile = desk.contacts.held_profiles["ann"]
    desk.contacts.held_profiles["ann"] = replace(profile, account={"plan": "pro"})
    desk.receives(replace(MAIL, measures={"usage": 12}))
    [email] = desk.provider.sent
    assert "<p>pro 12</p>" in email.html


def test_the_ledger_keeps_the_arm_of_a_test(desk: Desk) -> None:
    desk.receives(replace(MAIL, variant="direct"))
    assert desk.ledger.held["m1"].variant == "direct"
