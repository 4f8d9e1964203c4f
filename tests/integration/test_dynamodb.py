"""What only a real DynamoDB shows: threads racing for one item, transactions, and what it all costs.

On DynamoDB Local, which has DynamoDB's rules. The costs are held to the table in docs/protocol.md.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient

from redshank import wire
from redshank.clock import Clock
from redshank.engine.book import Book
from redshank.engine.effects import Mail
from redshank.engine.inputs import Event, Input, Wake
from redshank.engine.state import Standing
from redshank.errors import Conflict
from redshank.evaluation.batch import evaluate
from redshank.evaluation.doors import LOG_TTL, Doors
from redshank.identity import contact_of
from redshank.instants import DAY, SECOND
from redshank.memory import MemoryBooks, MemoryBus, MemoryMailer, MemoryQueues, MemorySettings
from redshank.ports import Outbound, Queue, Status
from redshank.preferences.links import Links
from redshank.records import Record
from redshank.sending.batch import Sender
from redshank.sending.doors import Doors as SendDoors
from redshank.threads import Pool
from tests import dynamodb_local
from tests.bench.counting import units
from tests.infra import templates
from tests.integration.journeys import BOOK
from tests.integration.stack import credentials, forget_connections, stack_name

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

T0 = 1_800_000_000_000
THREADS = 4


class LockedQueues(MemoryQueues):
    """Queues for many threads."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def send(self, queue: Queue, messages: Any) -> None:
        with self.lock:
            MemoryQueues.send(self, queue, messages)

    def take(self, queue: Queue) -> list[Outbound]:
        with self.lock:
            taken, self.sent[queue] = self.sent[queue], []
        return taken


@dataclass
class Spent:
    """Calls, and the units AWS would bill for them."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0
    write: float = 0


@dataclass
class House:
    """Evaluate and send on DynamoDB; everything else is in memory."""

    now: int = T0
    book: Book = BOOK
    queues: LockedQueues = field(default_factory=LockedQueues)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    spread: Pool = field(default_factory=lambda: Pool(8))

    def __post_init__(self) -> None:
        from redshank.store.contacts import DynamoContacts
        from redshank.store.ledger import DynamoLedger
        from redshank.store.log import DynamoLog
        from redshank.store.members import DynamoMembers
        from redshank.store.suppressions import DynamoSuppressions

        self.contacts, self.ledger = DynamoContacts(), DynamoLedger()
        self.log = DynamoLog(self.spread, ttl=LOG_TTL)
        clock = Clock(wall=lambda: self.now)
        self.doors = Doors(
            contacts=self.contacts,
            log=self.log,
            ledger=self.ledger,
            members=DynamoMembers(),
            queues=self.queues,
            bus=MemoryBus(),
            books=MemoryBooks(self.book),
            settings=MemorySettings(),
            clock=clock,
            spread=self.spread,
        )
        self.sender = Sender(
            SendDoors(
                contacts=self.contacts,
                suppressions=DynamoSuppressions(),
                ledger=self.ledger,
                mailer=self.mailer,
                queues=self.queues,
                books=MemoryBooks(self.book),
                links=lambda mail: Links(unsubscribe="https://u", preferences="https://p"),
                clock=clock,
                spread=self.spread,
            )
        )

    def evaluates(self, *inputs: Input) -> None:
        for body in wire.pack(inputs):
            assert evaluate(self.doors, [Record(id="r", body=body)]) == []

    def sends(self, queue: Queue) -> None:
        records = [Record(id=str(at), body=it.body) for at, it in enumerate(self.queues.take(queue))]
        assert self.sender.send(queue, records) == []

    def standing(self, who: str) -> Standing:
        contact_id = contact_of(f"user:{who}")
        return self.contacts.standings([contact_id], consistent=True)[contact_id]

    def event(self, who: str, event_id: str, name: str = "", *, after: int = 0, **traits: Any) -> Event:
        return Event(
            id=f"{who}-{event_id}",
            stream=f"user:{who}",
            type="track" if name else "identify",
            name=name,
            occurred_at=self.now + after,
            received_at=self.now + after,
            traits=traits,
        )

    def known(self, who: str) -> Event:
        return self.event(who, "known", email=f"{who}@example.com", first_name="Ann")

    def spent_by(self, work: Callable[[], None]) -> Spent:
        """What this work costs at DynamoDB."""
        spent, lock = Spent(), threading.Lock()
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            asked = {**parameters, "ReturnConsumedCapacity": "INDEXES"}
            answer = original(client, operation, asked)
            read, write = units(operation, parameters, answer)
            with lock:
                spent.calls[operation] += 1
                spent.read += read
                spent.write += write
            return answer

        with mock.patch.object(BaseClient, "_make_api_call", call):
            work()
        return spent


@pytest.fixture(scope="module")
def _database() -> Iterator[None]:
    try:
        with dynamodb_local.running() as server, mock.patch.dict(os.environ):
            credentials()
            os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = server.url
            forget_connections()
            _create_tables()
            yield
            forget_connections()
    except dynamodb_local.Unavailable as error:
        pytest.skip(f"nobody has raced or counted: {error}")


def _create_tables() -> None:
    client = boto3.client("dynamodb")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    for table in templates.resources("infra/storage.yaml", "AWS::DynamoDB::Table").values():
        name = table["TableName"]["Fn::Sub"].replace("${Stack}", stack_name())
        client.create_table(TableName=name, **{key: table[key] for key in wanted if key in table})


@pytest.fixture
def house(_database: None) -> House:
    return House()


def _together(work: Callable[[int], None], workers: int = THREADS) -> None:
    """The same work on several threads, begun at the same instant."""
    ready = threading.Barrier(workers)

    def begin(worker: int) -> None:
        ready.wait()
        work(worker)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(begin, range(workers)))


def _until_nothing_waits(house: House, work: Callable[[list[Record]], list[str]]) -> None:
    """What conflicts sent back to the queue is worked on by all threads until there is none."""
    for _ in range(200):
        records = [
            Record(id=str(at), body=message.body)
            for at, message in enumerate(house.queues.take(Queue.EVENTS))
            if "wake" not in message.body
        ]
        if not records:
            return
        _together(lambda worker, some=records: _all_done(work(some[worker::THREADS])))  # type: ignore[misc]
    raise AssertionError("it does not come to rest")


def _all_done(again: list[str]) -> None:
    assert again == []


# --- races


def test_32_events_of_one_contact_from_4_threads_are_each_counted_once(house: House) -> None:
    house.evaluates(house.known("racer"))
    bodies = [body for n in range(32) for body in wire.pack([house.event("racer", str(n), "paid")])]

    def work(worker: int) -> None:
        for body in bodies[worker::THREADS]:
            _all_done(evaluate(house.doors, [Record(id="r", body=body)]))

    _together(work)
    _until_nothing_waits(house, lambda records: evaluate(house.doors, records))
    standing = house.standing("racer")
    assert standing.measures["seen"][0][1] == 33
    keys = {("user:racer", f"racer-{n}") for n in range(32)}
    assert house.log.present(keys, consistent=True) == keys
    mails = [wire.load_mail(it.body) for it in house.queues.take(Queue.TRANSACTIONAL)]
    assert {mail.run for mail in mails} == {mail.run for mail in mails if mail.step == "receipt"}
    assert len({mail.message_id for mail in mails}) == 32


def test_the_same_32_events_given_to_4_threads_at_once_are_each_counted_once(house: House) -> None:
    house.evaluates(house.known("twin"))
    bodies = list(wire.pack([house.event("twin", str(n), "paid") for n in range(32)], limit=600))

    def work(worker: int) -> None:
        turned = bodies[worker:] + bodies[:worker]
        for body in turned:
            _all_done(evaluate(house.doors, [Record(id="r", body=body)]))

    _together(work)
    _until_nothing_waits(house, lambda records: evaluate(house.doors, records))
    assert house.standing("twin").measures["seen"][0][1] == 33


def test_of_traits_said_by_4_threads_at_once_the_newest_word_wins(house: House) -> None:
    def work(worker: int) -> None:
        for n in range(6):
            at = worker + THREADS * n
            said = house.event("talker", f"{at}", after=at, plan=f"plan-{at}", company="Acme")
            house.evaluates(said)

    _together(work)
    _until_nothing_waits(house, lambda records: evaluate(house.doors, records))
    contact_id = contact_of("user:talker")
    profile = house.contacts.profiles([contact_id], consistent=True)[contact_id]
    standing = house.standing("talker")
    assert profile.traits["plan"] == "plan-23"
    assert profile.version == standing.profile_version
    assert standing.measures["seen"][0][1] == 24


def test_a_transaction_writes_both_or_neither(house: House) -> None:
    house.evaluates(house.known("both"))
    contact_id = contact_of("user:both")
    standing = house.standing("both")
    profile = house.contacts.profiles([contact_id], consistent=True)[contact_id]
    newer, old_profile = replace(standing, version=standing.version + 1), replace(profile, traits={"a": 1})
    with pytest.raises(Conflict):
        house.contacts.write(newer, old_profile)
    assert house.standing("both").version == standing.version
    assert house.contacts.profiles([contact_id], consistent=True)[contact_id] == profile


def test_of_8_threads_that_claim_one_email_one_has_it(house: House) -> None:
    mail = Mail(
        message_id="raced",
        contact_id="c",
        workflow="w",
        run="r",
        step="s",
        template="welcome",
        topic="tips",
        transactional=False,
        decided_at=T0,
    )
    won: list[int] = []

    def work(worker: int) -> None:
        try:
            won.append(house.ledger.claim(mail, now=T0))
        except Conflict:
            pass

    _together(work, workers=8)
    assert won == [1]


# --- costs, as the table in docs/protocol.md has them


def test_an_event_somebody_listens_to_costs_two_write_units(house: House) -> None:
    house.evaluates(house.known("payer"), house.event("payer", "1", "signed_up"))
    spent = house.spent_by(lambda: house.evaluates(house.event("payer", "2", "product_activated")))
    # It ends the journey, whose entry in the index stays until it has passed: 2 for the standing's
    # and the log's item, 1 for the email's cancelling.
    assert spent.write == 3
    spent = house.spent_by(lambda: house.evaluates(house.event("payer", "3", "product_activated")))
    assert spent.write == 2
    assert spent.read <= 3.5  # standing, own id, profile; the pending id and the outbox besides


def test_an_event_nobody_listens_to_costs_one_write_unit(house: House) -> None:
    house.evaluates(house.known("viewer"))
    spent = house.spent_by(lambda: house.evaluates(house.event("viewer", "1", "page_viewed")))
    assert spent.write == 1
    assert spent.read <= 3.5


def test_events_of_one_batch_share_their_contacts_write(house: House) -> None:
    house.evaluates(house.known("busy"))
    events = [house.event("busy", str(n), "product_activated") for n in range(10)]
    spent = house.spent_by(lambda: house.evaluates(*events))
    assert spent.calls["PutItem"] == 1
    assert spent.write <= 10 + 2


def test_an_identify_that_changes_a_trait_costs_five_write_units(house: House) -> None:
    house.evaluates(house.known("namer"))
    spent = house.spent_by(lambda: house.evaluates(house.event("namer", "1", company="Acme")))
    assert spent.write == 5


def test_an_identify_that_changes_nothing_costs_two_write_units(house: House) -> None:
    house.evaluates(house.known("same"))
    house.now += SECOND
    again = house.event("same", "again", email="same@example.com")
    spent = house.spent_by(lambda: house.evaluates(again))
    assert spent.write == 2


def test_a_drip_email_costs_seven_and_a_half_write_units_all_in(house: House) -> None:
    house.evaluates(house.known("drip"), house.event("drip", "1", "signed_up"))
    house.sends(Queue.MARKETING)
    contact_id = contact_of("user:drip")
    due = house.standing("drip").due
    assert due is not None
    house.now = due
    [profile] = house.contacts.profiles([contact_id], consistent=True).values()
    assert profile.email

    def send_and_hear() -> None:
        house.evaluates(Wake(contact_id=contact_id, at=due))
        [body] = [it.body for it in house.queues.sent[Queue.MARKETING]]
        house.sends(Queue.MARKETING)
        house.ledger.note(wire.load_mail(body).message_id, {"delivered": house.now})

    spent = house.spent_by(send_and_hear)
    assert len(house.mailer.sent) == 2
    ids = [email.tags["redshank_message"] for email in house.mailer.sent]
    assert {row.status for row in house.ledger.rows(ids, consistent=True).values()} == {Status.SENT}
    assert spent.write <= 7.5
    # Wake-up: standing (consistent), pending id, outbox and its row, profile; send: profile, suppression.
    assert spent.read <= 4.5


def test_the_index_moves_only_when_it_would_be_late(house: House) -> None:
    house.evaluates(house.known("index"), house.event("index", "1", "signed_up"))
    assert house.standing("index").indexed is not None
    house.now += SECOND
    spent = house.spent_by(lambda: house.evaluates(house.event("index", "2", "paid")))
    # The standing and the log record; the index entry stays where it is.
    assert spent.write <= 2
    house.now += DAY
    spent = house.spent_by(lambda: house.evaluates(house.event("index", "3", "paid")))
    # It has passed: it moves (2), and what was due before the event has a log record of its own.
    assert spent.write <= 2 + 2 + 1
