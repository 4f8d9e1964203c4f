"""The stack in this process: tables and queues by moto from infra/storage.yaml, the real handlers, the wiring of
template.yaml, SES on a local port, and a clock that only the test moves.

Nothing runs by itself. ``Stack.pump`` plays the event sources: it receives from the queues the template names,
calls the function behind each, and deletes what the function does not want again.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from moto import mock_aws
from moto.sqs import models as moto_sqs

from redshank import environment, identity, instants, observing, wire, wiring
from redshank.aws.books import S3Books, key
from redshank.clock import Clock
from redshank.engine import serial
from redshank.engine.book import Book
from redshank.engine.inputs import Event
from redshank.evaluation import sweep
from redshank.instants import MINUTE, SECOND
from redshank.ports import ATTEMPT_TAG, MESSAGE_TAG, BookPointer, Books, Outbound, Queue, inline
from tests.infra import templates
from tests.integration.ses import Ses

ROOT = Path(__file__).resolve().parents[2]
START = 1_800_000_000_000
_STORAGE = "Storage.Outputs."


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


@dataclass(frozen=True, slots=True)
class Source:
    """An SQS event source of the template."""

    function: str
    queue: Queue | str
    url: str
    arn: str
    batch: int


def lambda_event(source: Source, messages: Sequence[Any]) -> dict[str, Any]:
    """What Lambda makes of messages received from a queue."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "receiptHandle": message["ReceiptHandle"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
                "eventSourceARN": source.arn,
            }
            for message in messages
        ]
    }


def credentials() -> None:
    """Settings of an account that does not exist; before anything of redshank.store is imported."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        REDSHANK_STACK=stack_name(),
    )


def stack_name() -> str:
    """The tables' names are fixed once a process: whoever imported them first has chosen the stack's."""
    tables = sys.modules.get("redshank.store.tables")
    name: str = tables.SettingItem.Meta.table_name.removesuffix("-settings") if tables else "redshank"
    return name


def forget_connections() -> None:
    """Make PynamoDB and the wiring connect anew: each stack is another account."""
    from redshank import sessions
    from redshank.store import contacts, tables

    tables.Kept.forget()
    contacts._connection.cache_clear()
    for function in (*vars(wiring).values(), *vars(sessions).values()):
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def create_storage(name: str) -> dict[str, str]:
    """Tables, bucket and queues as infra/storage.yaml has them; its outputs."""
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=f"{name}-storage",
        TemplateBody=(ROOT / "infra" / "storage.yaml").read_text(),
        Parameters=[{"ParameterKey": "Stack", "ParameterValue": name}],
    )
    created = cloudformation.describe_stacks(StackName=f"{name}-storage")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}


def _variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """What the template gives its functions, resolved as far as the storage goes."""
    found = {
        "REDSHANK_CONFIGURATION_SET": "redshank",
        "REDSHANK_EVENT_BUS": "default",
        "REDSHANK_PUBLIC_URL": "https://mail.acme.example",
    }
    for properties in templates.functions().values():
        for name, value in properties["Environment"]["Variables"].items():
            output = value.get("Fn::GetAtt", "") if isinstance(value, dict) else ""
            if output.startswith(_STORAGE):
                found[name] = outputs[output.removeprefix(_STORAGE)]
    return found


def _sources(outputs: Mapping[str, str]) -> Iterator[Source]:
    for function, properties in templates.functions().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                output = event["Properties"]["Queue"]["Fn::GetAtt"].removeprefix(_STORAGE)
                name = output.removesuffix("QueueArn")
                yield Source(
                    function=function.lower(),
                    queue=name.lower(),
                    url=outputs[f"{name}Queue"],
                    arn=outputs[output],
                    batch=event["Properties"]["BatchSize"],
                )


class Stack:
    def __init__(self, outputs: Mapping[str, str], ses: Ses) -> None:
        self.wall = START
        self.ses = ses
        self.outputs = outputs
        self.sources = list(_sources(outputs))
        self.sqs = boto3.client("sqs")
        #: Queues whose functions are switched off.
        self.paused: set[str] = set()
        #: How long after an email SES tells of it; None: never.
        self.feedback_after: int | None = 2 * SECOND
        self.crashes = 0
        #: How many handlers have been called.
        self.invocations = 0
        #: Called before and after each call to AWS that a handler makes.
        self.watch: Callable[[str, str, bool], None] = lambda function, call, after: None
        self._inside = ""
        self._handlers: dict[str, ModuleType] = {}
        self._told = 0
        self._next_minute = START + MINUTE

    # --- preparing

    def apply(self, book: Book) -> None:
        from redshank.store.settings import DynamoSettings

        settings = DynamoSettings()
        settings.add_signing_key("a secret for tests")
        pointer = BookPointer(sequence=book.sequence, hash=book.hash, listens=book.listens)
        body = serial.dump(book).encode()
        boto3.client("s3").put_object(Bucket=self.outputs["Bucket"], Key=key(pointer), Body=body)
        settings.publish(pointer)

    def books(self) -> Books:
        """As the wiring makes them, but they look at the pointer again by this stack's clock."""
        return S3Books(
            lambda: boto3.client("s3"),
            self.outputs["Bucket"],
            wiring.settings(),
            lambda: self.wall / SECOND,
        )

    def start_of_ten_minutes(self) -> None:
        """Wait for the next minute in which a sweep also catches up: journeys from there on are alike."""
        self.wall = (self.wall // (10 * MINUTE) + 1) * 10 * MINUTE + SECOND
        self._next_minute = (self.wall // MINUTE + 1) * MINUTE

    def post(self, *events: Event) -> None:
        """What ingest does with the events of one request."""
        wiring.queues().send(Queue.EVENTS, [Outbound(body=body) for body in wire.pack(events)])

    # --- the functions

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a handler, as Lambda does."""
        if function not in self._handlers:
            path = ROOT / "functions" / function / "app.py"
            spec = importlib.util.spec_from_file_location(f"stack_{function}_app", path)
            assert spec is not None
            assert spec.loader is not None
            self._handlers[function] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self._handlers[function])
        self.invocations += 1
        before, self._inside = self._inside, function
        try:
            answer: dict[str, Any] = self._handlers[function].handler(event, None)
        finally:
            self._inside = before
        return answer

    def intercept(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """botocore's one way out, with ``watch`` on both sides of it."""

        @functools.wraps(original)
        def call(client: Any, operation: str, parameters: Any) -> Any:
            function = self._inside
            if not function:
                return original(client, operation, parameters)
            self.watch(function, operation, False)
            try:
                return original(client, operation, parameters)
            finally:
                # Also when it was answered with an error, such as a condition that does not hold.
                self.watch(function, operation, True)

        return call

    # --- the event sources

    def pump(self, *, rounds: int = 500) -> None:
        """Until nothing is on any queue and nobody is due."""
        for _ in range(rounds):
            if not self.deliver() and not self._move():
                return
        raise AssertionError(f"not at rest after {rounds} rounds: {self.waiting()}")

    def pump_for(self, span: int) -> None:
        """Let this much time pass, and everything happen that happens in it."""
        until = self.wall + span
        while self.wall < until:
            if not self.deliver() and not self._move(until):
                self.wall = until

    def deliver(self) -> bool:
        """Give each function what it can have now; whether there was anything."""
        self._tell()
        delivered = [self._deliver(source) for source in self.sources if source.queue not in self.paused]
        return any(delivered)

    def _deliver(self, source: Source) -> bool:
        received: list[Any] = []
        while len(received) < source.batch:
            some = self.sqs.receive_message(
                QueueUrl=source.url,
                MaxNumberOfMessages=min(10, source.batch - len(received)),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            ).get("Messages", [])
            if not some:
                break
            received += some
        if not received:
            return False
        try:
            answer = self.call(source.function, lambda_event(source, received))
        except Crash:
            self.crashes += 1
            return True
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in again:
                self.sqs.delete_message(QueueUrl=source.url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def take(self, queue: str) -> tuple[Source, list[Any]]:
        """Receive what a queue has, without giving it to anybody yet."""
        [source] = [source for source in self.sources if source.queue == queue]
        received = self.sqs.receive_message(
            QueueUrl=source.url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return source, list(received.get("Messages", []))

    def tick(self) -> None:
        """The minute schedule."""
        try:
            self.call("evaluate", {"source": "aws.events"})
        except Crash:
            self.crashes += 1

    def _move(self, until: int | None = None) -> bool:
        """Move the clock to whatever happens next (not past ``until``); whether anything will."""
        messages = [message for queue in self._queues() for message in queue._messages]
        moments = [max(int(it.visible_at or 0), int(it.delayed_until or 0)) + 1 for it in messages]
        if self.feedback_after is not None and self._told < len(self.ses.accepted):
            moments.append(max(self.wall + 1, self.ses.accepted[self._told].at + self.feedback_after))
        due = self._soonest_due()
        if due is not None:
            # The minutes between in which a sweep would find nobody are left out: they are many.
            minute = max(self._next_minute, (due // MINUTE - 2) * MINUTE)
            self._next_minute = minute
            moments.append(minute)
        moments = [at for at in moments if at > self.wall]
        if not moments:
            return False
        self.wall = min([*moments, *([until] if until else [])])
        if due is not None and self.wall >= self._next_minute:
            self._next_minute = (self.wall // MINUTE + 1) * MINUTE
            self.tick()
        return True

    def _queues(self) -> list[Any]:
        """moto's own queues, those whose functions are switched off excepted."""
        backend = moto_sqs.sqs_backends["123456789012"]["us-east-1"]
        urls = [source.url for source in self.sources if source.queue not in self.paused]
        return [backend.queues[url.rpartition("/")[2]] for url in urls]

    def _soonest_due(self) -> int | None:
        """The earliest instant in the index of due contacts."""
        from redshank.store.tables import StandingItem

        return min((int(item.due_at) for item in StandingItem.due.scan()), default=None)

    def waiting(self) -> dict[str, int]:
        """How many messages each queue holds, visible or not."""
        return {queue.name: len(queue._messages) for queue in self._queues() if queue._messages}

    def dead_letters(self) -> dict[str, int]:
        backend = moto_sqs.sqs_backends["123456789012"]["us-east-1"]
        return {
            name: len(queue._messages)
            for name, queue in backend.queues.items()
            if name.endswith("-dead-letters") and queue._messages
        }

    def _tell(self) -> None:
        """Put on the feedback queue what SES has to say by now."""
        while (
            self.feedback_after is not None
            and self._told < len(self.ses.accepted)
            and self.ses.accepted[self._told].at + self.feedback_after <= self.wall
        ):
            taken = self.ses.accepted[self._told]
            self._told += 1
            for kind in ("Send", "Delivery"):
                self.tell(kind, taken.email, taken.at)

    def tell(self, kind: str, email: Mapping[str, Any], at: int) -> None:
        """A notification of SES about an email."""
        timestamp = instants.iso(at)
        tags = {tag["Name"]: [tag["Value"]] for tag in email["EmailTags"]}
        body = {
            "eventType": kind,
            "mail": {
                "timestamp": timestamp,
                "messageId": "provider-id",
                "destination": email["Destination"]["ToAddresses"],
                "tags": {name: tags[name] for name in (MESSAGE_TAG, ATTEMPT_TAG)},
            },
            kind.lower(): {"timestamp": timestamp},
        }
        self.sqs.send_message(QueueUrl=self.outputs["FeedbackQueue"], MessageBody=json.dumps(body))

    # --- what came of it

    def sent(self) -> Counter[str]:
        """How often SES took each message."""
        return Counter(
            tag["Value"]
            for taken in self.ses.accepted
            for tag in taken.email["EmailTags"]
            if tag["Name"] == MESSAGE_TAG
        )


def _impatient_mailer() -> None:
    """Let the wiring make its client as it does, but with a read timeout that a test can wait for."""

    def config(**options: Any) -> Config:
        return Config(**{**options, "read_timeout": 0.3})

    with mock.patch("botocore.config.Config", config):
        wiring.mailer()


@contextmanager
def running(book: Book) -> Iterator[Stack]:
    """A stack with this book, ready to be pumped."""
    with ExitStack() as cleanup:
        cleanup.enter_context(mock.patch.dict(os.environ))
        credentials()
        cleanup.enter_context(mock_aws())
        cleanup.callback(forget_connections)
        outputs = create_storage(os.environ["REDSHANK_STACK"])
        os.environ.update(_variables(outputs))
        ses = cleanup.enter_context(Ses().serving())
        os.environ["AWS_ENDPOINT_URL_SESV2"] = ses.url
        forget_connections()
        stack = Stack(outputs, ses)
        ses.wall = lambda: stack.wall
        here = replace(environment.from_variables(), clock=Clock(wall=lambda: stack.wall))

        def patch(target: Any, name: str, value: Any) -> None:
            cleanup.enter_context(mock.patch.object(target, name, value))

        patch(wiring, "environment", lambda: here)
        # One thread, so that a crash is at the same call each time.
        patch(wiring, "spread", lambda: inline)
        # Two shards show what sixteen do, in an eighth of the queries.
        patch(identity, "DUE_SHARDS", 2)
        patch(sweep, "DUE_SHARDS", 2)
        patch(wiring, "books", functools.cache(stack.books))
        # Without boto3 moto would not see the calls.
        patch(wiring, "events_queue", lambda: wiring.queues())
        patch(observing, "logger", lambda service: logging.getLogger("redshank"))
        patch(observing, "count", lambda name, number=1, **dimensions: None)
        patch(moto_sqs, "unix_time_millis", lambda *_: stack.wall)
        patch(moto_sqs, "unix_time", lambda *_: stack.wall / SECOND)
        _impatient_mailer()
        patch(BaseClient, "_make_api_call", stack.intercept(BaseClient._make_api_call))  # type: ignore[attr-defined]
        stack.apply(book)
        yield stack
