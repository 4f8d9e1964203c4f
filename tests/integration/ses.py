"""SES v2 on a local port, for one call: SendEmail. It takes emails, refuses them, or hangs up as told.

A real socket, since what matters is what botocore does when it gets no answer.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Mood(StrEnum):
    """How SES takes the next email."""

    ACCEPTS = "accepts it"
    ACCEPTS_AND_HANGS_UP = "accepts it and hangs up without an answer"
    HANGS_UP = "hangs up without having taken it"
    ACCEPTS_AND_IS_SILENT = "accepts it and answers too late"
    IS_SILENT = "does not take it and answers too late"
    ACCEPTS_AND_BREAKS = "accepts it and answers 500"
    BREAKS = "does not take it and answers 500"
    THROTTLES = "asks to slow down"
    REFUSES = "refuses it for good"


_ACCEPTING = {
    Mood.ACCEPTS,
    Mood.ACCEPTS_AND_HANGS_UP,
    Mood.ACCEPTS_AND_IS_SILENT,
    Mood.ACCEPTS_AND_BREAKS,
}
_ANSWERS = {
    Mood.ACCEPTS: (200, "", {"MessageId": "provider-id"}),
    Mood.ACCEPTS_AND_BREAKS: (500, "InternalFailure", {"message": "try again"}),
    Mood.BREAKS: (500, "InternalFailure", {"message": "try again"}),
    Mood.THROTTLES: (429, "TooManyRequestsException", {"message": "Maximum sending rate exceeded."}),
    Mood.REFUSES: (400, "MessageRejected", {"message": "Email address is not verified."}),
}


@dataclass(frozen=True, slots=True)
class Taken:
    at: int
    email: dict[str, Any]


class Ses:
    def __init__(self) -> None:
        #: Moods of the next requests, in order; then ACCEPTS.
        self.moods: list[Mood] = []
        self.requests = 0
        self.accepted: list[Taken] = []
        self.url = ""
        self.wall: Callable[[], int] = lambda: 0
        self._silence = threading.Event()

    @contextmanager
    def serving(self) -> Iterator[Ses]:
        ses = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ses._take(self, json.loads(body))

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._silence.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def _take(self, request: BaseHTTPRequestHandler, email: dict[str, Any]) -> None:
        self.requests += 1
        mood = self.moods.pop(0) if self.moods else Mood.ACCEPTS
        if mood in _ACCEPTING:
            self.accepted.append(Taken(self.wall(), email))
        if mood not in _ANSWERS:
            if mood in (Mood.ACCEPTS_AND_IS_SILENT, Mood.IS_SILENT):
                self._silence.wait(2)
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        status, code, answer = _ANSWERS[mood]
        body = json.dumps(answer).encode()
        request.send_response(status)
        if code:
            request.send_header("x-amzn-ErrorType", code)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
