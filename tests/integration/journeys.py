"""One contact's way through all of it, and what must be true of it in the end, whatever failed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redshank.engine.conditions import Compare
from redshank.engine.inputs import Event
from redshank.engine.measures import Measure
from redshank.engine.state import END
from redshank.engine.values import Trait
from redshank.engine.workflows import EventTrigger, Send, Wait, Workflow
from redshank.identity import contact_of, message_id_of, run_id_of
from redshank.instants import MINUTE, SECOND
from redshank.ports import LedgerRow, Status
from tests import books
from tests.books import send, steps
from tests.integration.stack import Stack

_ACTIVATION = Workflow(
    name="activation",
    topic="tips",
    triggers=(EventTrigger(events=("signed_up",)),),
    goal=books.SINCE_ENTRY,
    first="welcome",
    steps=steps(
        send("welcome", "breath"),
        Wait(id="breath", next="help", span=30 * SECOND),
        send("help", "pause"),
        Wait(id="pause", next="proof", span=40 * MINUTE),
        send("proof"),
    ),
)
_RECEIPT = Workflow(
    name="receipt",
    topic="billing",
    triggers=(EventTrigger(events=("paid",)),),
    again="always",
    first="receipt",
    steps=steps(Send(id="receipt", next=END, template="thanks", topic="billing")),
)
_SEEN = Measure(key="seen", events=("", "signed_up", "product_activated", "paid"))

BOOK = books.book(
    _ACTIVATION,
    books.UPGRADE,
    _RECEIPT,
    measures={measure.key: measure for measure in (books.ACTIVATED, _SEEN)},
    segments={"pros": Compare(Trait("plan"), "eq", "pro")},
)


@dataclass(frozen=True, slots=True)
class Traveller:
    name: str

    @property
    def stream(self) -> str:
        return f"user:{self.name}"

    @property
    def contact_id(self) -> str:
        return contact_of(self.stream)

    def event(self, stack: Stack, number: int, kind: str, name: str = "", **traits: Any) -> Event:
        return Event(
            id=f"{self.name}-{number}",
            stream=self.stream,
            type=kind,
            name=name,
            occurred_at=stack.wall,
            received_at=stack.wall,
            traits=traits,
        )

    def email(self, workflow: str, step: str, cause: int) -> str:
        """The id of an email, given the number of the event that started its workflow."""
        return message_id_of(run_id_of(self.contact_id, workflow, f"{self.name}-{cause}"), step, 1)

    @property
    def emails(self) -> dict[str, str]:
        """The emails that are decided, by the steps that send them."""
        return {
            "welcome": self.email("activation", "welcome", 2),
            "help": self.email("activation", "help", 2),
            "thanks": self.email("upgrade", "thanks", 3),
            "receipt": self.email("receipt", "receipt", 4),
        }


#: Those that activation cancels if it is in time: the second always, the first if a crash held it up.
CANCELLABLE = ("welcome", "help")


def travel(stack: Stack, traveller: Traveller) -> None:
    """Sign up, upgrade, pay, and activate just when the second email has been decided."""

    stack.start_of_ten_minutes()

    def event(number: int, kind: str, name: str = "", **traits: Any) -> Event:
        return traveller.event(stack, number, kind, name, **traits)

    stack.post(
        event(1, "identify", email=f"{traveller.name}@example.com", first_name="Ann"),
        event(2, "track", "signed_up"),
    )
    stack.pump_for(10 * SECOND)
    stack.post(event(3, "identify", plan="pro"), event(4, "track", "paid"))
    stack.pump_for(10 * SECOND)
    stack.paused.add("marketing")
    stack.pump_for(30 * SECOND)
    stack.post(event(5, "track", "product_activated"), event(6, "page", "page_viewed"))
    stack.pump_for(10 * SECOND)
    stack.paused.discard("marketing")
    stack.pump()


def wrong(stack: Stack, traveller: Traveller) -> Iterator[str]:
    """What is not as it must be, once everything is at rest."""
    from redshank.identity import MEMBER_SHARDS
    from redshank.store.contacts import DynamoContacts
    from redshank.store.ledger import DynamoLedger
    from redshank.store.log import DynamoLog
    from redshank.store.tables import MemberItem

    contacts, log = DynamoContacts(), DynamoLog(lambda work, items: [work(it) for it in items], ttl=0)
    standing = contacts.standings([traveller.contact_id], consistent=True)[traveller.contact_id]
    profile = contacts.profiles([traveller.contact_id], consistent=True)[traveller.contact_id]
    keys = {(traveller.stream, f"{traveller.name}-{number}") for number in range(1, 7)}
    if missing := keys - log.present(keys, consistent=True):
        yield f"not in the log: {missing}"
    if (counted := sum(partial for _, partial in standing.measures["seen"])) != 5:
        yield f"{counted} events were counted, not 5"
    pending = {(it.stream, input_id) for input_id, it in standing.pending.items()}
    if unlogged := pending - log.present(pending, consistent=True):
        yield f"pending for ever: {unlogged}"
    if dict(profile.traits) != {
        "email": f"{traveller.name}@example.com",
        "first_name": "Ann",
        "plan": "pro",
    }:
        yield f"traits {dict(profile.traits)}"
    if profile.version != standing.profile_version:
        yield f"profile {profile.version}, standing of {standing.profile_version}"
    if any(journey.active for journey in standing.journeys.values()):
        yield f"a journey goes on: {standing.journeys}"
    if standing.due is not None or standing.indexed is not None:
        yield f"due {standing.due}, index {standing.indexed}"

    rows = DynamoLedger().rows(traveller.emails.values(), consistent=True)
    for step, message_id in traveller.emails.items():
        row, sent = rows.get(message_id), stack.sent()[message_id]
        if problem := _wrong_with(row, sent, certain=step not in CANCELLABLE):
            yield f"{step}: {problem}"
    if stack.sent()[traveller.email("activation", "proof", 2)]:
        yield "proof was sent after activation"
    for shard in range(MEMBER_SHARDS):
        for member in MemberItem.query(f"pros#{shard}", MemberItem.contact_id == traveller.contact_id):
            if not member.member:
                yield "not a member of pros"
            break
        else:
            continue
        break
    else:
        yield "never entered pros"
    if waiting := stack.waiting() | stack.dead_letters():
        yield f"left on queues: {waiting}"


def _wrong_with(row: LedgerRow | None, sent: int, *, certain: bool) -> str:
    if row is None:
        return "not in the ledger" if certain or sent else ""
    if row.status is Status.SENT:
        return "" if sent == 1 else f"counts as sent, and was sent {sent} times"
    if row.status is Status.CANCELLED and not certain:
        return f"cancelled, and sent {sent} times" if sent else ""
    return f"is {row.status} ({row.reason}), and was sent {sent} times"
