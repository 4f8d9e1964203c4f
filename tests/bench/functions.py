"""The functions' processes, and the deliveries of their queues as Lambda's event sources make them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from tests.bench import runtime
from tests.bench.deployed import ROOT, Source


class FunctionFailed(Exception):
    """A handler raised, or wants to have messages again: a benchmark of errors means nothing."""


def environment(*more: Mapping[str, str]) -> dict[str, str]:
    """Ours, as a Lambda function would have it, and more."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REDSHANK_", "AWS_", "PYTHON", "POWERTOOLS_"))
    }
    given: dict[str, str] = {}
    for some in more:
        given |= some
    return {
        **kept,
        "PYTHONPATH": f"{ROOT / 'layers' / 'core'}{os.pathsep}{ROOT}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        # What Lambda has no trace of, this machine may have.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **given,
    }


class Function:
    """One process of a function: one invocation at a time, as in Lambda."""

    def __init__(self, name: str, variables: Mapping[str, str]) -> None:
        self.name = name
        ours, theirs = socket.socketpair()
        self._link = ours
        self._lock = threading.Lock()
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.runtime", name, str(theirs.fileno())],
            cwd=ROOT,
            env=environment(variables),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        theirs.close()
        self._receive()

    @property
    def pid(self) -> int:
        return self._process.pid

    def invoke(self, event: bytes) -> Any:
        """The handler's answer; raises FunctionFailed if it raised."""
        answer = self._ask(b"E" + event)
        if "error" in answer:
            raise FunctionFailed(f"{self.name}: {answer['error']}")
        return answer["answer"]

    def used(self) -> dict[str, Any]:
        """CPU seconds, memory, and counts of calls so far."""
        found: dict[str, Any] = self._ask(b"S")
        return found

    def profile(self, file: str = "") -> None:
        self._ask(b"P" + file.encode())

    def said(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")

    def close(self) -> None:
        self._link.close()
        self._process.wait()
        self._said.close()

    def _ask(self, content: bytes) -> Any:
        with self._lock:
            runtime.send(self._link, content)
            return self._receive()

    def _receive(self) -> Any:
        found = runtime.receive(self._link)
        if found is None:
            raise FunctionFailed(f"{self.name} has ended: {self.said()[-3000:]}")
        return json.loads(found)


class StandIn:
    """A client of a stand-in's ``/bench/`` paths, for one thread at a time."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url).netloc
        self._here = threading.local()

    def ask(self, path: str, given: Any = None, *, method: str = "POST") -> Any:
        connection = getattr(self._here, "connection", None)
        if connection is None:
            connection = self._here.connection = http.client.HTTPConnection(self._at)
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        connection.request(method, path, body=body)
        with connection.getresponse() as response:
            said = response.read()
        return json.loads(said) if said[:1] in (b"[", b"{") else None

    def put(self, queue: str, bodies: Iterable[str]) -> None:
        self.ask("/bench/put", {"queue": queue, "bodies": list(bodies)})

    def take(self, source: Source, wait: float | None = None) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = self.ask(
            "/bench/take",
            {"queue": source.queue, "max": source.batch, "wait": source.window if wait is None else wait},
        )
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/bench/stats")
        return found


def batch(source: Source, messages: Iterable[tuple[str, str, int]]) -> bytes:
    """What Lambda hands a function: "Using Lambda with Amazon SQS", example event of a standard queue."""
    arn = f"arn:aws:sqs:us-east-1:123456789012:{source.queue}"
    records = [
        {
            "messageId": message_id,
            "receiptHandle": f"AQEB{message_id}",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": str(received),
                "SentTimestamp": "1796115600000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1796115600001",
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "us-east-1",
        }
        for message_id, body, received in messages
    ]
    return json.dumps({"Records": records}).encode()


def deliver(function: Function, source: Source, messages: list[tuple[str, str, int]]) -> None:
    """One invocation with these messages; raises FunctionFailed if any of them must come again."""
    answer = function.invoke(batch(source, messages))
    failed = answer["batchItemFailures"]
    if failed:
        raise FunctionFailed(f"{function.name} wants {len(failed)} messages again: {function.said()[-3000:]}")


def drain(functions: Iterable[Function], source: Source, sqs: StandIn, *, most: int | None = None) -> int:
    """Deliver what waits in a queue, to each process its batches, until it is empty; how many messages.

    What the handlers put on the same queue meanwhile is delivered too. ``most``: stop after so many.
    """
    done = 0
    lock = threading.Lock()
    wrong: list[Exception] = []

    def work(function: Function) -> None:
        nonlocal done
        try:
            while most is None or done < most:
                messages = sqs.take(source, wait=0)
                if not messages:
                    return
                with lock:
                    done += len(messages)
                deliver(function, source, messages)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    return done
