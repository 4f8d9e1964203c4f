"""How is AWS called without an SDK?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from redshank.aws import signed
from redshank.aws.doorstep import DYNAMODB_TARGET, SQS_TARGET, KeyTable, SqsCalls
from redshank.aws.signed import CallFailed, JsonService, authorization
from redshank.environment import Access, NotConfigured, access
from redshank.instants import parse

NOW = parse("2026-12-01T09:00:00Z")
ITEM = {"name": {"S": "key#h"}, "label": {"S": "app"}, "scopes": {"S": '["write"]'}}
GIVEN = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"}
plain = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789+/=-_", min_size=1, max_size=40)


def wall() -> int:
    return NOW


@given(
    body=st.binary(max_size=200),
    secret=plain,
    token=st.just("") | plain,
    region=st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-west-1"]),
    service=st.sampled_from(["sqs", "dynamodb"]),
)
def test_a_request_is_signed_as_botocore_signs_it(
    body: bytes, secret: str, token: str, region: str, service: str
) -> None:
    url = f"https://{service}.{region}.amazonaws.com/"
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessageBatch"}
    theirs = AWSRequest(method="POST", url=url, data=body, headers=headers)
    with pytest.MonkeyPatch.context() as patch:
        now = datetime(2026, 12, 1, 9, tzinfo=UTC)
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_: now)
        SigV4Auth(Credentials("AKID", secret, token or None), service, region).add_auth(theirs)
    ours = {
        **headers,
        "host": url.split("/")[2],
        "x-amz-date": "20261201T090000Z",
        **({"x-amz-security-token": token} if token else {}),
    }
    reach = Access(region=region, key_id="AKID", secret=secret, session_token=token)
    assert authorization(reach, service, "/", ours, body) == theirs.headers["Authorization"]


class Server(ThreadingHTTPServer):
    """Answers with what it was given, one after the other; then with nothing at all."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.connections = 0
        self.callers: list[JsonService] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if not self.server.answers or (answer := self.server.answers.pop(0))[0] == 0:
            self.close_connection = True
            return
        text = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(signed, "PAUSES", (0.0, 0.0, 0.0))
    server = Server()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    for caller in server.callers:
        caller.close()
    server.shutdown()
    server.server_close()


def service(server: Server, name: str = "sqs", target: str = SQS_TARGET) -> JsonService:
    url = f"http://127.0.0.1:{server.server_port}"
    reach = Access(region="eu-west-1", key_id="AKID", secret="s", session_token="t", endpoints={name: url})
    server.callers.append(JsonService(reach, name, target, wall))
    return server.callers[-1]


def test_a_call_is_one_signed_post_over_a_kept_connection(server: Server) -> None:
    server.answers = [(200, {"a": 1}), (200, {"a": 2})]
    sqs = service(server)
    assert sqs.call("SendMessageBatch", {"x": "é"}) == {"a": 1}
    assert sqs.call("SendMessageBatch", {}) == {"a": 2}
    assert server.connections == 1
    headers, body = server.asked[0]
    assert body == {"x": "é"}
    assert headers["x-amz-target"] == "AmazonSQS.SendMessageBatch"
    assert headers["x-amz-security-token"] == "t"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKID/20261201/eu-west-1/sqs/aws4_request, SignedHeaders=content-type;host;"
    )


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server: Server) -> None:
    server.answers = [(200, {}), (0, None), (200, {"a": 1})]
    sqs = service(server)
    sqs.call("SendMessageBatch", {})
    assert sqs.call("SendMessageBatch", {}) == {"a": 1}
    assert server.connections == 2


@pytest.mark.parametrize(
    "passing",
    [
        (500, {}),
        (503, b"<html>"),
        (400, {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}),
        (400, {"__type": "com.amazon.coral.availability#ThrottlingException"}),
        (0, None),
    ],
)
def test_what_may_pass_is_tried_again(server: Server, passing: tuple[int, Any]) -> None:
    server.answers = [passing, passing, passing, (200, {"a": 1})]
    assert service(server).call("GetItem", {}) == {"a": 1}


def test_what_does_not_pass_fails(server: Server) -> None:
    server.answers = [(500, {"__type": "x#InternalFailure"})] * 9
    with pytest.raises(CallFailed, match="sqs SendMessageBatch: 500 InternalFailure"):
        service(server).call("SendMessageBatch", {})
    assert len(server.asked) == 4


def test_what_will_not_pass_fails_at_once(server: Server) -> None:
    server.answers = [(400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "secret"})]
    with pytest.raises(CallFailed, match="400 QueueDoesNotExist") as failure:
        service(server).call("SendMessageBatch", {})
    assert "secret" not in str(failure.value)
    assert len(server.asked) == 1


def test_where_nobody_answers_the_call_fails(server: Server) -> None:
    with pytest.raises(CallFailed, match="599"):
        service(server).call("SendMessageBatch", {})
    assert len(server.asked) == 4


def test_messages_are_put_on_a_queue_by_its_url(server: Server) -> None:
    server.answers = [(200, {"Successful": [], "Failed": []})]
    entries = [{"Id": "0", "MessageBody": "x", "DelaySeconds": 0}]
    SqsCalls(service(server)).send_message_batch(QueueUrl="https://q", Entries=entries)
    assert server.asked[0][1] == {"QueueUrl": "https://q", "Entries": entries}


def items(*found: dict[str, Any]) -> dict[str, Any]:
    """An answer of BatchGetItem."""
    return {"Responses": {"t-settings": list(found)}}


class TestKeys:
    def table(self, server: Server) -> KeyTable:
        return KeyTable(service(server, "dynamodb", DYNAMODB_TARGET), "t-settings")

    def test_a_key_is_looked_up_by_its_hash(self, server: Server) -> None:
        server.answers = [(200, items(ITEM))]
        found = self.table(server).api_key("h")
        assert found is not None
        assert (found.label, found.scopes) == ("app", frozenset({"write"}))
        keys = [{"name": {"S": "key#h"}}, {"name": {"S": "book"}}]
        assert server.asked[0][1] == {"RequestItems": {"t-settings": {"Keys": keys}}}

    @pytest.mark.parametrize("found", [[], [{**ITEM, "revoked_at": {"N": "5"}}]])
    def test_an_unknown_or_revoked_key_is_none(self, server: Server, found: list[dict[str, Any]]) -> None:
        server.answers = [(200, items(*found))]
        assert self.table(server).api_key("h") is None

    def test_a_key_that_was_never_revoked_may_say_so(self, server: Server) -> None:
        server.answers = [(200, items({**ITEM, "revoked_at": {"NULL": True}}))]
        assert self.table(server).api_key("h") is not None

    def test_the_declared_schema_comes_with_the_key(self, server: Server) -> None:
        server.answers = [(200, items(ITEM, {"name": {"S": "book"}, "schema": {"S": '{"rejects": true}'}}))]
        table = self.table(server)
        table.api_key("h")
        assert table.schema == {"rejects": True}

    def test_what_was_not_read_is_asked_for_again(self, server: Server) -> None:
        left = {"t-settings": {"Keys": [{"name": {"S": "key#h"}}]}}
        server.answers = [(200, {**items(), "UnprocessedKeys": left}), (200, items(ITEM))]
        assert self.table(server).api_key("h") is not None
        assert server.asked[1][1] == {"RequestItems": left}


class TestAccess:
    def test_what_lambda_sets_is_read(self) -> None:
        reach = access(["sqs"], GIVEN)
        assert (reach.region, reach.key_id, reach.secret, dict(reach.endpoints)) == (
            "eu-west-1",
            "AKID",
            "s",
            {},
        )

    def test_secrets_are_not_shown(self) -> None:
        assert "'s'" not in repr(access(["sqs"], GIVEN))

    def test_an_endpoint_of_its_own_goes_before_the_one_for_all(self) -> None:
        given = {**GIVEN, "AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_SQS": "http://sqs"}
        assert access(["sqs", "dynamodb"], given).endpoints == {"sqs": "http://sqs", "dynamodb": "http://all"}

    @pytest.mark.parametrize("name", GIVEN)
    def test_what_is_missing_is_named(self, name: str) -> None:
        with pytest.raises(NotConfigured, match=name):
            access(["sqs"], {key: value for key, value in GIVEN.items() if key != name})
