"""What does an answer of SES, or the lack of one, say of an email? And is it asked only once?

The client is the functions' own (see wiring), against a server on this machine; only its patience is shorter.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError

from redshank import wiring
from redshank.aws.ses import SesMailer
from redshank.environment import Environment
from redshank.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from redshank.ports import Mailer, OutgoingEmail
from tests.contracts.adapters import VARIABLES

EMAIL = OutgoingEmail(
    sender="Acme <hello@mail.acme.example>",
    to="zoë@example.com",
    reply_to="help@acme.example",
    subject="Grüße",
    html="<p>Hi €</p>",
    text="Hi €",
    headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    tags={"redshank_message": "m1", "redshank_attempt": "1"},
)

type Answer = tuple[int, dict[str, str], str]

ACCEPTED: Answer = (200, {}, '{"MessageId": "ses-1"}')


@dataclass
class Provider:
    """A server that takes requests, and answers as it is told."""

    server: ThreadingHTTPServer
    #: What it answers; None: it hangs up instead.
    answer: Answer | None = ACCEPTED
    #: Clear: it takes a request, and does not answer until this is set.
    free: threading.Event = field(default_factory=threading.Event)
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def refuses(self, status: int, code: str, message: str = "said SES") -> None:
        headers = {"x-amzn-ErrorType": code} if code else {}
        self.answer = (status, headers, json.dumps({"message": message}))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.provider.requests.append(json.loads(body))
        self.provider.free.wait(10)
        self.close_connection = True
        if self.provider.answer is not None:
            status, headers, text = self.provider.answer
            self.send_response(status)
            for name, value in {**headers, "content-type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_: object) -> None:
        """A client that hung up is what some tests are about."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    handler = type("Handler", (_Handler,), {})
    with _Server(("127.0.0.1", 0), handler) as server:
        made = Provider(server)
        made.free.set()
        handler.provider = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.free.set()
        server.shutdown()
        thread.join()


type Connect = Callable[[str], Mailer]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """The functions' mailer, for a URL."""
    made: list[SesMailer] = []

    def impatient(**given: Any) -> Config:
        return Config(**{**given, "read_timeout": 0.3})

    def mailer(url: str) -> Mailer:
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url)
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
        monkeypatch.setattr("botocore.config.Config", impatient)
        here = Environment(stack="redshank", configuration_set="the-set")
        monkeypatch.setattr(wiring, "environment", lambda: here)
        made.append(cast("SesMailer", wiring.mailer.__wrapped__()))
        return made[-1]

    yield mailer
    for one in made:
        one._client.close()


@pytest.fixture
def mailer(provider: Provider, connect: Connect) -> Mailer:
    return connect(f"http://127.0.0.1:{provider.port}")


def test_an_accepted_email_has_the_providers_id(provider: Provider, mailer: Mailer) -> None:
    assert mailer.send(EMAIL) == "ses-1"
    assert len(provider.requests) == 1


def test_everything_of_an_email_is_handed_over(provider: Provider, mailer: Mailer) -> None:
    mailer.send(EMAIL)
    [request] = provider.requests
    assert request == {
        "FromEmailAddress": "Acme <hello@mail.acme.example>",
        "Destination": {"ToAddresses": ["zoë@example.com"]},
        "ReplyToAddresses": ["help@acme.example"],
        "Content": {
            "Simple": {
                "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
                "Body": {
                    "Html": {"Data": "<p>Hi €</p>", "Charset": "UTF-8"},
                    "Text": {"Data": "Hi €", "Charset": "UTF-8"},
                },
                "Headers": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}],
            }
        },
        "EmailTags": [
            {"Name": "redshank_message", "Value": "m1"},
            {"Name": "redshank_attempt", "Value": "1"},
        ],
        "ConfigurationSetName": "the-set",
    }


REFUSALS = [
    (429, "TooManyRequestsException", Throttled),
    (400, "ThrottlingException", Throttled),
    (400, "LimitExceededException", Throttled),
    (429, "", Throttled),
    (429, "SomethingNew", Throttled),
    (503, "Throttling", Throttled),
    (400, "SendingPausedException", NotSent),
    (400, "AccountSuspendedException", NotSent),
    (400, "MailFromDomainNotVerifiedException", NotSent),
    (403, "AccessDeniedException", NotSent),
    (403, "ExpiredTokenException", NotSent),
    (403, "InvalidSignatureException", NotSent),
    (403, "", NotSent),
    (404, "NotFoundException", NotSent),
    (400, "RequestExpired", NotSent),
    (400, "MessageRejected", Rejected),
    (400, "BadRequestException", Rejected),
    (500, "InternalFailure", OutcomeUnknown),
    (500, "", OutcomeUnknown),
    (503, "ServiceUnavailable", OutcomeUnknown),
    (504, "", OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "code", "meaning"), REFUSALS)
def test_a_refusal_means_one_thing_and_is_not_tried_again(
    provider: Provider, mailer: Mailer, status: int, code: str, meaning: type[Exception]
) -> None:
    provider.refuses(status, code)
    with pytest.raises(meaning) as raised:
        mailer.send(EMAIL)
    assert type(raised.value) is meaning
    assert code in str(raised.value)
    assert "said SES" in str(raised.value)
    assert len(provider.requests) == 1


def test_an_error_that_is_no_json_is_still_an_error(provider: Provider, mailer: Mailer) -> None:
    provider.answer = (502, {}, "<html>Bad gateway</html>")
    with pytest.raises(OutcomeUnknown):
        mailer.send(EMAIL)
    assert len(provider.requests) == 1


def test_if_it_took_the_email_but_does_not_answer_nobody_knows(provider: Provider, mailer: Mailer) -> None:
    provider.free.clear()
    with pytest.raises(OutcomeUnknown):
        mailer.send(EMAIL)
    assert len(provider.requests) == 1


def test_if_it_took_the_email_and_hung_up_nobody_knows(provider: Provider, mailer: Mailer) -> None:
    provider.answer = None
    with pytest.raises(OutcomeUnknown):
        mailer.send(EMAIL)
    assert len(provider.requests) == 1


def test_if_its_answer_is_cut_short_nobody_knows(provider: Provider, mailer: Mailer) -> None:
    provider.answer = (200, {}, '{"Messa')
    with pytest.raises(OutcomeUnknown):
        mailer.send(EMAIL)
    assert len(provider.requests) == 1


def test_after_a_failure_the_next_email_is_sent(provider: Provider, mailer: Mailer) -> None:
    provider.answer = None
    with pytest.raises(OutcomeUnknown):
        mailer.send(EMAIL)
    provider.answer = ACCEPTED
    assert mailer.send(EMAIL) == "ses-1"
    assert len(provider.requests) == 2


def test_what_nobody_listened_to_was_not_sent(connect: Connect) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(NotSent):
            connect(f"http://127.0.0.1:{port}").send(EMAIL)


def test_if_encryption_fails_nobody_knows_when_it_did(provider: Provider, connect: Connect) -> None:
    with pytest.raises(OutcomeUnknown):
        connect(f"https://127.0.0.1:{provider.port}").send(EMAIL)
    assert provider.requests == []


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://ses"),
        EndpointConnectionError(endpoint_url="https://ses"),
        ProxyConnectionError(proxy_url="https://proxy"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_a_connection_it_was_not_sent(error: Exception) -> None:
    class Client:
        def send_email(self, **_: object) -> object:
            raise error

    with pytest.raises(NotSent):
        SesMailer(cast("Any", Client()), "the-set").send(EMAIL)
