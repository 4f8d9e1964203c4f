"""What does a run stand on? DynamoDB Local, the stand-ins, the tables, a book that is live, a key to post with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests import dynamodb_local
from tests.bench import deployed, workload
from tests.bench.deployed import BUCKET, ROOT
from tests.bench.functions import Function, StandIn, environment

#: Milliseconds until the provider answers.
LATENCY = 40
#: DynamoDB Local takes many thousand calls to become as fast as it gets; with Java's simpler compiler it takes
#: two thousand, and compiles no longer beside what is measured.
_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms512m", "-Xmn300m")


@dataclass(frozen=True, kw_only=True)
class Place:
    sqs: StandIn
    s3: StandIn
    ses: StandIn
    #: What has no client of its own: name -> process id.
    pids: Mapping[str, int]
    functions: Mapping[str, deployed.Function]
    #: Where the AWS services are, as environment variables.
    endpoints: Mapping[str, str]
    write_key: str

    def variables(self, name: str, **more: str) -> dict[str, str]:
        """The environment of a function of the template."""
        return {**self.functions[name].environment, **self.endpoints, **more}

    def start(self, name: str, **more: str) -> Function:
        return Function(name, self.variables(name, **more))


@contextmanager
def prepared() -> Iterator[Place]:
    """Everything a run needs; raises dynamodb_local.Unavailable."""
    with ExitStack() as stack:
        database = stack.enter_context(dynamodb_local.running(*_JAVA))
        urls = {}
        pids = {"DynamoDB Local": database.pid}
        for kind in ("sqs", "s3", "ses"):
            urls[kind], pids[f"{kind.upper()} stand-in"] = stack.enter_context(_standin(kind))
        endpoints = {
            "AWS_ENDPOINT_URL_DYNAMODB": database.url,
            "AWS_ENDPOINT_URL_SQS": urls["sqs"],
            "AWS_ENDPOINT_URL_S3": urls["s3"],
            "AWS_ENDPOINT_URL_SESV2": urls["ses"],
        }
        # The store reads the environment when it is imported.
        ours = environment(endpoints, {"REDSHANK_STACK": deployed.STACK})
        os.environ.clear()
        os.environ.update(ours)
        s3 = StandIn(urls["s3"])
        _create_tables(database.url)
        yield Place(
            sqs=StandIn(urls["sqs"]),
            s3=s3,
            ses=StandIn(urls["ses"]),
            pids=pids,
            functions=deployed.functions(),
            endpoints=endpoints,
            write_key=_furnish(s3),
        )


@contextmanager
def _standin(kind: str) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.standins", kind, str(LATENCY)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _create_tables(url: str) -> None:
    import boto3

    client = boto3.client("dynamodb", endpoint_url=url)
    for arguments in deployed.tables():
        client.create_table(**arguments)


class _Bucket:
    """What applying a book needs of S3."""

    def __init__(self, s3: StandIn) -> None:
        self._s3 = s3

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:
        return self._s3.ask(f"/{Bucket}/{Key}", Body, method="PUT")


def _furnish(s3: StandIn) -> str:
    """Apply the book and make a write key, as `redshank apply` and `redshank keys create` do."""
    from cli.apply import apply_book
    from cli.keys import Scope, create_key
    from redshank.clock import Clock
    from redshank.store.settings import DynamoSettings

    settings = DynamoSettings()
    apply_book(workload.book(), settings, _Bucket(s3), BUCKET, now=Clock().now())
    return create_key(settings, "bench", [Scope.WRITE], now=Clock().now())
