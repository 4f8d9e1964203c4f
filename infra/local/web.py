"""How does a small HTTP server on this machine speak? One function from a request to a response."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    #: Decoded, without the query.
    path: str
    #: Path and query as they came.
    target: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """The body of an HTML form, the last value of each name."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: Seconds before anything is answered.
    delay: float = 0.0
    #: Close the connection instead of answering.
    drop: bool = False


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, ensure_ascii=False, indent=2).encode()
    return Response(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


def html_response(page: str, status: int = 200) -> Response:
    return Response(
        status=status,
        headers={"content-type": "text/html; charset=utf-8", "cache-control": "no-store"},
        body=page.encode(),
    )


def redirect(to: str) -> Response:
    """After a form: the browser fetches the page it should show."""
    return Response(status=303, headers={"location": to})


type App = Callable[[Request], Response]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Lambda's workers connect in bursts; the default of 5 makes some of them wait a second for a retry.
    request_queue_size = 128
    # Python's own default; spelled out, since a stand that is stopped and started again needs its port back.
    allow_reuse_address = True

    def __init__(self, port: int, app: App) -> None:
        self.app = app
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is printed."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Together they send an answer as one packet, at once: otherwise the kernel waits 40 ms for an
    # acknowledgement of its first half.
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _Server

    def _answer(self) -> None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            self._write(Response(status=411, body=b"send a content-length\n"))
            return
        split = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(split.path),
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length") or 0)),
        )
        try:
            response = self.server.app(request)
        except Exception:
            self._write(json_response({"message": "The local stand failed; see its log."}, status=500))
            raise
        if response.delay:
            time.sleep(response.delay)
        if response.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._write(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = _answer

    def _write(self, response: Response) -> None:
        self.send_response(response.status, _phrase(response.status))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Not every request: the mailbox page asks every few seconds."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def serve(app: App, port: int) -> Callable[[], None]:
    """Serve on 127.0.0.1 in a thread; returns what stops it."""
    server = _Server(port, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name=f"http-{port}", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
