"""Two functions at work on the same thing: at every call of the one, the other does all of its work in between.

The handlers and adapters are the real ones. Whoever comes second finds a conflict, a claim, or work half done, and the
result is as if they had come one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from redshank import wiring
from redshank.engine.inputs import Event
from redshank.ports import Status
from tests.integration.journeys import Traveller
from tests.integration.stack import Stack, lambda_event

pytestmark = pytest.mark.timeout(300)

#: More calls than a function makes for one message.
MANY = 40


@dataclass
class Crossing:
    """While one delivery is being worked on, another is worked on from its first to its last call."""

    stack: Stack
    queue: str

    def at(self, index: int, first: Sequence[Any], second: Sequence[Any]) -> bool:
        """Cross them before the call of this number; whether there was such a call."""
        stack = self.stack
        [source] = [source for source in stack.sources if source.queue == self.queue]
        made, crossed = 0, False

        def watch(function: str, call: str, after: bool) -> None:
            nonlocal made, crossed
            if after or crossed:
                return
            made += 1
            if made == index + 1:
                crossed = True
                self._work(source, second)

        stack.watch = watch
        self._work(source, first)
        stack.watch = lambda function, call, after: None
        return crossed

    def _work(self, source: Any, messages: Sequence[Any]) -> None:
        answer = self.stack.call(source.function, lambda_event(source, messages))
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in again:
                self.stack.sqs.delete_message(QueueUrl=source.url, ReceiptHandle=message["ReceiptHandle"])


def _race(
    stack: Stack, name: str, posted: Callable[[Traveller], tuple[list[Event], list[Event]]], *, same: bool
) -> list[str]:
    """Cross two deliveries at every call; what is wrong afterwards, for each."""
    problems = []
    for index in range(MANY):
        traveller = Traveller(f"{name}-{index}")
        stack.post(traveller.event(stack, 1, "identify", email=f"{traveller.name}@example.com"))
        stack.pump_for(2_000)
        first, second = posted(traveller)
        stack.post(*first)
        if second:
            stack.post(*second)
        _, messages = stack.take("events")
        one, other = (messages, messages) if same else (messages[:1], messages[1:])
        crossed = Crossing(stack, "events").at(index, one, other)
        stack.pump()
        expected = {1: 1} | {int(event.id.rpartition("-")[2]): 1 for event in (*first, *second)}
        problems += [f"crossed before call {index}: {it}" for it in _wrong(stack, traveller, len(expected))]
        if not crossed:
            assert index > 3, "it made hardly any call"
            return problems
    raise AssertionError(f"more than {MANY} calls for one message")


def _wrong(stack: Stack, traveller: Traveller, events: int) -> list[str]:
    contact_id = traveller.contact_id
    standing = wiring.contacts().standings([contact_id], consistent=True)[contact_id]
    found = []
    if (counted := sum(partial for _, partial in standing.measures["seen"])) != events:
        found.append(f"{counted} events were counted, not {events}")
    pending = {(it.stream, input_id) for input_id, it in standing.pending.items()}
    if unlogged := pending - wiring.log().present(pending, consistent=True):
        found.append(f"pending for ever: {unlogged}")
    for step, message_id in traveller.emails.items():
        row = wiring.ledger().rows([message_id], consistent=True).get(message_id)
        sent = stack.sent()[message_id]
        if (sent, row.status if row else None) not in ((1, Status.SENT), (0, None)):
            found.append(f"{step} was sent {sent} times: {row}")
    if not stack.sent()[traveller.emails["welcome"]]:
        found.append("welcome was not sent")
    return found


def test_two_evaluates_on_one_contact_count_every_event_once(stack: Stack) -> None:
    def posted(it: Traveller) -> tuple[list[Event], list[Event]]:
        return [it.event(stack, 2, "track", "signed_up")], [it.event(stack, 3, "identify", plan="pro")]

    assert _race(stack, "two", posted, same=False) == []


def test_the_same_event_posted_twice_is_one_event_also_when_both_are_worked_on(stack: Stack) -> None:
    def posted(it: Traveller) -> tuple[list[Event], list[Event]]:
        event = it.event(stack, 2, "track", "signed_up")
        return [event], [event]

    assert _race(stack, "twins", posted, same=False) == []


def test_a_message_that_sqs_delivers_twice_at_once_is_applied_once(stack: Stack) -> None:
    def posted(it: Traveller) -> tuple[list[Event], list[Event]]:
        return [it.event(stack, 2, "track", "signed_up"), it.event(stack, 3, "identify", plan="pro")], []

    assert _race(stack, "delivered", posted, same=True) == []


def test_an_email_that_two_functions_send_at_once_goes_out_once(stack: Stack) -> None:
    for index in range(MANY):
        traveller = Traveller(f"email-{index}")
        stack.post(
            traveller.event(stack, 1, "identify", email=f"{traveller.name}@example.com"),
            traveller.event(stack, 4, "track", "paid"),
        )
        stack.paused.add("transactional")
        stack.pump_for(2_000)
        _, messages = stack.take("transactional")
        crossed = Crossing(stack, "transactional").at(index, messages, messages)
        stack.paused.clear()
        stack.pump()
        assert stack.sent()[traveller.emails["receipt"]] == 1, f"crossed before call {index}"
        if not crossed:
            assert index > 3
            return
    raise AssertionError(f"more than {MANY} calls for one email")
