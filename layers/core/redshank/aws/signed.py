"""How is AWS called without an SDK? One signed request over a kept connection.

An SDK's client takes longer to import than everything else in ingest together, and each cold start keeps
somebody's app waiting. This speaks the JSON protocol of DynamoDB and SQS, and signs as botocore does
(a test holds it to that).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from redshank.environment import Access
from redshank.errors import RedshankError

#: Seconds to connect, and to wait for each part of an answer.
TIMEOUT = 5
#: Seconds before each further try of a call.
PAUSES = (0.0, 0.1, 0.3)

#: Codes after which the same call may succeed, beside any answer of 500 and above.
_AGAIN = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    }
)

_NO_ANSWER = 599


class CallFailed(RedshankError):
    """AWS did not do what it was asked."""


class JsonService:
    """A service of AWS that speaks JSON (1.0). Not for threads: it keeps one connection."""

    def __init__(self, access: Access, service: str, target: str, wall: Callable[[], int]) -> None:
        """``target`` is the service's name in ``X-Amz-Target``; ``wall`` gives the wall's milliseconds."""
        self._access = access
        self._service = service
        self._target = target
        self._wall = wall
        domain = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
        url = urlsplit(access.endpoints.get(service) or f"https://{service}.{access.region}.{domain}")
        self._host = url.netloc
        self._path = url.path or "/"
        self._tls = _tls() if url.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, after a few tries; raises CallFailed."""
        body = json.dumps(parameters, separators=(",", ":"), ensure_ascii=False).encode()
        status, answer = self._try(operation, body)
        for pause in PAUSES:
            if status < 500 and _code(answer) not in _AGAIN:
                break
            time.sleep(pause)
            status, answer = self._try(operation, body)
        if status != 200:
            raise CallFailed(f"{self._service} {operation}: {status} {_code(answer)}")
        return answer

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and answer; 599 if there was none."""
        try:
            return self._post(operation, body)
        except (OSError, http.client.HTTPException) as error:
            # Most often a kept connection that the other side has closed meanwhile.
            self.close()
            return _NO_ANSWER, {"__type": type(error).__name__}

    def _post(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._connection is None:
            self._connection = (
                http.client.HTTPSConnection(self._host, timeout=TIMEOUT, context=self._tls)
                if self._tls
                else http.client.HTTPConnection(self._host, timeout=TIMEOUT)
            )
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._wall() / 1000)),
            "x-amz-target": f"{self._target}.{operation}",
        }
        if self._access.session_token:
            headers["x-amz-security-token"] = self._access.session_token
        headers["authorization"] = authorization(self._access, self._service, self._path, headers, body)
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        text = response.read()
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            # A proxy in between, not the service.
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}


@cache
def _tls() -> ssl.SSLContext:
    """Shared: reading the authorities' certificates takes some 20 ms."""
    return ssl.create_default_context()


def _code(answer: Mapping[str, Any]) -> str:
    """``com.amazonaws.dynamodb.v20120810#ThrottlingException`` -> its last part."""
    return str(answer.get("__type", "")).rpartition("#")[2]


def authorization(access: Access, service: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """The ``Authorization`` header of a POST; all of ``headers`` (lower case, trimmed) are signed.

    Source: "AWS Signature Version 4 for API requests", create a signed request.
    """
    names = sorted(headers)
    signed = ";".join(names)
    canonical = "\n".join(
        (
            "POST",
            path,
            "",
            *(f"{name}:{headers[name]}" for name in names),
            "",
            signed,
            hashlib.sha256(body).hexdigest(),
        )
    )
    moment = headers["x-amz-date"]
    scope = (moment[:8], access.region, service, "aws4_request")
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", moment, "/".join(scope), hashed))
    key = f"AWS4{access.secret}".encode()
    for part in (*scope, text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = "/".join((access.key_id, *scope))
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={key.hex()}"
