"""Does every message that was to be sent arrive, or does somebody hear of it?"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from redshank.aws.doorstep import SqsCalls
from redshank.aws.queues import QueueFailed, SqsQueues
from redshank.aws.signed import JsonService
from redshank.memory import (
    MemoryQueues,
)
from redshank.ports import Outbound, Queue, Queues, inline
from redshank.threads import Pool
from tests.contracts import adapters
from tests.contracts.conftest import IN_MEMORY

URL = "https://sqs.example/events"
URLS = dict.fromkeys(Queue, URL)

type Read = Callable[[Queue], list[str]]


def _receive(queue: Queue) -> list[dict[str, Any]]:
    """All that can be received now."""
    url = adapters.queue_urls()[queue]
    found: list[dict[str, Any]] = []
    while True:
        answer = adapters.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        some = cast("list[dict[str, Any]]", answer.get("Messages", []))
        if not some:
            return found
        found += some


def _on_sqs() -> SqsQueues:
    return SqsQueues(adapters.sqs(), adapters.queue_urls(), inline, adapters.feedback_urls())


@pytest.fixture
def queues(side: str) -> tuple[Queues, Read]:
    """The port, and the bodies that can be received of a queue."""
    if side == IN_MEMORY:
        memory = MemoryQueues()
        return memory, lambda queue: [it.body for it in memory.sent[queue] if not it.delay]
    return _on_sqs(), lambda queue: [message["Body"] for message in _receive(queue)]


# --- the port


@pytest.mark.parametrize("count", [0, 1, 10, 11, 37])
def test_every_message_arrives_once(queues: tuple[Queues, Read], count: int) -> None:
    port, read = queues
    bodies = [f"Zoë {number}" for number in range(count)]
    port.send(Queue.EVENTS, [Outbound(body=body) for body in bodies])
    assert port.waiting(Queue.EVENTS) == count
    assert Counter(read(Queue.EVENTS)) == Counter(bodies)


def test_equal_messages_are_all_sent(queues: tuple[Queues, Read]) -> None:
    port, read = queues
    port.send(Queue.EVENTS, [Outbound(body="same")] * 12)
    assert read(Queue.EVENTS) == ["same"] * 12


def test_a_message_arrives_on_the_queue_it_was_sent_to(queues: tuple[Queues, Read]) -> None:
    port, read = queues
    for queue in Queue:
        port.send(queue, [Outbound(body=str(queue))])
    assert {queue: read(queue) for queue in Queue} == {queue: [str(queue)] for queue in Queue}


def test_a_delayed_message_does_not_wait_to_be_received_yet(queues: tuple[Queues, Read]) -> None:
    port, read = queues
    port.send(Queue.EVENTS, [Outbound(body="now"), Outbound(body="later", delay=900)])
    assert port.waiting(Queue.EVENTS) == 1
    assert read(Queue.EVENTS) == ["now"]


def test_no_feedback_is_waiting_at_first(queues: tuple[Queues, Read]) -> None:
    assert queues[0].feedback_drained() is True


# --- SQS as moto plays it


def test_a_delay_is_that_of_its_own_message(account: None) -> None:
    _on_sqs().send(
        Queue.EVENTS, [Outbound(body="a", delay=7), Outbound(body="b"), Outbound(body="c", delay=900)]
    )
    attributes = adapters.sqs().get_queue_attributes(
        QueueUrl=adapters.queue_urls()[Queue.EVENTS], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "2"
    assert attributes["ApproximateNumberOfMessages"] == "1"


def test_more_than_a_request_may_hold_arrives(account: None) -> None:
    bodies = [str(number) * 400_000 for number in range(5)]
    _on_sqs().send(Queue.EVENTS, [Outbound(body=body) for body in bodies])
    assert Counter(message["Body"] for message in _receive(Queue.EVENTS)) == Counter(bodies)


def test_a_hidden_message_comes_again_when_it_was_told_to(account: None) -> None:
    queues = _on_sqs()
    queues.send(Queue.MARKETING, [Outbound(body="one")])
    [message] = _receive(Queue.MARKETING)
    assert _receive(Queue.MARKETING) == []
    queues.hide(Queue.MARKETING, message["ReceiptHandle"], seconds=0)
    [again] = _receive(Queue.MARKETING)
    assert again["Body"] == "one"
    queues.hide(Queue.MARKETING, again["ReceiptHandle"], seconds=60)
    assert _receive(Queue.MARKETING) == []
    assert queues.waiting(Queue.MARKETING) == 0


def test_what_is_being_worked_on_is_unfinished_and_what_is_delayed_is_not(account: None) -> None:
    queues = _on_sqs()
    queues.send(Queue.EVENTS, [Outbound(body="one"), Outbound(body="two"), Outbound(body="later", delay=60)])
    assert queues.unfinished(Queue.EVENTS) == 2
    [message, *_] = _receive(Queue.EVENTS)
    assert queues.unfinished(Queue.EVENTS) == 2
    url = adapters.queue_urls()[Queue.EVENTS]
    adapters.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert queues.unfinished(Queue.EVENTS) == 1


@pytest.mark.parametrize("number", [0, 1], ids=["the queue", "its dead letters"])
def test_feedback_is_not_drained_while_a_notification_is_anywhere(account: None, number: int) -> None:
    queues, url = _on_sqs(), adapters.feedback_urls()[number]
    adapters.sqs().send_message(QueueUrl=url, MessageBody="waiting")
    assert queues.feedback_drained() is False
    [message] = adapters.sqs().receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"]
    assert queues.feedback_drained() is False, "it is being worked on"
    adapters.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert queues.feedback_drained() is True
    adapters.sqs().send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    assert queues.feedback_drained() is False, "it is delayed"


def test_ingest_sends_the_same_without_an_sdk(account: None) -> None:
    class Signed:
        def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            assert operation == "SendMessageBatch"
            return dict(adapters.sqs().send_message_batch(**parameters))

    calls = SqsCalls(cast("JsonService", Signed()))
    SqsQueues(cast("Any", calls), adapters.queue_urls(), inline).send(
        Queue.EVENTS, [Outbound(body=str(number)) for number in range(11)]
    )
    assert sorted(int(message["Body"]) for message in _receive(Queue.EVENTS)) == list(range(11))


# --- SQS as it may be


class Sqs:
    """Keeps what it takes; refuses the bodies it is told to refuse, as often as it is told to."""

    def __init__(self, refuse: Mapping[str, int] | None = None, code: str = "InternalError") -> None:
        self._refuse = dict(refuse or {})
        self._code = code
        self._lock = threading.Lock()
        self.requests: list[list[str]] = []
        self.taken: list[str] = []
        self.hidden: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        assert QueueUrl == URL
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        with self._lock:
            self.requests.append([entry["MessageBody"] for entry in Entries])
            failed = []
            for entry in Entries:
                body = entry["MessageBody"]
                if self._refuse.get(body, 0):
                    self._refuse[body] -= 1
                    failed.append({"Id": entry["Id"], "Code": self._code, "Message": body})
                else:
                    self.taken.append(body)
        return {"Failed": failed} if failed else {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.hidden.append(VisibilityTimeout)

    def queues(self, size: int = 1) -> SqsQueues:
        return SqsQueues(cast("Any", self), URLS, Pool(size))


def _messages(count: int) -> list[Outbound]:
    return [Outbound(body=str(number)) for number in range(count)]


@pytest.mark.parametrize(("count", "requests"), [(0, []), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_as_few_requests_as_possible_are_made(count: int, requests: list[int]) -> None:
    sqs = Sqs()
    sqs.queues().send(Queue.EVENTS, _messages(count))
    assert [len(some) for some in sqs.requests] == requests


@pytest.mark.parametrize("letter", ["a", "ë", "€"])
def test_no_request_is_larger_than_sqs_takes(letter: str) -> None:
    sqs = Sqs()
    length = 300_000 // len(letter.encode())
    sqs.queues().send(Queue.EVENTS, [Outbound(body=letter * length)] * 7)
    assert [len(some) for some in sqs.requests] == [3, 3, 1]
    assert max(sum(len(body.encode()) for body in some) for some in sqs.requests) <= 1_048_576


def test_a_message_larger_than_a_request_goes_alone_for_sqs_to_say_so() -> None:
    sqs = Sqs()
    sqs.queues().send(Queue.EVENTS, [Outbound(body="a"), Outbound(body="b" * 1_200_000), Outbound(body="c")])
    assert [[body[0] for body in some] for some in sqs.requests] == [["a"], ["b"], ["c"]]


def test_only_what_sqs_failed_to_take_is_sent_again() -> None:
    sqs = Sqs({"3": 1, "7": 2})
    sqs.queues().send(Queue.EVENTS, _messages(9))
    assert [len(some) for some in sqs.requests] == [9, 2, 1]
    assert sorted(sqs.taken) == [str(number) for number in range(9)]


def test_what_sqs_never_takes_is_an_error_that_says_how_many_and_why() -> None:
    sqs = Sqs({"3": 99, "7": 99}, code="KmsThrottled")
    with pytest.raises(QueueFailed, match=r"2 messages: KmsThrottled 3"):
        sqs.queues().send(Queue.EVENTS, _messages(9))
    assert [len(some) for some in sqs.requests] == [9, 2, 2]


def test_a_refusal_without_a_message_is_told_too() -> None:
    class Silent(Sqs):
        def send_message_batch(self, **given: Any) -> dict[str, Any]:
            answer = super().send_message_batch(**given)
            for failure in answer["Failed"]:
                del failure["Message"]
            return answer

    with pytest.raises(QueueFailed, match="1 messages: InternalError"):
        Silent({"0": 99}).queues().send(Queue.EVENTS, _messages(1))


def test_one_batch_that_fails_does_not_keep_the_others_from_being_sent() -> None:
    sqs = Sqs({"0": 99})
    with pytest.raises(QueueFailed):
        sqs.queues(4).send(Queue.EVENTS, _messages(40))
    assert sorted(map(int, sqs.taken)) == list(range(1, 40))


def test_nothing_is_hidden_for_longer_than_sqs_allows() -> None:
    sqs = Sqs()
    for seconds in (1, 43_200, 50_000):
        sqs.queues().hide(Queue.EVENTS, "receipt", seconds=seconds)
    assert sqs.hidden == [1, 43_200, 43_200]
