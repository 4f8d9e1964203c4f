"""SQS, S3 and SES v2, as far as the handlers use them: small, fast, and honest about how busy they were.

    python -m tests.bench.standins sqs|s3|ses [milliseconds until SES answers]

Each writes its port on its first line of output. What starts with ``/bench/`` is for the bench, not the handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

type Reply = tuple[int, bytes]
#: (method, path, headers in lower case, body) -> the answer, or something to wait for.
type Answer = Callable[[str, str, Mapping[str, str], bytes], Reply | Awaitable[Reply]]

#: Seconds that a receive takes.
_RECEIVE = 0.005

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}


class _Http(asyncio.Protocol):
    """HTTP/1.1 with keep-alive; one request at a time on a connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._held = bytearray()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._held[:end].decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", 0))
            if len(self._held) < end + 4 + length:
                if "expect" in headers:
                    self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = bytes(self._held[end + 4 : end + 4 + length])
            del self._held[: end + 4 + length]
            method, path, _ = first.split(" ", 2)
            reply = self._answer(method, path, headers, body)
            if isinstance(reply, tuple):
                self._reply(reply)
            else:
                task = asyncio.ensure_future(self._later(reply))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _later(self, reply: Awaitable[Reply]) -> None:
        self._reply(await reply)

    def _reply(self, reply: Reply) -> None:
        status, body = reply
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._write(head.encode() + body)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _json(value: Any, status: int = 200) -> Reply:
    return status, json.dumps(value, separators=(",", ":")).encode()


class Sqs:
    """The JSON protocol of SQS: SendMessageBatch, ChangeMessageVisibility, GetQueueAttributes."""

    def __init__(self) -> None:
        #: Queue -> (message id, body, receive count) that can be received now.
        self._ready: dict[str, deque[tuple[str, str, int]]] = {}
        self._delayed: dict[str, int] = {}
        self._arrived = asyncio.Event()
        self._made = 0
        #: Queue -> requests, messages and bytes that the functions sent.
        self._sent: dict[str, dict[str, int]] = {}
        self._calls: dict[str, int] = {}

    def answer(
        self, _method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | Awaitable[Reply]:
        if path == "/bench/stats":
            return _json({"cpu": time.process_time(), "sent": self._sent, "calls": self._calls})
        asked = json.loads(body)
        if path == "/bench/take":
            return self._take(asked["queue"], asked["max"], asked["wait"])
        if path == "/bench/put":
            for text in asked["bodies"]:
                self._put(asked["queue"], text, 0, asked.get("received", 0))
            return _json({})
        operation = headers["x-amz-target"].removeprefix("AmazonSQS.")
        self._calls[operation] = self._calls.get(operation, 0) + 1
        queue = asked["QueueUrl"].rpartition("/")[2]
        match operation:
            case "SendMessageBatch":
                return self._send(queue, asked["Entries"])
            case "ChangeMessageVisibility":
                return _json({})
            case "GetQueueAttributes":
                counts = {
                    "ApproximateNumberOfMessages": len(self._ready.get(queue, ())),
                    "ApproximateNumberOfMessagesNotVisible": 0,
                    "ApproximateNumberOfMessagesDelayed": self._delayed.get(queue, 0),
                }
                return _json({"Attributes": {name: str(count) for name, count in counts.items()}})
        return _json({"__type": "UnsupportedOperation", "message": operation}, 400)

    def _send(self, queue: str, entries: list[dict[str, Any]]) -> Reply:
        sent = self._sent.setdefault(queue, {"requests": 0, "billed": 0, "messages": 0, "bytes": 0})
        successful = []
        size = 0
        for entry in entries:
            body = entry["MessageBody"]
            encoded = body.encode()
            size += len(encoded)
            message_id = self._put(queue, body, entry.get("DelaySeconds", 0))
            checksum = hashlib.md5(encoded, usedforsecurity=False).hexdigest()
            successful.append({"Id": entry["Id"], "MessageId": message_id, "MD5OfMessageBody": checksum})
        sent["requests"] += 1
        # "Each 64 KB chunk of a payload is billed as 1 request" (Amazon SQS pricing).
        sent["billed"] += max(1, -(-size // 65_536))
        sent["messages"] += len(entries)
        sent["bytes"] += size
        return _json({"Successful": successful, "Failed": []})

    def _put(self, queue: str, body: str, delay: int, received: int = 0) -> str:
        self._made += 1
        message_id = f"00000000-0000-4000-8000-{self._made:012d}"
        if delay > 0:
            self._delayed[queue] = self._delayed.get(queue, 0) + 1
            asyncio.get_running_loop().call_later(delay, self._ripe, queue, message_id, body, received)
        else:
            self._show(queue, message_id, body, received)
        return message_id

    def _ripe(self, queue: str, message_id: str, body: str, received: int) -> None:
        self._delayed[queue] -= 1
        self._show(queue, message_id, body, received)

    def _show(self, queue: str, message_id: str, body: str, received: int) -> None:
        self._ready.setdefault(queue, deque()).append((message_id, body, received + 1))
        self._arrived.set()

    async def _take(self, queue: str, most: int, wait: float) -> Reply:
        """What one poller of a Lambda event source gathers: up to ``most`` messages, or what came in ``wait`` seconds.

        Ten at a time, as SQS gives them, so that pollers who ask at the same time share what is there.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        ready = self._ready.setdefault(queue, deque())
        taken: list[tuple[str, str, int]] = []
        while True:
            taken += [ready.popleft() for _ in range(min(10, most - len(taken), len(ready)))]
            left = until - loop.time()
            if len(taken) == most or (left <= 0 and (wait or not ready)):
                return _json(taken)
            if ready:
                await asyncio.sleep(_RECEIVE)
                continue
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), left)


class S3:
    """Objects in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._calls: dict[str, int] = {}

    def answer(self, method: str, path: str, _headers: Mapping[str, str], body: bytes) -> Reply:
        if path == "/bench/stats":
            return _json({"cpu": time.process_time(), "calls": self._calls})
        path = path.partition("?")[0]
        self._calls[method] = self._calls.get(method, 0) + 1
        if method == "PUT":
            self._objects[path] = body
            return 200, b""
        found = self._objects.get(path)
        return (404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else (200, found)


class Ses:
    """SendEmail of SES v2, answered after a fixed time."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._bodies: list[tuple[str, bytes]] = []
        self._made = 0
        self._late = 0.0
        self._latest = 0.0
        self._open = 0
        self._most_open = 0

    def answer(
        self, method: str, path: str, _headers: Mapping[str, str], body: bytes
    ) -> Reply | Awaitable[Reply]:
        if path == "/bench/stats":
            return _json(
                {
                    "cpu": time.process_time(),
                    "emails": self._made,
                    "late": self._late,
                    "latest": self._latest,
                    "most_open": self._most_open,
                }
            )
        if path == "/bench/sent":
            return self._sent()
        if (method, path) != ("POST", "/v2/email/outbound-emails"):
            return _json({"message": "not here"}, 404)
        return self._send(body)

    async def _send(self, body: bytes) -> Reply:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._latency
        self._open += 1
        self._most_open = max(self._most_open, self._open)
        await asyncio.sleep(self._latency)
        self._open -= 1
        late = loop.time() - due
        self._late += late
        self._latest = max(self._latest, late)
        self._made += 1
        message_id = f"0102019b00000000-{self._made:08x}-1111-4222-8333-9abcdef01234-000000"
        self._bodies.append((message_id, body))
        return _json({"MessageId": message_id})

    def _sent(self) -> Reply:
        """What was sent since the last time this was asked, without its content."""
        said = []
        for message_id, body in self._bodies:
            asked = json.loads(body)
            said.append(
                {
                    "id": message_id,
                    "to": asked["Destination"]["ToAddresses"],
                    "tags": {it["Name"]: it["Value"] for it in asked["EmailTags"]},
                    "bytes": len(body),
                }
            )
        self._bodies.clear()
        return _json(said)


async def _serve(answer: Answer) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Http(answer), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


async def main(kind: str, milliseconds: float) -> None:
    match kind:
        case "sqs":
            await _serve(Sqs().answer)
        case "s3":
            await _serve(S3().answer)
        case "ses":
            await _serve(Ses(milliseconds / 1000).answer)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
