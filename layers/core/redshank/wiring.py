"""Which adapter serves which port in this function? Made once, when first asked for, and shared.

Each function imports only the adapters it uses: a cold start is paid by somebody waiting for an email.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from redshank import environment as env
from redshank import sessions
from redshank.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

    from redshank.aws.bus import Events
    from redshank.aws.doorstep import KeyTable
    from redshank.evaluation.doors import Doors
    from redshank.ports import (
        Books,
        Bus,
        Contacts,
        Ledger,
        Log,
        Mailer,
        Members,
        Queue,
        Queues,
        Settings,
        Suppressions,
    )
    from redshank.records import Record
    from redshank.sending.batch import Sender
    from redshank.threads import Pool

#: Threads of a function, and connections to each service to match.
THREADS = 32


@cache
def environment() -> Environment:
    return env.from_variables()


@cache
def spread() -> Pool:
    from redshank.threads import Pool

    return Pool(THREADS)


@cache
def contacts() -> Contacts:
    from redshank.store.contacts import DynamoContacts

    return DynamoContacts()


@cache
def log() -> Log:
    from redshank.evaluation.doors import LOG_TTL
    from redshank.store.log import DynamoLog

    return DynamoLog(spread(), ttl=LOG_TTL)


@cache
def ledger() -> Ledger:
    from redshank.store.ledger import DynamoLedger

    return DynamoLedger()


@cache
def members() -> Members:
    from redshank.store.members import DynamoMembers

    return DynamoMembers()


@cache
def suppressions() -> Suppressions:
    from redshank.store.suppressions import DynamoSuppressions

    return DynamoSuppressions()


@cache
def settings() -> Settings:
    from redshank.store.settings import DynamoSettings

    return DynamoSettings()


@cache
def queues() -> Queues:
    from botocore.config import Config

    from redshank.aws.queues import SqsQueues
    from redshank.ports import Queue

    here = environment()
    client = sessions.aws().client(
        "sqs",
        config=Config(
            max_pool_connections=THREADS,
            connect_timeout=2,
            read_timeout=10,
            parameter_validation=False,
            retries={"total_max_attempts": 4, "mode": "standard"},
        ),
    )
    urls = {
        Queue.EVENTS: here.events_queue,
        Queue.TRANSACTIONAL: here.transactional_queue,
        Queue.MARKETING: here.marketing_queue,
    }
    feedback = [url for url in (here.feedback_queue, here.feedback_dead_letters) if url]
    return SqsQueues(client, urls, spread(), feedback)


@cache
def write_keys() -> KeyTable:
    """The write keys alone: without PynamoDB, for ingest."""
    from redshank.aws.doorstep import DYNAMODB_TARGET, KeyTable
    from redshank.aws.signed import JsonService

    here = environment()
    dynamodb = JsonService(env.access(["dynamodb"]), "dynamodb", DYNAMODB_TARGET, here.clock.wall)
    return KeyTable(dynamodb, f"{here.stack}-settings")


@cache
def events_queue() -> Queues:
    """The events queue alone, on one thread: without boto3, whose import is a third of a cold start."""
    from redshank.aws.doorstep import SQS_TARGET, SqsCalls
    from redshank.aws.queues import SqsQueues
    from redshank.aws.signed import JsonService
    from redshank.ports import Queue, inline

    here = environment()
    calls = SqsCalls(JsonService(env.access(["sqs"]), "sqs", SQS_TARGET, here.clock.wall))
    return SqsQueues(cast("SQSClient", calls), {Queue.EVENTS: here.events_queue}, inline)


@cache
def mailer() -> Mailer:
    from botocore.config import Config

    from redshank.aws.ses import SesMailer

    client = sessions.aws().client(
        "sesv2",
        config=Config(
            max_pool_connections=THREADS,
            connect_timeout=2,
            read_timeout=10,
            parameter_validation=False,
            retries={"total_max_attempts": 1},
        ),
    )
    return SesMailer(client, environment().configuration_set)


@cache
def books() -> Books:
    from redshank.aws.books import S3Books

    return S3Books(_s3, environment().bucket, settings())


def _s3() -> S3Client:
    return sessions.aws().client("s3")


@cache
def bus() -> Bus:
    from redshank.aws.bus import EventBridge

    return EventBridge(_events, environment().event_bus, spread())


@cache
def _events() -> Events:
    from botocore.config import Config

    config = Config(max_pool_connections=THREADS, connect_timeout=2, read_timeout=10)
    client: Events = sessions.aws().client("events", config=config)
    return client


@cache
def sender() -> Sender:
    from redshank.preferences.links import links
    from redshank.sending.batch import Sender
    from redshank.sending.doors import Doors as SendDoors

    here = environment()
    return Sender(
        SendDoors(
            contacts=contacts(),
            suppressions=suppressions(),
            ledger=ledger(),
            mailer=mailer(),
            queues=queues(),
            books=books(),
            links=links(here.public_url, settings().signing_keys()),
            clock=here.clock,
            spread=spread(),
        )
    )


def queue_of(batch: Sequence[Record]) -> Queue:
    """Which of the send queues a batch came from: Lambda never mixes two sources."""
    from redshank.ports import Queue

    name = batch[0].source.rpartition(":")[2]
    is_transactional = environment().transactional_queue.endswith(f"/{name}")
    return Queue.TRANSACTIONAL if is_transactional else Queue.MARKETING


@cache
def doors() -> Doors:
    from redshank.evaluation.doors import Doors

    return Doors(
        stack=environment().stack,
        contacts=contacts(),
        log=log(),
        ledger=ledger(),
        members=members(),
        queues=queues(),
        bus=bus(),
        books=books(),
        settings=settings(),
        clock=environment().clock,
        spread=spread(),
    )
